"""A Consent whose root has no type: its policy says what holds where its provisions say nothing (consent rules, section 2)."""

from __future__ import annotations

import pytest

from service.consent.compile import SILENT
from service.consent.provision import Node, What
from service.consent.reasons import Reason
from service.fhir.canonical import (
    PCF_POLICY,
)
from service.problem import Issue
from tests.consent.readings import (
    AGREED,
    CLOSED,
    DENIES,
    EMERGENCY,
    PERMITS,
    REF,
    REFUSED,
    WHOLE,
    Json,
    compiled,
    local,
    reason,
    recipient,
    warned,
)

# An untyped root: its policy says what holds where its provisions say nothing.

PLAIN = Issue(
    "informational",
    "Its root has no `type`, so its policy says what holds by default; a `type` would say it plainly.",
    "Consent.provision.type",
    "consent-rules 2",
    "information",
)


def agreed(path: str, text: str = AGREED) -> Node:
    return Node(text == AGREED, reason(text == AGREED, text, path))


@pytest.mark.parametrize(
    ("members", "path", "text"),
    [
        ({"policyRule": {"coding": [{"code": "x"}, {"code": "OPTIN"}]}}, "policyRule", AGREED),
        ({"policyRule": {"coding": [{"code": "OPTINR"}]}}, "policyRule", AGREED),
        ({"policyRule": {"coding": [{"code": "OPTOUT"}]}}, "policyRule", REFUSED),
        ({"policyRule": {"coding": [{"code": "OPTOUTE"}]}}, "policyRule", REFUSED),
        ({"policy": [{"uri": "urn:other"}, {"uri": f"{PCF_POLICY}basic-normal"}]}, "policy[1].uri", AGREED),
        (
            {"policyRule": {"coding": [{"code": "OPTIN"}]}, "policy": [{"uri": f"{PCF_POLICY}basic-normal"}]},
            "policyRule",
            AGREED,
        ),
        ({"policyRule": {"coding": [{"code": "OPTIN"}, {"code": "OPTOUT"}]}}, "policyRule", REFUSED),
        (
            {"policy": [{"uri": f"{PCF_POLICY}break-glass-only"}], "policyRule": {"coding": [{"code": "OPTOUT"}]}},
            "policyRule",
            REFUSED,
        ),
    ],
)
def test_an_untyped_root_takes_its_effect_from_its_policy(members: Json, path: str, text: str) -> None:
    found = compiled({}, **members)
    assert (found.roots, found.findings, found.doubt) == ((agreed(path, text),), (PLAIN,), False)


@pytest.mark.parametrize(
    ("members", "path", "purposes"),
    [
        ({"policyRule": {"coding": [{"code": "EMRGONLY"}]}}, "policyRule", EMERGENCY),
        ({"policy": [{"uri": f"{PCF_POLICY}break-glass-only"}]}, "policy[0].uri", frozenset({"BTG"})),
        (
            {
                "policy": [{"uri": f"{PCF_POLICY}break-glass-only"}],
                "policyRule": {"coding": [{"code": "EMRGONLY"}, {"code": "OPTIN"}]},
            },
            "policy[0].uri",
            frozenset({"BTG"}),
        ),
        (
            {"policy": [{"uri": f"{PCF_POLICY}basic-normal"}], "policyRule": {"coding": [{"code": "EMRGONLY"}]}},
            "policyRule",
            EMERGENCY,
        ),
    ],
)
def test_a_policy_for_emergencies_denies_all_else(members: Json, path: str, purposes: frozenset[str]) -> None:
    """Of several policies the most restrictive counts."""
    exception = Node(True, reason(True, AGREED, path), purposes=purposes)
    assert compiled({}, **members).roots == (Node(False, reason(False, REFUSED, path), children=(exception,)),)


def test_an_untyped_root_s_provisions_are_exceptions_to_its_policy() -> None:
    found = compiled({"provision": [{"type": "deny"}]}, policyRule={"coding": [{"code": "OPTIN"}]})
    child = Node(False, reason(False, DENIES, "provision.provision[0]"))
    assert found.roots == (Node(True, reason(True, AGREED, "policyRule"), children=(child,)),)


