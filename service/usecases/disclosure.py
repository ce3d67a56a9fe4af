"""`Patient/{id}/$disclose` (consent rules, section 4): what may another agency have of our records, and giving it that.

Load: our own records of the person that were asked for. Decide: each for the recipient. Commit: the disclosure record, one for
each authority it rests on. Only then is anything given: no record, no release.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.change import Resource
from service.consent.decide import is_public
from service.consent.facts import Facts
from service.consent.lawful_basis import claimed
from service.consent.period import span
from service.consent.terms import purpose_key
from service.fhir.operation import Given, Input, given
from service.fhir.query import Identity, Query, Term
from service.fhir.resource import codings, relative
from service.fhir.search import parse
from service.problem import Category, Issue, Problem, Refused, problem
from service.store.records import Row
from service.usecases import release
from service.usecases.access import Eyes, absent, allowed, open_eyes
from service.usecases.audit import event, note
from service.usecases.recipient import Recipient, decided
from service.usecases.release import Asked, Item, Plan
from service.usecases.services import Services, Session

INPUTS = (
    Input("recipient", ("valueReference",), required=True),
    Input("purpose", ("valueCode", "valueCoding"), required=True, repeats=True),
    Input("type", ("valueCode",), required=True, repeats=True),
    Input("category", ("valueCode", "valueCoding", "valueCodeableConcept"), repeats=True),
    Input("period", ("valuePeriod",)),
    Input("reason", ("valueString",), required=True),
    Input("basis", ("valueCodeableConcept",)),
    Input("mode", ("valueCode",), required=True),
)
MODES = frozenset({"preview", "release"})
# What is between two agencies, or says what was consented, decided and seen, is not passed on by this door.
NOT_DISCLOSED = frozenset({"Task", "Communication", "Consent", "AuditEvent", "Provenance"})
MAX_SCANNED = 5000
MAX_RECORDS = 1000


async def disclose(services: Services, session: Session, identity: str, parameters: Resource) -> bytes:
    """The answer as canonical JSON: Parameters, with the Bundle and the records of disclosure when it was a release."""
    asked = _asked(services, session, parameters)
    _scopes(session, asked)
    _agency(session)
    eyes = await open_eyes(services, session)
    patient = await _patient(eyes, identity)
    plan = await _plan(eyes, patient, asked)
    if not asked.release:
        await _tell(eyes, plan, permitted=True)
        return await release.previewed(eyes, plan)
    if not plan.shared:
        await _tell(eyes, plan, permitted=False)
        raise Refused(_nothing(plan))
    return await release.released(eyes, plan)


def _asked(services: Services, session: Session, parameters: Resource) -> Asked:
    found = given(parameters, INPUTS)
    if isinstance(found, Problem):
        raise Refused(found)
    issues = [*_types(services, found), *_mode(found)]
    recipient = relative(str(found["recipient"][0].get("reference", "")), session.base) or ""
    if not recipient.startswith("Organization/"):
        issues.append(_issue("recipient", "The recipient is one Organization; give its reference."))
    during = span(found["period"][0], services.settings.timezone) if found["period"] else None
    if found["period"] and during is None:
        issues.append(_issue("period", "The period cannot be read; write FHIR dates, the end not before the start."))
    if issues:
        raise Refused(Problem(Category.MALFORMED, tuple(issues)))
    return Asked(
        recipient=recipient,
        purposes=purposes(found),
        types=tuple(dict.fromkeys(found["type"])),
        categories=frozenset(key for each in found["category"] for key in _category(each)),
        during=during,
        reason=found["reason"][0].strip(),
        basis=found["basis"][0] if found["basis"] else None,
        release=found["mode"][0] == "release",
    )


def purposes(found: Given) -> tuple[str, ...]:
    """The purposes of use among an operation's inputs, as a decision knows them."""
    keys = (
        each if isinstance(each, str) else purpose_key(str(each.get("system", "")), str(each.get("code", "")))
        for each in found["purpose"]
    )
    return tuple(dict.fromkeys(keys))


def _category(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [f"{system}|{code}" if system else code for system, code in codings(value)]


def _types(services: Services, found: Given) -> list[Issue]:
    wrong = [kind for kind in found["type"] if kind in NOT_DISCLOSED or not _personal(services, kind)]
    return [
        _issue("type", f"`{kind}` is not a type of record about a person that is disclosed here; name others.") for kind in wrong
    ]


def _personal(services: Services, kind: str) -> bool:
    known = kind in services.definitions.types and (kind == "Patient" or services.definitions.compartment_parameters(kind))
    return bool(known) and not is_public(Facts(kind, "", ("Patient/x",)))


def _mode(found: Given) -> list[Issue]:
    return [] if found["mode"][0] in MODES else [_issue("mode", "`mode` is `preview` or `release`.")]


def _issue(name: str, text: str) -> Issue:
    return Issue("value", text, f"Parameters.parameter.where(name = '{name}')", "consent-rules 4")


def _scopes(session: Session, asked: Asked) -> None:
    """The scopes of everything that is returned, and of the record that is written."""
    for kind in ("Patient", *asked.types):
        allowed(session, kind, "r")
    if asked.release:
        allowed(session, "Communication", "c")


def _agency(session: Session) -> None:
    """An agency answers for what it discloses; a person shares their record by a Consent."""
    if session.caller.user.startswith(("Patient/", "RelatedPerson/")):
        text = "Records are disclosed by the agency that keeps them; give a Consent, and ask the agency to disclose."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule="consent-rules 4"))


