"""Whose record: staff choose among the people whom their agency may open, and are told of nobody else."""

from __future__ import annotations

import re
import secrets

from tests.api.apps import App, app
from tests.fakes.smart import sent_back
from tests.locality import Locality, nhs_number, person, valid_nhs_number

SCOPE = "launch/patient patient/*.rs"


async def staff(locality: Locality, agency: str = "trust") -> App:
    """An app of an agency's staff."""
    return await app(locality, agency, f"PractitionerRole/{agency}-lead", SCOPE)


async def found(picker: App, text: str) -> tuple[list[str], str]:
    """The Patients that the page lists for a text, and the page."""
    page, _ = await picker.page()
    shown = await picker.answered(page, "find", find=text)
    return re.findall(r'name="patient" value="(Patient/[^"]+)"', shown.text), shown.text


async def named(locality: Locality, family: str, custodian: str = "Organization/trust", **more: object) -> str:
    """A person of that name."""
    return await person(locality.built, custodian, name=[{"family": family, "given": ["Zo\u00eb"]}], **more)


async def test_the_page_opens_with_those_written_about_last(locality: Locality) -> None:
    newest = await named(locality, "Fresh")
    page, _ = await (await staff(locality)).page()
    assert newest in page.text


async def test_somebody_is_found_by_the_beginning_of_a_name(locality: Locality) -> None:
    """Without regard to case and accents, given name and family name in any order."""
    family = f"Q{secrets.token_hex(5)}"
    patient = await named(locality, family, birthDate="1980-02-03")
    listed, page = await found(await staff(locality), f"{family[:7].lower()} zoe")
    assert listed == [patient]
    assert f"Zo\u00eb {family.upper()}, born 1980-02-03" in page


async def test_somebody_is_found_by_nhs_number(locality: Locality) -> None:
    number = valid_nhs_number(int(secrets.token_hex(4), 16))
    patient = await named(locality, "Numbered", identifier=[nhs_number(number)])
    listed, page = await found(await staff(locality), f"{number[:3]} {number[3:6]} {number[6:]}")
    assert listed == [patient]
    assert "checked" in page


async def test_nobody_whom_the_agency_may_not_open_is_listed(locality: Locality) -> None:
    """Though they are here: an absent person gives the same page."""
    family = f"Q{secrets.token_hex(5)}"
    await named(locality, family)
    picker = await staff(locality, "housing")
    hidden, page = await found(picker, family)
    absent, other = await found(picker, family[::-1])
    assert (hidden, absent) == ([], [])
    assert re.sub(r'value="[^"]*"|\?[^"]*', "", page) == re.sub(r'value="[^"]*"|\?[^"]*', "", other)


async def test_a_long_list_is_cut_and_says_so(locality: Locality) -> None:
    family = f"Q{secrets.token_hex(5)}"
    for _ in range(26):
        await named(locality, family)
    listed, page = await found(await staff(locality), family)
    assert len(listed) == 25
    assert "There are more" in page


async def test_what_is_typed_cannot_leave_the_page_s_text(locality: Locality) -> None:
    _, page = await found(await staff(locality), '"><script>alert(1)</script>,|$\\')
    assert "<script" not in page


async def test_the_one_chosen_is_the_patient_in_context(locality: Locality) -> None:
    token = await (await staff(locality)).allowed(locality.person)
    assert f"Patient/{token['patient']}" == locality.person


async def test_nobody_unlisted_is_chosen(locality: Locality) -> None:
    """The page decides nothing but the choice."""
    picker = await staff(locality, "housing")
    page, _ = await picker.page()
    answer = await picker.answered(page, patient=locality.person)
    assert answer.status_code == 400
    assert "Choose a person whose record you may open." in answer.text


async def test_a_person_sees_their_own_name(locality: Locality) -> None:
    """And need not choose."""
    mine = await app(locality, "trust", locality.person, SCOPE)
    page, _ = await mine.page()
    assert "Ada EXAMPLE" in page.text
    assert "code" in sent_back(await mine.answered(page))


async def test_the_look_up_is_audited(locality: Locality) -> None:
    picker = await staff(locality)
    await found(picker, "Example")
    trust = await locality.agency("trust")
    events = (await trust.get("AuditEvent?_count=50&action=E&_sort=-_lastUpdated")).json()["entry"]
    agents = [agent["who"] for event in events for agent in event["resource"]["agent"]]
    assert {"identifier": {"value": picker.client}} in agents