def test_a_root_with_neither_type_nor_policy_says_nothing_itself() -> None:
    found = compiled({"provision": [{"type": "deny"}]})
    child = Node(False, reason(False, DENIES, "provision.provision[0]"))
    assert found.roots == (Node(True, reason(True, PERMITS), what=SILENT, children=(child,)),)
    text = "It names no policy we know and its root has no `type`: say `permit` or `deny`."
    assert (found.findings, found.doubt) == ((warned(text, "provision.type", "required"),), False)


CONDITIONED = {"action": [{"coding": [{"code": "access"}]}], "code": [{"coding": [{"system": "urn:s", "code": "c"}]}]}
UNTYPED = warned("A root provision with conditions needs a `type`: say `permit` or `deny`.", "provision.type", "required")
CODED = What(codes=frozenset({"urn:s|c"}))


def test_an_untyped_root_with_conditions_is_read_both_ways_against_its_policy() -> None:
    found = compiled(CONDITIONED, policyRule={"coding": [{"code": "OPTIN"}]})
    limits = Node(
        True,
        reason(True, PERMITS),
        actions=frozenset({"access"}),
        what=CODED,
        closed=Reason("L3", False, f"{REF}#provision", CLOSED),
    )
    exception = Node(False, reason(False, DENIES), actions=frozenset({"access"}), what=CODED)
    assert found.roots == (limits, Node(True, reason(True, AGREED, "policyRule"), children=(exception,)))
    assert found.findings == (UNTYPED,)


def test_an_exception_to_a_denying_policy_closes_nothing() -> None:
    found = compiled(CONDITIONED, policyRule={"coding": [{"code": "OPTOUT"}]})
    limits = Node(False, reason(False, DENIES), actions=frozenset({"access"}), what=CODED)
    exception = Node(True, reason(True, PERMITS), actions=frozenset({"access"}), what=CODED)
    assert found.roots == (limits, Node(False, reason(False, REFUSED, "policyRule"), children=(exception,)))


def test_an_untyped_root_with_conditions_and_no_policy_is_read_both_ways() -> None:
    found = compiled(CONDITIONED)
    one = Node(False, reason(False, DENIES), actions=frozenset({"access"}), what=CODED)
    other = Node(True, reason(True, PERMITS), actions=frozenset({"access"}), what=CODED)
    assert (found.roots, found.findings) == ((one, other), (UNTYPED,))


def test_the_root_s_period_is_the_consent_s_in_both_readings() -> None:
    found = compiled({**CONDITIONED, "period": {"start": "2026-01-01", "end": "2026-01-02"}})
    assert ([root.during for root in found.roots], found.period) == ([None, None], local("2026-01-01", "2026-01-02"))


def test_both_readings_find_a_fault_once_and_read_what_is_nested_alike() -> None:
    found = compiled({**CONDITIONED, "provision": [{"type": "deny", "period": {"start": "2026-01-01", "end": "2026-01-02"}}, {}]})
    child = Node(False, reason(False, DENIES, "provision.provision[0]"), during=local("2026-01-01", "2026-01-02"))
    untyped = Node(False, reason(False, DENIES, "provision.provision[1]"))
    assert [root.children for root in found.roots] == [(child, untyped), (child, untyped)]
    assert [issue.expression for issue in found.findings] == ["Consent.provision.type", "Consent.provision.provision[1].type"]


@pytest.mark.parametrize(
    "condition",
    [
        {"actor": [recipient("Organization/a")]},
        {"action": CONDITIONED["action"]},
        {"securityLabel": WHOLE["securityLabel"]},
        {"purpose": WHOLE["purpose"]},
        {"class": WHOLE["class"]},
        {"code": WHOLE["code"]},
        {"dataPeriod": WHOLE["dataPeriod"]},
        {"data": WHOLE["data"]},
    ],
    ids=lambda condition: next(iter(condition)),
)
def test_each_condition_makes_an_untyped_root_ambiguous(condition: Json) -> None:
    assert len(compiled(condition).roots) == 2
