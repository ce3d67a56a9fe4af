"""The register of agencies and their sharing agreements. Without a live agreement nothing is sent or shown to an agency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.problem import Category, Refused, problem
from service.store.generations import DIRECTORY, GENERATIONS
from service.store.mongo import Mongo, Session, reached, reaching

PARTNERS = "partners"
SECTORS = frozenset({"health", "social-care", "housing", "voluntary", "police", "employer", "other"})


@dataclass(frozen=True, slots=True)
class Partner:
    """An agency and its sharing agreement.

    `purposes` are v3-ActReason codes; `categories` are types of information, empty for all types. The agreement begins at
    `start` and stands until just before `end`; None is an open end. `contacts` are the PractitionerRoles that the agency's
    escalation levels name, first level first (HOV-7), and `duty` whom escalations reach while nobody else is available (ESC-1).
    `identity_authority`: its own Patients confirm who other agencies'
    Patients are (IDN-1). `namespaces` are the identifier systems that are its alone (IDN-7). `senior` is the PractitionerRole
    that approves what its front door decides about a borderline referral (E4). `locality_lead` is the PractitionerRole of the
    agency that leads the locality, '' for every other agency (GOV-4). `added_by` and `added_at` say who registered the
    agency and when.
    """

    organization: str
    sector: str
    purposes: tuple[str, ...] = ("TREAT",)
    categories: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    added_by: str = ""
    added_at: datetime | None = None
    contacts: tuple[str, ...] = ()
    identity_authority: bool = False
    namespaces: tuple[str, ...] = ()
    senior: str = ""
    locality_lead: str = ""
    duty: str = ""

    def live(self, at: datetime) -> bool:
        """Whether the agreement stands at this instant."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)


def _document(partner: Partner) -> dict[str, Any]:
    return {
        "_id": partner.organization,
        "sector": partner.sector,
        "purposes": list(partner.purposes),
        "categories": list(partner.categories),
        "start": partner.start,
        "end": partner.end,
        "by": partner.added_by,
        "at": partner.added_at,
        "contacts": list(partner.contacts),
        "authority": partner.identity_authority,
        "namespaces": list(partner.namespaces),
        "senior": partner.senior,
        "lead": partner.locality_lead,
        "duty": partner.duty,
    }


def _partner(document: Mapping[str, Any]) -> Partner:
    return Partner(
        organization=document["_id"],
        sector=document["sector"],
        purposes=tuple(document["purposes"]),
        categories=tuple(document["categories"]),
        start=document["start"],
        end=document["end"],
        added_by=document["by"],
        added_at=document["at"],
        contacts=tuple(document.get("contacts", ())),
        identity_authority=bool(document.get("authority")),
        namespaces=tuple(document.get("namespaces", ())),
        senior=document.get("senior", ""),
        locality_lead=str(document.get("lead", "")),
        duty=document.get("duty", ""),
    )


@reached
class Partners:
    """The register of partners. Every change of the register raises the generation `directory` in the same transaction."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def prepare(self) -> None:
        """Makes the collections of the register."""
        await self._mongo.ensure_indexes({PARTNERS: (), GENERATIONS: ()})

    async def list(self) -> list[Partner]:
        """Every partner, in the order of the organisation references."""
        async with reaching():
            documents = await self._mongo.collection(PARTNERS).find({}).sort("_id", 1).to_list(None)
        return [_partner(document) for document in documents]

    async def get(self, organization: str) -> Partner | None:
        """The partner with this Organization reference, its agreement live or not; None for an agency not registered."""
        async with reaching():
            document = await self._mongo.collection(PARTNERS).find_one({"_id": organization})
        return _partner(document) if document else None

    async def registrant(self, namespace: str) -> str:
        """The agency that an identifier system is registered to, or ''."""
        async with reaching():
            found = await self._mongo.collection(PARTNERS).find_one({"namespaces": namespace}, {"_id": 1})
        return str(found["_id"]) if found else ""

    async def add(self, partner: Partner, session: Session = None) -> bool:
        """Registers an agency, or replaces its agreement: in the caller's transaction, or in one of its own without a session.
        Always True. Raises Refused INVALID for a sector that is not in `SECTORS`."""
        if session is None:
            return await self._mongo.transaction(lambda own: self.add(partner, own))
        if partner.sector not in SECTORS:
            known = ", ".join(f"`{sector}`" for sector in sorted(SECTORS))
            raise Refused(problem(Category.INVALID, "code-invalid", f"`{partner.sector}` is not a sector: use one of {known}."))
        document = _document(partner)
        await self._mongo.collection(PARTNERS).replace_one({"_id": document["_id"]}, document, upsert=True, session=session)
        await self._bump(session)
        return True

    async def _bump(self, session: Session) -> None:
        await self._mongo.collection(GENERATIONS).update_one({"_id": DIRECTORY}, {"$inc": {"n": 1}}, upsert=True, session=session)
