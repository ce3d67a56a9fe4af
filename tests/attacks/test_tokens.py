"""The attack list, its line of tokens: each attack is made over HTTP, and must fail."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from service import clock
from service.auth.caller import Caller
from service.auth.issuers import Issuer
from service.auth.scopes import Scopes
from service.outbound.issuers import Issuers
from service.problem import Refused
from tests.fakes.smart import (
    ASSERTION,
    BACK,
    BASE,
    PASSWORD,
    TRUST,
    Smart,
    assertion,
    field_of,
    key,
    pkce,
    public,
    query,
    sent_back,
    started,
)

ISSUER = "https://idp.test"
KEY = key()
RSA: dict[str, Any] = dict(RSAKey.generate_key(2048, {"kid": "r1"}, private=True).as_dict(private=True))
RSA_PUBLIC = {name: RSA[name] for name in ("kty", "n", "e", "kid")}


@pytest_asyncio.fixture
async def smart(mongod: str) -> AsyncIterator[Smart]:
    """A server with a backend service `robot`, whose keys are an EC and an RSA key."""
    async with started(mongod) as made:
        await made.registration.add_client("robot", TRUST, "system/*.cruds", jwks={"keys": [public(KEY), RSA_PUBLIC]})
        yield made


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def claims(**more: Any) -> dict[str, Any]:
    """The claims of a right assertion of `robot`."""
    until = int(clock.now().timestamp()) + 240
    return {"iss": "robot", "sub": "robot", "aud": f"{BASE}/auth/token", "exp": until, "jti": clock.new_id(), **more}


async def refused(smart: Smart, text: str, **more: str) -> str:
    """The description of the refusal that an assertion meets."""
    answer = await smart.backend("robot", KEY, client_assertion=text, **more)
    assert (answer.status_code, answer.json().get("error")) == (401, "invalid_client"), answer.text
    return str(answer.json()["error_description"])


# Client assertions


async def test_alg_none_is_refused(smart: Smart) -> None:
    assert "signed with one of" in await refused(smart, f"{encoded({'alg': 'none', 'kid': 'k1'})}.{encoded(claims())}.")


async def test_hs256_with_the_public_key_as_secret_is_refused(smart: Smart) -> None:
    pem = RSAKey.import_key(RSA_PUBLIC).as_pem(private=False)
    forged = jwt.encode({"alg": "HS256", "kid": "r1"}, claims(), OctKey.import_key(base64.b64encode(pem)), ["HS256"])
    assert "signed with one of" in await refused(smart, forged)


@pytest.mark.parametrize("header", [{"jwk": public(key("evil"))}, {"x5u": "https://evil.test/c"}, {"x5c": ["AAAA"]}])
async def test_a_key_that_comes_with_the_assertion_is_refused(smart: Smart, header: dict[str, Any]) -> None:
    assert "may not carry keys" in await refused(smart, assertion("robot", KEY, header))


async def test_a_jku_that_is_not_registered_is_refused(smart: Smart) -> None:
    assert "jku" in await refused(smart, assertion("robot", KEY, {"jku": "https://evil.test/jwks"}))


@pytest.mark.parametrize("kid", ["ghost", "../../etc/passwd", "k1' OR '1'='1", "", 7, None])
async def test_a_kid_that_is_not_registered_is_refused(smart: Smart, kid: Any) -> None:
    header = encoded({"alg": "ES384", "typ": "JWT", "kid": kid})
    _, payload, signature = assertion("robot", KEY).split(".")
    await refused(smart, f"{header}.{payload}.{signature}")


async def test_a_key_of_another_type_under_the_same_kid_is_refused(smart: Smart) -> None:
    assert "0 do" in await refused(smart, assertion("robot", {**KEY, "kid": "r1"}))


async def test_another_key_under_a_registered_kid_is_refused(smart: Smart) -> None:
    assert "signature" in await refused(smart, assertion("robot", key("k1")))


async def test_an_algorithm_of_the_key_s_type_but_another_curve_is_refused(smart: Smart) -> None:
    assert "0 do" in await refused(smart, assertion("robot", key("k1", "P-256"), {"alg": "ES256"}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "other"},
        {"sub": "app"},
        {"aud": "https://evil.test/token"},
        {"aud": None},
        {"aud": [{"x": 1}]},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1},
        {"exp": True},
        {"exp": float("1e30")},
        {"jti": None},
        {"jti": ""},
        {"jti": ["a"]},
        {"nbf": 99999999999},
    ],
    ids=str,
)
async def test_a_wrong_claim_is_refused(smart: Smart, wrong: dict[str, Any]) -> None:
    await refused(smart, assertion("robot", KEY, **wrong))


async def test_an_expiry_far_ahead_is_refused(smart: Smart) -> None:
    far = int(clock.now().timestamp()) + 3600
    assert "300 seconds" in await refused(smart, assertion("robot", KEY, exp=far))


async def test_an_assertion_typed_as_an_access_token_is_refused(smart: Smart) -> None:
    assert "typ" in await refused(smart, assertion("robot", KEY, {"typ": "at+jwt"}))


async def test_an_assertion_for_one_client_is_not_proof_for_another(smart: Smart) -> None:
    await refused(smart, assertion("robot", KEY), client_id="app")


async def test_two_proofs_in_one_request_are_refused(smart: Smart) -> None:
    answer = await smart.backend("robot", KEY, client_secret="x")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_public_client_id_is_no_proof_for_a_client_with_keys(smart: Smart) -> None:
    answer = await smart.post("token", grant_type="client_credentials", client_id="robot", scope="system/Task.rs")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_replayed_assertion_is_refused(smart: Smart) -> None:
    text = assertion("robot", KEY)
    assert (await smart.backend("robot", KEY, client_assertion=text)).status_code == 200
    assert "used before" in await refused(smart, text)


async def test_of_one_assertion_at_many_workers_at_once_one_wins(smart: Smart) -> None:
    workers = [Smart(smart.mongo) for _ in range(3)]
    text = assertion("robot", KEY)
    answers = await asyncio.gather(*(worker.backend("robot", KEY, client_assertion=text) for worker in workers for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 11
    for worker in workers:
        await worker.close()


async def test_an_assertion_that_is_refused_for_its_scope_is_spent_too(smart: Smart) -> None:
    text = assertion("robot", KEY)
    await smart.backend("robot", KEY, "system/Ghost.rs", client_assertion=text)
    assert "used before" in await refused(smart, text)


# What is not an access token


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


# Codes


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


# Authorize requests


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.test/back/../evil",
        "https://app.test/back/",
        "https://app.test/back?x=1",
        "https://app.test/back#x",
        "https://app.test.evil.test/back",
        "https://app.test@evil.test/back",
        "https://APP.test/back",
        "http://app.test/back",
        "https://app.test/backx",
        "//app.test/back",
        "javascript:alert(1)",
        "",
    ],
)
async def test_a_redirect_uri_that_is_not_exactly_registered_is_never_followed(smart: Smart, uri: str) -> None:
    answer = await smart.http.get("/auth/authorize", params=query("app", pkce()[1], redirect_uri=uri))
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_an_unknown_client_is_shown_an_error_and_not_redirected(smart: Smart) -> None:
    answer = await smart.http.get("/auth/authorize", params=query("ghost", pkce()[1]))
    assert (answer.status_code, "location" in answer.headers) == (400, False)


async def test_a_repeated_parameter_is_refused(smart: Smart) -> None:
    asked = [*query("app", pkce()[1]).items(), ("redirect_uri", "https://evil.test")]
    answer = await smart.http.get("/auth/authorize", params=asked)
    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"aud": "https://evil.test/fhir"}, "invalid_request"),
        ({"request_uri": "https://evil.test/request"}, "request_not_supported"),
        ({"scope": "system/*.cruds"}, "invalid_scope"),
        ({"scope": "patient/Ghost.rs"}, "invalid_scope"),
        ({"scope": "launch patient/*.rs", "launch": "guessed"}, "invalid_request"),
    ],
)
async def test_what_is_wrong_is_told_to_the_verified_app(smart: Smart, wrong: dict[str, str], error: str) -> None:
    asked = query("app", pkce()[1]) | wrong
    answer = await smart.http.get("/auth/authorize", params=asked)
    if answer.status_code == 200:
        answer = await smart.login(asked)
    assert sent_back(answer) | {"error": error, "state": "st4te"} == sent_back(answer)


async def test_what_a_request_says_is_not_markup_on_the_page(smart: Smart) -> None:
    answer = await smart.http.get("/auth/authorize", params=query("app", pkce()[1], state='"><script>alert(1)</script>'))
    assert "<script" not in answer.text


# Forms


async def test_a_decision_without_the_page_s_token_is_refused(smart: Smart) -> None:
    page = await smart.login(query("app", pkce()[1]))
    answer = await smart.http.post(
        f"/auth/authorize?{page.url.query.decode()}", data={"decision": "allow", "patient": "Patient/p1", "csrf": "guess"}
    )
    assert (answer.status_code, "location" in answer.headers) == (403, False)


async def test_a_token_of_another_browser_s_page_is_refused(smart: Smart) -> None:
    other = Smart(smart.mongo)
    theirs = field_of((await other.login(query("app", pkce()[1]))).text, "csrf")
    page = await smart.login(query("app", pkce()[1]))
    answer = await smart.http.post(
        f"/auth/authorize?{page.url.query.decode()}", data={"decision": "allow", "patient": "Patient/p1", "csrf": theirs}
    )
    assert answer.status_code == 403
    await other.close()


async def test_a_session_that_nobody_logged_in_to_decides_nothing(smart: Smart) -> None:
    page = await smart.http.get("/auth/authorize", params=query("app", pkce()[1]))
    answer = await smart.decide(page, patient="Patient/p1")
    assert "Log in" in answer.text
    assert "location" not in answer.headers


async def test_login_leads_nowhere_but_back_to_the_request(smart: Smart) -> None:
    page = await smart.http.get("/auth/authorize", params=query("app", pkce()[1]))
    answer = await smart.http.post(
        f"/auth/login?{page.url.query.decode()}&next=https://evil.test",
        data={"csrf": field_of(page.text, "csrf"), "username": "sam", "password": PASSWORD},
    )
    assert answer.headers["location"].startswith("/auth/authorize?")


async def test_guessing_passwords_is_throttled(smart: Smart) -> None:
    asked = query("app", pkce()[1])
    for _ in range(10):
        await smart.login(asked, password="wrong")
    assert "Too many attempts" in (await smart.login(asked)).text


async def test_an_unknown_user_and_a_wrong_password_look_the_same(smart: Smart) -> None:
    asked = query("app", pkce()[1])
    pages = [await smart.login(asked, "sam", "wrong"), await smart.login(asked, "ghost", "wrong")]
    assert pages[0].text.replace("sam", "ghost") == pages[1].text


async def test_a_launch_is_for_the_user_it_was_minted_for(smart: Smart) -> None:
    ehr = await smart.registration.mint("app", "user/*.rs", user="PractitionerRole/other")
    bearer = {"Authorization": f"Bearer {ehr['access_token']}"}
    minted = await smart.http.post("/auth/launch", data={"client_id": "app", "patient": "Patient/p7"}, headers=bearer)
    answer = await smart.login(query("app", pkce()[1], "launch patient/*.rs", launch=minted.json()["launch"]))
    assert sent_back(answer)["error"] == "invalid_request"


@pytest.mark.parametrize("user", ["Patient/pat", "RelatedPerson/rel"])
async def test_a_person_launches_nothing_on_somebody_else(smart: Smart, user: str) -> None:
    """The agency behind their app may see others; that tells a person neither who they are nor that they are there."""
    who = Caller("app", TRUST, Scopes(), user=user)  # as a person's token is that asked for no patient's scopes
    answers = []
    for patient in ("Patient/p7", "Patient/none"):
        with pytest.raises(Refused) as refused:
            await smart.launching.launch(who, "app", patient)
        answers.append(str(refused.value))
    assert answers[0] == answers[1]
    assert [each.allowed for each in smart.events if each.kind == "launch" and each.user == user] == [False, False]


# Refresh


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


# Introspection and revocation


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


# Tokens of external issuers


class Provider(Issuers):
    """An issuer's keys without a network."""

    async def keys(self, url: str, kid: str = "") -> list[dict[str, Any]]:
        return [public(KEY), RSA_PUBLIC]


