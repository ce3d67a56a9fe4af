"""HTTP: turns requests into calls of use cases, and the use cases' answers into responses. This package takes no decision."""
