"""How fast a real service answers: authorised, consent-checked, audited before release, durable."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks.ceilings import Ceilings
from tests.benchmarks.conftest import Measured, shown
from tests.benchmarks.serving import Request
from tests.locality import dataset, handover

SECONDS = 4.0
CLIENTS = 64
ALONE = 40

pytestmark = pytest.mark.slow


def observation(person: str, number: int) -> dict[str, object]:
    """About 1.5 KB: a score with its parts."""
    score = {"system": "http://loinc.org", "code": "44261-6", "display": "PHQ-9 total score"}
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}],
        "code": {"coding": [score], "text": "PHQ-9"},
        "subject": {"reference": person},
        "effectiveDateTime": "2026-11-20T09:30:00Z",
        "performer": [{"reference": "PractitionerRole/trust-lead"}],
        "identifier": [{"system": "https://trust.example/scores", "value": str(number)}],
        "valueInteger": number % 28,
        "component": [
            {"code": {"coding": [{**score, "code": f"4425{part}-{part}", "display": f"Item {part}"}]}, "valueInteger": part % 4}
            for part in range(9)
        ],
    }


def test_read_by_id(measured: Measured, plans: list[str], ceilings: Ceilings) -> None:
    """Read a care plan of one's own agency, the read audited."""
    requests = [Request("GET", each, measured.trust) for each in plans]
    for clients in (1, 16, CLIENTS):
        figures = measured.serving.load(requests, clients=clients, seconds=SECONDS)
        shown(f"read by id, {clients} clients", figures, ceiling=ceilings.trivial if clients == CLIENTS else 0)


def test_read_as_a_partner(measured: Measured, plans: list[str]) -> None:
    """Read the trust's care plans as the crisis team, which the trust has named in each person's care team."""
    teams = [
        {
            "resourceType": "CareTeam",
            "id": f"trust.team{number}",
            "status": "active",
            "subject": {"reference": each},
            "participant": [{"member": {"reference": "Organization/crisis"}}],
        }
        for number, each in enumerate(measured.persons)
    ]
    put = [Request("PUT", f"CareTeam/{each['id']}", measured.trust, each) for each in teams]
    shown("care teams, created", measured.serving.load(put, clients=16), "201")
    requests = [Request("GET", each, measured.crisis) for each in plans]
    shown("first read by a partner", measured.serving.load(requests, clients=CLIENTS))
    shown(f"read by a partner, {CLIENTS} clients", measured.serving.load(requests, clients=CLIENTS, seconds=SECONDS))


def test_create(measured: Measured, ceilings: Ceilings) -> None:
    """Create an Observation."""
    requests = [
        Request("POST", "Observation", measured.trust, observation(measured.persons[number % len(measured.persons)], number))
        for number in range(4000)
    ]
    for clients, part in ((16, requests[:1500]), (CLIENTS, requests[1500:])):
        figures = measured.serving.load(part, clients=clients)
        shown(f"create, {clients} clients", figures, "201", ceiling=ceilings.insert if clients == CLIENTS else 0)


def test_search(measured: Measured, plans: list[str]) -> None:
    """Search by token, and by patient."""
    tokens = [f"Observation?identifier=https://trust.example/scores|{number}" for number in range(500)]
    patients = [f"CarePlan?patient={each}" for each in measured.persons]
    for name, paths in (("token", tokens), ("patient", patients)):
        requests = [Request("GET", each, measured.trust) for each in paths]
        shown(f"search by {name}, {CLIENTS} clients", measured.serving.load(requests, clients=CLIENTS, seconds=SECONDS))


def test_accept_a_handover(measured: Measured, plans: list[str], ceilings: Ceilings) -> None:
    """Accept handovers, 8 clients: ownership moves, everybody is told, all in one transaction."""
    datasets = [
        {**dataset(each, measured.questionnaire), "id": f"trust.mds{number}"} for number, each in enumerate(measured.persons)
    ]
    put = [Request("PUT", f"QuestionnaireResponse/{each['id']}", measured.trust, each) for each in datasets]
    shown("datasets, created", measured.serving.load(put, clients=16), "201")
    tasks = [
        {**handover(person, plans[number], f"QuestionnaireResponse/trust.mds{number}"), "id": f"trust.handover{number}"}
        for number, person in enumerate(measured.persons)
    ]
    put = [Request("PUT", f"Task/{each['id']}", measured.trust, each) for each in tasks]
    sent = shown("handovers, sent, 8 clients", measured.serving.load(put, clients=8, keep=True), "201")
    accepting = [
        Request(
            "PUT",
            f"Task/{each['id']}",
            measured.crisis,
            {**each, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}},
            int(each["meta"]["versionId"]),
        )
        for each in map(json.loads, sent.bodies.values())
    ]
    alone = measured.serving.load(accepting[:ALONE], clients=1)
    shown("handovers, accepted, 1 client", alone)
    figures = measured.serving.load(accepting[ALONE:], clients=8)
    shown("handovers, accepted, 8 clients", figures, ceiling=ceilings.transaction)
    print(f"{'p99 of 8 clients / p50 of 1':34} {figures.high / alone.median:7.1f}", flush=True)
