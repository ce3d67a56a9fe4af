"""The decision on one record: rows in seven layers, read from the top. The first row that fires decides, and every row that
fired is recorded. Pure and total.

custodian  the custodian's own record                 permit
IDN-3      directory and definitions                  permit
L0         no live agreement, no relationship, barred deny
L1         the person, or an entitled representative  permit, less marked content
L2         override or recorded lawful basis          permit at its minimum
L3         a consent denies                           deny
L4         a consent permits                          permit
L5         sector x purpose x label default           permit or deny
L6         inputs could not be loaded                 deny
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from operator import attrgetter

from service.consent.applicable import spoken
from service.consent.facts import MARKS, Facts
from service.consent.grounds import agreed, barred, granted
from service.consent.policy import NO_ONWARD, RECORD_DISCLOSURE, REVIEW, TELL_PERSON, Policy, PolicyRow
from service.consent.reasons import Decision, Reason, Redaction
from service.consent.request import BY_BASIS, Evidence, Grant, Request
from service.consent.terms import RANK
from service.fhir.canonical import CONFIDENTIALITY
from service.fhir.date import milliseconds

__all__ = [
    "Decision",
    "Evidence",
    "Grant",
    "Reason",
    "Redaction",
    "Request",
    "decide",
    "decide_all",
    "is_public",
    "labelled_as",
    "own",
]

DIRECTORY = frozenset({"Organization", "Practitioner", "PractitionerRole", "HealthcareService", "Location", "Endpoint"})
DEFINITIONS = frozenset(
    """
    ActivityDefinition CapabilityStatement ChargeItemDefinition CodeSystem CompartmentDefinition ConceptMap EventDefinition
    EffectEvidenceSynthesis Evidence EvidenceVariable ExampleScenario GraphDefinition ImplementationGuide InsurancePlan Library
    Measure Medication MedicationKnowledge MessageDefinition NamingSystem ObservationDefinition OperationDefinition
    PlanDefinition Questionnaire ResearchDefinition ResearchElementDefinition RiskEvidenceSynthesis SearchParameter
    SpecimenDefinition StructureDefinition StructureMap Substance TerminologyCapabilities TestScript ValueSet
    """.split()  # noqa: SIM905 - a list that can be read
)
PEOPLE = ("Patient/", "RelatedPerson/")
CUSTODIAN = Reason("custodian", True, "consent-rules#custodian", "The agency that keeps this record reads its own.")
PUBLIC = Reason("IDN-3", True, "care-rules#IDN-3", "Directory entries and definitions hold no patient.")
OWN_RECORD = Reason("L1", True, "consent-rules#L1", "A person may read their own record.")
WITHHELD = Reason(
    "L1",
    False,
    "consent-rules#L1.marked",
    "This content is kept from the person's own access: third party, not yet told, or serious harm.",
)
NOT_THEIRS = Reason("L1", False, "consent-rules#L1.not-theirs", "This is not, or not only, this person's own record.")
UNKNOWN_SUBJECT = Reason("L6", False, "consent-rules#L6.subject", "It cannot be told whose record this is.")
NOT_LOADED = Reason("L6", False, "consent-rules#L6.inputs", "What the decision rests on could not be loaded.")
OVERRIDE_DUTIES = (REVIEW, TELL_PERSON, RECORD_DISCLOSURE, NO_ONWARD)
LAWFUL_DUTIES = (RECORD_DISCLOSURE, NO_ONWARD)


def is_public(facts: Facts) -> bool:
    """Whether a record is a directory entry or a definition, which are not subject to consent (IDN-3)."""
    return facts.type in DIRECTORY or (facts.type in DEFINITIONS and not facts.patients)


def decide(request: Request, facts: Facts, evidence: Evidence | None, policy: Policy) -> Decision:
    """Decides whether the caller may see a resource about one person now. `evidence` None means that the evidence could not be
    loaded, which denies.

    For a resource about several people use `decide_all`. Never raises.
    """
    decision = _whole(request, facts, evidence, policy)
    if decision.permit and (facts.inline or facts.sections) and decision.reasons[0] is not CUSTODIAN:
        return _less_parts(decision, request, facts, evidence, policy)
    return decision


def decide_all(request: Request, facts: Facts, evidence: Mapping[str, Evidence], policy: Policy) -> Decision:
    """`decide` for every person a resource is about: the resource is permitted when it is permitted for each of them. `evidence`
    is keyed by Patient reference.
    """
    if len(facts.patients) < 2:
        return decide(request, facts, evidence.get(facts.patients[0]) if facts.patients else None, policy)
    each = [decide(request, facts, evidence.get(patient), policy) for patient in facts.patients]
    denied = [decision for decision in each if not decision.permit]
    first, *others = denied or each
    return replace(
        first,
        reasons=tuple(dict.fromkeys(reason for decision in (first, *others) for reason in decision.reasons)),
        redactions=tuple(dict.fromkeys(item for decision in each for item in decision.redactions)) if not denied else (),
        obligations=tuple(dict.fromkeys(item for decision in each for item in decision.obligations)) if not denied else (),
        consents=tuple(dict.fromkeys(ref for decision in each for ref in decision.consents)),
    )


def own(user: str, organization: str, custodian: str, policy: Policy) -> Decision | None:
    """The decision on an agency's own record, which needs no evidence about the person; None for any other record."""
    if not custodian or custodian != organization or user.startswith(PEOPLE):
        return None
    return Decision(True, (CUSTODIAN,), policy.name)