def external(smart: Smart, **more: Any) -> Smart:
    """A worker that trusts one external issuer."""
    trust = Issuer(ISSUER, ("https://baton.test/fhir",), f"{ISSUER}/jwks", **more)
    return Smart(smart.mongo, (trust,), Provider())


def access(header: dict[str, Any] | None = None, jwk: dict[str, Any] = KEY, **more: Any) -> str:
    """An access token of the issuer for `robot`, right unless told otherwise."""
    said = {"iss": ISSUER, "aud": f"{BASE}/fhir", "client_id": "robot", "scope": "system/Task.rs user/*.r", "sub": "x", **more}
    return assertion("robot", jwk, {"typ": "at+jwt", **(header or {})}, **said)


async def test_a_trusted_issuer_s_token_reaches_what_the_client_s_registration_allows(smart: Smart) -> None:
    worker = external(smart)
    said = (await worker.who(access())).json()
    assert (said["client"], said["scope"]) == ("robot", "system/Task.rs")
    await worker.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.test"},
        {"aud": "https://other.test"},
        {"exp": 1},
        {"exp": None},
        {"nbf": 99999999999},
        {"client_id": "ghost"},
        {"client_id": None},
        {"scope": "patient/!"},
        {"fhirUser": "https://evil.test/Patient/1"},
        {"patient": "../1"},
        {"nonce": "n"},
        {"header": {"typ": "JWT"}},
        {"header": {"typ": ""}},
        {"header": {"jku": "https://evil.test"}},
        {"header": {"jwk": public(KEY)}},
        {"jwk": key("k1")},
        {"jwk": key("ghost")},
    ],
    ids=lambda wrong: "-".join(wrong),
)
async def test_a_forged_token_of_a_trusted_issuer_is_refused(smart: Smart, wrong: dict[str, Any]) -> None:
    worker = external(smart)
    assert (await worker.who(access(**wrong))).status_code == 401
    await worker.close()


