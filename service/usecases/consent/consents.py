"""Writes of Consents (consent rules, sections 3 and 4; HOV-8).

A Consent must be decidable before it is stored, an agency has recorded at most one active Consent of a kind, and the end of a
Consent takes effect in the transaction that ends the Consent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import tzinfo

from service.change import Resource, Timer
from service.consent.check import check, imported
from service.consent.supersession import supersession_key
from service.fhir.canonical import TAG
from service.fhir.date import ended_at, parse, period
from service.fhir.reference import link, links, relative
from service.problem import Category, Problem, Refused, problem
from service.usecases.consent import named, withdrawal, witness
from service.usecases.request import testimony
from service.usecases.request.audit import audited
from service.usecases.request.personal import wrote
from service.usecases.request.proposal import Proposal, custodian_only, sees
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

RULE = "consent-rules 3"
ENDED = frozenset({"inactive", "rejected", "entered-in-error"})
PERSON = "person"
UNDECIDABLE = {"system": TAG, "code": "undecidable"}


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of Consent."""
    if not _ends_own(viewer, proposal) and not await witness.verifies(work, viewer, proposal):
        custodian_only(work, proposal)
        _own_words(viewer, proposal)
        await _standing(work, viewer, proposal)
    refusals = tuple(issue for issue in check(proposal.resource, work.context.base) if issue.severity == "error")
    refusals = refusals or await named.absent(work, viewer, proposal)
    if refusals:
        raise Refused(Problem(Category.RULE, refusals))
    for held, later in await _later(work, proposal):
        if later:
            raise _refusal("dateTime", f"`{held}` was given later for the same; date this one after it, or make it `inactive`.")
    return await _put(work, proposal)


async def keep(work: UnitOfWork, _: Viewer, proposal: Proposal) -> str:
    """The write rule of Consent for records that exist already (`baton load`): a Consent that cannot be decided is stored with
    the tag `undecidable`.

    A Consent that a later Consent has superseded is stored as inactive.
    """
    custodian_only(work, proposal)
    resource = proposal.resource
    if imported(resource, work.context.base):
        meta = resource.get("meta", {})
        tags = [tag for tag in meta.get("tag", ()) if tag != UNDECIDABLE]
        resource = {**resource, "meta": {**meta, "tag": [*tags, UNDECIDABLE]}}
    if any(later for _, later in await _later(work, proposal)):
        resource = {**resource, "status": "inactive"}
    return await _put(work, replace(proposal, resource=resource))


async def _put(work: UnitOfWork, proposal: Proposal) -> str:
    """Stages the Consent, ends the Consents that it supersedes, and asks recipients of earlier disclosures to stop using records
    that are no longer permitted."""
    superseded = await _later(work, proposal)
    ref = _stage(work, proposal)
    patient = link(proposal.resource, "patient")
    work.audits.append(audited(work.context, "C" if proposal.row is None else "U", ref, patients=[patient] if patient else ()))
    ended = [await _end(work, held) for held, _ in superseded]
    _clock(work, ref, proposal.resource)
    await witness.tell(work, proposal, ref)
    if patient.startswith("Patient/"):
        for each in ended:
            await withdrawal.replaced(work, each)
        for each in _withdrawn(proposal):
            await withdrawal.withdrawn(work, each)
    return ref


def _ends_own(viewer: Viewer, proposal: Proposal) -> bool:
    """Whether a person ends a Consent about themselves, whichever agency recorded the Consent, and changes nothing else in it."""
    before, after = proposal.before, proposal.resource
    if before is None or link(before, "patient") not in viewer.own or after.get("status") not in ENDED:
        return False
    return testimony.same(before, after)


def _own_words(viewer: Viewer, proposal: Proposal) -> None:
    """Refuses a person's change of a Consent that an agency recorded, though the person's app is that agency's."""
    if viewer.context.caller.personal and proposal.row is not None and not wrote(viewer, proposal.row):
        text = "An agency recorded this Consent: end it or verify it, and say in a Consent of your own what you want instead."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule="L1"))


