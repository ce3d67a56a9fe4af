"""`baton load`: files as operators have them, and an account of every record."""

from __future__ import annotations

import errno
import gzip
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from service import clock
from service.app import Built
from service.change import Change, Write
from service.cli.loading import _all, _quarantine
from service.cli.sources import files, items
from service.fhir.bundle import Sent
from service.fhir.resource import stamp
from service.problem import Category, Refused
from service.store.mongo import unavailable
from service.usecases.interactions.loading import Fate

TRUST = "Organization/trust"
Resource = dict[str, Any]


def patient(identity: str = "ann", **more: Any) -> Resource:
    return {"resourceType": "Patient", "id": identity, "name": [{"text": identity.title()}], **more}


def plan(identity: str = "p", patient: str = "ann", **more: Any) -> Resource:
    return {
        "resourceType": "CarePlan",
        "id": identity,
        "status": "active",
        "intent": "plan",
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "734163000"}]}],
        "subject": {"reference": f"Patient/{patient}"},
        **more,
    }


async def loaded(built: Built, folder: Path, *resources: Resource, custodian: str = TRUST) -> Any:
    """The account of loading these resources from an NDJSON file."""
    file = folder / "given.ndjson"
    file.write_text("\n".join(json.dumps(each) for each in resources))
    return await _all(built, [file], custodian)


def fates(account: Any) -> dict[str, int]:
    found = {str(fate): 0 for fate in (Fate.LOADED, Fate.THERE)}
    for (_, fate), count in account.counts.items():
        found[str(fate)] += count
    return {**found, "aside": len(account.aside)}


async def test_records_keep_their_ids(built: Built, tmp_path: Path) -> None:
    await loaded(built, tmp_path, patient("ann"))
    row = await built.services.records.read("Patient", "ann")
    assert row is not None
    assert (row.custodian, row.version) == (TRUST, 1)


async def test_a_second_load_finds_all_there(built: Built, tmp_path: Path) -> None:
    """A load may be broken off and repeated, plans with the team they were given included."""
    without_id = {"resourceType": "Basic", "code": {"text": "x"}}
    given = [patient(), plan(author={"reference": "PractitionerRole/trust-lead"}), without_id]
    assert fates(await loaded(built, tmp_path, *given)) == {"loaded": 3, "there": 0, "aside": 0}
    assert fates(await loaded(built, tmp_path, *given)) == {"loaded": 0, "there": 3, "aside": 0}


async def test_what_changed_here_since_is_not_overwritten(built: Built, tmp_path: Path) -> None:
    """The first content is recognised; other content is put aside."""
    await loaded(built, tmp_path, patient())
    row = await built.services.records.read("Patient", "ann")
    assert row is not None
    at = clock.now()
    changed = stamp({**row.resource, "active": True}, id="ann", version=2, at=at)
    await built.services.records.commit(Change(at, (Write(changed, 1, TRUST),)))
    assert fates(await loaded(built, tmp_path, patient())) == {"loaded": 0, "there": 1, "aside": 0}
    assert fates(await loaded(built, tmp_path, patient(gender="female"))) == {"loaded": 0, "there": 0, "aside": 1}


async def test_own_7_a_plan_without_an_author_is_kept_as_an_unowned_draft(built: Built, tmp_path: Path) -> None:
    await loaded(built, tmp_path, patient(), plan())
    row = await built.services.records.read("CarePlan", "p")
    assert row is not None
    assert (row.resource["status"], [tag["code"] for tag in row.resource["meta"]["tag"]]) == ("draft", ["unowned"])


async def test_own_1_a_plan_with_an_unknown_author_is_put_aside(built: Built, tmp_path: Path) -> None:
    account = await loaded(built, tmp_path, patient(), plan(author={"reference": "PractitionerRole/nobody"}))
    ((_, reason),) = account.aside
    (issue,) = reason.issues
    assert (issue.expression, "`PractitionerRole/nobody`" in issue.text) == ("CarePlan.author", True)


async def test_own_6_a_second_top_level_plan_is_put_aside(built: Built, tmp_path: Path) -> None:
    lead = {"author": {"reference": "PractitionerRole/trust-lead"}}
    account = await loaded(built, tmp_path, patient(), plan("one", **lead), plan("two", **lead))
    assert fates(account) == {"loaded": 2, "there": 0, "aside": 1}