async def test_an_unsigned_token_of_a_trusted_issuer_is_refused(smart: Smart) -> None:
    worker = external(smart)
    unsigned = f"{encoded({'alg': 'none', 'typ': 'at+jwt', 'kid': 'k1'})}.{access().split('.')[1]}."
    assert (await worker.who(unsigned)).status_code == 401
    await worker.close()


async def test_an_issuer_signs_with_the_algorithms_it_is_trusted_for(smart: Smart) -> None:
    worker = external(smart, algorithms=("RS256",))
    assert (await worker.who(access())).status_code == 401
    await worker.close()


async def test_a_registration_whose_keys_are_at_a_metadata_address_gets_no_token(smart: Smart) -> None:
    await smart.registration.add_client("ssrf", TRUST, "system/*.rs", jwks_url="https://169.254.169.254/latest/jwks")
    answer = await smart.backend("ssrf", KEY)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert isinstance(answer, httpx.Response)


async def test_an_assertion_type_that_is_not_ours_is_no_proof(smart: Smart) -> None:
    form = {"grant_type": "client_credentials", "client_assertion": assertion("robot", KEY), "scope": "system/Task.rs"}
    answer = await smart.post("token", **form, client_assertion_type=ASSERTION.replace("jwt", "saml2"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic /w==", "Basic Og==", "Basic cm9ib3Q6", "Digest x", "Bearer \xff"])
@pytest.mark.parametrize("path", ["token", "introspect", "revoke", "launch"])
async def test_an_authorization_header_that_proves_nothing_is_refused(smart: Smart, path: str, header: str) -> None:
    form = {"grant_type": "client_credentials", "token": "x", "scope": "system/Task.rs"}
    answer = await smart.http.post(f"/auth/{path}", data=form, headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code in (400, 401)
    assert answer.json()["error"].startswith("invalid")


@pytest.mark.parametrize("body", [b"\xff=1", b"a=%ff", b"grant_type=%00", b"a=1&a=2", b"a=1&" * 100, b"x" * 70_000, b""])
async def test_a_form_that_cannot_be_read_is_refused(smart: Smart, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await smart.http.post("/auth/token", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_request", "unsupported_grant_type")