def _whole(request: Request, facts: Facts, evidence: Evidence | None, policy: Policy) -> Decision:
    """The decision on the resource as a whole."""
    person = request.user.startswith(PEOPLE)
    if facts.custodian and not person and (facts.custodian == request.organization or facts.custodian in request.principals):
        return Decision(True, (CUSTODIAN,), policy.name)
    if is_public(facts):
        return Decision(True, (PUBLIC,), policy.name)
    if not facts.patients:
        return Decision(False, (UNKNOWN_SUBJECT,), policy.name)
    if person:
        # A person is no agency's staff: the access of the organisation that runs their app is not theirs.
        row, *_ = (*barred(request, facts, policy), _own(request, facts))
        return Decision(row.permit, (row,), policy.name)
    if evidence is None:
        return Decision(False, (NOT_LOADED,), policy.name)
    return _layers(request, facts, evidence, policy)


def _own(request: Request, facts: Facts) -> Reason:
    if not request.self_access.issuperset(facts.patients):
        return NOT_THEIRS
    return WITHHELD if facts.marks else OWN_RECORD


def _layers(request: Request, facts: Facts, evidence: Evidence, policy: Policy) -> Decision:
    now = milliseconds(request.now)
    rows: list[Reason] = agreed(request, facts, evidence, policy, now)
    duties: tuple[str, ...] = ()
    strong, weak = granted(request, facts, evidence, now) if evidence.grants else ((), ())
    if strong:
        rows += [_grant_row(grant) for grant in strong]
        duties = LAWFUL_DUTIES if strong[0].kind == BY_BASIS else OVERRIDE_DUTIES
    spoke = spoken(request, facts, evidence, policy, now)
    if spoke:
        said = [reason for _, reason in spoke]
        rows += sorted(said, key=_DENIALS_FIRST) if len(said) > 1 else said
    elif weak:
        rows += [_grant_row(grant) for grant in weak]
        duties = duties or LAWFUL_DUTIES
    else:
        row = default(request, facts, policy)
        rows.append(policy.sources[row.id] if row else NOT_LOADED)
        duties = duties or (row.obligations if row else ())
    permit = rows[0].permit
    return Decision(permit, tuple(rows), policy.name, (), duties if permit else (), tuple([ref for ref, _ in spoke]))


_DENIALS_FIRST = attrgetter("permit")


def _grant_row(grant: Grant) -> Reason:
    words = (
        "A lawful basis is recorded for this record" if grant.kind == BY_BASIS else f"An override (`{grant.kind}`) is in force"
    )
    return Reason("L2", True, grant.ref, f"{words}.")


def default(request: Request, facts: Facts, policy: Policy) -> PolicyRow | None:
    """The first row of the policy whose conditions hold: the default where no Consent permits or denies (L5)."""
    for row in policy.defaults:
        if row.sectors and request.sector not in row.sectors:
            continue
        if row.purposes and not (request.purposes and row.purposes.issuperset(request.purposes)):
            continue
        if row.labels and row.labels.isdisjoint(facts.labels):
            continue
        if row.ceiling and not _below(row, request.sector, facts):
            continue
        return row
    return None


def _below(row: PolicyRow, sector: str, facts: Facts) -> bool:
    if facts.confidentiality:
        return facts.confidentiality <= row.ceiling
    # Not every sector may take an unlabelled record as normal, and a record with a sensitivity label alone is restricted (R).
    sensitive = any("|" not in label for label in facts.labels)
    return row.ceiling >= RANK["R"] if sensitive else sector in row.unlabelled


def _less_parts(decision: Decision, request: Request, facts: Facts, evidence: Evidence | None, policy: Policy) -> Decision:
    """The decision with a redaction for every part of the permitted resource that would be denied if it stood alone: by inline
    label, or by section code.
    """
    redactions = [
        Redaction("label", label)
        for label in facts.inline
        if not _whole(request, _labelled(facts, label), evidence, policy).permit
    ]
    redactions += [
        Redaction("section", code)
        for code in facts.sections
        if not _whole(request, replace(facts, codes=(*facts.codes, code)), evidence, policy).permit
    ]
    return replace(decision, redactions=tuple(redactions)) if redactions else decision


def labelled_as(facts: Facts, other: Facts) -> Facts:
    """The facts of one version with the labels of another version of the same record added. A label on a part of the other
    version that no part of this version carries labels the whole record, because nothing says which part it was.
    """
    found = replace(facts, confidentiality=max(facts.confidentiality, other.confidentiality))
    found = replace(found, labels=(*facts.labels, *other.labels), marks=(*facts.marks, *other.marks))
    return reduce(_labelled, (label for label in other.inline if label not in facts.inline), found)


def _labelled(facts: Facts, label: str) -> Facts:
    code = label.removeprefix(CONFIDENTIALITY + "|")
    if label != code and code in RANK:
        return replace(facts, confidentiality=max(facts.confidentiality, RANK[code]))
    marks = (*facts.marks, MARKS[label]) if label in MARKS else facts.marks
    return replace(facts, labels=(*facts.labels, label), marks=marks)