async def test_idn_2_an_invalid_nhs_number_is_put_aside(built: Built, tmp_path: Path) -> None:
    number = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765918"}
    account = await loaded(built, tmp_path, patient(identifier=[number]))
    ((_, reason),) = account.aside
    assert [issue.rule for issue in reason.issues] == ["IDN-2"]


async def test_order_in_the_files_does_not_matter(built: Built, tmp_path: Path) -> None:
    """What is refused for want of a record that comes later is tried again."""
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    first.write_text(json.dumps(plan(author={"reference": "PractitionerRole/new-lead"})))
    role = {
        "resourceType": "PractitionerRole",
        "id": "new-lead",
        "active": True,
        "practitioner": {"reference": "Practitioner/trust-lead"},
        "organization": {"reference": TRUST},
    }
    entries = [{"resource": role}, {"resource": patient()}]
    second.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    account = await _all(built, [first, second], TRUST)
    assert fates(account) == {"loaded": 3, "there": 0, "aside": 0}


async def test_idn_3_a_role_belongs_to_the_agency_it_names(built: Built, tmp_path: Path) -> None:
    """Whatever the operator says of the rest of the files."""
    role = {
        "resourceType": "PractitionerRole",
        "id": "moved",
        "active": True,
        "practitioner": {"reference": "Practitioner/crisis-lead"},
        "organization": {"reference": "Organization/crisis"},
    }
    await loaded(built, tmp_path, role)
    row = await built.services.records.read("PractitionerRole", "moved")
    assert row is not None
    assert row.custodian == "Organization/crisis"


async def test_without_a_custodian_a_record_names_its_own(built: Built, tmp_path: Path) -> None:
    """A plan is its author's agency's; what names nobody is put aside, with the option that helps."""
    given = [patient(managingOrganization={"reference": TRUST}), plan(author={"reference": "PractitionerRole/trust-lead"})]
    account = await loaded(built, tmp_path, *given, {"resourceType": "Basic", "code": {"text": "x"}}, custodian="")
    ((_, reason),) = account.aside
    assert fates(account)["loaded"] == 2
    assert "--custodian" in str(reason)


async def test_a_custodian_nobody_knows_takes_nothing(built: Built, tmp_path: Path) -> None:
    account = await loaded(built, tmp_path, patient(), custodian="Organization/trsut")
    assert fates(account) == {"loaded": 0, "there": 0, "aside": 1}


