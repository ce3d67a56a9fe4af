"""What one version of a Consent compiles to, whole: the tree of provisions and the reason of each (consent rules, section 2)."""

from __future__ import annotations

import pytest

from service.consent.compile import MAX_DEPTH, compile_consent
from service.consent.provision import Compiled, Node, What
from service.consent.reasons import Reason
from service.consent.terms import RANK, Terminology
from service.fhir.canonical import (
    CONFIDENTIALITY,
    MEDIA_TYPES,
)
from service.fhir.date import ALWAYS
from tests.consent.readings import (
    BASE,
    CLOSED,
    DENIES,
    EMERGENCY,
    PERMITS,
    REF,
    WHOLE,
    ZONE,
    Json,
    compiled,
    local,
    reason,
    warned,
)


def test_a_consent_says_who_gave_it_when_and_under_whom() -> None:
    found = compile_consent(
        {
            "status": "active",
            "patient": {"reference": f"{BASE}/Patient/p"},
            "performer": [{"reference": f"{BASE}/RelatedPerson/r"}, {"identifier": {"system": "urn:s", "value": "7"}}],
            "organization": [{"reference": f"{BASE}/Organization/a"}, {"display": "somebody"}],
            "verification": [{"verified": False}, {"verified": True}],
            "dateTime": "2026-06-01",
            "provision": {"type": "deny", "period": {"start": "2026-06-01", "end": "2026-06-02"}},
        },
        REF,
        BASE,
        ZONE,
        recorder="Organization/a",
        confirmed=True,
        standing=False,
    )
    assert found == Compiled(
        REF,
        "Patient/p",
        True,
        (Node(False, reason(False, DENIES)),),
        local("2026-06-01", "2026-06-02"),
        local("2026-06-01", "2026-06-01").low,
        frozenset({"RelatedPerson/r", "urn:s|7"}),
        frozenset({"Organization/a"}),
        True,
        False,
        frozenset(),
        (),
        "Organization/a",
        True,
        False,
    )


def test_what_a_consent_does_not_say_is_not_taken_for_said() -> None:
    found = compile_consent({"patient": {"reference": "Patient/p"}, "performer": {"reference": "Patient/p"}}, REF)
    assert (found.active, found.written, found.period, found.verified) == (False, None, ALWAYS, False)
    assert (found.recorder, found.confirmed, found.standing, found.controllers) == ("", False, True, frozenset())


@pytest.mark.parametrize("verification", [[{"verified": False}], [{"verified": "true"}], [{}], "yes", None])
def test_only_true_verifies(verification: object) -> None:
    assert compiled({"type": "permit"}, verification=verification).verified is False


NAMED = What(
    rank=RANK["R"],
    kinds=frozenset({"Observation", f"{MEDIA_TYPES}|text/plain"}),
    codes=frozenset({"http://loinc.org|55284-4"}),
    during=local("2026-02-01", "2026-03-01"),
    instances=frozenset({"Observation/1"}),
    related=frozenset({"Encounter/2"}),
    dependents=frozenset({"urn:uuid:3"}),
    authors=frozenset({"https://them.example/Practitioner/4"}),
    named=frozenset({"Encounter/2", "urn:uuid:3"}),
)


def test_every_condition_of_a_provision_is_read() -> None:
    found = compiled(WHOLE)
    assert found.roots == (
        Node(
            True,
            reason(True, PERMITS),
            frozenset({"Organization/a", "Practitioner/b"}),
            EMERGENCY | {"https://p.example|x"},
            frozenset({"access", "use"}),
            what=NAMED,
            closed=Reason("L3", False, f"{REF}#provision", CLOSED),
        ),
    )
    assert (found.named, found.doubt) == (frozenset({"Encounter/2", "urn:uuid:3"}), False)


def test_residual_rules_keep_the_elements_as_they_were_written() -> None:
    what = compiled(WHOLE).roots[0].what
    assert what is not None
    assert what.source == {name: WHOLE[name] for name in ("securityLabel", "class", "code", "dataPeriod", "data")}


def test_of_several_confidentialities_the_lowest_counts_for_a_denial() -> None:
    what = compiled({**WHOLE, "type": "deny"}).roots[0].what
    assert what is not None
    assert what.rank == RANK["N"]


@pytest.mark.parametrize("permit", [True, False])
def test_labels_beside_no_confidentiality_reach_every_confidentiality(permit: bool) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "ETH"}
    what = compiled({"type": "permit" if permit else "deny", "securityLabel": [label]}).roots[0].what
    assert what is not None
    assert (what.rank, what.labels) == (0, frozenset({"ETH"}))


