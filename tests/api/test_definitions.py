"""What a partner must write to is read here: our definitions under /fhir, by id and by canonical."""

from __future__ import annotations

from typing import Any

import pytest

from service.usecases.register import definitions
from service.usecases.register.definitions import FIRST
from service.usecases.register.operations import OPERATIONS, definition
from service.usecases.request.canonicals import PUBLISHED
from tests.locality import BASE, Locality

CANONICAL = "https://baton.example/fhir"


def ours(locality: Locality) -> list[Any]:
    """Every definition that the service has."""
    own = locality.built.services.definitions.own
    return [*(each for kind in PUBLISHED for each in own(kind).values()), *map(definition, OPERATIONS)]


async def test_each_is_read_by_its_id_and_found_by_its_url(locality: Locality) -> None:
    """By any agency, though they are about nobody."""
    housing = await locality.agency("housing")
    for each in ours(locality):
        kind = each["resourceType"]
        read = (await housing.get(f"{kind}/{each['id']}")).json()
        found = (await housing.get(f"{kind}?url={each['url']}")).json()["entry"]
        assert {**read, "meta": None} == {**each, "meta": None}
        assert [entry["resource"]["id"] for entry in found] == [each["id"]]


def test_none_is_forgotten(locality: Locality) -> None:
    """Every kind of definition that is shipped is published."""
    shipped = {url.split("/")[-2] for kind in locality.built.services.definitions._own.values() for url in kind}
    assert shipped <= {*PUBLISHED, *FIRST}


async def test_a_version_may_be_named(locality: Locality) -> None:
    """As in a canonical `url|version`."""
    trust = await locality.agency("trust")
    profile = (await trust.get("StructureDefinition/baton-care-plan")).json()
    assert "entry" in (await trust.get(f"StructureDefinition?url={profile['url']}&version={profile.get('version', '')}")).json()


async def test_what_was_published_is_not_published_again(locality: Locality) -> None:
    assert await definitions.publish(locality.built.services, BASE) == 0


async def test_what_has_changed_is_published_anew(locality: Locality) -> None:
    """As the next version; the others stay."""
    services = locality.built.services
    rows = services.mongo.collection("installation")
    await rows.delete_many({})
    assert await definitions.publish(services, BASE) == 0
    url, held = f"{CANONICAL}/CodeSystem/tag", services.definitions.own("CodeSystem")
    changed: Any = {**held[url], "title": "Changed"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services.definitions, "own", lambda kind: {url: changed} if kind == "CodeSystem" else {})
        assert await definitions.publish(services, BASE) == 1
    assert (await (await locality.agency("trust")).get("CodeSystem/tag")).json()["title"] == "Changed"
    assert await definitions.publish(services, BASE) == 1


@pytest.mark.parametrize("scope", ["system/*.cruds", "user/StructureDefinition.cruds"])
async def test_nobody_changes_them(locality: Locality, scope: str) -> None:
    trust = await locality.agency("trust", scope)
    held = (await trust.get("StructureDefinition/baton-care-plan")).json()
    assert (await trust.put({**held, "title": "Mine"})).status_code in (403, 422)
    assert (await trust.send("DELETE", "StructureDefinition/baton-care-plan")).status_code == 403


@pytest.mark.parametrize("kind", sorted(PUBLISHED))
async def test_nobody_has_one_of_our_canonicals(locality: Locality, kind: str) -> None:
    """A second definition of the name would be found beside the first."""
    trust = await locality.agency("trust")
    found = (await trust.get(f"{kind}?_count=1")).json()["entry"][0]["resource"]
    copy = {name: value for name, value in found.items() if name not in ("id", "meta")}
    answer = await trust.post(kind, {**copy, "url": f"{CANONICAL}/{kind}/mine"})
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, [f"{kind}.url"])
    assert (await trust.post(kind, {**copy, "url": f"https://trust.test/{kind}/mine"})).status_code == 201


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.id)
def test_an_operation_s_definition_is_sound(locality: Locality, operation: Any) -> None:
    issues = locality.built.services.validator.check(definition(operation))
    assert [issue for issue in issues if issue.severity == "error"] == []


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if not each.changes], ids=lambda each: each.id)
async def test_an_operation_that_changes_nothing_is_called_by_post_too(locality: Locality, operation: Any) -> None:
    """R4 section 3.2.0.2; by GET where its parameters fit a URL."""
    trust = await locality.agency("trust")
    path = f"{operation.type}{'/none' if operation.instance else ''}/${operation.name}"
    answers = [await trust.post(path, {"resourceType": "Parameters"}), *([await trust.get(path)] if operation.instance else [])]
    assert {each.status_code for each in answers} <= {400, 404}
    assert all("There is nothing at this path" not in each.text for each in answers)


async def test_a_search_includes_what_a_match_names_by_its_canonical(locality: Locality) -> None:
    """_include and _revinclude by canonical, in the version that is named."""
    trust = await locality.agency("trust")
    url = "https://baton.example/fhir/Questionnaire/mds-crisis"
    version = (await trust.get(f"Questionnaire?url={url}")).json()["entry"][0]["resource"]["version"]
    named = {}
    for canonical in (url, f"{url}|{version}", f"{url}|0.0.0"):
        response = {"resourceType": "QuestionnaireResponse", "status": "in-progress", "subject": {"reference": locality.person}}
        named[canonical] = (await trust.created({**response, "questionnaire": canonical}))["id"]
    for canonical, identity in named.items():
        entries = (await trust.get(f"QuestionnaireResponse?_id={identity}&_include=QuestionnaireResponse:questionnaire")).json()[
            "entry"
        ]
        assert [each["resource"]["url"] for each in entries[1:]] == ([url] if not canonical.endswith("0.0.0") else [])
    found = (await trust.get(f"Questionnaire?url={url}&_revinclude=QuestionnaireResponse:questionnaire")).json()["entry"]
    here = {each["resource"]["id"] for each in found if each["search"]["mode"] == "include"} & {*named.values()}
    assert here == {identity for canonical, identity in named.items() if not canonical.endswith("0.0.0")}


async def test_a_search_includes_the_value_sets_of_a_profile(locality: Locality) -> None:
    """By whichever parameter: `_include=*`."""
    trust = await locality.agency("trust")
    found = (await trust.get("StructureDefinition?_id=baton-handover-task&_include=*")).json()["entry"]
    assert {each["resource"]["resourceType"] for each in found} >= {"StructureDefinition", "ValueSet"}


@pytest.mark.parametrize("user", ["", "Patient"])
async def test_an_app_for_one_patient_reads_definitions(locality: Locality, user: str) -> None:
    """A person's, and an agency's: it has a Questionnaire answered. It writes none."""
    app = await locality.agency("trust", "patient/*.cruds", user=locality.person if user else "", patient=locality.person)
    url = "https://baton.example/fhir/Questionnaire/mds-crisis"
    (found,) = (await app.get(f"Questionnaire?url={url}")).json()["entry"]
    assert (await app.get(f"Questionnaire/{found['resource']['id']}")).status_code == 200
    answer = await app.post("Questionnaire", {"resourceType": "Questionnaire", "status": "draft"})
    assert answer.status_code == 403
