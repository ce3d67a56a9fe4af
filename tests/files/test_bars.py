"""The examples of NHS Booking and Referral: each is loaded as what it is, or put aside for a fault that it has."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from service.app import Built
from service.cli.loading import Account, _all
from service.cli.sources import files
from service.fhir.json import parse

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "bars" / "examples1.4.0"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="BaRS's examples are not beside the checkout (../shared/data/bars)")

LOADED = {
    "Bundle": 3,
    "HealthcareService": 1,
    "Location": 1,
    "OperationOutcome": 43,
    "Organization": 1,
    "Practitioner": 1,
    "PractitionerRole": 1,
    "Schedule": 1,
    "Slot": 3,
}
"""Messages stay whole, as Bundles; what a searchset carries is loaded by itself."""

OTHER_CONTENT = "is here with other content"
NOBODY_SENT = "no entry sent with it has this fullUrl"
NOT_HERE = "neither here nor among what is loaded"
AN_ARRAY = "This is an array: it must be one JSON object"
NO_MEMBER = "is not a member here"
MISSING = "is missing"
NO_CODE = "not in the required value set"
NO_REFERENCE = "A reference is"
ASIDE = {
    OTHER_CONTENT: {
        *("200_PUT", "201_POST", "400-SEND", "500-REC", "OperationOutcome/200-Delete", "bad-request", "conflict"),
        *("entity-not-found", "forbidden", "method-not-allowed", "not-acceptable", "not-implemented", "proxy-not-found"),
        *("server-error", "unauthorized", "unavailable", "unprocessable-entity"),
        "process_message/response/ValidationRequest (HTTP Response) ",
    },
    NOT_HERE: {
        *("HealthcareService/post_HealthcareService_Atomic", "HealthcareService/success_HealthcareService_Atomic"),
        *("appointment/PUT-body", "appointment/id/GET-success", "document_reference/id/PUT-body"),
    },
    NOBODY_SENT: {"appointment/GET-success", "service_request/PUT-body", "service_request/id/GET-success"},
    AN_ARRAY: {
        "HealthcareService/success_bundle",
        "message_definition/MessageDefinition_ServiceRequest-request_CaseTransfer",
        "metadata/BaRS_API_Capability_Statement",
    },
    NO_MEMBER: {
        *("Endpoint/post_Endpoint_Atomic", "Endpoint/post_Endpoint_template", "Endpoint/success_Endpoint_Atomic"),
        *("Endpoint/success_Endpoint_template", "Endpoint/success_bundle", "Endpoint/success_bundle_template"),
    },
    MISSING: {"appointment/PATCH-body", "document_reference/POST-body", "document_reference/POST-success"},
    NO_CODE: {"OperationOutcome/REC/500-REC_SERVER_ERROR-too costly", "invalid-base64", "service_request/PATCH-body"},
    NO_REFERENCE: {"process_message/POST-success", "process_message/response/Booking (HTTP Response) "},
    "it must be an id": {"document_reference/id/GET-success"},
    "This is no R4 resource": {"_status"},
    "carries no resource": {"service_request/GET-success"},
    "The body is not JSON": {"document_reference/GET-success"},
}
"""Files by the fault that puts them, or records of theirs, aside: most examples of an answer share one id, some refer to what no
file has, and the others are no R4 by the letter."""


async def loaded(built: Built) -> Account:
    """The account of a load of the folder by the trust."""
    return await _all(built, files([FOLDER]), "Organization/trust")


async def test_an_example_is_loaded_as_what_it_is(built: Built) -> None:
    """Of the records that are given twice, the second is there."""
    counts = (await loaded(built)).counts
    assert dict(sum((Counter({kind: count}) for (kind, fate), count in counts.items() if fate == "loaded"), Counter())) == LOADED


async def test_an_example_is_put_aside_for_a_fault_that_it_has(built: Built) -> None:
    """And for no other; every fault is listed with its file."""
    told: dict[str, set[str]] = {}
    for item, reason in (await loaded(built)).aside:
        name = item.source.partition("#")[0].removeprefix(f"{FOLDER}/").removesuffix(".json")
        said = [fault for fault in ASIDE if fault in reason.issues[0].text]
        told.setdefault(said[0] if said else str(reason), set()).add(name)
    assert told == ASIDE


async def test_messages_on_uk_core_are_kept_whole(built: Built) -> None:
    """Entries, their references to each other and the profiles that they claim come back as they were sent."""
    await loaded(built)
    path = FOLDER / "process_message" / "POST-body.json"
    sent = parse(path.read_bytes())
    assert isinstance(sent, dict)
    row = await built.services.records.read("Bundle", sent["id"])
    assert row is not None
    assert row.resource["entry"] == sent["entry"]
    assert b"/UKCore-Patient" in path.read_bytes()
