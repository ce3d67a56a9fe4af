"""Whether what a Consent names is here: a recipient that nobody is, or a profile that no record claims, would make a permit or a
denial do nothing without a word (consent rules, section 2.8). What the writer may not see is refused as what is absent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator

from service.consent.check import ENDED_OR_UNFINISHED, RULE
from service.consent.compile import compile_consent
from service.consent.provision import Node
from service.fhir.key import tokens
from service.fhir.reference import name_of, relative, type_of
from service.problem import Issue
from service.usecases.request.proposal import Proposal, sees
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

DIRECTORY = ("Organization", "PractitionerRole", "Practitioner", "HealthcareService")


async def absent(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> tuple[Issue, ...]:
    """One issue for each recipient and each profile of the Consent that is not here."""
    consent = proposal.resource
    if consent.get("status") in ENDED_OR_UNFINISHED:
        return ()
    nodes = dict.fromkeys(_nodes(compile_consent(consent, name_of(consent), work.context.base).roots))
    return tuple(dict.fromkeys([issue for node in nodes async for issue in _of(work, viewer, node)]))


def _nodes(roots: Iterable[Node]) -> Iterator[Node]:
    for node in roots:
        yield node
        yield from _nodes(node.children)


async def _of(work: UnitOfWork, viewer: Viewer, node: Node) -> AsyncIterator[Issue]:
    path = node.reason.source.partition("#")[2]
    named = sorted(node.actors or ())
    bearers = {actor.partition("=")[2] for actor in named if "|" in actor and await _is_here(work, viewer, actor)}
    for actor in named:
        if actor.partition("=")[2] not in bearers and ("|" in actor or not await _is_here(work, viewer, actor)):
            said = actor.partition("=")[2] or actor
            text = f"There is no `{said}` here that you may see; name who receives by a reference or identifier in the directory."
            yield Issue("not-found", text, f"Consent.{path}.actor", RULE)
    for kind in sorted(node.what.kinds if node.what else ()):
        if ":" in kind and "|" not in kind and work.services.definitions.structure(kind) is None:
            text = f"`{kind}` is no profile that is known here; name one of `StructureDefinition`, or a type of record."
            yield Issue("not-found", text, f"Consent.{path}.class", RULE)


async def _is_here(work: UnitOfWork, viewer: Viewer, actor: str) -> bool:
    if "|" in actor:
        kind, _, identifier = actor.partition("=")
        system, _, value = identifier.rpartition("|")
        named = tokens("identifier", system, value)[1]
        return kind in DIRECTORY and bool(await work.services.holdings.having(kind, named))
    if not relative(actor):
        return True  # the check of the Consent's content has refused it
    return await work.get(actor) is not None if type_of(actor) in DIRECTORY else await sees(work, viewer, actor)
