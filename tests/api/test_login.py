"""Logins, consent pages and launches over HTTP, as a person walks them (SMART App Launch 2.2)."""

from __future__ import annotations

import pytest

from service.auth.tokens import Terms
from service.problem import Category, Refused, problem
from tests.fakes.smart import BACK, PASSWORD, Smart, field_of, pkce, query, sent_back


async def test_a_person_who_says_no_sends_access_denied_back(smart: Smart) -> None:
    answer = await smart.decide(await smart.login(query("app", pkce()[1])), "deny")
    assert (sent_back(answer)["error"], sent_back(answer)["state"]) == ("access_denied", "st4te")


async def test_the_consent_page_says_who_asks_for_what(smart: Smart) -> None:
    page = await smart.login(query("app", pkce()[1], "launch/patient patient/CarePlan.rs"))
    for words in ("Care app", "North Trust", "read and search care plans of the chosen person", "Whose record?"):
        assert words in page.text


async def test_pages_allow_no_script_and_no_frame(smart: Smart) -> None:
    page = await smart.http.get("/auth/authorize", params=query("app", pkce()[1]))
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in page.text


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(smart: Smart) -> None:
    page = await smart.http.get("/auth/authorize", params=query("app", pkce()[1]))
    cookie = page.headers["set-cookie"].lower()
    assert cookie.startswith("__host-baton=")
    assert all(flag in cookie for flag in ("httponly", "secure", "samesite=lax", "path=/"))


async def test_login_gives_the_browser_a_new_session(smart: Smart) -> None:
    await smart.http.get("/auth/authorize", params=query("app", pkce()[1]))
    before = smart.http.cookies["__Host-baton"]
    await smart.login(query("app", pkce()[1]))
    assert smart.http.cookies["__Host-baton"] != before


async def test_a_patient_with_one_record_need_not_choose(smart: Smart) -> None:
    verifier, challenge = pkce()
    code = await smart.code(query("app", challenge), patient="", username="pat")
    answer = await smart.post(
        "token", grant_type="authorization_code", client_id="app", code=code, redirect_uri=BACK, code_verifier=verifier
    )
    assert answer.json()["patient"] == "pat"


async def test_a_patient_cannot_choose_another_record(smart: Smart) -> None:
    page = await smart.login(query("app", pkce()[1]), "pat")
    answer = await smart.decide(page, patient="Patient/other")
    code = sent_back(answer)["code"]
    found = await smart.tokens.code(code)
    assert found is not None
    assert found.grant.patient == "Patient/pat"


async def test_a_professional_who_names_no_patient_is_asked_again(smart: Smart) -> None:
    answer = await smart.decide(await smart.login(query("app", pkce()[1])), patient="not one")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


async def test_a_professional_of_another_agency_is_refused(smart: Smart) -> None:
    await smart.registration.add_client("foreign", "Organization/other", "user/*.rs", public=True, redirect_uris=[BACK])
    page = await smart.http.get("/auth/authorize", params=query("foreign", pkce()[1], "user/*.rs"))
    answer = await smart.http.post(
        f"/auth/login?{page.url.query.decode()}",
        data={"csrf": field_of(page.text, "csrf"), "username": "sam", "password": PASSWORD},
    )
    answer = await smart.http.get(answer.headers["location"])
    assert sent_back(answer)["error"] == "access_denied"


async def test_an_ehr_launch_takes_its_patient_from_the_launch(smart: Smart) -> None:
    ehr = await smart.registration.mint("app", "user/*.rs", user="PractitionerRole/sam")
    bearer = {"Authorization": f"Bearer {ehr['access_token']}"}
    minted = await smart.http.post("/auth/launch", data={"client_id": "app", "patient": "Patient/p7"}, headers=bearer)
    verifier, challenge = pkce()
    code = await smart.code(query("app", challenge, "launch patient/*.rs", launch=minted.json()["launch"]))
    answer = await smart.post(
        "token", grant_type="authorization_code", client_id="app", code=code, redirect_uri=BACK, code_verifier=verifier
    )
    assert answer.json()["patient"] == "p7"


async def test_a_launch_is_good_once(smart: Smart) -> None:
    ehr = await smart.registration.mint("app", "user/*.rs", user="PractitionerRole/sam")
    bearer = {"Authorization": f"Bearer {ehr['access_token']}"}
    minted = await smart.http.post("/auth/launch", data={"client_id": "app", "patient": "Patient/p7"}, headers=bearer)
    asked = query("app", pkce()[1], "launch patient/*.rs", launch=minted.json()["launch"])
    await smart.code(asked)
    answer = await smart.http.get("/auth/authorize", params=asked)
    assert sent_back(answer)["error"] == "invalid_request"


async def test_a_launch_needs_a_token(smart: Smart) -> None:
    answer = await smart.http.post("/auth/launch", data={"client_id": "app", "patient": "Patient/p7"})
    assert answer.status_code == 401


async def test_a_launch_that_cannot_be_kept_is_no_fault_of_its_request(smart: Smart, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app is told to come again, and not that what it asked for was wrong."""

    async def away(*_: object) -> None:
        raise Refused(problem(Category.UNAVAILABLE, "transient", "The database does not answer."))

    ehr = await smart.registration.mint("app", "user/*.rs", user="PractitionerRole/sam")
    bearer = {"Authorization": f"Bearer {ehr['access_token']}"}
    monkeypatch.setattr(smart.clients, "add_launch", away)
    answer = await smart.http.post("/auth/launch", data={"client_id": "app", "patient": "Patient/p7"}, headers=bearer)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_prompt_none_sends_login_required_back(smart: Smart) -> None:
    answer = await smart.http.get("/auth/authorize", params=query("app", pkce()[1], prompt="none"))
    assert sent_back(answer)["error"] == "login_required"


async def test_without_https_the_cookie_has_a_name_that_browsers_take(smart: Smart) -> None:
    smart.authorization.terms = Terms("http://127.0.0.1:8000/auth", "http://127.0.0.1:8000/fhir")
    asked = query("app", pkce()[1], aud="http://127.0.0.1:8000/fhir")
    page = await smart.http.get("/auth/authorize", params=asked)
    assert page.headers["set-cookie"].startswith("baton=")
    assert "secure" not in page.headers["set-cookie"].lower()


async def test_the_form_may_lead_back_to_the_app_and_nowhere_else(smart: Smart) -> None:
    page = await smart.login(query("app", pkce()[1]))
    assert "form-action 'self' https://app.test;" in page.headers["content-security-policy"]


async def test_the_pages_have_a_stylesheet(smart: Smart) -> None:
    answer = await smart.http.get("/auth/style.css")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")


async def test_usernames_are_compared_without_regard_to_case(smart: Smart) -> None:
    with pytest.raises(Refused, match="taken"):
        await smart.users.add_user(" SAM ", "Patient/x", PASSWORD)
    assert "Allow Care app" in (await smart.login(query("app", pkce()[1]), "Sam")).text
