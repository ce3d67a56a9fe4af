"""A write as somebody proposed it, and what is done with one that no care rule speaks for."""

from __future__ import annotations

from dataclasses import dataclass

from service.change import Resource
from service.consent.facts import Facts
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

# What agencies are answerable for: nobody writes these as a person.
AGENCIES = frozenset(
    {"CarePlan", "CareTeam", "EpisodeOfCare", "Task", "Patient", "RelatedPerson", "ServiceRequest", "Communication", "Provenance"}
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """`resource` is valid FHIR; `row` is what it would replace, None for a new record. `verb` is the SMART
    letter; `keys` are unique."""

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
        """What is stored now."""
        return None if self.row is None or self.row.deleted else self.row.resource


async def store(work: UnitOfWork, _: Viewer, proposal: Proposal) -> str:
    """The rule of a type that has none of its own."""
    custodian_only(work, proposal)
    if proposal.row is None:
        return work.create(proposal.resource, work.context.caller.organization, keys=proposal.keys)
    return work.update(proposal.resource, proposal.row.version, proposal.row.custodian, keys=proposal.keys)


def personal(viewer: Viewer, proposal: Proposal) -> None:
    """Refuses what a person writes about others or in an agency's name: a person is nobody's staff, whoever runs their app."""
    if not viewer.context.caller.personal:
        return
    patients = viewer.services.indexer.patients(proposal.resource)
    if proposal.type in AGENCIES or not patients or not viewer.own.issuperset(patients):
        text = f"A person writes about themselves, and no `{proposal.type}` of an agency; ask the agency to write it."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule="L1"))
    if proposal.row is not None and proposal.type != "Consent" and not _wrote(viewer, proposal.row):
        text = "A person changes only what they wrote themselves; ask the agency to correct its record."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule="L1"))


def _wrote(viewer: Viewer, row: Row) -> bool:
    return bool({*viewer.own, viewer.context.caller.user}.intersection(Facts.from_row(row.facts).authors))


def custodian_only(work: UnitOfWork, proposal: Proposal) -> None:
    """Refuses a write to a record that the caller sees but another agency keeps (IDN-3 and the rest)."""
    row = proposal.row
    if row is not None and row.custodian != work.context.caller.organization:
        text = f"`{row.reference}` is another agency's record; only its custodian writes it."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule="IDN-3"))
