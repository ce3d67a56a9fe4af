"""Which Consents apply to a request, and what each says (consent rules, section 2): a denial in doubt counts, a permit does
not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.consent.applicable import applicable, curbed, entitled, speak, spoken, verdict
from service.consent.match import NO, UNKNOWN, YES
from service.consent.policy import UK
from service.consent.provision import Compiled, Node, What
from service.consent.reasons import Reason
from service.consent.request import Evidence
from service.fhir.date import ALWAYS, LATEST, Interval, milliseconds
from tests.consent.cases import HOUSING, NOTE, NOW, RESTRICTED, ask

AT = milliseconds(NOW)
PERSON = frozenset({"Patient/p"})
PERMITS, DENIES = (Reason("L4", True, "c", "It permits."), Reason("L3", False, "c", "It denies."))
CLOSED = Reason("L3", False, "c", "It permits only what it names.")
PERMIT, DENIAL = Node(True, PERMITS), Node(False, DENIES)
THIS, OTHER = What(kinds=frozenset({"Observation"}), source={"class": []}), What(kinds=frozenset({"Goal"}), source={"class": []})
UNSURE = What(vague=frozenset({"class"}), source={"class": []})
NOBODY = frozenset({"Organization/nobody"})


def compiled(*roots: Node, **more: Any) -> Compiled:
    """A Consent of the person that applies whole."""
    given: dict[str, Any] = {
        "ref": "Consent/1/_history/1",
        "patient": "Patient/p",
        "active": True,
        "roots": roots or (PERMIT,),
        "period": ALWAYS,
        "written": None,
        "performers": PERSON,
        "controllers": frozenset(),
        "verified": False,
        "doubt": False,
        "named": frozenset(),
        "findings": (),
    }
    return Compiled(**{**given, **more})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, YES),
        ({"active": False}, NO),
        ({"patient": "Patient/other"}, NO),
        ({"written": AT}, YES),
        ({"written": AT + 1}, NO),
        ({"period": Interval(AT, LATEST)}, YES),
        ({"period": Interval(AT + 1, LATEST)}, NO),
        ({"period": Interval(AT - 1, AT)}, NO),
        ({"period": None, "doubt": True}, UNKNOWN),
        ({"doubt": True}, UNKNOWN),
        ({"performers": frozenset({"Practitioner/x"})}, UNKNOWN),
    ],
)
def test_when_a_consent_applies(change: dict[str, Any], expected: int) -> None:
    """From the instant it was written, within its period, of the person, by the person."""
    assert applicable(compiled(**change), Evidence(patients=PERSON), UK, AT) == expected


def test_a_consent_on_a_patient_of_the_record_applies_though_the_person_is_not_known() -> None:
    assert applicable(compiled(), Evidence(), UK, AT, ("Patient/p",)) == YES


@pytest.mark.parametrize(("verified", "expected"), [(True, YES), (False, UNKNOWN)])
def test_a_policy_may_ask_for_verification(verified: bool, expected: int) -> None:
    assert applicable(compiled(verified=verified), Evidence(patients=PERSON), replace(UK, verified=True), AT) == expected


@pytest.mark.parametrize(
    ("controllers", "expected"), [({"Organization/a", "Organization/b"}, YES), ({"Organization/c"}, UNKNOWN), ((), UNKNOWN)]
)
def test_a_policy_may_name_whose_consents_permit(controllers: set[str], expected: int) -> None:
    policy = replace(UK, controllers=frozenset({"Organization/a"}))
    assert applicable(compiled(controllers=frozenset(controllers)), Evidence(patients=PERSON), policy, AT) == expected


@pytest.mark.parametrize(
    ("performers", "expected"),
    [
        ({"Patient/p"}, True),
        ({"Patient/linked"}, True),
        ({"RelatedPerson/guardian"}, True),
        ({"Practitioner/x", "RelatedPerson/guardian"}, True),
        ({"RelatedPerson/cousin"}, False),
        (set(), False),
    ],
)
def test_the_person_or_a_verified_representative_gives_a_consent(performers: set[str], expected: bool) -> None:
    evidence = Evidence(patients=frozenset({"Patient/linked"}), representatives=frozenset({"RelatedPerson/guardian"}))
    assert entitled(compiled(performers=frozenset(performers)), evidence) is expected


@pytest.mark.parametrize(
    ("recorder", "confirmed", "expected"),
    [(HOUSING, False, True), (HOUSING, True, False), ("Organization/trust", False, False), ("PractitionerRole/r", False, True)],
)
def test_who_gains_from_what_it_recorded_is_curbed_until_somebody_confirms(
    recorder: str, confirmed: bool, expected: bool
) -> None:
    """Consent rules, section 2.8."""
    assert curbed(compiled(recorder=recorder, confirmed=confirmed), ask()) is expected


def test_a_curb_is_on_the_recipient_though_it_acts_under_another_name() -> None:
    request = replace(ask(), principals=frozenset())
    assert curbed(compiled(recorder=HOUSING), request)


def said(*consents: Compiled, facts: Any = NOTE, **more: Any) -> list[tuple[str, Reason]]:
    return spoken(ask(), facts, Evidence(consents, patients=PERSON, **more), UK, AT)


def test_what_was_said_comes_in_the_order_of_references() -> None:
    """So that the order of the evidence never matters."""
    one, two = compiled(PERMIT, ref="Consent/2/_history/1"), compiled(DENIAL, ref="Consent/1/_history/1")
    assert said(one, two) == said(two, one) == [("Consent/1/_history/1", DENIES), ("Consent/2/_history/1", PERMITS)]


def test_two_consents_of_one_reference_are_not_compared_further() -> None:
    """Reasons have no order."""
    assert len(said(compiled(PERMIT), compiled(DENIAL))) == 2


def test_a_silent_consent_is_not_among_what_was_said() -> None:
    assert said(compiled(Node(False, DENIES, what=OTHER)), compiled(active=False)) == []


def test_a_curbed_permit_says_nothing_above_normal() -> None:
    own = compiled(PERMIT, recorder=HOUSING)
    assert (said(own), said(own, facts=RESTRICTED)) == ([(own.ref, PERMITS)], [])


def test_a_curbed_consent_s_denial_counts_whatever_the_label() -> None:
    own = compiled(DENIAL, recorder=HOUSING)
    assert said(own, facts=RESTRICTED) == [(own.ref, DENIES)]


def test_a_consent_in_doubt_denies_and_permits_nothing() -> None:
    assert said(compiled(PERMIT, doubt=True)) == []
    assert said(compiled(DENIAL, doubt=True)) == [("Consent/1/_history/1", DENIES)]


def test_a_consent_of_a_linked_patient_of_the_record_speaks() -> None:
    assert spoken(ask(), NOTE, Evidence((compiled(),)), UK, AT) == [("Consent/1/_history/1", PERMITS)]


def judged(*roots: Node, standing: int = YES, links: Any = None) -> Reason | None:
    return verdict(compiled(*roots), ask(), NOTE, links or {}, AT, standing)


SECOND = replace(PERMIT, reason=replace(PERMITS, text="It permits otherwise."))


@pytest.mark.parametrize(
    ("roots", "expected"),
    [
        ((PERMIT, SECOND), PERMITS),
        ((PERMIT, DENIAL), DENIES),
        ((DENIAL, PERMIT), DENIES),
        ((PERMIT, Node(False, DENIES, what=OTHER)), None),
        ((Node(False, DENIES, what=OTHER), PERMIT), None),
        ((Node(False, DENIES, what=OTHER), DENIAL), DENIES),
        ((Node(False, DENIES, what=OTHER), Node(False, DENIES, what=OTHER)), None),
    ],
)
def test_of_two_readings_a_denial_denies_and_a_permit_needs_both(roots: tuple[Node, ...], expected: Reason | None) -> None:
    assert judged(*roots) == expected


def test_both_readings_are_asked_the_whole_question() -> None:
    """The instant, the links between records, and whether the Consent stands."""
    during = Interval(AT, AT + 1)
    linked = What(related=frozenset({"Encounter/e"}), source={"data": []})
    both = Node(True, PERMITS, during=during, what=linked), Node(True, PERMITS, during=during)
    assert judged(*both, links={"Encounter/e": ("Observation/1",)}) == PERMITS
    assert judged(*both, standing=UNKNOWN, links={"Encounter/e": ("Observation/1",)}) is None
    assert judged(*both) is None


@pytest.mark.parametrize(
    ("node", "above", "expected"),
    [
        (PERMIT, YES, PERMITS),
        (PERMIT, UNKNOWN, None),
        (PERMIT, NO, None),
        (DENIAL, YES, DENIES),
        (DENIAL, UNKNOWN, DENIES),
        (DENIAL, NO, None),
        (Node(False, DENIES, actors=NOBODY), YES, None),
        (Node(False, DENIES, actors=NOBODY, vague=frozenset({"actor"})), YES, DENIES),
        (Node(True, PERMITS, actors=NOBODY, vague=frozenset({"actor"})), YES, None),
        (Node(False, DENIES, what=THIS), YES, DENIES),
        (Node(False, DENIES, what=UNSURE), YES, DENIES),
        (Node(False, DENIES, what=OTHER), YES, None),
        (Node(True, PERMITS, what=THIS, closed=CLOSED), YES, PERMITS),
        (Node(True, PERMITS, what=OTHER, closed=CLOSED), YES, CLOSED),
        (Node(True, PERMITS, what=UNSURE, closed=CLOSED), YES, CLOSED),
        (Node(True, PERMITS, what=OTHER), YES, None),
        (Node(True, PERMITS, what=THIS, closed=CLOSED), UNKNOWN, None),
        (Node(True, PERMITS, children=(DENIAL,)), YES, DENIES),
        (Node(False, DENIES, children=(PERMIT,)), YES, PERMITS),
        (Node(False, DENIES, children=(PERMIT,)), UNKNOWN, DENIES),
        (Node(False, DENIES, children=(Node(True, PERMITS, what=OTHER),)), YES, DENIES),
        (Node(False, DENIES, children=(PERMIT, SECOND)), YES, PERMITS),
        (Node(True, PERMITS, children=(SECOND, DENIAL)), YES, DENIES),
        (Node(True, PERMITS, actors=NOBODY, children=(DENIAL,)), YES, None),
        (Node(True, PERMITS, children=(Node(False, DENIES, children=(SECOND,)),)), YES, SECOND.reason),
    ],
)
def test_the_deepest_that_says_something_decides_and_among_siblings_a_denial(
    node: Node, above: int, expected: Reason | None
) -> None:
    assert speak(node, ask(), NOTE, {}, AT, above) == expected


def test_what_is_nested_is_asked_with_the_instant_and_the_links() -> None:
    linked = What(related=frozenset({"Encounter/e"}), source={"data": []})
    nested = Node(True, PERMITS, children=(Node(False, DENIES, during=Interval(AT, AT + 1), what=linked),))
    assert speak(nested, ask(), NOTE, {"Encounter/e": ("Observation/1",)}, AT, YES) == DENIES
    assert speak(nested, ask(), NOTE, {"Encounter/e": ("Observation/1",)}, AT + 1, YES) == PERMITS
    assert speak(nested, ask(), NOTE, {}, AT, YES) == PERMITS


def test_one_reading_is_asked_at_the_instant() -> None:
    during = Node(True, PERMITS, during=Interval(AT, AT + 1))
    assert judged(during) == PERMITS
    assert said(compiled(during)) == [("Consent/1/_history/1", PERMITS)]
    late = spoken(ask(), NOTE, Evidence((compiled(during),), patients=PERSON), UK, AT + 1)
    assert late == []


def test_both_readings_are_asked_of_who_asks() -> None:
    mine = Node(True, PERMITS, actors=frozenset({HOUSING}))
    assert judged(mine, mine) == PERMITS
    assert judged(mine, Node(True, PERMITS, actors=NOBODY)) is None
