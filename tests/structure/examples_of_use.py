"""Two modules that are no part of the service: of what the first defines, the second uses some."""

from __future__ import annotations

EXAMPLES_OF_USE = {
    "service.care.example": """
from html.parser import HTMLParser
from typing import Protocol


class Made:
    def asked(self) -> None: ...

    def asked_by_a_child(self) -> None: ...

    def asked_by_itself(self) -> None:
        self.asked_by_itself()

    def forgotten(self) -> None: ...

    @property
    def shown(self) -> int: ...

    @property
    def shown_to_nobody(self) -> int: ...


class Child(Made):
    def asked(self) -> None: ...


class Answer(Protocol):
    def answer(self) -> None: ...


class Answering:
    def answer(self) -> None: ...


class Page(HTMLParser):
    def handle_data(self, data: str) -> None: ...

    def read(self) -> None: ...


class NeverMade: ...


def called() -> None: ...


def handed_on() -> None: ...


def never_called() -> None: ...
""",
    "service.care.another_example": """
from functools import partial
from typing import Any

from service.care import example
from service.care.example import Answer, Answering, Child, Made, Page, called, never_called


def uses(made: Made, child: Child, answer: Answer, anything: Any) -> object:
    made.asked()
    child.asked_by_a_child()
    answer.answer()
    anything.read()
    called()
    forgotten = made.shown
    return partial(example.handed_on), forgotten, uses, Made(), Child(), Answering(), Page()


uses(Made(), Child(), Answering(), None)
""",
}
USED = (
    *("Made", "Made.asked", "Made.asked_by_a_child", "Made.shown", "Child.asked", "Answering.answer"),
    *("Page.handle_data", "Page.read", "called", "handed_on"),
)
UNUSED = ("Made.asked_by_itself", "Made.forgotten", "Made.shown_to_nobody", "NeverMade", "never_called")
