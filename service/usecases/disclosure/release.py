"""What a decided disclosure becomes: the preview that says what would be shared, or the release with its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from service import clock
from service.change import IdempotencyKey, Notice, Party, Resource
from service.consent import disclosure
from service.consent.category import categories
from service.consent.explain import cited, masked, reason, record_of
from service.consent.facts import Facts
from service.consent.lawful_basis import Basis, implied, recorded
from service.consent.reasons import Decision, Reason
from service.consent.redact import redact
from service.consent.terms import high_water
from service.fhir.canonical import CONFIDENTIALITY, DICOM
from service.fhir.date import Interval, instant
from service.fhir.json import dump
from service.fhir.operation import parameter, parameters, parts
from service.fhir.reference import reference_to, version_in
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.request.audit import event
from service.usecases.request.services import RequestContext
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

TOPIC = "disclosure-received"
REMEMBERED = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DisclosureRequest:
    """What a discloser asks. `categories` are `system|code` or codes alone; empty: any. `during` None: any time."""

    recipient: str
    purposes: tuple[str, ...]
    types: tuple[str, ...]
    categories: frozenset[str]
    during: Interval | None
    reason: str
    basis: Resource | None
    release: bool


@dataclass(frozen=True, slots=True)
class Item:
    """One record that was asked for, and what was decided about it for the recipient."""

    row: Row
    facts: Facts
    decision: Decision

    @property
    def why(self) -> Reason:
        """The row that decided."""
        return self.decision.reasons[0]


@dataclass(frozen=True, slots=True)
class Teller:
    """Whose records they are, who of that agency answers for telling, and by which door, as the audit line names it."""

    agency: str
    sender: str
    door: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be, or is, disclosed about the person behind the Patient `patient`."""

    asked: DisclosureRequest
    patient: str
    basis: Basis | None
    items: tuple[Item, ...]
    teller: Teller

    @property
    def shared(self) -> tuple[Item, ...]:
        """What may be given."""
        return tuple(item for item in self.items if item.decision.permit)

    @property
    def withheld(self) -> tuple[Item, ...]:
        """What may not."""
        return tuple(item for item in self.items if not item.decision.permit)


async def previewed(viewer: Viewer, plan: Plan) -> bytes:
    """What would be shared and what withheld, in kind and why; nothing of their content."""
    plan = await _as_told(viewer, plan)
    return dump(parameters(*_summary(plan, "preview")))


async def released(viewer: Viewer, work: UnitOfWork, plan: Plan) -> bytes:
    """The permitted records, redacted, once the records of their disclosure are committed; none of it otherwise. `work` knows
    what was decided on: when that moves meanwhile, nothing is committed."""
    await _first_time(work)
    refs = await stage(work, plan)
    for ref in refs:
        writable(viewer, work.staged[ref].resource)
    _idempotent(work, refs)
    rows = await work.commit()
    told = await _as_told(viewer, plan)
    records = (parameter("disclosure", "resource", rows[ref].resource) for ref in refs)
    return dump(
        parameters(*_summary(told, "release"), parameter("bundle", "resource", bundle(viewer.context, plan.shared)), *records)
    )


async def stage(work: UnitOfWork, plan: Plan) -> tuple[str, ...]:
    """Stages the disclosure records of what is shared, one for each authority it rests on, each with its audit line and notice;
    gives their references. Nothing of it may be readable before the unit of work is committed."""
    groups = await _by_authority(work, plan)
    return tuple([_recorded(work, plan, authority, items) for authority, items in groups])


def bundle(context: RequestContext, shared: Sequence[Item]) -> Resource:
    """The collection that may leave, under the high-water mark of what is in it."""
    mark = high_water(item.facts.confidentiality for item in shared)
    meta = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": mark}]}} if mark else {}
    entries = [
        {"fullUrl": f"{context.base}/{item.row.reference}", "resource": redact(item.row.resource, item.decision.redactions)}
        for item in shared
    ]
    stamped = {"type": "collection", "timestamp": instant(context.at), "entry": entries}
    return {"resourceType": "Bundle", "id": clock.new_id(), **meta, **stamped}


def _summary(plan: Plan, mode: str) -> list[Resource]:
    shared, withheld = plan.shared, plan.withheld
    outcome = "deny" if not shared else "partial" if withheld or any(item.decision.redactions for item in shared) else "permit"
    mark = high_water(item.facts.confidentiality for item in shared)
    duties = sorted({each for item in shared for each in item.decision.obligations})
    return [
        parameter("mode", "valueCode", mode),
        parameter("outcome", "valueCode", outcome),
        parameter("recipient", "valueReference", reference_to(plan.asked.recipient)),
        *([parameter("confidentiality", "valueCode", mark)] if mark else []),
        *_counted("shared", shared),
        *_counted("withheld", withheld),
        *(parameter("obligation", "valueCode", each) for each in duties),
    ]


