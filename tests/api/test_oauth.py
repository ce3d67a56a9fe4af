"""The authorization server over HTTP: tokens and keys, as a client of SMART App Launch 2.2 gets them."""

from __future__ import annotations

import asyncio

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from service.problem import Category, Refused, problem
from tests.fakes.smart import (
    ASSERTION,
    BACK,
    BASE,
    PASSWORD,
    PUBLIC_SCOPE,
    TRUST,
    Smart,
    assertion,
    field_of,
    key,
    pkce,
    public,
    query,
    sent_back,
)

SCOPE = f"{PUBLIC_SCOPE} system/*.cruds"


async def exchanged(smart: Smart, scope: str, **more: str) -> dict[str, object]:
    return await smart.exchanged(scope, **more)


async def test_a_backend_service_gets_a_token_with_its_key(smart: Smart) -> None:
    jwk = key()
    await smart.registration.add_client("robot", TRUST, "system/*.cruds", jwks={"keys": [public(jwk)]})
    answer = await smart.backend("robot", jwk, "system/Task.rs")
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "system/Task.rs",
    }
    assert (await smart.who(answer.json()["access_token"])).json()["client"] == "robot"


async def test_a_token_answer_is_not_stored_by_caches(smart: Smart) -> None:
    answer = await smart.post("token", grant_type="client_credentials", client_id="ghost")
    assert answer.headers["cache-control"] == "no-store"


async def test_a_backend_service_may_name_the_issuer_as_audience(smart: Smart) -> None:
    jwk = key()
    await smart.registration.add_client("robot", TRUST, "system/*.cruds", jwks={"keys": [public(jwk)]})
    answer = await smart.backend("robot", jwk, client_assertion=assertion("robot", jwk, aud=f"{BASE}/auth"))
    assert answer.status_code == 200


async def test_a_backend_service_gets_no_user_scopes(smart: Smart) -> None:
    jwk = key()
    await smart.registration.add_client("robot", TRUST, SCOPE, jwks={"keys": [public(jwk)]}, redirect_uris=[BACK])
    answer = await smart.backend("robot", jwk, "user/*.cruds patient/*.rs")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_a_scope_that_cannot_be_enforced_is_refused_when_asked(smart: Smart) -> None:
    jwk = key()
    await smart.registration.add_client("robot", TRUST, "system/*.cruds", jwks={"keys": [public(jwk)]})
    answer = await smart.backend("robot", jwk, "system/Task.rs?colour=red")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("way", ["basic", "post"])
async def test_a_symmetric_client_proves_itself_with_its_secret(smart: Smart, way: str) -> None:
    made = await smart.registration.add_client("web", TRUST, "system/Task.rs", secret=True)
    form = {"grant_type": "client_credentials", "scope": "system/Task.rs"}
    proof = (made["client_id"], made["client_secret"])
    if way == "post":
        form |= {"client_id": proof[0], "client_secret": proof[1]}
    answer = await smart.http.post("/auth/token", data=form, auth=proof if way == "basic" else None)
    assert answer.status_code == 200


