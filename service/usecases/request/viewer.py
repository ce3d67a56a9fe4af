"""The Viewer: every record that leaves the service passes `reveal`, which checks the scopes, asks for the consent decision, and
redacts.

Only the modules that `tests/structure/test_consent_path.py` lists read patient data from the store. The test gives each module's
reason: the module decides about the data before the data leaves, or the data never leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from service.auth.scopes import Permission
from service.change import Resource
from service.consent.decide import DEFINITIONS, decide_all, labelled_as, own
from service.consent.facts import Facts
from service.consent.policy import Agreement
from service.consent.reasons import Decision, Reason, Redaction
from service.consent.redact import redact
from service.consent.request import Evidence, Request
from service.fhir.canonical import TASK_CODE
from service.fhir.index import Index
from service.fhir.json import dump
from service.fhir.json import parse as parse_json
from service.fhir.query import Identity, Key, Query, Test, matches
from service.fhir.reference import key, type_of, unversioned
from service.fhir.search import parse
from service.problem import Category, Problem, Refused, problem
from service.store.records import Row
from service.store.search import sees
from service.store.turn import give_way
from service.store.visible import Visible
from service.usecases.request.directory import Acting
from service.usecases.request.evidence import Person
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.telling import as_told

# A Task with a code of ours is visible to its two agencies (HOV-11); a Communication is visible to its recipients.
ADDRESSED = frozenset({"Task", "Communication"})
# A meeting and its agenda are of nobody, and are read by who takes part (E1).
MEETINGS = frozenset({"Encounter", "List"})
TOLD = Reason("HOV-11", True, "care-rules#HOV-11", "The record is addressed to the caller's agency.")
HEARD = Reason("2.8", True, "consent-rules#2.8", "The caller's agency was told of this Consent, to verify it with the person.")
ACCOUNTED = Reason("L0", False, "security#4", "The audit log is its custodian's; a person asks `$access-history`.")
NOBODY = Evidence()
READS = frozenset("rs")
TURN = 50
"""How many rows are decided in one go, before the requests of other clients have their turn."""
NOBODY_AT_ALL = "Patient/"
ANY = Visible(everything=True)
MANY = Visible(everything=True)
"""What a search of an agency with many people looks at: everything, of which it keeps what is of its people."""
NOT_TOLD = Reason("HOV-11", False, "care-rules#HOV-11", "The record is between two other agencies.")


@dataclass(frozen=True, slots=True)
class Shown:
    """A record that the reader may see. `body` is its canonical JSON without the parts withheld from the reader."""

    row: Row
    body: bytes
    decision: Decision


@dataclass(slots=True)
class Viewer:
    """Decides what one request may see. `own` are the caller's own Patients (L1), `in_context` the Patients of the person in the
    token's patient context. A request makes its Viewer once, with `viewer_of`. `known` are the persons that a unit of work has
    looked at; None where each look is to be the newest."""

    services: Services
    context: RequestContext
    acting: Acting
    own: frozenset[str]
    in_context: frozenset[str]
    known: dict[str, Person] | None = None
    _queries: dict[tuple[str, Permission], Query] = field(default_factory=dict)
    _towards: dict[tuple[int, str], tuple[Person | None, Evidence, Request]] = field(default_factory=dict)

    async def reveal(self, rows: Sequence[Row], verb: str) -> list[Shown]:
        """The rows that the caller may see, redacted, in the order given. `verb` is the SMART letter of the interaction.

        Where there is nothing to look at, a record of nobody is decided on, so that a hidden record takes no more time than an
        absent one."""
        rows = [row for row in rows if parted(row) or self.in_scope(row, verb)]
        if not rows:
            await self._nothing()
        patients = {patient: None for row in rows if self._own(row) is None for patient in row.patients}
        persons = await self.persons(patients) if patients else {}
        shown = []
        for number, row in enumerate(rows, start=1):
            if number % TURN == 0:
                await give_way()
            decision = self.decide(row, persons)
            self.services.tally.decisions[decision.reasons[0].row, decision.permit] += 1
            if decision.permit:
                each = Shown(row, _body(row, decision.redactions), decision)
                if not parted(row) or self.in_scope(row, verb, self.left(each)):
                    shown.append(each)
        bodies = await as_told(self, [each.row for each in shown], [each.body for each in shown])
        told = [each if each.body is body else replace(each, body=body) for each, body in zip(shown, bodies, strict=True)]
        return [
            each
            for before, each in zip(shown, told, strict=True)
            if each is before or self.in_scope(each.row, verb, self.left(each))
        ]

    async def persons(self, patients: Iterable[str]) -> dict[str, Person]:
        """The Persons whom these Patient references stand for, as this request looks at them."""
        if self.known is None:
            return await self.services.evidence.persons(patients)
        return await seen(self.services, patients, self.known)

    async def _nothing(self) -> None:
        """Does the work of a decision on one hidden record, and decides nothing."""
        nobody = await self.services.evidence.person(NOBODY_AT_ALL)
        _, evidence, request = self.toward(nobody, "")
        decide_all(request, Facts("Basic", "", (NOBODY_AT_ALL,)), {NOBODY_AT_ALL: evidence}, self.services.policy)

    async def reveal_past(self, rows: Sequence[Row], current: Row, verb: str) -> list[Shown]:
        """The versions of a record that the caller may see, redacted. A version is decided twice: by its own content and
        custodian, and again with the labels that the record carries now. A caller therefore cannot avoid a later label by reading
        an earlier version."""
        shown = await self.reveal(rows, verb)
        persons = await self.services.evidence.persons(patient for each in shown for patient in each.row.patients)
        return [each for each in shown if self.decide(as_now(each.row, current), persons).permit]

    def left(self, shown: Shown) -> Index:
        """The Index of a record's shown parts. The withheld parts can be neither searched for, nor followed, nor sorted by."""
        if shown.body is shown.row.body:
            return shown.row.index
        resource = parse_json(shown.body, max_depth=self.services.settings.max_depth)
        assert not isinstance(resource, Problem), "INVARIANT: what is shown was stored as sound JSON"
        told = [key for key in shown.row.index.keys if key.startswith(("owner-organization=", "worklist="))]
        return self.services.indexer.index(resource, told)

    def permits(self, rows: Sequence[Row], persons: Mapping[str, Person]) -> bool:
        """Whether consent lets the caller see all of these rows, whatever the caller's scopes. Rules ask so before a record may
        be referred to."""
        return all(not row.deleted and self.decide(row, persons).permit for row in rows)

    def may_write(self, resource: Resource, patients: Sequence[str], verb: str) -> bool:
        """Whether some scope lets the caller write this content. `patients` empty: the Patients of the content."""
        rules = self.context.caller.scopes.grants(resource["resourceType"], verb)
        if any(rule.context != "patient" and not rule.params for rule in rules):
            return True
        index = self.services.indexer.index(resource)
        return any(self._fits(rule, index, patients or index.patients) for rule in rules)

    def in_scope(self, row: Row, verb: str, left: Index | None = None) -> bool:
        """Whether some scope lets the caller use `verb` on this row's content, or on the shown parts when `left` is their
        Index."""
        rules = self.context.caller.scopes.grants(row.type, verb)
        return any(self._holds(rule, row, verb, left) for rule in rules)

    def _holds(self, rule: Permission, row: Row, verb: str, left: Index | None) -> bool:
        # An app for one patient reads definitions too: the Questionnaire that it is to have answered, for example.
        defines = verb in READS and row.type in DEFINITIONS and not row.patients
        if rule.context == "patient" and not defines and not self.in_context.intersection(row.patients):
            return False
        return not rule.params or matches(self._query(row.type, rule), left or row.index)

    def _fits(self, rule: Permission, index: Index, patients: Sequence[str]) -> bool:
        """Whether a scope allows the write of a content. A `patient/` scope requires that every Patient of the content is the
        patient in context: consent decides about a read for all its patients, but not about a write."""
        if rule.context == "patient" and not (patients and self.in_context.issuperset(patients)):
            return False
        return not rule.params or matches(self._query(index.type, rule), index)

    def _query(self, kind: str, rule: Permission) -> Query:
        key = (kind, rule)
        if key not in self._queries:
            parsed = parse(kind, rule.params, self.services.indexer.parameters)
            if isinstance(parsed, Problem):
                raise Refused(replace(parsed, category=Category.SCOPE))
            self._queries[key] = parsed
        return self._queries[key]

    def decide(self, row: Row, persons: Mapping[str, Person]) -> Decision:
        """The decision about one record. Consent and policy must permit the record for every person that the record is about."""
        if (kept := self._own(row)) is not None:
            return kept
        caller = self.context.caller
        if row.type in ADDRESSED and row.custodian != caller.organization and not caller.personal:
            told = self._addressed(row)
            if told is not None:
                return Decision(told, (TOLD if told else NOT_TOLD,), self.services.policy.name)
        if row.type in MEETINGS and not row.patients and not caller.personal and self.named(row):
            return Decision(True, (TOLD,), self.services.policy.name)
        if row.type == "Consent" and not caller.personal and self.named(row):
            return Decision(True, (HEARD,), self.services.policy.name)
        if row.type == "AuditEvent" and (row.custodian != caller.organization or caller.personal):
            return Decision(False, (ACCOUNTED,), self.services.policy.name)
        facts = Facts.from_row(row.facts, row.custodian)
        evidence = {patient: self.toward(persons[patient], row.custodian)[1] for patient in row.patients}
        request = self.toward(persons[row.patients[0]] if row.patients else None, row.custodian)[2]
        return decide_all(request, facts, evidence, self.services.policy)

    def _own(self, row: Row) -> Decision | None:
        """The decision on a record of the caller's own agency, which needs no evidence about the person; None for other
        records."""
        caller = self.context.caller
        return own(caller.user, caller.organization, row.custodian, self.services.policy)

    def toward(self, person: Person | None, custodian: str) -> tuple[Person | None, Evidence, Request]:
        """The Evidence about a person for the records of one custodian and the Request about the person, made once for all
        records of a search. Both are kept by the identity of the Person value: a Person loaded again gets new Evidence."""
        key = id(person), custodian
        known = self._towards.get(key)
        if known is None:
            told = evidence_of(person, custodian, self.acting.agreement, self.context.at) if person else NOBODY
            known = self._towards[key] = (person, told, self.request(person))
        return known

    def _addressed(self, row: Row) -> bool | None:
        """Whether a Task or Communication is addressed to the caller's agency: False when the agency is none of its parties, None
        when consent decides instead, about a Task that has no code of ours."""
        if not self.named(row):
            return False
        ours = row.type == "Communication" or any(key.startswith(f"code={TASK_CODE}|") for key in row.index.keys)
        return True if ours else None

    def named(self, row: Row) -> bool:
        """Whether the caller's agency is among those that a record is addressed to."""
        return any(party.organization == self.context.caller.organization for party in row.parties)

    def request(self, person: Person | None = None, purposes: tuple[str, ...] = ()) -> Request:
        """The consent Request that the caller makes about a person, for `purposes` or else for the first of the caller's
        registered purposes."""
        caller = self.context.caller
        teams, patients = (person.teams, person.patients) if person else ((), frozenset[str]())
        return Request(
            principals=self.acting.principals(self.context.at, teams, patients),
            organization=caller.organization,
            sector=self.acting.sector,
            purposes=purposes or caller.purposes[:1],
            action="access",
            now=self.context.at,
            user=caller.user,
            self_access=self.own,
        )

    async def visible(self, kind: str, query: Query) -> Visible:
        """The rows that a search may look at. Every row found is still decided separately, so the filter may be wide. A search
        about named Patients, for named records, or for what the agency owns does not read the agency's relations: its few rows
        are found as a read finds them. Nor does the search of an agency with many: it looks at everything, and `related` tells
        which of the rows found are those of its people."""
        caller = self.context.caller
        rules = caller.scopes.grants(kind, "s")
        if self.own or all(rule.context == "patient" for rule in rules):
            return Visible(patients=tuple(self.own or self.in_context), public=kind in DEFINITIONS)
        if (names_records(query) and kind != "AuditEvent") or owned(query, caller.organization):
            return ANY
        about = named(query, self.services.indexer.parameters.personal(kind)) if kind != "Patient" else ()
        if about:
            return Visible(caller.organization, about, public=True, narrow=True)
        few = await self.services.relations.few(caller.organization, self.context.at)
        if few is None and kind == "AuditEvent":
            few = await self.services.relations.patients(caller.organization, self.context.at)
        return Visible(caller.organization, tuple(few), public=True) if few is not None else MANY

    async def listed(self, visible: Visible) -> Visible:
        """The rows that a search may look at with all people of the agency listed, for what has to be counted or sorted whole."""
        if visible is not MANY:
            return visible
        organization = self.context.caller.organization
        patients = await self.services.relations.patients(organization, self.context.at)
        return Visible(organization, tuple(patients), public=True)

    async def related(self, rows: Sequence[Row]) -> list[Row]:
        """Those of these rows that a search of an agency with many people may look at."""
        organization = self.context.caller.organization
        patients = {patient for row in rows for patient in row.patients}
        known = await self.services.relations.among(organization, patients, self.context.at) if patients else ()
        return [row for row in rows if sees(Visible(organization, tuple(known), public=True), row)]


