"""Selects the records of a disclosure: the records of a person, kept by one agency, that were asked for, each with its decision.

`$disclose` (Parameters) and the data request (a Task) ask for a disclosure in two forms. A `Place` gives the FHIRPath of a
parameter in either form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from service.consent.decide import is_public
from service.consent.facts import Facts
from service.consent.lawful_basis import Basis, claimed
from service.consent.terms import purpose_key
from service.fhir.coding import codings
from service.fhir.date import Interval, period
from service.fhir.operation import Given
from service.fhir.query import Identity, Query, Term
from service.fhir.reference import id_of
from service.fhir.search import parse
from service.problem import Category, Issue, Problem, Refused, problem
from service.store.records import Row
from service.usecases.disclosure.recipient import Recipient, decided
from service.usecases.disclosure.release import DisclosureRequest, Item
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.work import UnitOfWork

Place = Callable[[str], str]
"""Gives the FHIRPath of a parameter, by the parameter's name in `$disclose`."""
RULE = "consent-rules 4"
# Types that are never disclosed: records between two agencies, and records of consents, decisions and accesses.
NOT_DISCLOSED = frozenset({"Task", "Communication", "Consent", "AuditEvent", "Provenance"})
MAX_SCANNED = 5000
MAX_RECORDS = 1000
UNLIMITED = 0


def purposes(found: Given) -> tuple[str, ...]:
    """The purposes of use in the parameters given, in the form that a decision uses."""
    keys = (
        each if isinstance(each, str) else purpose_key(str(each.get("system", "")), str(each.get("code", "")))
        for each in found["purpose"]
    )
    return tuple(dict.fromkeys(keys))


def faults(services: Services, found: Given, place: Place) -> list[Issue]:
    """The faults of the parameters: a type of record that is never disclosed, or a period that cannot be read."""
    issues = [
        Issue(
            "value", f"`{kind}` is not a type of record about a person that is disclosed here; name others.", place("type"), RULE
        )
        for kind in found["type"]
        if kind in NOT_DISCLOSED or not _personal(services, kind)
    ]
    if found["period"] and _during(services, found) is None:
        text = "The period cannot be read; write FHIR dates, the end not before the start."
        issues.append(Issue("value", text, place("period"), RULE))
    return issues


def wanted(services: Services, found: Given, recipient: str, *, release: bool) -> DisclosureRequest:
    """The DisclosureRequest in the parameters given. The parameters must have no `faults`."""
    return DisclosureRequest(
        recipient=recipient,
        purposes=purposes(found),
        types=tuple(dict.fromkeys(found["type"])),
        categories=frozenset(key for each in found["category"] for key in _category(each)),
        during=_during(services, found),
        reason=found["reason"][0].strip(),
        basis=found["basis"][0] if found["basis"] else None,
        release=release,
    )


def _personal(services: Services, kind: str) -> bool:
    known = kind in services.definitions.types and (kind == "Patient" or services.definitions.compartment_parameters(kind))
    return bool(known) and not is_public(Facts(kind, "", ("Patient/x",)))


def _during(services: Services, found: Given) -> Interval | None:
    return period(found["period"][0], services.zone) if found["period"] else None


def _category(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [f"{system}|{code}" if system else code for system, code in codings(value)]


async def partner(services: Services, context: RequestContext, asked: DisclosureRequest, place: Place) -> str:
    """The sector of the recipient. Refuses a recipient without a live sharing agreement, and a purpose that the agreement does
    not cover (L0)."""
    recipient = asked.recipient
    registered = await services.partners.get(recipient)
    known = await services.directory.get(recipient)
    if registered is None or known is None or not registered.live(context.at):
        text = f"`{recipient}` has no live sharing agreement here; register one with `baton partner add`."
        raise Refused(problem(Category.RULE, "business-rule", text, expression=place("recipient"), rule="consent-rules L0"))
    terms = services.policy.terms
    covered = frozenset(code for agreed in registered.purposes for code in terms.purpose(agreed))
    outside = [purpose for purpose in asked.purposes if purpose not in covered]
    if outside:
        text = f"The sharing agreement with `{recipient}` does not cover the purpose `{outside[0]}`; name one that it covers."
        raise Refused(problem(Category.RULE, "business-rule", text, expression=place("recipient"), rule="consent-rules L0"))
    return registered.sector


def basis_of(asked: DisclosureRequest, sectors: tuple[str, str], place: Place) -> Basis | None:
    """The lawful basis that is claimed between agencies of two sectors, None when no basis is claimed. Refuses a basis that
    cannot be claimed between these sectors."""
    basis = claimed(asked.basis, sectors, place("basis")) if asked.basis is not None else None
    if isinstance(basis, Problem):
        raise Refused(basis)
    return basis


async def candidates(
    services: Services, agency: str, patient: str, asked: DisclosureRequest, most: int = MAX_RECORDS
) -> list[Row]:
    """An agency's own records of the person that were asked for, in the order of their references. More than `most` records are
    refused, not cut (`UNLIMITED`: any number is given)."""
    person = await services.evidence.person(patient)
    found: list[Row] = []
    scanned = MAX_SCANNED + 1 if most else UNLIMITED
    for kind in asked.types:
        rows = await services.holdings.kept(about(services, kind, sorted(person.records)), agency, scanned)
        if most and len(rows) > MAX_SCANNED:
            raise too_many()
        found += [row for row in rows if not row.deleted and _matches(Facts.from_row(row.facts), asked)]
    if most and len(found) > most:
        raise too_many()
    return sorted(found, key=lambda row: row.reference)


def about(services: Services, kind: str, patients: Sequence[str]) -> Query:
    """The query for every record of a type that belongs to one of these Patients (R4 Patient compartment)."""
    if kind == "Patient":
        return Query(kind, (Term("_id", tuple(Identity(id_of(each)) for each in patients)),))
    tests = []
    for name in services.definitions.compartment_parameters(kind):
        parsed = parse(kind, [(name, ",".join(patients))], services.indexer.parameters)
        if isinstance(parsed, Query):
            tests += [test for term in parsed.terms for test in term.tests]
    return Query(kind, (Term("patient", tuple(tests)),))


def _matches(facts: Facts, asked: DisclosureRequest) -> bool:
    if asked.categories and asked.categories.isdisjoint((*facts.codes, *(code.partition("|")[2] for code in facts.codes))):
        return False
    if asked.during is None:
        return True
    return facts.when is not None and facts.when.low < asked.during.high and asked.during.low < facts.when.high


def too_many() -> Refused:
    """The refusal of more records than one disclosure may hold."""
    text = f"More than {MAX_RECORDS} records match, too many for one disclosure; narrow it by `type`, `category` or `period`."
    return Refused(problem(Category.TOO_COSTLY, "too-costly", text))


async def judged(
    services: Services,
    context: RequestContext,
    asked: DisclosureRequest,
    basis: Basis | None,
    rows: Sequence[Row],
    user: str = "",
    work: UnitOfWork | None = None,
) -> tuple[Item, ...]:
    """Each record as an Item, decided for the recipient now. A claimed basis covers exactly these records. `user`: the member of
    the recipient's staff who would receive the records; empty: any member."""
    grants = (basis.grant(asked.recipient, [row.reference for row in rows]),) if basis else ()
    recipient = Recipient(asked.recipient, asked.purposes, grants=grants, user=user)
    decisions = await decided(services, context, recipient, rows, work)
    return tuple(Item(row, Facts.from_row(row.facts, row.custodian), decision) for row, decision in decisions)