async def test_a_wrong_secret_is_an_invalid_client(smart: Smart) -> None:
    await smart.registration.add_client("web", TRUST, "system/Task.rs", secret=True)
    answer = await smart.http.post("/auth/token", data={"grant_type": "client_credentials"}, auth=("web", "wrong"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_a_standalone_launch_gives_a_token_on_the_chosen_patient(smart: Smart) -> None:
    token = await exchanged(smart, "launch/patient patient/CarePlan.rs")
    assert (token["patient"], token["need_patient_banner"], token["scope"]) == ("p1", True, "launch/patient patient/CarePlan.rs")
    who = (await smart.who(str(token["access_token"]))).json()
    assert (who["user"], who["patient"]) == ("PractitionerRole/sam", "Patient/p1")


async def test_a_v1_scope_is_granted_in_its_own_spelling(smart: Smart) -> None:
    assert (await exchanged(smart, "launch/patient patient/*.read"))["scope"] == "launch/patient patient/*.read"


async def test_state_and_issuer_go_back_with_the_code(smart: Smart) -> None:
    answer = await smart.decide(await smart.login(query("app", pkce()[1])), patient="Patient/p1")
    back = sent_back(answer)
    assert (back["state"], back["iss"]) == ("st4te", f"{BASE}/auth")
    assert answer.headers["location"].startswith(f"{BACK}?")


async def test_an_id_token_names_the_user_and_returns_the_nonce(smart: Smart) -> None:
    token = await exchanged(smart, "openid fhirUser launch/patient patient/*.rs", nonce="n0nce")
    keys = KeySet.import_key_set((await smart.http.get("/auth/jwks")).json())
    held = jwt.decode(str(token["id_token"]), keys, ["RS256"])
    assert held.claims["fhirUser"] == f"{BASE}/fhir/PractitionerRole/sam"
    assert (held.claims["nonce"], held.claims["aud"], held.claims["iss"]) == ("n0nce", "app", f"{BASE}/auth")


async def test_published_keys_hold_nothing_private(smart: Smart) -> None:
    keys = (await smart.http.get("/auth/jwks")).json()["keys"]
    assert keys
    assert not {"d", "p", "q", "dp", "dq", "qi"} & {name for each in keys for name in each}


async def test_keys_rotate_with_overlap(smart: Smart) -> None:
    token = await exchanged(smart, "openid fhirUser launch/patient patient/*.rs")
    fresh = await smart.registration.rotate_keys()
    served = (await smart.http.get("/auth/jwks")).json()
    assert served["keys"][0]["kid"] == fresh
    assert jwt.decode(str(token["id_token"]), KeySet.import_key_set(served), ["RS256"]).claims["aud"] == "app"


async def test_workers_that_start_together_share_one_signing_key(smart: Smart) -> None:
    workers = [Smart(smart.mongo) for _ in range(4)]
    answers = await asyncio.gather(*(worker.authorization.jwks() for worker in workers))
    assert len({each["keys"][0]["kid"] for each in answers}) == 1
    for worker in workers:
        await worker.http.aclose()


async def test_without_offline_or_online_access_there_is_no_refresh_token(smart: Smart) -> None:
    assert "refresh_token" not in await exchanged(smart, "launch/patient patient/*.rs")


async def test_a_refresh_token_rotates(smart: Smart) -> None:
    token = await exchanged(smart, "launch/patient patient/*.rs offline_access")
    first = str(token["refresh_token"])
    answer = await smart.post("token", grant_type="refresh_token", client_id="app", refresh_token=first)
    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != first
    assert answer.json()["patient"] == "p1"


async def test_a_refresh_may_narrow_and_the_next_may_have_it_all_again(smart: Smart) -> None:
    token = await exchanged(smart, "launch/patient patient/*.rs offline_access")
    narrow = await smart.post(
        "token",
        grant_type="refresh_token",
        client_id="app",
        refresh_token=str(token["refresh_token"]),
        scope="patient/Task.r",
    )
    assert narrow.json()["scope"] == "patient/Task.r"
    whole = await smart.post("token", grant_type="refresh_token", client_id="app", refresh_token=narrow.json()["refresh_token"])
    assert whole.json()["scope"] == "launch/patient offline_access patient/*.rs"


async def test_online_access_ends_with_the_login(smart: Smart) -> None:
    token = await exchanged(smart, "launch/patient patient/*.rs online_access")
    page = await smart.http.get("/auth/authorize", params=query("app", pkce()[1]))
    await smart.http.post(f"/auth/logout?{page.url.query.decode()}", data={"csrf": field_of(page.text, "csrf")})
    answer = await smart.post("token", grant_type="refresh_token", client_id="app", refresh_token=str(token["refresh_token"]))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_offline_access_outlives_the_login(smart: Smart) -> None:
    token = await exchanged(smart, "launch/patient patient/*.rs offline_access")
    page = await smart.http.get("/auth/authorize", params=query("app", pkce()[1]))
    await smart.http.post(f"/auth/logout?{page.url.query.decode()}", data={"csrf": field_of(page.text, "csrf")})
    answer = await smart.post("token", grant_type="refresh_token", client_id="app", refresh_token=str(token["refresh_token"]))
    assert answer.status_code == 200


async def test_introspection_gives_the_smart_context_to_the_token_s_own_agency(smart: Smart) -> None:
    token = await exchanged(smart, "launch/patient patient/*.rs")
    made = await smart.registration.add_client("gateway", TRUST, "system/Task.rs", secret=True)
    answer = await smart.http.post(
        "/auth/introspect", data={"token": str(token["access_token"])}, auth=("gateway", made["client_secret"])
    )
    said = answer.json()
    assert (said["active"], said["client_id"], said["patient"]) == (True, "app", "p1")
    assert said["fhirUser"] == f"{BASE}/fhir/PractitionerRole/sam"


async def test_a_revoked_access_token_no_longer_counts(smart: Smart) -> None:
    token = str((await exchanged(smart, "launch/patient patient/*.rs"))["access_token"])
    answer = await smart.post("revoke", token=token, client_id="app")
    assert answer.status_code == 200
    assert (await smart.who(token)).status_code == 401


async def test_a_revoked_refresh_token_takes_the_access_tokens_with_it(smart: Smart) -> None:
    token = await exchanged(smart, "launch/patient patient/*.rs offline_access")
    await smart.post("revoke", token=str(token["refresh_token"]), client_id="app")
    assert (await smart.who(str(token["access_token"]))).status_code == 401


async def test_revoking_what_is_not_there_is_no_error(smart: Smart) -> None:
    assert (await smart.post("revoke", token="ghost", client_id="app")).status_code == 200


async def test_removing_a_client_ends_its_tokens(smart: Smart) -> None:
    token = str((await exchanged(smart, "launch/patient patient/*.rs"))["access_token"])
    await smart.registration.remove_client("app")
    assert (await smart.who(token)).status_code == 401


async def test_an_asymmetric_client_may_use_the_code_flow(smart: Smart) -> None:
    jwk = key()
    await smart.registration.add_client("site", TRUST, PUBLIC_SCOPE, jwks={"keys": [public(jwk)]}, redirect_uris=[BACK])
    verifier, challenge = pkce()
    code = await smart.code(query("site", challenge))
    answer = await smart.post(
        "token",
        grant_type="authorization_code",
        code=code,
        redirect_uri=BACK,
        code_verifier=verifier,
        client_assertion_type=ASSERTION,
        client_assertion=assertion("site", jwk),
    )
    assert answer.status_code == 200


async def test_metadata_names_what_is_served(smart: Smart) -> None:
    said = (await smart.http.get("/auth/.well-known/openid-configuration")).json()
    assert said["issuer"] == f"{BASE}/auth"
    served = {f"{BASE}/auth{route.path}" for route in smart.app.routes[0].routes}  # type: ignore[attr-defined]
    assert {value for name, value in said.items() if name.endswith(("_endpoint", "_uri"))} <= served
    assert smart.authorization.smart_configuration()["code_challenge_methods_supported"] == ["S256"]


async def test_an_unknown_grant_type_is_named_in_oauth_s_terms(smart: Smart) -> None:
    answer = await smart.post("token", grant_type="password", client_id="app", username="sam", password=PASSWORD)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


async def test_a_form_in_json_is_refused_in_oauth_s_terms(smart: Smart) -> None:
    answer = await smart.http.post("/auth/token", json={"grant_type": "client_credentials"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_an_app_in_a_browser_refreshes_without_naming_itself(smart: Smart) -> None:
    """SMART 2.2 section 2.0.14: a public client sends its refresh token alone."""
    token = await exchanged(smart, "launch/patient patient/*.rs offline_access")
    answer = await smart.post("token", grant_type="refresh_token", refresh_token=str(token["refresh_token"]))
    assert answer.status_code == 200
    assert (await smart.who(answer.json()["access_token"])).json()["client"] == "app"


async def test_a_client_with_a_secret_does_not_refresh_without_it(smart: Smart) -> None:
    made = await smart.registration.add_client("web", TRUST, PUBLIC_SCOPE, secret=True, redirect_uris=[BACK])
    verifier, challenge = pkce()
    code = await smart.code(query("web", challenge, "launch/patient patient/*.rs offline_access"))
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": verifier}
    proof = ("web", made["client_secret"])
    first = (await smart.http.post("/auth/token", data=form, auth=proof)).json()
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    answer = await smart.http.post("/auth/token", data=again)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await smart.http.post("/auth/token", data=again, auth=proof)).status_code == 200


async def test_a_refresh_token_that_is_not_known_names_nobody(smart: Smart) -> None:
    answer = await smart.post("token", grant_type="refresh_token", refresh_token="x" * 43)
    assert answer.json()["error"] == "invalid_client"


async def test_access_for_a_person_at_work_lasts_an_hour(smart: Smart) -> None:
    """And access for a system five minutes."""
    assert (await exchanged(smart, "launch/patient patient/*.rs"))["expires_in"] == 3600


async def test_login_and_tokens_are_noted_for_the_audit_trail(smart: Smart) -> None:
    await exchanged(smart, "launch/patient patient/*.rs")
    assert [(event.kind, event.allowed) for event in smart.events] == [("login", True), ("authorize", True), ("token", True)]


async def test_a_database_that_is_away_is_told_in_oauth_s_terms(smart: Smart, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 in JSON to a client, a page to a person."""

    async def away(*_: object) -> None:
        raise Refused(problem(Category.UNAVAILABLE, "transient", "The database does not answer."))

    monkeypatch.setattr(smart.clients, "client", away)
    answer = await smart.post("token", grant_type="client_credentials", client_id="app")
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "5"
    page = await smart.http.get("/auth/authorize", params=query("app", pkce()[1]))
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (503, "text/html")
    assert page.headers["retry-after"] == "5"
