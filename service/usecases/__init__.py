"""Load, decide, commit: each use case loads what is needed, asks the pure rules, and commits one Change."""
