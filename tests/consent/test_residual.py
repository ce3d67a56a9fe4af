"""The residual rules of Consents: read from the top, the last that matches wins, with exactly the Consents' effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.consent.compile import compile_consent
from service.consent.policy import UK
from service.consent.provision import Compiled, What
from service.consent.request import Request
from service.consent.residual import FORBID, ResidualRule, Rules, joined, residual_json, speaking
from service.consent.terms import NORMAL
from service.fhir.canonical import ACT_CODE, CONFIDENTIALITY, RESOURCE_TYPES
from tests.consent.cases import DENY, HOUSING, NOTE, PERMIT, RESTRICTED, ask, coded, consent, known
from tests.fakes.enforcement_point import apply

BASE = "https://here.example/fhir"
PSY, HIV = coded(ACT_CODE, "PSY"), coded(ACT_CODE, "HIV")
ALL = ResidualRule(True)
NONE = ResidualRule(None)


def a(name: str) -> What:
    """The data that carry one label."""
    return What(labels=frozenset({name}), source={"securityLabel": coded(ACT_CODE, name)})


def rule(permit: bool | None, *names: str) -> ResidualRule:
    """A rule on data named by denials."""
    return ResidualRule(permit, tuple((a(name), False) for name in names))


def compiled(provision: dict[str, Any], number: int = 0, **more: Any) -> Compiled:
    return compile_consent(consent(provision), f"Consent/{number}/_history/1", **more)


def spoken(*consents: Compiled, request: Request | None = None) -> list[tuple[str, Rules]]:
    """What each of these Consents says to the request."""
    return list(speaking(request or ask(), replace(known(), consents=consents), UK))


def written(*provisions: dict[str, Any], request: Request | None = None, base: str = "") -> list[dict[str, Any]]:
    """The rules of Consents with these provisions, as a token carries them."""
    consents = (compiled(each, number) for number, each in enumerate(provisions))
    return residual_json(joined(spoken(*consents, request=request)), base)


def effect(rules: Rules, *labels: str, rank: int = NORMAL) -> bool | None:
    """What the rules say of a record with these labels."""
    return apply(rules, replace(NOTE, labels=labels, confidentiality=rank), {})


def nested(*children: dict[str, Any], **root: Any) -> dict[str, Any]:
    return {"type": "permit", **root, "provision": list(children)}


def test_each_consent_speaks_for_itself_in_the_order_of_references() -> None:
    """Whatever the order in the evidence; one that says nothing is left out."""
    silent = compiled({"type": "deny", "purpose": coded("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HRESCH")}, 5)
    ended = compile_consent(consent(PERMIT, status="inactive"), "Consent/6/_history/1")
    assert spoken(compiled(DENY, 2), silent, ended, compiled(PERMIT, 1)) == [
        ("Consent/1/_history/1", (ALL,)),
        ("Consent/2/_history/1", (FORBID,)),
    ]


def test_a_consent_one_of_whose_readings_is_silent_is_not_named() -> None:
    """As an exception to its policy it permits, as a limit of it it says nothing of this purpose: so it says nothing."""
    research = {"purpose": coded("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HRESCH")}
    agreed = consent(research, policyRule={"coding": [{"code": "OPTIN"}]})
    assert spoken(compile_consent(agreed, "Consent/1/_history/1"), compiled(DENY, 2)) == [("Consent/2/_history/1", (FORBID,))]


def test_a_consent_without_a_reading_says_nothing() -> None:
    """There is nothing to permit or deny."""
    assert spoken(replace(compiled(PERMIT), roots=())) == []


@pytest.mark.parametrize(
    ("period", "speaks"),
    [
        ({"start": "2026-01-01", "end": "2026-12-31"}, True),
        ({"end": "2026-06-14"}, False),
        ({"end": "2026-06-15"}, True),
        ({"start": "2026-06-16"}, False),
    ],
)
def test_a_nested_provision_speaks_within_its_period(period: dict[str, str], speaks: bool) -> None:
    """A day includes its whole time."""
    denial = {"type": "deny", "securityLabel": PSY, "period": period}
    assert written(nested(denial)) == ([{"type": "forbid", "securityLabel": PSY}] if speaks else [])
    assert written(nested(nested(denial))) == written(nested(denial))


def test_a_permit_that_names_data_closes_the_rest() -> None:
    """Forbidden first, then the data named."""
    assert written({"type": "permit", "securityLabel": PSY}) == [
        {"type": "forbid"},
        {"type": "permit", "securityLabel": PSY},
    ]


def test_a_permit_for_some_of_the_purposes_says_nothing_of_the_data_it_names() -> None:
    """The rest stays closed, and what is named is left to other Consents and the policy."""
    treat = coded("http://terminology.hl7.org/CodeSystem/v3-ActReason", "TREAT")
    partly = ask(purposes=("TREAT", "HRESCH"))
    ((_, rules),) = spoken(compiled({"type": "permit", "securityLabel": PSY, "purpose": treat}), request=partly)
    assert (effect(rules, "PSY"), effect(rules, "HIV")) == (None, False)
    assert rules[1].permit is None
    assert len(rules) == 2
    assert spoken(compiled({"type": "permit", "purpose": treat}), request=partly) == []
    assert spoken(compiled({"type": "deny", "purpose": treat}), request=partly) == [("Consent/0/_history/1", (FORBID,))]


def test_siblings_are_told_permits_first_and_denials_last() -> None:
    """So that a denial wins; nothing is multiplied where every sibling has one effect."""
    denial, permit = {"type": "deny", "securityLabel": PSY}, {"type": "permit", "securityLabel": HIV}
    told = [{"type": "permit", "securityLabel": HIV}, {"type": "forbid", "securityLabel": PSY}]
    assert written({"type": "deny", "provision": [denial, permit]}) == [{"type": "forbid"}, *told]
    assert written(nested(denial, permit, denial)) == [*told, told[1]]


def test_two_consents_are_told_the_denial_last() -> None:
    """A permit of everything, and a denial of something."""
    assert written({"type": "deny", "securityLabel": PSY}, PERMIT) == [{"type": "forbid", "securityLabel": PSY}]
    assert written(PERMIT, DENY, PERMIT) == [{"type": "forbid"}]


def two(one: bool | None, other: bool | None, *, readings: bool = False) -> bool | None:
    """What two Consents, or two readings of one, say together of a record of which each says this."""
    effects: dict[bool | None, Rules] = {
        True: (rule(False, "HIV"), rule(True, "PSY")),
        False: (rule(True, "HIV"), rule(False, "PSY")),
    }
    effects[None] = (rule(False, "HIV"), rule(True, "HIV"))
    if not readings:
        return effect(joined([("a", effects[one]), ("b", effects[other])]), "PSY")
    provisions: dict[bool | None, dict[str, Any]] = {
        True: PERMIT,
        False: DENY,
        None: {"type": "deny", "securityLabel": HIV},
    }
    roots = (*compiled(provisions[one]).roots, *compiled(provisions[other]).roots)
    return effect(joined(spoken(replace(compiled(PERMIT), roots=roots))), "PSY")


@pytest.mark.parametrize("one", [True, False, None])
@pytest.mark.parametrize("other", [True, False, None])
def test_across_consents_a_denial_wins_and_a_permit_beats_silence(one: bool | None, other: bool | None) -> None:
    """Consent rules, section 2.6; the effects are mixed, so that the rules are multiplied."""
    expected = False if False in (one, other) else True if True in (one, other) else None
    assert two(one, other) is expected


@pytest.mark.parametrize("one", [True, False, None])
@pytest.mark.parametrize("other", [True, False, None])
def test_an_ambiguous_consent_permits_only_what_both_readings_permit(one: bool | None, other: bool | None) -> None:
    """A denial in either denies (consent rules, section 2.3)."""
    expected = False if False in (one, other) else True if one and other else None
    assert two(one, other, readings=True) is expected


def test_mixed_lists_are_multiplied_rule_by_rule() -> None:
    """Every pair, with no match in one of the two lists as a rule of its own."""
    left, right = (rule(True, "A"), rule(False, "B")), (rule(True, "C"), rule(False, "D"))
    assert joined([("a", left), ("b", right)]) == (
        rule(True, "C"),
        rule(False, "D"),
        rule(True, "A"),
        rule(True, "A", "C"),
        rule(False, "A", "D"),
        rule(False, "B"),
        rule(False, "B", "C"),
        rule(False, "B", "D"),
    )


def test_permits_and_denials_stand_around_what_is_mixed() -> None:
    """Lists of a single effect need no product."""
    mixed = (rule(False, "A"), rule(True, "B"))
    spoke = [("a", (rule(False, "C"),)), ("b", mixed), ("c", (rule(True, "D"), rule(True, "E"))), ("d", ())]
    assert joined(spoke) == (rule(True, "D"), rule(True, "E"), *mixed, rule(False, "C"))


def test_a_permit_beats_a_consent_that_says_nothing_above_its_ceiling() -> None:
    """A recorder's own Consent (up to N) and another agency's of everything: the record above N is permitted."""
    curbed, whole = compiled(PERMIT, 1, recorder=HOUSING), compiled(PERMIT, 2)
    assert joined(spoken(curbed))[0] == NONE
    for consents in ((curbed, whole), (whole, curbed)):
        rules = joined(spoken(*consents))
        assert (apply(rules, NOTE, {}), apply(rules, RESTRICTED, {})) == (True, True)
    labelled = compiled(nested({"type": "permit", "securityLabel": PSY}), 3)
    rules = joined([("a", spoken(curbed)[0][1]), ("b", (rule(True, "PSY"),)), ("c", (rule(True, "HIV"), rule(True, "SUD")))])
    assert [effect(rules, name, rank=5) for name in ("PSY", "HIV", "SUD", "SEX")] == [True, True, True, None]
    assert effect(joined(spoken(curbed, labelled)), "PSY", rank=5) is True


def test_a_denial_of_a_curbed_consent_is_not_curbed() -> None:
    """Only its permits reach up to N."""
    rules = joined(spoken(compiled(nested({"type": "deny", "securityLabel": PSY}), recorder=HOUSING)))
    told = [effect(rules, rank=4), effect(rules, rank=5), effect(rules, "PSY", rank=4), effect(rules, "PSY", rank=5)]
    assert told == [True, None, False, False]


def mixed(count: int, name: str) -> Rules:
    """A list of this many rules of both effects, each with a condition of its own."""
    return (rule(True, f"{name}0"), *(rule(False, f"{name}{number}") for number in range(1, count)))


@pytest.mark.parametrize(("left", "right", "told"), [(63, 63, 4095), (62, 64, 4094), (16, 240, 1), (63, 64, 1), (64, 63, 1)])
def test_a_token_with_too_many_rules_forbids_everything(left: int, right: int, told: int) -> None:
    """Which is safe. Up to 4096 pairs it carries them all, but for the pair of no match in either."""
    rules = joined([("a", mixed(left, "A")), ("b", mixed(right, "B"))])
    assert len(rules) == told
    assert (rules == (FORBID,)) is (told == 1)


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ((), 0),
        ((ALL,), 1),
        ((rule(True, "A"), rule(True, "B")), 2),
        ((ALL, rule(True, "A")), 2),
        ((rule(True, "A"), ALL), 1),
        ((rule(True, "A"), rule(True, "B"), ALL), 1),
        ((rule(True, "A"), ALL, rule(True, "B")), 2),
        ((rule(True, "A"), rule(True, "B"), ALL, rule(True, "C")), 2),
        ((ALL, rule(True, "A"), ALL, rule(True, "B")), 2),
        ((ALL, ALL, rule(True, "B")), 2),
    ],
)
def test_rules_before_the_last_unconditional_one_are_left_out(rules: Rules, left: int) -> None:
    """It hides them."""
    assert joined([("a", rules)]) == rules[len(rules) - left :]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), []),
        ((ALL,), []),
        ((ALL, rule(False, "PSY")), [{"type": "forbid", "securityLabel": PSY}]),
        ((FORBID, rule(True, "PSY")), [{"type": "forbid"}, {"type": "permit", "securityLabel": PSY}]),
        ((rule(True, "PSY"), ALL), [{"type": "permit", "securityLabel": PSY}, {"type": "permit"}]),
        ((NONE, rule(None, "PSY")), [{"type": "forbid"}, {"type": "forbid", "securityLabel": PSY}]),
        (
            (rule(False, "PSY", "HIV"),),
            [{"type": "forbid", "allOf": [{"securityLabel": PSY}, {"securityLabel": HIV}]}],
        ),
    ],
    ids=["nothing", "all", "all but", "nothing but", "a permit with conditions stays", "no effect forbids", "two labels"],
)
def test_rules_are_written_for_a_token_that_is_a_general_permit(rules: Rules, expected: list[dict[str, Any]]) -> None:
    """A leading permit of everything is not written."""
    assert residual_json(rules) == expected


def test_conditions_on_different_elements_are_one_rule() -> None:
    """They hold together."""
    kind = [{"system": RESOURCE_TYPES, "code": "Observation"}]
    of_kind = What(kinds=frozenset({"Observation"}), source={"class": kind})
    both = ResidualRule(True, ((a("PSY"), True), (of_kind, False)))
    assert residual_json((both,)) == [{"type": "permit", "securityLabel": PSY, "class": kind}]


UNREAD = What(labels=frozenset({"PSY"}), vague=frozenset({"code"}), source={"securityLabel": PSY, "code": [{"text": "x"}]})


def test_what_cannot_be_read_widens_a_denial_and_ends_a_permit() -> None:
    """The denial is written without the element; the permit is not written."""
    named = ((UNREAD, True),)
    assert residual_json((ResidualRule(False, named), ResidualRule(True, named), ResidualRule(None, named))) == [
        {"type": "forbid", "securityLabel": PSY},
        {"type": "forbid", "securityLabel": PSY},
    ]


CEILING = What(rank=4, source={"securityLabel": coded(CONFIDENTIALITY, "N"), "class": [{"code": "Observation"}]})


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (ResidualRule(True, ((CEILING, True),)), {"type": "permit", **CEILING.source}),
        (ResidualRule(False, ((CEILING, False),)), {"type": "forbid", **CEILING.source}),
        (ResidualRule(False, ((CEILING, True),)), {"type": "forbid", "class": [{"code": "Observation"}]}),
        (ResidualRule(None, ((CEILING, True),)), {"type": "forbid", "class": [{"code": "Observation"}]}),
        (ResidualRule(False, ((a("PSY"), True),)), {"type": "forbid", "securityLabel": PSY}),
    ],
)
def test_a_permit_s_ceiling_is_never_written_as_a_denial_s_floor(made: ResidualRule, expected: dict[str, Any]) -> None:
    """The denial would read it as N and above; without it, it is wider."""
    assert residual_json((made,)) == [expected]


@pytest.mark.parametrize(
    ("data", "base", "expected"),
    [
        ([{"reference": {"reference": "Task/1"}}], "", [{"reference": {"reference": "Task/1"}}]),
        ([{"reference": {"reference": "Task/1"}}], BASE, [{"reference": {"reference": f"{BASE}/Task/1"}}]),
        ([{"reference": {"reference": "Task/1"}}], f"{BASE}/", [{"reference": {"reference": f"{BASE}/Task/1"}}]),
        (
            [
                {"meaning": "related", "reference": {"reference": "Task/1", "display": "d"}},
                {"reference": {"reference": "Flag/2"}},
            ],
            BASE,
            [
                {"meaning": "related", "reference": {"reference": f"{BASE}/Task/1", "display": "d"}},
                {"reference": {"reference": f"{BASE}/Flag/2"}},
            ],
        ),
        *(
            ([item], BASE, [item])
            for item in (
                {"reference": {"reference": "http://there.example/Task/1"}},
                {"reference": {"reference": "urn:uuid:1"}},
                {"reference": {"reference": "#a"}},
                {"reference": {"identifier": {"value": "1"}}},
                {"reference": {"reference": 5}},
                {"reference": "Task/1"},
                {"meaning": "instance"},
                "Task/1",
            )
        ),
        ({"reference": {"reference": "Task/1"}}, BASE, {"reference": {"reference": "Task/1"}}),
    ],
)
def test_relative_references_are_written_under_the_base(data: Any, base: str, expected: Any) -> None:
    """Every other form as it stands."""
    denial = ResidualRule(False, ((What(source={"data": data}), False),))
    assert residual_json((denial,), base) == [{"type": "forbid", "data": expected}]


def test_only_data_is_written_under_the_base() -> None:
    """Codes and labels are no references."""
    odd = [{"reference": {"reference": "Task/1"}}]
    made = ResidualRule(False, ((What(source={"code": odd, "securityLabel": PSY}), False),))
    assert residual_json((made,), BASE) == [{"type": "forbid", "code": odd, "securityLabel": PSY}]


def test_an_absent_base_leaves_a_denial_of_data_as_it_was_written() -> None:
    """By default."""
    data = [{"meaning": "instance", "reference": {"reference": "Observation/1"}}]
    assert written({"type": "deny", "data": data}) == [{"type": "forbid", "data": data}]
    assert residual_json((ResidualRule(False, ((What(source={"data": data}), False),)),)) == [{"type": "forbid", "data": data}]
