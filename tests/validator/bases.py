"""The sound resources that are mutated: our own examples, official ones of R4 where they are at hand, and Bundles of both."""

from __future__ import annotations

import json
from pathlib import Path

from tests.validator.bundles import bundle
from tests.validator.places import Resource

ROOT = Path(__file__).parents[2]
VALID = ROOT / "profiles" / "examples" / "valid"
OFFICIAL = ROOT.parent / "shared" / "data" / "hl7-r4"
LARGEST = 6000
"""The longest official example in bytes: what is longer takes the time of many and says no more."""
OF_ONE_TYPE = 3
REFUSED = frozenset(
    {
        "ActivityDefinition-administer-zika-virus-exposure-assessment",
        "ActivityDefinition-blood-tubes-supply",
        "ActivityDefinition-heart-valve-replacement",
        "ActivityDefinition-provide-mosquito-prevention-advice",
        "ActivityDefinition-serum-zika-dengue-virus-igm",
        "Measure-composite-example",
        "MedicationRequest-medrx0304",
        "MedicationRequest-medrx0313",
        "MedicationRequest-medrx0314",
        "MedicationRequest-medrx0319",
        "MedicationRequest-medrx0322",
        "MedicationRequest-medrx0325",
        "MedicationRequest-medrx0326",
        "MedicationRequest-medrx0327",
        "MedicationRequest-medrx0328",
        "MedicationRequest-medrx0329",
        "MedicationRequest-medrx0334",
        "MedicationRequest-medrx0335",
        "MedicationStatement-example001",
        "MedicationStatement-example002",
        "MedicationStatement-example003",
        "MessageDefinition-patient-link-notification",
        "MessageDefinition-patient-link-response",
        "Observation-clinical-gender",
        "Organization-2.16.840.1.113883.19.5",
        "PlanDefinition-chlamydia-screening-intervention",
        "Questionnaire-phq-9-questionnaire",
        "Questionnaire-zika-virus-exposure-assessment",
        "QuestionnaireResponse-gcs",
        "RequestGroup-kdn5-example",
    }
)
"""Official examples that one of the validators refuses, as the README tells."""


def ours() -> dict[str, Resource]:
    """Our own examples by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(VALID.glob("*.json"))}


def official() -> dict[str, Resource]:
    """Official examples by name, at most three of a type; none where they are not beside the checkout."""
    found: dict[str, Resource] = {}
    for path in sorted(OFFICIAL.glob("*.json")):
        of_type = [name for name in found if name.startswith(path.stem.split("-")[0] + "-")]
        if path.stem not in REFUSED and path.stat().st_size <= LARGEST and len(of_type) < OF_ONE_TYPE:
            found[path.stem] = json.loads(path.read_text())
    return found


def bases() -> dict[str, Resource]:
    """Every base by its name."""
    held = ours()
    listed = list(held.values())
    bundles = {
        "Bundle-collection": bundle("collection", listed[:3]),
        "Bundle-transaction": bundle("transaction", listed[3:6], request=True),
        "Bundle-batch": bundle("batch", listed[6:9], request=True),
    }
    examples = official()
    if examples:
        bundles["Bundle-searchset"] = bundle(
            "searchset", [examples[name] for name in ("Patient-animal", "CarePlan-example") if name in examples]
        )
    return held | examples | bundles
