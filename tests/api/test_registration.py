"""The register of SMART clients, and tokens minted for trying things."""

from __future__ import annotations

import pytest

from service.problem import Refused
from tests.fakes.smart import BACK, TRUST, Smart


async def test_a_client_is_registered_with_exactly_one_proof(smart: Smart) -> None:
    with pytest.raises(Refused, match="exactly one"):
        await smart.registration.add_client("both", TRUST, "patient/*.rs", public=True, secret=True, redirect_uris=[BACK])


async def test_a_registration_whose_scope_cannot_be_enforced_is_refused(smart: Smart) -> None:
    with pytest.raises(Refused, match="`colour`"):
        await smart.registration.add_client("odd", TRUST, "system/Task.rs?colour=red", secret=True)


async def test_a_client_id_is_registered_once(smart: Smart) -> None:
    with pytest.raises(Refused, match="registered already"):
        await smart.registration.add_client("app", TRUST, "patient/*.rs", public=True, redirect_uris=[BACK])


async def test_the_list_of_clients_shows_no_secret(smart: Smart) -> None:
    made = await smart.registration.add_client("web", TRUST, "system/Task.rs", secret=True)
    listed = await smart.registration.list_clients()
    assert {each["client_id"] for each in listed} == {"app", "web"}
    assert made["client_secret"] not in str(listed)
    assert not any("secret" in each for each in listed)


async def test_a_minted_token_is_of_the_named_user(smart: Smart) -> None:
    minted = await smart.registration.mint("app", "patient/*.rs", user="Patient/pat")
    said = (await smart.who(minted["access_token"])).json()
    assert (said["user"], said["patient"], said["scope"]) == ("Patient/pat", "Patient/pat", "patient/*.rs")


@pytest.mark.parametrize("wrong", [{"client_id": "ghost"}, {"scope": "system/*.rs"}, {"scope": "x/"}, {"user": "Ghost/1"}])
async def test_what_cannot_be_minted_is_refused(smart: Smart, wrong: dict[str, str]) -> None:
    with pytest.raises(Refused):
        await smart.registration.mint(**{"client_id": "app", **wrong})
