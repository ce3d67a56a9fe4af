"""Prints each step of the story: the request, the answer, and whether the answer is the one that the story expects."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from rich.console import Console
from rich.markup import escape

Says = Callable[[httpx.Response], str]


class Narrator:
    """Tells the story once. `steps` is the number of steps so far; `wrong` lists every answer and claim that was not as the story
    expects."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.wrong: list[str] = []
        self.steps = 0

    def step(self, title: str) -> None:
        """Begins the next numbered step."""
        self.steps += 1
        self._console.print(f"\n[bold]{self.steps:>2}. {escape(title)}[/bold]", soft_wrap=True, highlight=False)

    def heard(self, who: str, answer: httpx.Response, *expected: int, says: Says | None = None) -> httpx.Response:
        """Prints one exchange and checks the answer: its status must be one of `expected`. `says` gives a sentence about the
        answer, or '' when the answer is not the expected one."""
        sentence = says(answer) if says and answer.status_code in expected else refusal(answer)
        right = answer.status_code in expected and bool(sentence or says is None)
        path = answer.request.url.raw_path.decode()
        self._line(f"[cyan]{escape(who)}[/cyan] asks [bold]{answer.request.method} {escape(path)}[/bold]")
        self._line(f"  {_mark(right)} [bold]{answer.status_code}[/bold] {escape(sentence)}")
        if not right:
            self._miss(f"{answer.request.method} {path}: {answer.status_code} {refusal(answer)}, not {expected}")
        return answer

    def holds(self, claim: str, fact: bool) -> None:
        """Prints a claim that must be true after the answers so far, and checks it."""
        self._line(f"  {_mark(fact)} {escape(claim)}")
        if not fact:
            self._miss(claim)

    def says(self, line: str) -> None:
        """Prints a line without a check."""
        self._line(f"  {escape(line)}")

    def _miss(self, text: str) -> None:
        self.wrong.append(f"step {self.steps}: {text}")

    def _line(self, text: str) -> None:
        self._console.print(f"    {text}", soft_wrap=True, highlight=False)


def refusal(answer: httpx.Response) -> str:
    """The sentences of an answer's OperationOutcome; '' for any other body."""
    if "json" not in answer.headers.get("content-type", "") or not answer.content:
        return ""
    body = answer.json()
    issues = body.get("issue", []) if body.get("resourceType") == "OperationOutcome" else []
    return " ".join(str(issue.get("diagnostics", "")) for issue in issues)


def _mark(right: bool) -> str:
    return "[green]as told[/green]" if right else "[red]NOT AS TOLD[/red]"


def status(answer: httpx.Response) -> str:
    """A sentence about the version and status of the record in an answer."""
    resource = answer.json()
    return f"{resource['resourceType']} version {resource['meta']['versionId']} is `{resource['status']}`"
