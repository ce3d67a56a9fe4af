"""The policy that decides where no Consent permits or denies: defaults by sector, purpose and label, as a versioned value.
Shipped: UK and US.

Rows are read from the top; the first row whose conditions all hold decides (consent-rules, layer L5). A policy of which no row
holds denies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from service.consent.reasons import Reason
from service.consent.terms import NORMAL, RANK, STANDARD, Terminology
from service.fhir.canonical import RECORD_MARK

LEGALLY_BARRED = f"{RECORD_MARK}|legally-barred"

REVIEW = "privacy-officer-review"
TELL_PERSON = "tell-person"
RECORD_DISCLOSURE = "record-disclosure"
NO_ONWARD = "no-onward-disclosure"
OBJECTION = "objection-possible"
LABELLED_ONLY = "labelled-only"
SENSITIVE_RESTRICTED = "sensitive-is-restricted"


@dataclass(frozen=True, slots=True)
class Agreement:
    """A sharing agreement of the partner register. `purposes` must name every purpose that is agreed (a parent names its
    children); `categories`, when not empty, are the resource types, profiles or `system|code`s that may be shared. `end` is
    exclusive.
    """

    organization: str
    sector: str
    purposes: frozenset[str]
    categories: frozenset[str] = frozenset()
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One row of a policy. A condition that is empty always holds. `ceiling` is the highest confidentiality rank the row covers;
    `unlabelled` are the sectors that may take an unlabelled record as normal: for every other sector an unlabelled record is
    above any ceiling.
    """

    id: str
    permit: bool
    text: str
    sectors: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    ceiling: int = 0
    unlabelled: frozenset[str] = frozenset({"health"})
    obligations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """A versioned policy.

    `barred` rows deny in L0 by sector and label. `controllers` are the organisations whose Consents may permit; empty: all.
    `verified`: a Consent must be verified to permit. `name` is the Decision's policy_version, such as `uk-1`. Dates without an
    offset are local to `zone`. `sources` are the reasons that rest on the policy's rows, by row id.
    """

    id: str
    version: str
    zone: str
    defaults: tuple[PolicyRow, ...]
    barred: tuple[PolicyRow, ...] = ()
    controllers: frozenset[str] = frozenset()
    verified: bool = False
    terms: Terminology = STANDARD
    name: str = field(init=False, repr=False, compare=False)
    sources: dict[str, Reason] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.id}-{self.version}")
        rows = {
            row.id: Reason(layer, row.permit, self.row(f"{layer}.{row.id}"), row.text)
            for layer, rows in (("L0", self.barred), ("L5", self.defaults))
            for row in rows
        }
        object.__setattr__(self, "sources", rows)

    def row(self, row: str) -> str:
        """The source of a reason that rests on `row` of this policy."""
        return f"policy/{self.name}#{row}"


def _purposes(*codes: str) -> frozenset[str]:
    return frozenset().union(*(STANDARD.purpose(code) for code in codes))


CARE = frozenset({"health", "social-care"})
_BARRED = (
    PolicyRow(
        "legally-barred", False, "The law bars this category of record from being shared.", labels=frozenset({LEGALLY_BARRED})
    ),
)

UK = Policy(
    id="uk",
    version="1",
    zone="Europe/London",
    barred=_BARRED,
    defaults=(
        PolicyRow(
            "implied-care",
            True,
            "Health and adult social care share normal records for direct care; the person may object.",
            CARE,
            _purposes("TREAT"),
            ceiling=NORMAL,
            obligations=(OBJECTION,),
        ),
        PolicyRow("consent-needed", False, "No consent covers this, and nothing is implied for this partner, purpose and label."),
    ),
)

US = Policy(
    id="us",
    version="1",
    zone="America/New_York",
    barred=_BARRED,
    defaults=(
        PolicyRow("part-2", False, "Records under 42 CFR Part 2 need the person's consent.", labels=frozenset({"42CFRPart2"})),
        PolicyRow(
            "tpo",
            True,
            "Treatment, payment and health care operations need no authorisation.",
            frozenset({"health"}),
            _purposes("TREAT", "HPAYMT", "HOPERAT"),
            ceiling=RANK["V"],
        ),
        PolicyRow("consent-needed", False, "No consent covers this, and nothing is implied for this partner and purpose."),
    ),
)

SHIPPED = {"uk": UK, "us": US}
