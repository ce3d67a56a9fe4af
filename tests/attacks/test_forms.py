"""Attack list, forms: headers and bodies of the token endpoints that cannot be read."""

from __future__ import annotations

import pytest

from tests.fakes.smart import Smart


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
