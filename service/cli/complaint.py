"""What a command says that could not be carried out."""

from __future__ import annotations

import sys


def complain(text: str) -> None:
    """One line on standard error."""
    print(f"baton: {' '.join(text.split())}", file=sys.stderr, flush=True)
