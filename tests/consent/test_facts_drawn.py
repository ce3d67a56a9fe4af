"""The facts that are drawn from each member of a resource (consent rules, section 2)."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.consent.facts import DO_NOT_TELL, SERIOUS_HARM, THIRD_PARTY, Facts, facts_of, inline_labels
from service.consent.terms import RANK
from service.fhir.canonical import ACT_CODE, CONFIDENTIALITY, INLINE_LABEL, MEDIA_TYPES, RECORD_MARK
from service.fhir.date import EARLIEST, LATEST, Interval, parse

BASE = "https://us.example/fhir"
ZONE = ZoneInfo("Pacific/Auckland")


def of(kind: str, **members: Any) -> Facts:
    return facts_of({"resourceType": kind, "id": "1", **members}, "Organization/trust", BASE, ZONE)


def ref(text: str) -> dict[str, str]:
    return {"reference": text}


def coded(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": "s", "code": code} for code in codes]}


def test_every_fact_of_a_document() -> None:
    facts = of(
        "Composition",
        meta={
            "profile": ["https://p.example/x|1.0", 7, "https://p.example/y"],
            "security": [{"system": CONFIDENTIALITY, "code": "R"}, {"system": ACT_CODE, "code": "HIV"}],
            "tag": [{"system": RECORD_MARK, "code": THIRD_PARTY}],
        },
        subject=ref(f"{BASE}/Patient/p"),
        date="2026-02-03",
        author=[ref(f"{BASE}/PractitionerRole/r")],
        type=coded("letter"),
        section=[{"code": coded("b"), "section": [{"code": coded("c")}]}, "x", {"code": coded("a"), "entry": [ref("Goal/g")]}],
    )
    assert facts == Facts(
        "Composition",
        "1",
        ("Patient/p",),
        ("https://p.example/x", "https://p.example/y"),
        (),
        ("s|letter",),
        RANK["R"],
        ("HIV",),
        parse("2026-02-03", ZONE),
        ("PractitionerRole/r",),
        ("Patient/p", "PractitionerRole/r", "Goal/g"),
        (THIRD_PARTY,),
        (),
        ("s|a", "s|b", "s|c"),
        "Organization/trust",
    )


def test_what_a_resource_does_not_say_is_empty() -> None:
    assert facts_of({}) == Facts("", "")
    assert facts_of({"resourceType": 7, "id": [], "meta": "x"}) == Facts("", "")


@pytest.mark.parametrize("meta", ["x", None, {"profile": "https://p.example/x"}, {"profile": {}}])
def test_profiles_that_are_no_list_are_none(meta: object) -> None:
    assert of("Basic", meta=meta).profiles == ()


def test_sections_are_those_of_documents_alone() -> None:
    assert of("Basic", section=[{"code": coded("a")}]).sections == ()


@pytest.mark.parametrize(
    ("kind", "members", "expected"),
    [
        ("Binary", {"contentType": "text/plain"}, ("text/plain",)),
        ("Binary", {}, ("",)),
        ("DocumentReference", {"content": [{"attachment": {"contentType": "image/png"}}]}, ("image/png",)),
        ("DocumentReference", {"content": [{"attachment": {}}, "x", {"attachment": "x"}, {}]}, ()),
        ("DocumentReference", {"content": [{"attachment": {"contentType": 7}}]}, ()),
        ("DocumentReference", {"contentType": "text/plain"}, ()),
        ("Media", {"contentType": "text/plain", "content": [{"attachment": {"contentType": "image/png"}}]}, ()),
    ],
)
def test_the_content_types_of_what_is_attached(kind: str, members: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert of(kind, **members).classes == tuple(f"{MEDIA_TYPES}|{each}" for each in expected)


@pytest.mark.parametrize(
    "name",
    [
        "author",
        "recorder",
        "asserter",
        "requester",
        "source",
        "sender",
        "informationSource",
        "expressedBy",
        "contributor",
        "enterer",
    ],
)
def test_who_wrote_is_in_one_of_these(name: str) -> None:
    assert of("Basic", **{name: ref(f"{BASE}/Practitioner/a/_history/2")}).authors == ("Practitioner/a",)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"performer": [ref(f"{BASE}/Practitioner/a"), "x"]}, ("Practitioner/a",)),
        ({"performer": [{"actor": ref(f"{BASE}/Practitioner/b")}]}, ("Practitioner/b",)),
        ({"performer": ref("Practitioner/a")}, ("Practitioner/a",)),
        (
            {"participant": [{"individual": ref(f"{BASE}/Practitioner/c")}, "x", {"member": ref("Practitioner/no")}]},
            ("Practitioner/c",),
        ),
        ({"agent": [{"who": ref(f"{BASE}/Practitioner/d")}, {"onBehalfOf": ref("Organization/no")}]}, ("Practitioner/d",)),
        (
            {
                "author": [ref("Practitioner/a")],
                "performer": [ref("Practitioner/b"), ref("Practitioner/a")],
                "agent": [{"who": ref("Practitioner/c")}],
            },
            ("Practitioner/a", "Practitioner/b", "Practitioner/c"),
        ),
    ],
)
def test_who_did_it_wrote_it(members: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert of("Observation", **members).authors == expected


@pytest.mark.parametrize("kind", ["ServiceRequest", "MedicationRequest", "DeviceRequest", "Consent", "Task"])
def test_who_is_asked_to_do_it_did_not_write_it(kind: str) -> None:
    assert of(kind, performer=[ref("Practitioner/a")]).authors == ()


@pytest.mark.parametrize("name", ["subject", "patient", "for", "beneficiary", "individual"])
def test_whose_a_record_is_stands_in_one_of_these(name: str) -> None:
    """What else it refers to makes it nobody else's."""
    members = {
        name: [ref(f"{BASE}/Patient/p"), ref("Group/g"), ref("Patient/q"), ref("Patient/p")],
        "focus": ref("Patient/other"),
    }
    assert of("Basic", **members).patients == ("Patient/p", "Patient/q")


