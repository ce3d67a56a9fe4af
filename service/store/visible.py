"""Who may look at a row: the names in its field `vis`, by which a search finds the rows of its caller's agency and people.

A row's names are the agency that keeps it, the agencies among its parties, the Patients to whom it belongs, or `public` where it
belongs to none. They are drawn from the row's other fields and say nothing of their own, so no digest covers them; `baton check`
draws them anew. Pages of the audit ledger have none: they are found by their own fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.store.mongo import Mongo, reaching

VISIBLE = "vis"
PUBLIC = "public"
PAGES = "r.AuditEvent"
Document = Mapping[str, Any]


def names(document: Document) -> list[str]:
    """The names of a row's document."""
    parties = [each["o"] for each in document["parties"]]
    return sorted({document["cust"], *parties, *(document["pts"] or [PUBLIC])})


@dataclass(frozen=True, slots=True)
class Visible:
    """Which rows a caller may look at: those that its `organization` keeps or is a party of, those of `patients`, and with
    `public` those that belong to no patient; `everything` looks at every row.

    `narrow` says that the search itself finds few rows, because it names a record or a person.
    """

    organization: str = ""
    patients: tuple[str, ...] = ()
    public: bool = False
    everything: bool = False
    narrow: bool = False

    @property
    def names(self) -> list[str]:
        """The names of which a visible row has one."""
        return [*([self.organization] if self.organization else []), *self.patients, *([PUBLIC] if self.public else [])]


async def drawn_anew(mongo: Mongo) -> None:
    """Gives every row that was stored without names its names, and takes away the indexes that they replace."""
    belongs: dict[str, Any] = {"$cond": [{"$eq": ["$pts", []]}, [PUBLIC], "$pts"]}
    given = {"$sortArray": {"input": {"$setUnion": [["$cust"], "$parties.o", belongs]}, "sortBy": 1}}
    async with reaching():
        for name in sorted(await mongo.names()):
            if name.startswith("r.") and name != PAGES:
                rows = mongo.collection(name)
                await rows.update_many({VISIBLE: {"$exists": False}}, [{"$set": {VISIBLE: given}}])
                for old in {"pts_lu_id", "cust_lu_id"} & set(await rows.index_information()):
                    await rows.drop_index(old)
