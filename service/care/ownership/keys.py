"""The unique keys by which the store itself keeps two plans from owning the same thing (OWN-6, OWN-8, OWN-9).

| key | held by |
|---|---|
| `rule:OWN-9:CarePlan/p` | plan p itself, from the first time it is active until it ends: it is led |
| `rule:OWN-8:CareTeam/t`, `rule:OWN-8:EpisodeOfCare/e` | the led plan whose ownership the record carries |
| `rule:OWN-6:EpisodeOfCare/e` | the active top-level plan of an episode |
| `rule:OWN-6:Patient/x` and the custodian | the active top-level plan without an episode, of a person's care by an agency |

A person has a key for each of their Patients, so that two plans of one person collide whichever Patient each names.
"""

from __future__ import annotations

from collections.abc import Collection

from service.care.ownership.plan import ENDED, carriers, episode_of, is_top_level
from service.change import Resource
from service.fhir.reference import name_of


def mark(plan: Resource) -> str:
    """The key that says of a plan that it is led."""
    return f"rule:OWN-9:{name_of(plan)}"


def carried(record: str) -> str:
    """The key that the led plan holds whose ownership a CareTeam or EpisodeOfCare carries."""
    return f"rule:OWN-8:{record}"


def led(plan: Resource, held: Collection[str]) -> bool:
    """Whether a plan is led: it is or was active, and has not ended (OWN-9). `held` are the keys of its stored version."""
    status = plan.get("status")
    return status not in ENDED and (status == "active" or mark(plan) in held)


def keys(plan: Resource, held: Collection[str], *, patients: Collection[str], custodian: str, spared: bool) -> tuple[str, ...]:
    """The unique keys of a plan. `held` are the keys of its stored version, `patients` all Patients of its person, and `spared`
    says that OWN-6 spares it as a part of another active plan (OWN-11).
    """
    if not led(plan, held):
        return ()
    mine = (mark(plan), *map(carried, carriers(plan)))
    return mine if spared or not alone(plan) else (*mine, *_single(plan, held, patients, custodian))


def alone(plan: Resource) -> bool:
    """Whether OWN-6 allows no other plan like this one: it is active and top-level."""
    return plan.get("status") == "active" and is_top_level(plan)


def _single(plan: Resource, held: Collection[str], patients: Collection[str], custodian: str) -> tuple[str, ...]:
    """The keys of OWN-6. A plan keeps the keys it holds when its person gains a Patient: a link that makes two active plans one
    person's is listed, and takes neither plan's place (OWN-11).
    """
    if episode := episode_of(plan):
        return (f"rule:OWN-6:{episode}",)
    wanted = [f"rule:OWN-6:{patient}|{custodian}" for patient in sorted(patients)]
    return tuple([key for key in wanted if key in held] or wanted)