async def _patient(eyes: Eyes, identity: str) -> Row:
    """The Patient as the caller sees it; absent and hidden are told the same."""
    row = await eyes.services.records.read("Patient", identity)
    shown = await eyes.reveal([row], "r") if row else []
    if row is None or not shown or row.deleted:
        await note(eyes.services, eyes.session, "E", f"Patient/{identity}/$disclose", [])
        raise absent("Patient", identity)
    return row


async def _plan(eyes: Eyes, patient: Row, asked: Asked) -> Plan:
    services, session = eyes.services, eyes.session
    to = await partner(eyes, asked.recipient, asked.purposes)
    basis = claimed(asked.basis, (eyes.acting.sector, to)) if asked.basis is not None else None
    if isinstance(basis, Problem):
        raise Refused(basis)
    rows = await _candidates(eyes, patient, asked)
    grants = (basis.grant(asked.recipient, [row.reference for row in rows]),) if basis else ()
    decisions = await decided(services, session, Recipient(asked.recipient, asked.purposes, grants=grants), rows)
    items = tuple(Item(row, Facts.from_row(row.facts, row.custodian), decision) for row, decision in decisions)
    return Plan(asked, patient, basis, items)


async def partner(eyes: Eyes, recipient: str, purposes: tuple[str, ...]) -> str:
    """The sector of a recipient that may be told anything at all; refuses one that has no live agreement (L0)."""
    where = "Parameters.parameter.where(name = 'recipient')"
    if recipient == eyes.session.caller.organization:
        text = "The recipient is your own agency, which needs no disclosure to read its own records; name another."
        raise Refused(problem(Category.RULE, "business-rule", text, expression=where, rule="consent-rules 4"))
    registered = await eyes.services.partners.get(recipient)
    known = await eyes.services.directory.get(recipient)
    if registered is None or known is None or not registered.live(eyes.session.at):
        text = f"`{recipient}` has no live sharing agreement here; register one with `baton partner add`."
        raise Refused(problem(Category.RULE, "business-rule", text, expression=where, rule="consent-rules L0"))
    terms = eyes.services.policy.terms
    covered = frozenset(code for agreed in registered.purposes for code in terms.purpose(agreed))
    outside = [purpose for purpose in purposes if purpose not in covered]
    if outside:
        text = f"The sharing agreement with `{recipient}` does not cover the purpose `{outside[0]}`; name one that it covers."
        raise Refused(problem(Category.RULE, "business-rule", text, expression=where, rule="consent-rules L0"))
    return registered.sector


async def _candidates(eyes: Eyes, patient: Row, asked: Asked) -> list[Row]:
    """Our own records of the person that were asked for; refused rather than cut when they are too many."""
    services, session = eyes.services, eyes.session
    person = await services.evidence.person(patient.reference)
    found: list[Row] = []
    for kind in asked.types:
        query = about(services, kind, sorted(person.patients))
        rows = await services.holdings.kept(query, session.caller.organization, MAX_SCANNED + 1)
        if len(rows) > MAX_SCANNED:
            raise _too_many()
        found += [row for row in rows if not row.deleted and _wanted(Facts.from_row(row.facts), asked)]
    if len(found) > MAX_RECORDS:
        raise _too_many()
    shown = await eyes.reveal(sorted(found, key=lambda row: row.reference), "r")
    return [each.row for each in shown]


def about(services: Services, kind: str, patients: Sequence[str]) -> Query:
    """The query for every record of a type that belongs to one of these Patients (R4 Patient compartment)."""
    if kind == "Patient":
        return Query(kind, (Term("_id", tuple(Identity(each.partition("/")[2]) for each in patients)),))
    tests = []
    for name in services.definitions.compartment_parameters(kind):
        parsed = parse(kind, [(name, ",".join(patients))], services.indexer.parameters)
        if isinstance(parsed, Query):
            tests += [test for term in parsed.terms for test in term.tests]
    return Query(kind, (Term("patient", tuple(tests)),))


def _wanted(facts: Facts, asked: Asked) -> bool:
    if asked.categories and asked.categories.isdisjoint((*facts.codes, *(code.partition("|")[2] for code in facts.codes))):
        return False
    if asked.during is None:
        return True
    low, high = asked.during
    before = low is not None and facts.end is not None and facts.end <= low
    after = high is not None and facts.start is not None and facts.start >= high
    return facts.dated and not before and not after


def _too_many() -> Refused:
    text = f"More than {MAX_RECORDS} records match, too many for one disclosure; narrow it by `type`, `category` or `period`."
    return Refused(problem(Category.TOO_COSTLY, "too-costly", text))


async def _tell(eyes: Eyes, plan: Plan, *, permitted: bool) -> None:
    """The audit line of what gives nothing away: a preview, or a release that was refused. Durable before the answer leaves."""
    session = eyes.session
    what = f"{plan.patient.reference}/$disclose?mode={'release' if plan.asked.release else 'preview'}#{plan.asked.recipient}"
    why = " ".join(sorted({item.why.source for item in plan.items}))
    told = event(session, "E", what, permitted=permitted, why=why, patients=[plan.patient.reference])
    await eyes.services.trail.note(told, at=session.at, custodian=session.caller.organization)


def _nothing(plan: Plan) -> Problem:
    """A release of nothing is refused with every reason there is."""
    reasons = dict.fromkeys(item.why for item in plan.withheld)
    recipient = plan.asked.recipient
    issues = tuple(
        Issue(
            "business-rule", f"Nothing was disclosed to `{recipient}`: {reason.text}", "Parameters", f"consent-rules {reason.row}"
        )
        for reason in reasons
    )
    empty = Issue(
        "not-found",
        "Your agency keeps no record that matches; ask for other types, categories or times.",
        "Parameters",
        "consent-rules 4",
    )
    return Problem(Category.RULE, issues or (empty,))