def names_records(query: Query) -> bool:
    """Whether a query asks for records by id or by whole identifier. Such a query finds few records."""
    return any(term.asked in ("_id", "identifier") and all(map(_names_one, term.tests)) for term in query.terms)


def _names_one(test: Test) -> bool:
    return isinstance(test, Identity) or (isinstance(test, Key) and not test.key.endswith("|"))


def owned(query: Query, organization: str) -> bool:
    """Whether a query asks for what an organisation owns, or for its worklist. It is told of all that is on either."""
    keys = [(Key(f"{name}={organization}"),) for name in ("owner-organization", "worklist")]
    return any(term.tests in keys and not term.negated for term in query.terms)


def named(query: Query, parameters: Collection[str]) -> tuple[str, ...]:
    """The Patients that a query names with a parameter of those to whom records belong; empty when it names none."""
    starts = tuple(f"{name}=Patient/" for name in parameters)
    for term in query.terms:
        keys = [test.key for test in term.tests if isinstance(test, Key)]
        if keys and len(keys) == len(term.tests) and not term.negated and all(key.startswith(starts) for key in keys):
            return tuple(unversioned(each.partition("=")[2]) for each in keys)
    return ()


def evidence_of(person: Person, custodian: str, agreement: Agreement | None, at: datetime) -> Evidence:
    """The Evidence about a person at an instant, for the records that `custodian` keeps and a recipient with this sharing
    agreement."""
    related = person.related(custodian, at)
    return Evidence(
        consents=person.heard(custodian),
        relationships=related,
        agreement=agreement,
        grants=person.grants,
        patients=person.patients,
        representatives=person.representatives(at),
        links=person.links,
    )