def test_a_record_whose_person_is_nowhere_usual_is_of_all_it_names() -> None:
    """The nearest first."""
    found = of("Basic", subject=ref("Group/g"), x=[{"y": ref(f"{BASE}/Patient/a")}, ref("Patient/b")])
    assert found.patients == ("Patient/b", "Patient/a")


def test_references_and_labels_in_meta_are_not_the_record_s() -> None:
    labelled = {"extension": [{"url": INLINE_LABEL, "valueCoding": {"system": ACT_CODE, "code": "HIV"}}], **ref("Patient/p")}
    facts = of("Basic", meta=labelled)
    assert (facts.references, facts.inline, facts.patients) == ((), (), ())


def test_references_are_each_named_once_as_ours_or_another_server_s() -> None:
    facts = of(
        "Basic", a=ref(f"{BASE}/Goal/g"), b=[[ref("Goal/g")], ref("https://them.example/Goal/g"), ref("#c")], c={"reference": 7}
    )
    assert facts.references == ("Goal/g", "https://them.example/Goal/g", "#c")


def label(coding: object) -> dict[str, Any]:
    return {"url": INLINE_LABEL, "valueCoding": coding}


def test_labels_on_parts_are_inline_and_one_on_the_root_is_the_record_s() -> None:
    part = label({"system": ACT_CODE, "code": "PSY"})
    facts = of(
        "Basic", extension=[label({"system": ACT_CODE, "code": "HIV"}), "x", {"url": "urn:other"}], x={"extension": [part]}
    )
    assert (facts.labels, facts.inline) == (("HIV",), ("HIV", "PSY"))


@pytest.mark.parametrize(
    ("coding", "expected"),
    [
        ({"system": ACT_CODE, "code": "HIV"}, ["HIV"]),
        ({"system": "urn:s", "code": "x"}, ["urn:s|x"]),
        ({"code": "x"}, ["|x"]),
        ({"system": 7, "code": "x"}, ["|x"]),
        ({"system": ACT_CODE}, []),
        ({"system": ACT_CODE, "code": 7}, []),
        ("HIV", []),
        (None, []),
    ],
)
def test_an_inline_label_is_a_coding_with_a_code(coding: object, expected: list[str]) -> None:
    assert list(inline_labels(label(coding))) == expected


