"""A write as somebody proposed it, and what is done with one that no care rule speaks for."""

from __future__ import annotations

from dataclasses import dataclass

from service.change import Resource
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.access import Eyes
from service.usecases.work import Work


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


async def store(work: Work, _: Eyes, proposal: Proposal) -> str:
    """The rule of a type that has none of its own."""
    custodian_only(work, proposal)
    if proposal.row is None:
        return work.create(proposal.resource, work.session.caller.organization, keys=proposal.keys)
    return work.update(proposal.resource, proposal.row.version, proposal.row.custodian, keys=proposal.keys)


def custodian_only(work: Work, proposal: Proposal) -> None:
    """Refuses a write to a record that the caller sees but another agency keeps (IDN-3 and the rest)."""
    row = proposal.row
    if row is not None and row.custodian != work.session.caller.organization:
        text = f"`{row.reference}` is another agency's record; only its custodian writes it."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule="IDN-3"))