async def seen(services: Services, patients: Iterable[str], known: dict[str, Person]) -> dict[str, Person]:
    """The Persons whom these Patient references stand for: those that are known, and the others, which are known from then on."""
    asked = list(dict.fromkeys(patients))
    if unknown := [patient for patient in asked if patient not in known]:
        known |= await services.evidence.persons(unknown)
    return {patient: known[patient] for patient in asked}


async def viewer_of(services: Services, context: RequestContext, known: dict[str, Person] | None = None) -> Viewer:
    """The Viewer of a request. Loads the caller's organisations, groups, sharing agreement and own Patients."""
    await services.directory.refresh(context.directory)
    caller = context.caller
    acting = await services.directory.acting(caller)
    user = type_of(caller.user)
    own = await _own(services, context, user)
    in_context = (await services.evidence.person(caller.patient)).records if caller.patient else frozenset()
    return Viewer(services, context, acting, own, in_context, known)


async def _own(services: Services, context: RequestContext, kind: str) -> frozenset[str]:
    """The Patients that are the caller's own record, or whom the caller may act for (L1)."""
    user = context.caller.user
    if kind == "Patient":
        return (await services.evidence.person(user)).records
    if kind != "RelatedPerson":
        return frozenset()
    row = await services.records.read(*key(user))
    if row is None or row.deleted or not row.patients:
        return frozenset()
    person = await services.evidence.person(row.patients[0])
    return person.records if user in person.representatives(context.at) else frozenset()