async def test_an_undecidable_consent_is_kept_and_tagged(built: Built, tmp_path: Path) -> None:
    """Records that exist already are kept whatever they say (consent rules, section 3), and never widen access."""
    consent = {
        "resourceType": "Consent",
        "id": "odd",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/ann"},
        "policyRule": {"text": "as discussed"},
        "provision": {"purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}]},
    }
    account = await loaded(built, tmp_path, patient(), consent)
    row = await built.services.records.read("Consent", "odd")
    assert fates(account) == {"loaded": 2, "there": 0, "aside": 0}
    assert row is not None
    assert "undecidable" in [tag["code"] for tag in row.resource["meta"]["tag"]]


async def test_what_was_put_aside_can_be_loaded_when_it_is_corrected(built: Built, tmp_path: Path) -> None:
    """The quarantine file keeps source, reasons and record, a Bundle a line."""
    account = await loaded(built, tmp_path, patient(gender="unsure"))
    kept = _quarantine(account, tmp_path)
    assert kept is not None
    assert kept.stat().st_mode & 0o077 == 0
    corrected = kept.with_name("corrected.ndjson")
    corrected.write_text(kept.read_text().replace("unsure", "unknown"))
    assert fates(await _all(built, [corrected], TRUST)) == {"loaded": 1, "there": 0, "aside": 0}


async def test_a_line_that_is_no_json_is_put_aside_with_its_place(built: Built, tmp_path: Path) -> None:
    file = tmp_path / "broken.ndjson"
    file.write_text(json.dumps(patient()) + "\n{\n")
    account = await _all(built, [file], TRUST)
    assert [item.source for item, _ in account.aside] == [f"{file}:2"]
    assert fates(account)["loaded"] == 1


async def test_entries_known_by_a_urn_keep_their_links(built: Built, tmp_path: Path) -> None:
    """References by `urn:uuid:` point at the records their entries became."""
    urn = "urn:uuid:0c5fb4a8-6c0f-4d6a-9f0c-0d3f9b0c0001"
    unnamed = {name: value for name, value in patient().items() if name != "id"}
    flag = {"resourceType": "Flag", "id": "f", "status": "active", "code": {"text": "x"}, "subject": {"reference": urn}}
    entries = [{"fullUrl": urn, "resource": unnamed}, {"fullUrl": "urn:uuid:f", "resource": flag}]
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    await _all(built, [file], TRUST)
    row = await built.services.records.read("Flag", "f")
    assert row is not None
    assert row.patients == ("Patient/0c5fb4a8-6c0f-4d6a-9f0c-0d3f9b0c0001",)


def test_a_folder_means_its_json_files(tmp_path: Path) -> None:
    for name in ("b.json", "a.ndjson", "notes.txt", "sub/c.JSON"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
    assert [path.name for path in files([tmp_path])] == ["a.ndjson", "b.json", "c.JSON"]


@pytest.mark.parametrize("name", ["nothing", "."])
def test_a_path_with_nothing_to_load_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="no "):
        files([tmp_path / name])


def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left out in silence, nobody would miss what was in it."""
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "locked").mkdir()
    scan = os.scandir

    def refusing(path: str) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(Refused, match="locked` cannot be read: Permission denied"):
        files([tmp_path])


async def test_a_file_that_cannot_be_read_is_put_aside(built: Built, tmp_path: Path) -> None:
    """What the others hold is loaded and accounted for: the command does not end half-way without a word of it."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.json").write_text(json.dumps(patient()))
    (tmp_path / "in" / "a.json").symlink_to("/nowhere.json")
    account = await _all(built, files([tmp_path / "in"]), TRUST)
    assert fates(account) == {"loaded": 1, "there": 0, "aside": 1}
    ((item, reason),) = account.aside
    assert item.source.endswith("a.json")
    assert "cannot be read" in str(reason)


def test_a_document_stays_whole(tmp_path: Path) -> None:
    """A document or a message is a record itself, not a way to carry some."""
    file = tmp_path / "document.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "document", "entry": [{"resource": patient()}]}))
    (item,) = items(file)
    assert isinstance(item.sent, Sent)
    assert item.sent.resource["resourceType"] == "Bundle"


def packed(folder: Path, form: str, lines: bytes) -> Path:
    """A file of these lines in a form."""
    path = folder / f"given{form}"
    if form == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("folder/given.ndjson", lines)
            archive.writestr("readme.txt", "not read")
    else:
        path.write_bytes(gzip.compress(lines) if form.endswith(".gz") else lines)
    return path


@pytest.mark.parametrize("form", [".ndjson", ".jsonl", ".ndjson.gz", ".zip"])
async def test_packed_files_are_read(built: Built, tmp_path: Path, form: str) -> None:
    lines = b"\n".join(json.dumps(patient(each)).encode() for each in ("ann", "ben"))
    account = await _all(built, [packed(tmp_path, form, lines)], TRUST)
    assert fates(account) == {"loaded": 2, "there": 0, "aside": 0}


async def test_a_packed_bundle_is_read(built: Built, tmp_path: Path) -> None:
    path = tmp_path / "bundle.json.gz"
    path.write_bytes(gzip.compress(json.dumps(bundle({"resource": patient()})).encode()))
    assert fates(await _all(built, [path], TRUST)) == {"loaded": 1, "there": 0, "aside": 0}


@pytest.mark.parametrize("form", [".ndjson.gz", ".zip"])
async def test_a_file_that_ends_too_early_is_told(built: Built, tmp_path: Path, form: str) -> None:
    """What could be read of it is loaded."""
    path = packed(tmp_path, form, b"\n".join(json.dumps(patient(f"p{each}")).encode() for each in range(50)))
    path.write_bytes(path.read_bytes()[:-12])
    account = await _all(built, [path], TRUST)
    assert "cannot be read" in str(account.aside[-1][1])