@pytest.mark.parametrize(
    ("security", "rank", "labels"),
    [
        ([{"system": CONFIDENTIALITY, "code": "N"}, {"system": CONFIDENTIALITY, "code": "R"}], "R", ()),
        ([{"system": CONFIDENTIALITY, "code": "R"}, {"system": CONFIDENTIALITY, "code": "N"}], "R", ()),
        ([{"system": CONFIDENTIALITY, "code": "odd"}], "", (f"{CONFIDENTIALITY}|odd",)),
        ([{"system": "urn:s", "code": "R"}], "", ("urn:s|R",)),
        ([{"code": "R"}, {"system": 7, "code": "x"}], "", ("|R", "|x")),
        (["x", {}, {"code": 7}, None, {"system": CONFIDENTIALITY, "code": "V"}], "V", ()),
        ({"system": CONFIDENTIALITY, "code": "V"}, "V", ()),
    ],
)
def test_confidentiality_is_the_highest_and_every_other_label_is_kept(
    security: object, rank: str, labels: tuple[str, ...]
) -> None:
    facts = of("Basic", meta={"security": security})
    assert (facts.confidentiality, facts.labels) == (RANK.get(rank, 0), labels)


@pytest.mark.parametrize(
    ("system", "code", "mark"),
    [
        (RECORD_MARK, "third-party", THIRD_PARTY),
        (RECORD_MARK, "do-not-tell-patient", DO_NOT_TELL),
        (RECORD_MARK, "serious-harm", SERIOUS_HARM),
        (ACT_CODE, "TBOO", DO_NOT_TELL),
        (ACT_CODE, "NOPAT", DO_NOT_TELL),
    ],
)
@pytest.mark.parametrize("where", ["security", "tag", "root"])
def test_a_mark_keeps_a_record_from_the_person_wherever_it_stands(system: str, code: str, mark: str, where: str) -> None:
    coding = {"system": system, "code": code}
    members: dict[str, Any] = {"extension": [label(coding)]} if where == "root" else {"meta": {where: [coding, coding]}}
    assert of("Basic", **members).marks == (mark,)


def test_other_tags_are_no_marks() -> None:
    assert of("Basic", meta={"tag": [{"system": "urn:s", "code": "third-party"}, {"code": "TBOO"}]}).marks == ()


CODED = ("code", "codeCodeableConcept", "type", "medicationCodeableConcept", "vaccineCode", "serviceType", "category", "class")


@pytest.mark.parametrize("name", CODED)
def test_what_a_record_is_stands_in_one_of_these(name: str) -> None:
    assert of("Basic", **{name: [coded("a", "b"), coded("c")]}).codes == ("s|a", "s|b", "s|c")


@pytest.mark.parametrize(
    ("kind", "members", "uncoded"),
    [
        ("Observation", {"code": coded("a")}, False),
        ("Observation", {"code": {"text": "words"}}, True),
        ("Observation", {}, True),
        ("Observation", {"category": coded("a")}, True),
        ("MedicationStatement", {"medicationCodeableConcept": coded("a")}, False),
        ("Patient", {}, False),
    ],
)
def test_a_record_said_in_words_only_is_of_an_unknown_kind(kind: str, members: dict[str, Any], uncoded: bool) -> None:
    assert of(kind, **members).uncoded is uncoded


WHOLE = Facts(
    "Observation",
    "1",
    ("Patient/p",),
    ("profile",),
    ("class",),
    ("code",),
    5,
    ("label",),
    Interval(10, 20),
    ("author",),
    ("reference",),
    ("mark",),
    ("inline",),
    ("section",),
    "Organization/trust",
    True,
)


def test_facts_are_kept_in_a_row_without_the_custodian() -> None:
    row = WHOLE.to_row()
    assert row == {
        "t": "Observation",
        "i": "1",
        "p": ["Patient/p"],
        "f": ["profile"],
        "k": ["class"],
        "o": ["code"],
        "l": ["label"],
        "a": ["author"],
        "r": ["reference"],
        "m": ["mark"],
        "n": ["inline"],
        "s": ["section"],
        "c": 5,
        "u": 1,
        "d": [10, 20],
    }
    assert Facts.from_row(row, "Organization/trust") == WHOLE


def test_facts_that_are_empty_take_no_room() -> None:
    assert Facts("Basic", "1").to_row() == {"t": "Basic", "i": "1"}
    assert Facts.from_row({"t": "Basic", "i": "1"}) == Facts("Basic", "1")


@pytest.mark.parametrize(
    ("when", "kept"),
    [(Interval(EARLIEST, 20), [None, 20]), (Interval(10, LATEST), [10, None]), (Interval(EARLIEST, LATEST), [None, None])],
)
def test_an_open_end_is_kept_as_none(when: Interval, kept: list[int | None]) -> None:
    row = Facts("Basic", "1", when=when).to_row()
    assert (row["d"], Facts.from_row(row).when) == (kept, when)


def test_a_record_s_reference_is_its_type_and_id() -> None:
    assert WHOLE.ref == "Observation/1"