def _counted(name: str, items: Sequence[Item]) -> list[Resource]:
    """Counts by type and by the row that decided."""
    kinds = Counter((item.row.type, item.why, len(item.decision.redactions) > 0) for item in items)
    return [
        parts(
            name,
            parameter("type", "valueCode", kind),
            parameter("count", "valueInteger", count),
            *([parameter("redacted", "valueBoolean", True)] if redacted else []),
            reason(why),
        )
        for (kind, why, redacted), count in sorted(kinds.items(), key=lambda each: (each[0][0], each[0][1].source, each[0][2]))
    ]


async def _as_told(viewer: Viewer, plan: Plan) -> Plan:
    """The plan with only those records named as reasons that the caller may see."""
    refs = frozenset(ref for item in plan.items for ref in cited(item.decision))
    rows = await viewer.services.records.read_many(refs) if refs else {}
    visible = frozenset(each.row.reference for each in await viewer.reveal(list(rows.values()), "r"))
    items = tuple(Item(item.row, item.facts, masked(item.decision, visible)) for item in plan.items)
    return replace(plan, items=items)


async def _by_authority(work: UnitOfWork, plan: Plan) -> list[tuple[Resource, list[Item]]]:
    """What is shared, by the one authority each record rests on: a disclosure record names exactly one (DIS)."""
    groups: dict[str, tuple[Resource, list[Item]]] = {}
    for item in plan.shared:
        authority = await _authority(work, plan, item.why)
        key = dump(authority).decode()
        groups.setdefault(key, (authority, []))[1].append(item)
    return list(groups.values())


async def _authority(work: UnitOfWork, plan: Plan, why: Reason) -> Resource:
    if plan.basis is not None and why.source == plan.basis.ref:
        return disclosure.by_basis(plan.basis.concept)
    if why.source.startswith("Consent/"):
        version = why.source.partition("#")[0]
        work.guards[record_of(version)] = version_in(version)  # withdrawn meanwhile: nothing is released
        return disclosure.by_consent(version)
    if why.source.startswith("Task/"):
        task = await work.get(record_of(why.source))
        return disclosure.by_basis(recorded(task or {}) or implied(why.text))
    return disclosure.by_basis(implied(why.text))


def _recorded(work: UnitOfWork, plan: Plan, authority: Resource, items: Sequence[Item]) -> str:
    """Stages one disclosure record with its audit line and the notice to the recipient."""
    context, asked = work.context, plan.asked
    payload = disclosure.versions((item.row.reference, item.row.version) for item in items)
    told = disclosure.Disclosure(
        patient=plan.patient,
        sender=plan.teller.sender,
        recipients=(asked.recipient,),
        categories=categories(item.facts for item in items),
        purposes=asked.purposes,
        payload=payload,
        authority=authority,
        reason=asked.reason,
    )
    # An instant long: it is addressed to the recipient, but makes no relationship with the person.
    addressed = Party(asked.recipient, context.at, context.at)
    record = disclosure.record(told, clock.new_id(), context.at)
    ref = work.create(record, plan.teller.agency, parties=(addressed,))
    why = " ".join(sorted({item.why.source for item in items}))
    patients = {plan.patient, *(patient for item in items for patient in item.row.patients)}
    line = event(context, "E", plan.teller.door, why=why, patients=patients, refs=[ref, *payload])
    receiver = {"type": {"coding": [{"system": DICOM, "code": "110152"}]}, "who": reference_to(asked.recipient)}
    line["agent"].append({**receiver, "requestor": False})
    work.audits.append(line)
    work.notices.append(Notice(TOPIC, asked.recipient, ref, plan.patient))
    return ref


def writable(viewer: Viewer, resource: Resource) -> None:
    """Refuses what an operation would write and the token's granular scopes do not let the caller write."""
    if not viewer.may_write(resource, (), "c"):
        text = f"The token's scopes do not allow the `{resource['resourceType']}` that this writes; ask for a wider scope."
        raise Refused(problem(Category.SCOPE, "forbidden", text))


def _idempotent(work: UnitOfWork, refs: Sequence[str]) -> None:
    if work.context.given_id:
        facts = {"fingerprint": work.context.fingerprint, "ref": refs[0], "version": 1}
        work.idempotency.append(IdempotencyKey(_key(work), facts, work.context.at + REMEMBERED))


async def _first_time(work: UnitOfWork) -> None:
    """A disclosure is carried out once (HOV-9): what a repeat would give was decided then, and may not be permitted now."""
    earlier: Mapping[str, object] | None = await work.services.records.answered(_key(work)) if work.context.given_id else None
    if earlier is not None:
        text = (
            f"This X-Request-Id was used before, for `{earlier.get('ref', 'a transaction')}`; send a new one to disclose again."
        )
        raise Refused(problem(Category.DUPLICATE, "duplicate", text, rule="HOV-9"))


def _key(work: UnitOfWork) -> str:
    """As that of any other request, so that one id stands for one request whatever it asks."""
    caller = work.context.caller
    return f"request:{caller.client}:{caller.user}:{work.context.request_id}"
