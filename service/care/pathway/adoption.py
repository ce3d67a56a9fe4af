"""GOV-7: a version of a pathway comes into force when every agency with a live sharing agreement has agreed to that version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from service.care.pathway.pathway import read
from service.care.task import agreement, reading, timers
from service.care.task.requirements import Issues, issue
from service.care.task.situation import Ids, Outcome, Staged
from service.care.task.timers import Calendar
from service.change import Notice, Resource
from service.fhir import date
from service.fhir.canonical import IN_FORCE
from service.fhir.date import written
from service.fhir.reference import link, name_of, versioned

FORCED = "pathway-in-force"


@dataclass(frozen=True, slots=True)
class AdoptionSituation(agreement.AgreementSituation):
    """An `agree-plan` Task about a pathway. `newest`: the version that it names is the one that was published last. A pathway is
    read by everybody, so nobody agrees to it blind."""

    newest: bool = True

    def outdated(self) -> Issues:
        """A later publication asks anew."""
        if self.newest:
            return ()
        text = "A newer version of this pathway was published: agree to that one, in the Task that was made for it."
        return (issue(text, "Task.focus", "GOV-7"),)


@dataclass(frozen=True, slots=True)
class Adoption:
    """One version of a pathway on its way into force. `resource` is its PlanDefinition, `version` the version-specific reference
    that the Tasks name, `asked` the `agree-plan` Tasks about any version, `live` the agencies that must agree.
    """

    resource: Resource
    version: str
    at: datetime
    agency: str
    live: tuple[str, ...]
    asked: tuple[Resource, ...] = ()
    calendar: Calendar = field(default_factory=Calendar)

    @property
    def ours(self) -> list[Resource]:
        """The Tasks about this very version that were not cancelled."""
        return [one for one in self.asked if agreement.focus(one) == self.version and reading.status(one) != "cancelled"]

    @property
    def missing(self) -> tuple[str, ...]:
        """The agencies that have not agreed to this version."""
        agreed = {link(one, "owner") for one in self.ours if reading.status(one) == "completed"}
        return tuple(one for one in self.live if one not in agreed)


def published(resource: Resource) -> Resource:
    """A submitted pathway as it is stored: not in force, whatever it says of itself."""
    kept = [one for one in resource.get("extension") or () if one.get("url") != IN_FORCE]
    return reading.with_member(resource, "extension", kept or None)


def in_force(resource: Resource) -> bool:
    """Whether a version of a pathway is, or was, in force."""
    return any(one.get("url") == IN_FORCE for one in resource.get("extension") or ())


def ask(adoption: Adoption, ids: Ids) -> Outcome:
    """Asks every agency that was not asked about this version, and cancels what is still open about an earlier one."""
    due = _due(adoption)
    outdated = [agreement.reset(one) for one in adoption.asked if agreement.open_(one) and one not in adoption.ours]
    owners = {link(one, "owner") for one in adoption.ours}
    unasked = [one for one in adoption.live if one not in owners]
    made = agreement.ask(unasked, requester=adoption.agency, version=adoption.version, at=adoption.at, due=due, ids=ids)
    name = name_of(adoption.resource)
    return Outcome((*outdated, *made), notices=tuple(Notice("handover-task", one, name) for one in unasked))


def settle(adoption: Adoption, ids: Ids) -> Outcome:
    """What follows from an agreement: the version comes into force with the last one; an agency that has a sharing agreement by
    now and was not asked, is asked."""
    if adoption.missing:
        return ask(adoption, ids)
    extension = [*(adoption.resource.get("extension") or ()), {"url": IN_FORCE, "valueDateTime": written(adoption.at)}]
    told = tuple(Notice(FORCED, one, name_of(adoption.resource)) for one in adoption.live)
    return Outcome((Staged({**published(adoption.resource), "extension": extension}),), notices=told)


def about(resource: Resource, number: int) -> str:
    """The version-specific reference of a pathway's version, by its number."""
    return versioned(name_of(resource), number)


def overdue(resources: Iterable[Resource], at: datetime, zone: tzinfo) -> tuple[Resource, ...]:
    """GOV-8: the pathways whose period is over. They stay in force until a reviewed version is."""
    ends = ((one, date.due((one.get("effectivePeriod") or {}).get("end"), zone)) for one in resources)
    return tuple(one for one, end in ends if end is not None and end <= at)


def _due(adoption: Adoption) -> datetime:
    """TIM-10: by the pathway's own span, else within the service's."""
    own = read(adoption.resource).spans.get(("TIM-10", timers.ROUTINE), agreement.AGREED_WITHIN)
    return timers.after(adoption.at, own, adoption.calendar)
