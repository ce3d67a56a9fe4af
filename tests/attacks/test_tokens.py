"""Attack list, tokens: what is no access token, and refresh, introspection and revocation."""

from __future__ import annotations

import asyncio

import pytest

from service import clock
from tests.attacks.robot import KEY
from tests.fakes.smart import BACK, TRUST, Smart, assertion


async def test_an_assertion_is_no_access_token(smart: Smart) -> None:
    assert (await smart.who(assertion("robot", KEY))).status_code == 401


async def test_an_id_token_is_no_access_token(smart: Smart) -> None:
    token = await smart.exchanged("openid fhirUser launch/patient patient/*.rs")
    assert (await smart.who(token["id_token"])).status_code == 401


async def test_a_refresh_token_is_no_access_token(smart: Smart) -> None:
    assert (await smart.who((await smart.exchanged())["refresh_token"])).status_code == 401


async def test_an_access_token_is_no_refresh_token(smart: Smart) -> None:
    answer = await smart.refresh((await smart.exchanged())["access_token"])
    assert answer.json()["error"] == "invalid_grant"


async def test_an_expired_token_counts_no_more_before_the_database_tidies_up(smart: Smart) -> None:
    token = (await smart.exchanged())["access_token"]
    await smart.mongo.collection("auth.tokens").update_many({}, {"$set": {"expires": clock.now()}})
    assert (await smart.who(token)).status_code == 401


async def test_the_database_holds_no_secret_that_could_be_used(smart: Smart) -> None:
    token = await smart.exchanged()
    kept = [await smart.mongo.collection(name).find().to_list(None) for name in ("auth.tokens", "auth.codes")]
    assert all(kept)
    assert not any(secret in str(kept) for secret in (token["access_token"], token["refresh_token"]))


@pytest.mark.parametrize("wider", ["patient/*.cruds", "user/*.rs", "patient/*.rs openid", "patient/*.rs patient/Task.u"])
async def test_a_refresh_cannot_widen_the_scope(smart: Smart, wider: str) -> None:
    token = await smart.exchanged()
    assert (await smart.refresh(token["refresh_token"], scope=wider)).json()["error"] == "invalid_scope"


async def test_the_second_use_of_a_refresh_token_kills_the_grant(smart: Smart) -> None:
    token = await smart.exchanged()
    fresh = (await smart.refresh(token["refresh_token"])).json()
    assert (await smart.refresh(token["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await smart.who(fresh["access_token"])).status_code == 401
    assert (await smart.refresh(fresh["refresh_token"])).json()["error"] == "invalid_grant"


async def test_of_many_refreshes_with_one_token_at_once_at_most_one_wins_and_nothing_is_left(smart: Smart) -> None:
    token = (await smart.exchanged())["refresh_token"]
    workers = [Smart(smart.mongo) for _ in range(3)]
    answers = await asyncio.gather(*(worker.refresh(token) for worker in workers for _ in range(3)))
    assert sum(answer.status_code == 200 for answer in answers) <= 1
    assert await smart.mongo.collection("auth.tokens").count_documents({}) == 0
    for worker in workers:
        await worker.close()


async def test_a_refresh_token_is_for_its_client(smart: Smart) -> None:
    await smart.registration.add_client("other", TRUST, "patient/*.rs", public=True, redirect_uris=[BACK])
    token = (await smart.exchanged())["refresh_token"]
    assert (await smart.refresh(token, client_id="other")).json()["error"] == "invalid_grant"
    assert (await smart.refresh(token)).status_code == 200


async def test_a_removed_user_s_access_cannot_be_refreshed(smart: Smart) -> None:
    token = await smart.exchanged()
    await smart.users.remove_user("sam")
    assert (await smart.who(token["access_token"])).status_code == 401
    assert (await smart.refresh(token["refresh_token"])).json()["error"] == "invalid_grant"


async def test_somebody_who_left_the_agency_cannot_refresh(smart: Smart) -> None:
    token = await smart.exchanged()
    smart.left.add("PractitionerRole/sam")
    assert (await smart.refresh(token["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_stranger_s_introspection_finds_nothing(smart: Smart) -> None:
    token = (await smart.exchanged())["access_token"]
    made = await smart.registration.add_client("spy", "Organization/other", "system/Task.rs", secret=True)
    answer = await smart.http.post("/auth/introspect", data={"token": token}, auth=("spy", made["client_secret"]))
    assert answer.json() == {"active": False}


async def test_introspection_without_proof_is_refused(smart: Smart) -> None:
    answer = await smart.post("introspect", token=(await smart.exchanged())["access_token"], client_id="app")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_another_client_s_token_cannot_be_revoked(smart: Smart) -> None:
    await smart.registration.add_client("other", TRUST, "patient/*.rs", public=True, redirect_uris=[BACK])
    token = (await smart.exchanged())["access_token"]
    assert (await smart.post("revoke", token=token, client_id="other")).status_code == 200
    assert (await smart.who(token)).status_code == 200


async def test_revocation_at_one_worker_counts_at_every_other_at_once(smart: Smart) -> None:
    token = (await smart.exchanged())["access_token"]
    other = Smart(smart.mongo)
    assert (await other.who(token)).status_code == 200
    await smart.post("revoke", token=token, client_id="app")
    assert (await other.who(token)).status_code == 401
    await other.close()


async def test_a_client_removed_while_it_is_issued_a_token_is_left_with_none(smart: Smart) -> None:
    await asyncio.gather(smart.backend("robot", KEY), smart.registration.remove_client("robot"))
    assert await smart.mongo.collection("auth.tokens").count_documents({"client": "robot"}) == 0
