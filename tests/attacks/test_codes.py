"""Attack list, authorization codes: each is good once, for its client, with its verifier."""

from __future__ import annotations

import asyncio

import pytest

from service import clock
from tests.fakes.smart import BACK, TRUST, Smart, pkce, query, sent_back


async def test_a_code_is_good_once_and_its_second_use_revokes_its_tokens(smart: Smart) -> None:
    verifier, challenge = pkce()
    code = await smart.code(query("app", challenge))
    first = await smart.exchange(code, verifier)
    second = await smart.exchange(code, verifier)
    assert (first.status_code, second.status_code, second.json()["error"]) == (200, 400, "invalid_grant")
    assert (await smart.who(first.json()["access_token"])).status_code == 401


async def test_of_many_exchanges_of_one_code_at_once_one_wins_and_its_tokens_are_revoked(smart: Smart) -> None:
    workers = [Smart(smart.mongo) for _ in range(3)]
    verifier, challenge = pkce()
    code = await smart.code(query("app", challenge, "launch/patient patient/*.rs offline_access"))
    answers = await asyncio.gather(*(worker.exchange(code, verifier) for worker in workers for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 8
    won = next(answer.json() for answer in answers if answer.status_code == 200)
    assert (await smart.who(won["access_token"])).status_code == 401
    assert (await smart.refresh(won["refresh_token"])).status_code == 400
    for worker in workers:
        await worker.close()


async def test_a_code_is_for_the_client_it_was_issued_to(smart: Smart) -> None:
    await smart.registration.add_client("other", TRUST, "patient/*.rs", public=True, redirect_uris=[BACK])
    verifier, challenge = pkce()
    code = await smart.code(query("app", challenge))
    assert (await smart.exchange(code, verifier, client_id="other")).json()["error"] == "invalid_grant"
    assert (await smart.exchange(code, verifier)).status_code == 200


async def test_a_code_needs_the_redirect_uri_it_was_sent_to(smart: Smart) -> None:
    verifier, challenge = pkce()
    code = await smart.code(query("app", challenge))
    assert (await smart.exchange(code, verifier, redirect_uri="https://app.test/other")).json()["error"] == "invalid_grant"


async def test_a_code_needs_its_verifier(smart: Smart) -> None:
    code = await smart.code(query("app", pkce()[1]))
    assert (await smart.exchange(code, pkce()[0])).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("wrong", ["verifier", "redirect_uri"])
async def test_a_code_that_was_tried_wrongly_is_spent(smart: Smart, wrong: str) -> None:
    """RFC 7636: who has the code and not the verifier may try once."""
    verifier, challenge = pkce()
    code = await smart.code(query("app", challenge))
    more = {"redirect_uri": "https://app.test/other"} if wrong == "redirect_uri" else {}
    await smart.exchange(code, pkce()[0] if wrong == "verifier" else verifier, **more)
    assert (await smart.exchange(code, verifier)).json()["error"] == "invalid_grant"


async def test_a_code_without_a_verifier_is_refused(smart: Smart) -> None:
    code = await smart.code(query("app", pkce()[1]))
    assert (await smart.exchange(code, "")).json()["error"] == "invalid_request"


async def test_an_expired_code_is_refused(smart: Smart) -> None:
    verifier, challenge = pkce()
    code = await smart.code(query("app", challenge))
    await smart.mongo.collection("auth.codes").update_many({}, {"$set": {"expires": clock.now()}})
    assert (await smart.exchange(code, verifier)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("wrong", [{"code_challenge_method": "plain"}, {"code_challenge": ""}, {"code_challenge_method": ""}])
async def test_pkce_is_required_with_s256(smart: Smart, wrong: dict[str, str]) -> None:
    answer = await smart.http.get("/auth/authorize", params=query("app", pkce()[1]) | wrong)
    assert sent_back(answer)["error"] == "invalid_request"


async def test_pkce_is_required_of_a_client_with_a_secret_too(smart: Smart) -> None:
    await smart.registration.add_client("web", TRUST, "patient/*.rs", secret=True, redirect_uris=[BACK])
    asked = {name: value for name, value in query("web", "").items() if not name.startswith("code_")}
    answer = await smart.http.get("/auth/authorize", params=asked)
    assert sent_back(answer)["error"] == "invalid_request"
