"""Attack list, the authorize page: redirects, logins and decisions that nobody made."""

from __future__ import annotations

import pytest

from service.auth.caller import Caller
from service.auth.scopes import Scopes
from service.problem import Refused
from tests.fakes.smart import PASSWORD, TRUST, Smart, field_of, pkce, query, sent_back


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