def test_a_label_after_a_confidentiality_is_read_too() -> None:
    both = [
        {"system": CONFIDENTIALITY, "code": "R"},
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"},
    ]
    what = compiled({"type": "deny", "securityLabel": both}).roots[0].what
    assert what is not None
    assert (what.rank, what.labels) == (RANK["R"], frozenset({"HIV"}))


def test_a_root_without_data_closes_nothing() -> None:
    """A permit of everything names no data that others could be beside."""
    assert compiled({"type": "permit"}).roots == (Node(True, reason(True, PERMITS)),)


def test_nested_provisions_have_periods_of_their_own_and_close_nothing() -> None:
    nested = {"type": "permit", "period": {"start": "2026-06-01", "end": "2026-06-03"}, "code": WHOLE["code"]}
    found = compiled({"type": "permit", "period": {"start": "2026-01-01", "end": "2026-12-31"}, "provision": [nested]})
    inner = Node(
        True,
        reason(True, PERMITS, "provision.provision[0]"),
        during=local("2026-06-01", "2026-06-03"),
        what=What(codes=frozenset({"http://loinc.org|55284-4"})),
    )
    assert found.roots == (Node(True, reason(True, PERMITS), children=(inner,)),)
    assert found.period == local("2026-01-01", "2026-12-31")


def test_a_nested_period_that_cannot_be_read_leaves_the_provision_unknown() -> None:
    found = compiled({"type": "permit", "provision": [{"type": "deny", "period": {"start": "soon"}}]})
    [child] = found.roots[0].children
    assert (child.during, child.vague) == (None, frozenset({"period"}))
    text = "`period` cannot be read; write FHIR dates, the end not before the start."
    assert found.findings == (warned(text, "provision.provision[0].period"),)


def test_a_provision_s_children_come_in_their_order_after_one_that_is_none() -> None:
    found = compiled({"type": "permit", "provision": ["x", {"type": "deny"}, {}]})
    assert found.roots[0].children == (
        Node(False, reason(False, DENIES, "provision.provision[1]")),
        Node(False, reason(False, DENIES, "provision.provision[2]")),
    )
    assert found.findings == (
        warned("A nested provision is not an object; write it as one.", "provision.provision[0]", "structure"),
        warned(
            "A nested provision needs a `type`: say `permit` or `deny`; without it, it denies.",
            "provision.provision[2].type",
            "required",
        ),
    )
    assert found.doubt


def nested(depth: int) -> Json:
    """Provisions nested so deep."""
    tree: Json = {"type": "deny"}
    for _ in range(depth - 1):
        tree = {"type": "deny", "provision": [tree]}
    return tree


def test_provisions_nest_as_deep_as_is_read() -> None:
    assert (compiled(nested(MAX_DEPTH)).findings, compiled(nested(MAX_DEPTH)).doubt) == ((), False)


def test_provisions_that_nest_deeper_put_the_consent_in_doubt() -> None:
    found = compiled(nested(MAX_DEPTH + 1))
    place = "provision" + ".provision[0]" * (MAX_DEPTH - 1)
    assert found.findings == (warned("Provisions nest deeper than 32; write them flatter.", place, "too-long"),)
    assert found.doubt


def test_every_label_and_class_of_a_provision_counts() -> None:
    act_code = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    labels = [{"system": act_code, "code": code} for code in ("HIV", "ETH")]
    profiles = [
        {"system": "urn:ietf:rfc:3986", "code": f"https://p.example/StructureDefinition/{name}"} for name in ("x|1.0", "y")
    ]
    what = compiled({"type": "deny", "securityLabel": labels, "class": profiles}).roots[0].what
    assert what is not None
    assert what.labels == {"HIV", "ETH"}
    assert what.kinds == {"https://p.example/StructureDefinition/x", "https://p.example/StructureDefinition/y"}


def test_a_performer_who_is_named_by_our_own_url_gave_the_consent() -> None:
    found = compiled({"type": "permit"}, performer=[{"reference": f"{BASE}/RelatedPerson/r"}])
    assert (found.performers, found.findings) == (frozenset({"RelatedPerson/r"}), ())


def test_labels_and_purposes_are_those_of_the_locality_s_terminology() -> None:
    own = Terminology.of({"MINE": ("BELOW",)}, {"LABEL": ()})
    purpose, label = {"code": "MINE"}, {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "LABEL"}
    person = {"reference": "Patient/p"}
    provision = {"type": "deny", "purpose": [purpose], "securityLabel": [label]}
    found = compile_consent({"patient": person, "performer": [person], "provision": provision}, REF, terms=own)
    assert (found.findings, found.roots[0].purposes) == ((), frozenset({"MINE", "BELOW"}))
