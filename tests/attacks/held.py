"""A meeting with somebody on its agenda, as attacks find it: the trust keeps and chairs it, and the crisis team and the housing
association take part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.change import Resource
from tests.locality import code, person, stored
from tests.meetings import STRUCTURE, agenda, ahead, decision, entry, flag, meeting, part, participant, ref
from tests.stepping import consent
from tests.story.test_front_door import Story

HERE = participant("crisis-lead"), participant("housing-lead")
NOW: Resource = {"period": {"start": "2020-01-01", "end": "2099-01-01"}}
"""The time of a meeting that is going on."""
REVIEW = part("review", valueDate=ahead(9))


@dataclass
class Held:
    """A meeting, its agenda, and the one item on it."""

    meeting: Resource
    listed: Resource
    item: str
    person: str

    @property
    def ref(self) -> str:
        """The reference of the meeting."""
        return f"Encounter/{self.meeting['id']}"

    @property
    def finished(self) -> Resource:
        """The meeting as the write says it that closes it."""
        return {**self.meeting, "status": "finished"}

    def decision(self, kind: str = "no-action", **more: Any) -> Resource:
        """The decision about the item, as a transaction writes it."""
        made = decision(self.ref, self.item, kind, self.person, **more)
        return {**made, "extension": [*made["extension"], {"url": f"{STRUCTURE}/review", "valueDate": ahead(9)}]}

    def action(self, **more: Any) -> Resource:
        """An action about the item, as a transaction writes it."""
        return {
            "resourceType": "Task",
            "status": "requested",
            "intent": "order",
            "code": code("task-code", "action"),
            "encounter": ref(self.ref),
            "focus": ref(self.item),
            "for": ref(self.person),
            "requester": ref("PractitionerRole/trust-lead"),
            "owner": ref("PractitionerRole/trust-lead"),
            "restriction": {"period": {"end": ahead(5)}},
            **more,
        }


async def known(story: Story, *agencies: str, denied: tuple[str, ...] = (), keeper: str = "trust") -> str:
    """Somebody whom an agency knows, and of whom these agencies may know, and those denied may not."""
    found = await person(story.locality.built, f"Organization/{keeper}")
    for effect, names in (("permit", agencies), ("deny", denied)):
        if names:
            said = {**consent(found, effect, *names), "organization": [ref(f"Organization/{keeper}")]}
            await stored(story.locality.built, f"Organization/{keeper}", said)
    return found


async def held(story: Story, kind: str = "mdt", reason: str = "safeguarding", **more: Any) -> Held:
    """A meeting that has a concern about somebody on its agenda, whom all who take part may know of."""
    someone = await known(story, "crisis", "housing", "trust")
    item = f"Flag/{(await story.trust.created(flag(someone)))['id']}"
    encounter = await story.trust.created(meeting(kind, *more.pop("others", HERE), **more))
    listed = await story.trust.created(agenda(f"Encounter/{encounter['id']}", entry(item, reason)))
    return Held(encounter, listed, item, someone)


async def status(story: Story, found: Held) -> str:
    """The status of a meeting now."""
    return str((await story.trust.get(found.ref)).json()["status"])
