"""The outcome of a decided disclosure: a preview, which says what would be shared, or a release, which gives the records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from service import clock
from service.care.task.adjustments import noted
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
    """What a disclosure is to contain, and for whom. `categories` are `system|code` or codes alone, empty for any category;
    `during` None is any time. `release` False asks for a preview."""

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
    """One record that was asked for, with the decision about the record for the recipient."""

    row: Row
    facts: Facts
    decision: Decision

    @property
    def why(self) -> Reason:
        """The Reason that decided."""
        return self.decision.reasons[0]


@dataclass(frozen=True, slots=True)
class Teller:
    """The agency that discloses its records, the `sender` who answers for the disclosure (a PractitionerRole of the agency, or
    the agency), and the `door`: the operation or Task that the AuditEvent names."""

    agency: str
    sender: str
    door: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A decided disclosure about the person whom the Patient reference `patient` stands for."""

    asked: DisclosureRequest
    patient: str
    basis: Basis | None
    items: tuple[Item, ...]
    teller: Teller

    @property
    def shared(self) -> tuple[Item, ...]:
        """The items that may be disclosed."""
        return tuple(item for item in self.items if item.decision.permit)

    @property
    def withheld(self) -> tuple[Item, ...]:
        """The items that may not be disclosed."""
        return tuple(item for item in self.items if not item.decision.permit)


async def previewed(viewer: Viewer, plan: Plan) -> bytes:
    """The preview as canonical JSON: which types of records would be shared and withheld, how many, and why; no content."""
    plan = await _as_told(viewer, plan)
    return dump(parameters(*_summary(plan, "preview")))


async def released(viewer: Viewer, work: UnitOfWork, plan: Plan) -> bytes:
    """The release as canonical JSON: the permitted records, redacted, once their disclosure records are committed. When the
    evidence of the decision changes meanwhile, `work` commits nothing and no record is given."""
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
    """Stages the disclosure records of the shared items, one for each authority, each with its AuditEvent and notice. Returns the
    references of the disclosure records. No shared item may be given to the recipient before the unit of work is committed."""
    groups = await _by_authority(work, plan)
    return tuple([_recorded(work, plan, authority, items) for authority, items in groups])


def bundle(context: RequestContext, shared: Sequence[Item]) -> Resource:
    """The collection Bundle with the shared records, redacted. The Bundle is labelled with the highest confidentiality of its
    records."""
    mark = high_water(item.facts.confidentiality for item in shared)
    meta = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": mark}]}} if mark else {}
    entries = [{"fullUrl": f"{context.base}/{item.row.reference}", "resource": _given(item)} for item in shared]
    stamped = {"type": "collection", "timestamp": instant(context.at), "entry": entries}
    return {"resourceType": "Bundle", "id": clock.new_id(), **meta, **stamped}


def _given(item: Item) -> Resource:
    """A shared record, redacted. A Task is given without what another dataset says of its person (EQU-2), which is shared by
    itself or not at all."""
    resource = redact(item.row.resource, item.decision.redactions)
    return noted(resource, None) if item.row.type == "Task" else resource


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
    """The number of items by type, by deciding Reason, and by whether a part is redacted."""
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
    """The plan, in whose reasons only records are named that the caller may see."""
    refs = frozenset(ref for item in plan.items for ref in cited(item.decision))
    rows = await viewer.services.records.read_many(refs) if refs else {}
    visible = frozenset(each.row.reference for each in await viewer.reveal(list(rows.values()), "r"))
    items = tuple(Item(item.row, item.facts, masked(item.decision, visible)) for item in plan.items)
    return replace(plan, items=items)


async def _by_authority(work: UnitOfWork, plan: Plan) -> list[tuple[Resource, list[Item]]]:
    """The shared items, grouped by the one authority each item rests on: a disclosure record names exactly one authority
    (DIS)."""
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
        work.guards[record_of(version)] = version_in(version)  # a Consent withdrawn meanwhile refuses the release
        return disclosure.by_consent(version)
    if why.source.startswith("Task/"):
        task = await work.get(record_of(why.source))
        return disclosure.by_basis(recorded(task or {}) or implied(why.text))
    return disclosure.by_basis(implied(why.text))


def _recorded(work: UnitOfWork, plan: Plan, authority: Resource, items: Sequence[Item]) -> str:
    """Stages one disclosure record with its AuditEvent and the notice to the recipient. Returns the record's reference."""
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
    # The recipient is a party for an instant only: it may read the disclosure record, but gains no relationship with the person.
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
    """Refuses a resource that an operation would write but that the token's granular scopes do not let the caller write."""
    if not viewer.may_write(resource, (), "c"):
        text = f"The token's scopes do not allow the `{resource['resourceType']}` that this writes; ask for a wider scope."
        raise Refused(problem(Category.SCOPE, "forbidden", text))


def _idempotent(work: UnitOfWork, refs: Sequence[str]) -> None:
    if work.context.given_id:
        facts = {"fingerprint": work.context.fingerprint, "ref": refs[0], "version": 1}
        work.idempotency.append(IdempotencyKey(_key(work), facts, work.context.at + REMEMBERED))


async def _first_time(work: UnitOfWork) -> None:
    """Refuses a repeat of a disclosure under the same X-Request-Id (HOV-9). A repeat cannot get the first answer again, because
    the records of that answer may no longer be permitted."""
    earlier: Mapping[str, object] | None = await work.services.records.answered(_key(work)) if work.context.given_id else None
    if earlier is not None:
        text = (
            f"This X-Request-Id was used before, for `{earlier.get('ref', 'a transaction')}`; send a new one to disclose again."
        )
        raise Refused(problem(Category.DUPLICATE, "duplicate", text, rule="HOV-9"))


def _key(work: UnitOfWork) -> str:
    """The idempotency key, in the same form as for every other request, so that one request id stands for one request of any
    kind."""
    caller = work.context.caller
    return f"request:{caller.client}:{caller.user}:{work.context.request_id}"
