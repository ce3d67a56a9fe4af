"""A proposed write, the general checks on a proposed write, and the rule of types that have no care rule."""

from __future__ import annotations

from dataclasses import dataclass

from service.care.identity_review.review import is_review
from service.change import Resource
from service.consent.facts import Facts
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

# Types for which agencies answer: a caller that is a person may not write them.
AGENCIES = frozenset(
    {"CarePlan", "CareTeam", "EpisodeOfCare", "Task", "Patient", "RelatedPerson", "ServiceRequest", "Communication", "Provenance"}
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed write. `resource` is valid FHIR; `row` is the stored record that the write would replace, None for a new record.
    `verb` is the SMART letter of the interaction; `keys` are unique keys that the record will hold."""

    resource: Resource
    row: Row | None
    verb: str
    keys: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The resource type."""
        return str(self.resource["resourceType"])

    @property
    def before(self) -> Resource | None:
        """The stored resource that the write would replace; None for a new or deleted record."""
        return None if self.row is None or self.row.deleted else self.row.resource


async def store(work: UnitOfWork, _: Viewer, proposal: Proposal) -> str:
    """The write rule of a type that has no rule of its own: only the custodian writes the record. Returns the reference."""
    custodian_only(work, proposal)
    if proposal.row is None:
        return work.create(proposal.resource, work.context.caller.organization, keys=proposal.keys)
    return work.update(proposal.resource, proposal.row.version, proposal.row.custodian, keys=proposal.keys)


def personal(viewer: Viewer, proposal: Proposal) -> None:
    """Refuses a write by a person (not staff) about another person, of an agency's type, or of a record that the person did not
    write. A person's app may belong to an agency, but the person is not the agency's staff."""
    if not viewer.context.caller.personal:
        return
    patients = viewer.services.indexer.patients(proposal.resource)
    if proposal.row is not None and proposal.type == "Task" and is_review(proposal.row.resource):
        return  # whom the person is, the person may say (IDN-1)
    if proposal.type in AGENCIES or not patients or not viewer.own.issuperset(patients):
        text = f"A person writes about themselves, and no `{proposal.type}` of an agency; ask the agency to write it."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule="L1"))
    if proposal.row is not None and proposal.type != "Consent" and not _wrote(viewer, proposal.row):
        text = "A person changes only what they wrote themselves; ask the agency to correct its record."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule="L1"))


def _wrote(viewer: Viewer, row: Row) -> bool:
    return bool({*viewer.own, viewer.context.caller.user}.intersection(Facts.from_row(row.facts).authors))


async def sees(work: UnitOfWork, viewer: Viewer, ref: str) -> bool:
    """Whether the writer may see a record that the write refers to, as stored or as staged: what a decision rests on is visible
    to whom it is decided for, so that hidden and absent are refused alike."""
    if ref in work.staged:
        return not work.staged[ref].deleted
    row = await work.row(ref) if ref else None
    return row is not None and viewer.permits([row], await work.services.evidence.persons(row.patients))


def custodian_only(work: UnitOfWork, proposal: Proposal) -> None:
    """Refuses a write to a record of which another agency is the custodian (IDN-3)."""
    row = proposal.row
    if row is not None and row.custodian != work.context.caller.organization:
        text = f"`{row.reference}` is another agency's record; only its custodian writes it."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule="IDN-3"))
