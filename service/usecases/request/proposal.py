"""A proposed write, the general checks on a proposed write, and the rule of types that have no care rule."""

from __future__ import annotations

from dataclasses import dataclass

from service.change import Resource
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


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


async def sees(work: UnitOfWork, viewer: Viewer, ref: str) -> bool:
    """Whether the writer may see a record that the write refers to, as stored or as staged: what a decision rests on is visible
    to whom it is decided for, so that hidden and absent are refused alike."""
    if ref in work.staged:
        return not work.staged[ref].deleted
    row = await work.row(ref) if ref else None
    return row is not None and viewer.permits([row], await work.seen(row.patients))


def custodian_only(work: UnitOfWork, proposal: Proposal) -> None:
    """Refuses a write to a record of which another agency is the custodian (IDN-3)."""
    row = proposal.row
    if row is not None and row.custodian != work.context.caller.organization:
        text = f"`{row.reference}` is another agency's record; only its custodian writes it."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule="IDN-3"))