def bundle(*entries: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def conditional(identity: str, system: str = "urn:ods") -> Resource:
    """An entry that is to be stored only if there is none."""
    organization = {"resourceType": "Organization", "name": "Ward", "identifier": [{"system": system, "value": "w1"}]}
    asked = {"method": "POST", "url": "Organization", "ifNoneExist": f"identifier={system}|w1"}
    return {"fullUrl": f"urn:uuid:{identity}", "resource": organization, "request": asked}


async def test_a_load_does_what_a_transaction_does(built: Built, tmp_path: Path) -> None:
    """Conditional creates make one record, found by the next Bundle, too; conditional references become what they find."""
    one, two = "0c5fb4a8-6c0f-4d6a-9f0c-0d3f9b0c0001", "0c5fb4a8-6c0f-4d6a-9f0c-0d3f9b0c0002"
    people = [
        {
            "fullUrl": f"urn:uuid:p-{each}",
            "resource": {**patient(each), "managingOrganization": {"reference": f"urn:uuid:{ward}"}},
        }
        for each, ward in (("ann", one), ("ben", two))
    ]
    asks = {"reference": "Organization?identifier=urn:ods|w1"}
    files_ = [tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c.json"]
    files_[0].write_text(json.dumps(bundle(conditional(one), people[0])))
    files_[1].write_text(json.dumps(bundle(conditional(two), people[1])))
    files_[2].write_text(json.dumps({**patient("cat"), "managingOrganization": asks}))
    account = await _all(built, files_, TRUST)
    assert account.aside == []
    rows = await built.services.records.read_many(["Patient/ann", "Patient/ben", "Patient/cat"])
    assert {row.resource["managingOrganization"]["reference"] for row in rows.values()} == {f"Organization/{one}"}
    assert fates(await _all(built, files_, TRUST)) == {"loaded": 0, "there": 5, "aside": 0}


async def test_nothing_refers_to_a_record_whose_condition_was_refused(built: Built, tmp_path: Path) -> None:
    ward = conditional("0c5fb4a8-6c0f-4d6a-9f0c-0d3f9b0c0001")
    ward["request"]["ifNoneExist"] = "no-such-parameter=1"
    there = {"managingOrganization": {"reference": ward["fullUrl"]}}
    (tmp_path / "a.json").write_text(json.dumps(bundle(ward, {"fullUrl": "urn:uuid:p", "resource": {**patient("ann"), **there}})))
    assert fates(await _all(built, [tmp_path / "a.json"], TRUST)) == {"loaded": 0, "there": 0, "aside": 2}


async def test_a_conditional_reference_that_finds_nothing_is_put_aside(built: Built, tmp_path: Path) -> None:
    asks = {"reference": "Organization?identifier=urn:ods|nowhere"}
    account = await loaded(built, tmp_path, {**patient(), "managingOrganization": asks})
    assert "finds no `Organization`" in str(account.aside[0][1])


async def test_a_load_that_was_killed_is_taken_up_again(built: Built, tmp_path: Path) -> None:
    """What was stored is there, and the rest is loaded."""
    people = [patient(f"p{each}") for each in range(40)]
    await loaded(built, tmp_path, *people[:25])
    account = await loaded(built, tmp_path, *people)
    assert fates(account) == {"loaded": 15, "there": 25, "aside": 0}


async def test_records_that_refer_to_one_another_are_loaded(built: Built, tmp_path: Path) -> None:
    """In a circle, whatever their order."""
    encounter = {
        "resourceType": "Encounter",
        "id": "e",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": "Patient/ann"},
        "diagnosis": [{"condition": {"reference": "Condition/c"}}],
    }
    condition = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": "Patient/ann"},
        "encounter": {"reference": "Encounter/e"},
    }
    account = await loaded(built, tmp_path, condition, encounter, patient())
    assert fates(account) == {"loaded": 3, "there": 0, "aside": 0}


@pytest.mark.parametrize("asked", ["read_many", "read", "submit"])
async def test_a_database_that_goes_away_ends_the_load(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """As records are surveyed, placed or stored: none is put aside for it, and the load is repeated when it is back."""

    async def away(*_: Any) -> None:
        raise unavailable("The database does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(type(built.services.records), asked, away)
        with pytest.raises(Refused) as refused:
            await loaded(built, tmp_path, patient("ann"), patient("bob"))
    assert refused.value.problem.category is Category.UNAVAILABLE
    assert fates(await loaded(built, tmp_path, patient("ann"), patient("bob"))) == {"loaded": 2, "there": 0, "aside": 0}