async def _standing(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> None:
    """Refuses a Consent of a person whose record the caller does not see, a Consent that moves to another person, and an active
    Consent, recorded by an agency, that does not name this agency as its controller."""
    before, after = proposal.before, proposal.resource
    patient = link(after, "patient")
    if before is not None and link(before, "patient") != patient:
        raise _refusal("patient", "A Consent stays with its person; write a new one for another.")
    if before is None and not (patient.startswith("Patient/") and await sees(work, viewer, patient)):
        raise _refusal("patient", "The Consent names a Patient that is not here; refer to one that you may see.")
    controllers = {relative(each, work.context.base) for each in links(after, "organization")}
    mine = {work.context.caller.organization, *(each for each in viewer.acting.known if each.startswith("Organization/"))}
    if after.get("status") == "active" and not viewer.own and not mine & controllers:
        raise _refusal("organization", "The controller of a Consent that you record is your agency; name it in `organization`.")


def _stage(work: UnitOfWork, proposal: Proposal) -> str:
    keys = (*proposal.keys, *_keys(work, proposal))
    if proposal.row is None:
        return work.create(proposal.resource, work.context.caller.organization, keys=keys)
    row = proposal.row
    return work.update(proposal.resource, row.version, row.custodian, keys=keys, parties=row.parties)


def _keys(work: UnitOfWork, proposal: Proposal, voices: Iterable[str] = ()) -> tuple[str, ...]:
    """The unique key of an active Consent in the Consent's own voice, then in the other `voices`. Only one active Consent can
    hold a key, so two concurrent Consents of one kind cannot both be stored."""
    consent = proposal.resource
    key = supersession_key(consent, work.context.base) if consent.get("status") == "active" else ""
    return tuple(f"rule:{RULE}:{voice}:{key}" for voice in dict.fromkeys((_voice(work, proposal), *voices))) if key else ()


def _voice(work: UnitOfWork, proposal: Proposal) -> str:
    """Among whose Consents one may supersede another: the person's own, said signed in, or those of one custodian. No agency's
    Consent ends another agency's, or what the person said."""
    marks = testimony.witnesses(proposal.row, proposal.resource, work.context.caller)
    said = any(mark.startswith(testimony.SAID) for mark in marks)
    return PERSON if said else proposal.row.custodian if proposal.row else work.context.caller.organization


async def _others(work: UnitOfWork, proposal: Proposal) -> frozenset[str]:
    """The voices besides the Consent's own that it supersedes: what the person says signed in supersedes what any agency has
    recorded."""
    patient = link(proposal.resource, "patient")
    if _voice(work, proposal) != PERSON or not patient.startswith("Patient/"):
        return frozenset()
    return frozenset(each.recorder for each in (await work.persons((patient,)))[patient].consents)


async def _later(work: UnitOfWork, proposal: Proposal) -> list[tuple[str, bool]]:
    """The other active Consents of the proposed Consent's kind, staged or stored, each with whether it was given later than the
    proposed Consent."""
    found, zone = [], work.services.zone
    for key in _keys(work, proposal, await _others(work, proposal)):
        staged = [ref for ref, each in work.staged.items() if key in each.keys]
        stored = await work.services.records.holder(key)
        for held in dict.fromkeys((*staged, *((stored,) if stored else ()))):
            earlier = await work.get(held) if held != f"Consent/{proposal.resource['id']}" else None
            if earlier is not None and earlier.get("status") == "active":
                found.append((held, _written(earlier, zone) > _written(proposal.resource, zone)))
    return found


async def _end(work: UnitOfWork, ref: str) -> Resource:
    """Makes a Consent inactive. Returns the Consent as it was before."""
    earlier = await work.get(ref) or {}
    row = await work.row(ref)
    staged = work.staged.get(ref)
    before, custodian = (staged.before, staged.custodian) if staged else (row.version, row.custodian) if row else (0, "")
    work.update(
        {**earlier, "status": "inactive"}, before, custodian, parties=staged.parties if staged else row.parties if row else ()
    )
    work.cancelled.append(f"TIM-13:{ref}")
    work.audits.append(audited(work.context, "U", ref, why="superseded", patients=[link(earlier, "patient")]))
    return earlier


def _clock(work: UnitOfWork, ref: str, consent: Resource) -> None:
    """TIM-13: sets the timer for the end of an active Consent's period, or cancels the timer."""
    end = ended_at(period((consent.get("provision") or {}).get("period"), work.services.zone))
    if consent.get("status") == "active" and end is not None and end > work.context.at:
        work.timers.append(Timer(f"TIM-13:{ref}", "TIM-13", end, ref))
    else:
        work.cancelled.append(f"TIM-13:{ref}")


def _written(consent: Resource, zone: tzinfo) -> int:
    found = parse(str(consent.get("dateTime", "")), zone)
    return found.low if found else 0


def _withdrawn(proposal: Proposal) -> Iterable[Resource]:
    """The stored Consent, when it was active and the proposal makes it no longer active."""
    before = proposal.before
    if before is not None and before.get("status") == "active" and proposal.resource.get("status") != "active":
        yield before


def _refusal(member: str, text: str) -> Refused:
    return Refused(problem(Category.RULE, "business-rule", text, expression=f"Consent.{member}", rule=RULE))
