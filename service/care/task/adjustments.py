"""How a person is met: reasonable adjustments and preferred engagement, as they stand in a Task about the person (EQU-2).

They are drawn from the newest dataset that answers one of the two items and that both agencies of the Task may see, into an
extension that only the service writes. It names its source: a reader who may not see that dataset now is shown the Task without
the extension.
"""

from __future__ import annotations

from collections.abc import Iterator

from service.care.task.dataset import answered
from service.change import Resource
from service.fhir.canonical import DATASET_ANSWER, ENGAGEMENT
from service.fhir.coding import codes_in
from service.fhir.reference import link, name_of, reference_to

ITEMS = ("reasonable-adjustments", "preferred-engagement")
"""The linkIds of the items, which are also the names of the extension's parts."""


def answers_one(response: Resource) -> bool:
    """Whether a finished response says something in one of the items, that there is none included."""
    finished = response.get("status") in ("completed", "amended")
    return finished and any(answered(one) for item in _items(response) for one in item.get("answer", ()))


def noted(task: Resource, response: Resource | None) -> Resource:
    """The Task with what a response says of how its person is met, and with nothing that was noted there before."""
    kept = [each for each in task.get("extension", ()) if each.get("url") != ENGAGEMENT]
    if response is not None and (said := [*_parts(response)]):
        drawn_from = {"url": "source", "valueReference": reference_to(name_of(response))}
        kept.append({"url": ENGAGEMENT, "extension": [*said, drawn_from]})
    rest = {name: value for name, value in task.items() if name != "extension"}
    return {**rest, "extension": kept} if kept else rest


def source(task: Resource) -> str:
    """The dataset from which a Task says how its person is met; '' when it says nothing of it."""
    said: Resource = next((each for each in task.get("extension", ()) if each.get("url") == ENGAGEMENT), {})
    return next((link(each, "valueReference") for each in said.get("extension", ()) if each.get("url") == "source"), "")


def _parts(response: Resource) -> Iterator[Resource]:
    for item in _items(response):
        for one in item.get("answer", ()):
            if answered(one) and not codes_in(one.get("valueCoding"), DATASET_ANSWER):
                yield from _part(str(item["linkId"]), one)


def _part(name: str, answer: Resource) -> Iterator[Resource]:
    """An answer as a part of the extension: a code as a concept, words as they are."""
    if "valueCoding" in answer:
        yield {"url": name, "valueCodeableConcept": {"coding": [answer["valueCoding"]]}}
    elif "valueString" in answer:
        yield {"url": name, "valueString": answer["valueString"]}


def _items(element: Resource) -> Iterator[Resource]:
    """The items of a response that this is about, at any depth."""
    for item in element.get("item", ()):
        if item.get("linkId") in ITEMS:
            yield item
        yield from _items(item)
