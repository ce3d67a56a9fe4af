"""Consents: decidable before they are stored, one of a kind at a time, and felt at once where they no longer permit (consent
rules, sections 3 and 4; HOV-8).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from service import clock
from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.care import task as tasks
from service.care.codes import BUSINESS_STATUS, TAG, code_in, concept
from service.care.made import errand
from service.change import Notice, Resource, Timer
from service.consent.check import check, imported
from service.consent.compile import compile_consent
from service.consent.decide import decide_all
from service.consent.facts import Facts
from service.consent.period import point
from service.consent.relationship import closed
from service.consent.request import Request
from service.consent.supersession import supersession_key
from service.fhir.resource import relative
from service.problem import Category, Problem, Refused, problem
from service.store.records import Row
from service.usecases.access import Eyes, evidence_of
from service.usecases.audit import audited
from service.usecases.evidence import Person
from service.usecases.proposal import Proposal, custodian_only
from service.usecases.work import Work

TOPIC = "consent-changed"
RULE = "consent-rules 3"
STOP_USE = timedelta(hours=72)
WITHDRAWN = "authority-withdrawn"
PURPOSE = "TREAT"
UNDECIDABLE = {"system": TAG, "code": "undecidable"}


async def write(work: Work, eyes: Eyes, proposal: Proposal) -> str:
    """The rule of Consent."""
    custodian_only(work, proposal)
    refusals = tuple(issue for issue in check(proposal.resource, work.session.base) if issue.severity == "error")
    if refusals:
        raise Refused(Problem(Category.RULE, refusals))
    await _standing(work, eyes, proposal)
    return await _put(work, proposal)


async def keep(work: Work, _: Eyes, proposal: Proposal) -> str:
    """The rule of Consent for records that exist already (`baton load`): kept, and tagged where it cannot be decided."""
    custodian_only(work, proposal)
    if not imported(proposal.resource, work.session.base):
        return await _put(work, proposal)
    meta = proposal.resource.get("meta", {})
    tags = [tag for tag in meta.get("tag", ()) if tag != UNDECIDABLE]
    return await _put(work, replace(proposal, resource={**proposal.resource, "meta": {**meta, "tag": [*tags, UNDECIDABLE]}}))


async def _put(work: Work, proposal: Proposal) -> str:
    """Stages the Consent, ends what it takes the place of, and tells whoever relied on what no longer stands."""
    ref = await _stage(work, proposal)
    patient = tasks.link(proposal.resource, "patient")
    work.audits.append(audited(work.session, "C" if proposal.row is None else "U", ref, patients=[patient] if patient else ()))
    for ended in (*await _supersede(work, proposal.resource, ref), *_withdrawn(proposal)):
        await _tell_recipients(work, ended)
    if patient.startswith("Patient/"):
        await _reconsider(work, proposal.resource)
    return ref


async def _standing(work: Work, eyes: Eyes, proposal: Proposal) -> None:
    """Whose consent an agency may record: that of a person whose record it sees, under its own control; and it stays theirs."""
    before, after = proposal.before, proposal.resource
    patient = tasks.link(after, "patient")
    if before is not None and tasks.link(before, "patient") != patient:
        raise _refusal("patient", "A Consent stays with its person; write a new one for another.")
    row = await work.row(patient) if patient.startswith("Patient/") else None
    persons = await work.services.evidence.persons(row.patients) if row else {}
    if patient not in work.staged and not (row and eyes.permits([row], persons)):
        raise _refusal("patient", "The Consent names a Patient that is not here; refer to one that you may see.")
    controllers = {relative(str(each.get("reference", "")), work.session.base) for each in after.get("organization", ())}
    mine = {
        work.session.caller.organization,
        *(principal for principal in eyes.acting.known if principal.startswith("Organization/")),
    }
    if after.get("status") == "active" and not eyes.own and not mine & controllers:
        raise _refusal(
            "organization", "The controller of a Consent that you record is your own agency; name it in `organization`."
        )


async def _stage(work: Work, proposal: Proposal) -> str:
    keys = (*proposal.keys, *_keys(work, proposal.resource))
    if proposal.row is None:
        return work.create(proposal.resource, work.session.caller.organization, keys=keys)
    return work.update(proposal.resource, proposal.row.version, proposal.row.custodian, keys=keys)


def _keys(work: Work, consent: Resource) -> tuple[str, ...]:
    """Only one active Consent holds a supersession key, so concurrent duplicates are impossible."""
    key = supersession_key(consent, work.session.base) if consent.get("status") == "active" else ""
    return (f"rule:{RULE}:{key}",) if key else ()


async def _supersede(work: Work, consent: Resource, ref: str) -> list[Resource]:
    """Ends the active Consent that this one takes the place of. Gives it, as it was."""
    ended = []
    for key in _keys(work, consent):
        for held in await _holders(work, key, ref):
            earlier = await work.get(held)
            if earlier is None or earlier.get("status") != "active":
                continue
            if _written(earlier) > _written(consent):
                raise _refusal(
                    "dateTime", f"`{held}` was given later for the same; date this one after it, or store it as `inactive`."
                )
            await _end(work, held, earlier)
            ended.append(earlier)
    return ended


async def _holders(work: Work, key: str, ref: str) -> list[str]:
    """Who holds a supersession key: in this Work, and in the store."""
    staged = [other for other, each in work.staged.items() if key in each.keys]
    stored = await work.services.records.holder(key)
    return [other for other in dict.fromkeys((*staged, *((stored,) if stored else ()))) if other != ref]


async def _end(work: Work, ref: str, consent: Resource) -> None:
    ended = {**consent, "status": "inactive"}
    if (staged := work.staged.get(ref)) is not None:
        work.update(ended, staged.before, staged.custodian)
    elif (row := await work.row(ref)) is not None:
        work.update(ended, row.version, row.custodian)
    work.audits.append(audited(work.session, "U", ref, why="superseded", patients=[tasks.link(consent, "patient")]))


def _written(consent: Resource) -> int:
    found = point(str(consent.get("dateTime", "")))
    return found[0] if found else 0


def _withdrawn(proposal: Proposal) -> Iterable[Resource]:
    """What was active and no longer is."""
    before = proposal.before
    if before is not None and before.get("status") == "active" and proposal.resource.get("status") != "active":
        yield before


async def _tell_recipients(work: Work, consent: Resource) -> None:
    """Everyone to whom something was disclosed by authority of this Consent is told, and asked to stop using it."""
    ref = f"Consent/{consent['id']}"
    for row in await work.services.holdings.of("Communication", await _person(work, consent)):
        if not row.deleted and _by(row.resource, ref):
            for recipient in row.resource.get("recipient", ()):
                await _stop_use(work, row, str(recipient.get("reference", "")), consent)


def _by(communication: Resource, consent: str) -> bool:
    named = (each.get("valueReference", {}).get("reference", "") for each in communication.get("extension", ()))
    return any(str(reference).startswith(f"{consent}/_history/") for reference in named)


async def _stop_use(work: Work, disclosed: Row, recipient: str, consent: Resource) -> None:
    session, patient = work.session, tasks.link(consent, "patient")
    due = session.at + STOP_USE
    agency = disclosed.custodian
    asked = errand(
        clock.new_id(),
        "stop-use",
        requester=session.caller.user
        if agency == session.caller.organization and session.caller.user.startswith("PractitionerRole/")
        else agency,
        owner=recipient,
        patient=patient,
        at=session.at,
        focus=disclosed.reference,
        due=due,
        text="Consent was withdrawn: stop using what was disclosed, and confirm it by completing this Task.",
    )
    ref = work.create(asked, agency)
    work.timers.append(Timer(f"TIM-11:{ref}", "TIM-11", due, ref))
    work.notices.append(Notice(TOPIC, recipient, ref, patient))


async def _person(work: Work, consent: Resource) -> frozenset[str]:
    patient = tasks.link(consent, "patient")
    return (await work.services.evidence.person(patient)).patients if patient.startswith("Patient/") else frozenset()


async def _reconsider(work: Work, consent: Resource) -> None:
    """HOV-8: a sent handover that its receiver may no longer read stays where it is and says so; both sides are told."""
    person = _told(work, await work.services.evidence.person(tasks.link(consent, "patient")))
    for row in await work.services.holdings.of("Task", person.patients):
        task = await work.get(row.reference) or {}
        if tasks.code(task) != "handover" or closed(task) or task.get("status") == "draft":
            continue
        if code_in(task.get("businessStatus"), BUSINESS_STATUS) != WITHDRAWN and await _refused(work, person, task):
            work.update({**task, "businessStatus": concept(BUSINESS_STATUS, WITHDRAWN)}, row.version, row.custodian)
            work.audits.append(audited(work.session, "U", row.reference, why=WITHDRAWN, patients=list(row.patients)))
            sides = {await work.organization(tasks.link(task, member)) for member in ("requester", "owner")}
            work.notices += [Notice(TOPIC, side, row.reference, tasks.link(task, "for")) for side in sorted(sides) if side]


def _told(work: Work, person: Person) -> Person:
    """The person with their Consents as this Work will leave them."""
    staged = {ref: each for ref, each in work.staged.items() if ref.startswith("Consent/")}
    kept = [each for each in person.consents if each[1].ref.partition("/_history/")[0] not in staged]
    fresh = [
        (each.custodian, compile_consent(each.resource, f"{ref}/_history/{each.before + 1}", work.session.base))
        for ref, each in staged.items()
    ]
    return replace(person, consents=(*kept, *fresh))


async def _refused(work: Work, person: Person, task: Resource) -> bool:
    """Whether the receiver of a handover may not read its dataset or package under these Consents."""
    services, at = work.services, work.session.at
    receiver = await work.organization(tasks.link(task, "owner"))
    acting = await services.directory.acting(Caller("", receiver, NONE))
    request = Request(
        principals=acting.principals(at, person.teams, person.patients),
        organization=receiver,
        sector=acting.sector,
        purposes=(PURPOSE,),
        action="disclose",
        now=at,
    )
    evidence = evidence_of(person, acting.agreement, at)
    given = [tasks.value_reference(each) for kind in ("minimum-dataset", "package") for each in tasks.inputs(task, kind)]
    rows = [row for ref in given if (row := await work.row(ref)) is not None and not row.deleted]
    facts = [Facts.from_row(row.facts, row.custodian) for row in rows]
    return any(not decide_all(request, each, dict.fromkeys(each.patients, evidence), services.policy).permit for each in facts)


def _refusal(member: str, text: str) -> Refused:
    return Refused(problem(Category.RULE, "business-rule", text, expression=f"Consent.{member}", rule=RULE))
