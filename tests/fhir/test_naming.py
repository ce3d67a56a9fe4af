"""What a reference stands for in an entry of a Bundle (R4 section 2.36.4.1)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.definitions import Definitions
from service.fhir.links import Links
from service.fhir.naming import Naming, elsewhere, full_url_fault, unanswered
from service.settings import shipped

LINKS = Links(Definitions.load(shipped("profiles")))
BASE, THEIRS = "https://here.example/fhir", "https://gp.example/fhir"
URN = "urn:uuid:0c5fb4a8-6c0f-4d6a-9f0c-0d3f9b0c0001"


def naming(**records: str) -> Naming:
    """A Bundle with entries of these names, of which `urn`, `theirs` and `ours` are written out."""
    made = Naming(BASE)
    named = {"urn": URN, "theirs": f"{THEIRS}/Patient/p", "ours": f"{BASE}/Patient/p"}
    for name, record in records.items():
        made.name(named[name], record)
    return made


@pytest.mark.parametrize("within", ["", URN, f"{BASE}/Task/1", "https://gp.example/not/fhir"])
@pytest.mark.parametrize("text", ["Patient/p", f"{BASE}/Patient/p", "HTTPS://Here.Example:443/fhir/Patient/p"])
def test_a_relative_reference_is_ours_where_the_entry_is_of_no_other_server(within: str, text: str) -> None:
    """However our base is written."""
    assert naming().resolved(text, within) == "Patient/p"


@pytest.mark.parametrize("text", ["Patient/p", "Patient/p/_history/2"])
def test_a_relative_reference_is_theirs_where_the_entry_is_theirs(text: str) -> None:
    """Whoever has the id here."""
    assert naming().resolved(text, f"{THEIRS}/Task/1") == f"{THEIRS}/{text}"


def test_what_the_bundle_brings_along_is_the_record_that_it_becomes() -> None:
    made = naming(urn="Patient/1", theirs="Patient/2")
    found = [made.resolved(text, f"{THEIRS}/Task/1") for text in (URN, "Patient/p", f"{THEIRS}/Patient/p")]
    assert found == ["Patient/1", "Patient/2", "Patient/2"]


def test_an_entry_of_ours_is_found_without_its_base() -> None:
    assert naming(ours="Patient/9").resolved("Patient/p", "") == "Patient/9"


@pytest.mark.parametrize(("sent", "asked", "found"), [(0, 3, True), (3, 3, True), (2, 3, False)])
def test_a_version_is_the_entry_s_when_it_says_no_other(sent: int, asked: int, found: bool) -> None:
    made, url = Naming(BASE), f"{THEIRS}/Patient/p"
    made.name(url, "Patient/1", sent)
    assert made.resolved(f"{url}/_history/{asked}", "") == ("Patient/1" if found else f"{url}/_history/{asked}")


@pytest.mark.parametrize("text", ["#x", "#", "Patient?identifier=a|b", "mailto:a@b.test", URN, "https://else.example/Patient/p"])
def test_what_names_nothing_here_stays_as_it_is(text: str) -> None:
    assert naming(theirs="Patient/1").resolved(text, f"{THEIRS}/Task/1") == text


@given(st.sampled_from(["Patient/p", "Organization/o", "Patient/p/_history/1"]), st.sampled_from(["Task/1", "Consent/2"]))
def test_nothing_of_another_server_is_taken_for_ours(text: str, entry: str) -> None:
    assert naming().resolved(text, f"{THEIRS}/{entry}").startswith(THEIRS)


def linked(resource: dict[str, Any], **records: str) -> tuple[dict[str, Any], list[str]]:
    """The resource, and the paths that nothing answers."""
    made, lost = naming(**records).linked(resource, f"{THEIRS}/Basic/1", LINKS)
    return made, [issue.expression for issue in lost]


def test_a_reference_becomes_relative_and_every_other_place_a_url() -> None:
    """An element of another type is read without our base."""
    basic = {
        "resourceType": "Basic",
        "subject": {"reference": URN},
        "extension": [{"url": "urn:e", "valueUri": URN}, {"url": "urn:e", "valueUrl": f"{THEIRS}/Patient/p"}],
        "text": {"status": "generated", "div": f'<div><a href="{URN}">x</a><a href="Patient/p">y</a></div>'},
    }
    made, lost = linked(basic, urn="Patient/1", theirs="Patient/2")
    assert (made["subject"], lost) == ({"reference": "Patient/1"}, [])
    assert [each.get("valueUri") or each.get("valueUrl") for each in made["extension"]] == [
        f"{BASE}/Patient/1",
        f"{BASE}/Patient/2",
    ]
    assert made["text"]["div"] == f'<div><a href="{BASE}/Patient/1">x</a><a href="{BASE}/Patient/2">y</a></div>'


def test_a_place_that_nothing_answers_is_told() -> None:
    """But for a name, which need not be anywhere."""
    basic = {
        "resourceType": "Basic",
        "subject": {"reference": URN},
        "extension": [{"url": "urn:e", "valueUri": URN}, {"url": "urn:e", "valueUrl": URN}],
        "text": {"status": "generated", "div": f'<div><img src="{URN}"/></div>'},
    }
    assert linked(basic)[1] == ["Basic.subject", "Basic.extension[1].valueUrl", "Basic.text.div"]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (f"{THEIRS}/Patient/p", f"{THEIRS}/"),
        (f"{THEIRS}/Patient/p/_history/1", f"{THEIRS}/"),
        (f"{BASE}/Patient/p", ""),
        ("https://gp.example/fhir/patient/p", ""),
        (f"{THEIRS}/Patient/p?x=1", ""),
        (URN, ""),
        ("", ""),
    ],
)
def test_a_full_url_tells_whose_server_it_is(url: str, place: str) -> None:
    assert elsewhere(url, BASE) == place


@pytest.mark.parametrize(
    ("url", "sound"), [("", True), (URN, True), (f"{THEIRS}/Patient/p", True), ("Patient/p", False), ("x", False)]
)
def test_a_relative_full_url_names_nothing(url: str, sound: bool) -> None:
    assert (full_url_fault(url) == "") is sound


@pytest.mark.parametrize(
    ("target", "lost"),
    [
        (URN, True),
        ("urn:oid:1.2", True),
        ("Patient?identifier=x", True),
        (f"{BASE}/Patient?identifier=x", True),
        (f"{THEIRS}/Patient?identifier=x", False),
        ("Patient/p", False),
        ("#", False),
    ],
)
def test_a_resource_by_itself_refers_to_no_urn_and_to_no_search(target: str, lost: bool) -> None:
    """Which only the entries of a transaction answer."""
    found = unanswered({"resourceType": "Basic", "subject": {"reference": target}}, BASE)
    assert [issue.expression for issue in found] == ["Basic.subject"] * lost


def test_a_bundle_that_is_a_record_answers_itself() -> None:
    assert unanswered({"resourceType": "Bundle", "entry": [{"resource": {"subject": {"reference": URN}}}]}) == ()
