"""`Patient/{id}/$disclose` (consent rules, section 4): says which of an agency's records another agency may have, and releases
them.

Load: the caller's own agency's records of the person that were asked for. Decide: each record for the recipient. Commit: the
disclosure records, one for each authority. Records are given only after the commit: there is no release without its disclosure
record.
"""

from __future__ import annotations

from service.change import Resource
from service.fhir.operation import Given, Input, given
from service.fhir.reference import relative, target
from service.problem import Category, Issue, Problem, Refused, problem
from service.store.records import Row
from service.usecases.disclosure import release, selection
from service.usecases.disclosure.release import DisclosureRequest, Plan, Teller
from service.usecases.disclosure.selection import RULE
from service.usecases.request.audit import event, note
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, absent, allowed, viewer_of
from service.usecases.request.work import UnitOfWork, decided_again

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


async def disclose(services: Services, context: RequestContext, identity: str, parameters: Resource) -> bytes:
    """The answer as canonical JSON: Parameters; for a release with the Bundle of records and the disclosure records."""
    asked = _asked(services, context, parameters)
    _scopes(context, asked)
    _agency(context)
    return await decided_again(context, lambda at: _disclosed(services, at, identity, asked))


async def _disclosed(services: Services, context: RequestContext, identity: str, asked: DisclosureRequest) -> bytes:
    viewer, work = await viewer_of(services, context), UnitOfWork(services, context)
    plan = await _plan(viewer, work, await _patient(viewer, identity), asked)
    if not asked.release:
        await _tell(viewer, plan, permitted=True)
        return await release.previewed(viewer, plan)
    if not plan.shared:
        await _tell(viewer, plan, permitted=False)
        raise Refused(_nothing(plan))
    return await release.released(viewer, work, plan)


def _asked(services: Services, context: RequestContext, parameters: Resource) -> DisclosureRequest:
    found = given(parameters, INPUTS)
    if isinstance(found, Problem):
        raise Refused(found)
    issues = [*selection.faults(services, found, _place), *_mode(found)]
    recipient = relative(target(found["recipient"][0]), context.base)
    if not recipient.startswith("Organization/"):
        issues.append(_issue("recipient", "The recipient is one Organization; give its reference."))
    if issues:
        raise Refused(Problem(Category.MALFORMED, tuple(issues)))
    return selection.wanted(services, found, recipient, release=found["mode"][0] == "release")


def _mode(found: Given) -> list[Issue]:
    return [] if found["mode"][0] in MODES else [_issue("mode", "`mode` is `preview` or `release`.")]


def _issue(name: str, text: str) -> Issue:
    return Issue("value", text, _place(name), RULE)


def _place(name: str) -> str:
    return f"Parameters.parameter.where(name = '{name}')"


def _scopes(context: RequestContext, asked: DisclosureRequest) -> None:
    """Refuses a token without the scopes to read every type that is returned, and to create the disclosure record."""
    for kind in ("Patient", *asked.types):
        allowed(context, kind, "r")
    if asked.release:
        allowed(context, "Communication", "c")


def _agency(context: RequestContext) -> None:
    """Refuses a person as the caller: an agency answers for its disclosures, and a person shares their record by a Consent."""
    if context.caller.personal:
        text = "Records are disclosed by the agency that keeps them; give a Consent, and ask the agency to disclose."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule=RULE))


async def _patient(viewer: Viewer, identity: str) -> Row:
    """The Patient, which the caller must see. An absent Patient and a hidden Patient are refused alike (ABSENT)."""
    row = await viewer.services.records.read("Patient", identity)
    shown = await viewer.reveal([row], "r") if row else []
    if row is None or not shown or row.deleted:
        await note(viewer.services, viewer.context, "E", f"Patient/{identity}/$disclose", [])
        raise absent("Patient", identity)
    return row


async def _plan(viewer: Viewer, work: UnitOfWork, patient: Row, asked: DisclosureRequest) -> Plan:
    services, context = viewer.services, viewer.context
    agency = context.caller.organization
    if asked.recipient == agency:
        text = "The recipient is your own agency, which needs no disclosure to read its own records; name another."
        raise Refused(problem(Category.RULE, "business-rule", text, expression=_place("recipient"), rule=RULE))
    to = await selection.partner(services, context, asked, _place)
    basis = selection.basis_of(asked, (viewer.acting.sector, to), _place)
    shown = await viewer.reveal(await selection.candidates(services, agency, patient.reference, asked), "r")
    items = await selection.judged(services, context, asked, basis, [each.row for each in shown], work=work)
    user = context.caller.user
    sender = user if user.startswith("PractitionerRole/") else agency
    door = f"{patient.reference}/$disclose?mode={'release' if asked.release else 'preview'}"
    return Plan(asked, patient.reference, basis, items, Teller(agency, sender, door))


async def _tell(viewer: Viewer, plan: Plan, *, permitted: bool) -> None:
    """Writes the AuditEvent of a preview or of a refused release, which give no records. Returns when the AuditEvent is durable;
    the caller must not answer before."""
    context = viewer.context
    what = f"{plan.teller.door}#{plan.asked.recipient}"
    why = " ".join(sorted({item.why.source for item in plan.items}))
    told = event(context, "E", what, permitted=permitted, why=why, patients=[plan.patient])
    await viewer.services.trail.note(told, at=context.at, custodian=context.caller.organization)


def _nothing(plan: Plan) -> Problem:
    """The refusal of a release without any permitted record, with every reason for withholding."""
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
        RULE,
    )
    return Problem(Category.RULE, issues or (empty,))