def as_now(row: Row, current: Row) -> Row:
    """The version with its own labels and also the labels that its record carries now."""
    return replace(row, facts=labelled_as(Facts.from_row(row.facts), Facts.from_row(current.facts)).to_row())


def parted(row: Row) -> bool:
    """Whether a record has parts that may be withheld from a reader. A query or scope is tested on the shown parts of such a
    record."""
    return "n" in row.facts or "s" in row.facts


def allowed(context: RequestContext, kind: str, verb: str) -> tuple[Permission, ...]:
    """The token's scope rules for a verb on a type. Refuses when the token has none (security rules, section 2)."""
    rules = context.caller.scopes.grants(kind, verb)
    usable = tuple(rule for rule in rules if rule.context != "patient" or context.caller.patient)
    if not usable:
        text = (
            f"The token's scopes do not allow this on `{kind}`; ask for `system/{kind}.{verb}` or its `user/` or `patient/` form."
        )
        raise Refused(problem(Category.SCOPE, "forbidden", text))
    return usable


def absent(kind: str, identity: str) -> Refused:
    """The refusal for an absent record and for a hidden record, the same word for word."""
    return Refused(problem(Category.ABSENT, "not-found", f"There is no `{kind}/{identity}` here that you may see; check the id."))


def _body(row: Row, redactions: Iterable[Redaction]) -> bytes:
    redactions = tuple(redactions)
    return dump(redact(row.resource, redactions)) if redactions else row.body
