"""The commands as operators type them: what good use gives, and one clear line with a status for every other."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pymongo
import pytest

from service.cli import main
from service.cli.agencies import agency_named
from service.cli.commands import TABLE, Command, cli, loaded
from service.problem import Refused
from service.store.layout import LAYOUT

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLES = CHECKOUT / "profiles" / "examples"


@dataclass(frozen=True)
class Said:
    """What a command printed, and its status."""

    status: int
    out: str
    err: str


Baton = Callable[..., Said]


@pytest.fixture(scope="module")
def folder(mongod: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder; its database is the tests' own, under a name of its own, and is begun."""
    made = tmp_path_factory.mktemp("cli")
    with pymongo.MongoClient[dict[str, object]](mongod) as client:
        client[f"cli_{made.name}"]["installation"].insert_one({"_id": "layout", "number": LAYOUT})
    return made


@pytest.fixture
def baton(folder: Path, mongod: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Baton:
    """Runs a command in this process, on a database that the tests of this module share."""
    monkeypatch.setenv("BATON_DATA", str(folder))
    monkeypatch.setenv("BATON_MONGODB_URI", mongod)
    monkeypatch.setenv("BATON_MONGODB_DATABASE", f"cli_{folder.name}")

    def run(*arguments: str, typed: str = "") -> Said:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    return run


def one_line(said: Said) -> str:
    """The one line of a failure; fails the test when there is more, or a traceback, or a status of 0."""
    assert said.status != 0, said
    (line,) = said.err.strip().splitlines()
    assert line.startswith("baton: ")
    return line


def partner(baton: Baton, *more: str, name: str = "trust") -> Said:
    return baton("partner", "add", "--organization", f"Organization/{name}", "--sector", "health", "--name", name.title(), *more)


# --- partner


def test_a_partner_is_registered_with_its_agreement(baton: Baton) -> None:
    partner(baton, "--purpose", "TREAT,HOPERAT", "--from", "2026-01-01", "--until", "2027-03-31")
    listed = [json.loads(line) for line in baton("partner", "list").out.splitlines()]
    (found,) = [each for each in listed if each["organization"] == "Organization/trust"]
    assert (found["sector"], found["purposes"], found["live"]) == ("health", ["TREAT", "HOPERAT"], True)


def test_the_last_day_of_an_agreement_counts(baton: Baton) -> None:
    """The end is the midnight after it, in the locality's zone: 31 March is in British Summer Time."""
    partner(baton, "--until", "2027-03-31", name="summer")
    listed = [json.loads(line) for line in baton("partner", "list").out.splitlines()]
    assert [each["until"] for each in listed if each["organization"] == "Organization/summer"] == ["2027-03-31T23:00:00+00:00"]


def test_an_agency_without_a_record_needs_a_name(baton: Baton) -> None:
    said = baton("partner", "add", "--organization", "Organization/nobody", "--sector", "health")
    assert "--name" in one_line(said)


def test_an_unknown_sector_is_refused_with_those_there_are(baton: Baton) -> None:
    said = baton("partner", "add", "--organization", "Organization/x", "--sector", "shops", "--name", "X")
    assert "`voluntary`" in one_line(said)


def test_a_purpose_nobody_can_have_is_refused(baton: Baton) -> None:
    """It would be agreed, and would never let anything through."""
    assert "`TREATMENT`" in one_line(partner(baton, "--purpose", "TREAT,TREATMENT", name="purposeful"))
    assert "purposeful" not in baton("partner", "list").out


def test_a_type_of_information_that_is_none_is_refused(baton: Baton) -> None:
    assert "`careplan`" in one_line(partner(baton, "--category", "careplan", name="categorical"))
    fine = ["CarePlan", "http://snomed.info/sct|736253002", "https://baton.example/fhir/StructureDefinition/baton-crisis-plan"]
    assert partner(baton, "--category", ",".join(fine), name="categorical").status == 0


@pytest.mark.parametrize("namespace", ["foo bar", "foo", "", "urn:", "https://trust.example/a b"])
def test_a_namespace_that_no_identifier_can_have_is_refused(baton: Baton, namespace: str) -> None:
    assert "absolute URI" in one_line(partner(baton, "--namespace", namespace, name="spaced"))
    assert partner(baton, "--namespace", "urn:oid:2.16.840.1.113883.2.1.4.9", name="spaced").status == 0


@pytest.mark.parametrize("reference", ["trust", "Patient/trust", "Organization/", ""])
def test_a_partner_is_an_organization(baton: Baton, reference: str) -> None:
    said = baton("partner", "add", "--organization", reference, "--sector", "health", "--name", "X")
    assert "Organization/trust" in one_line(said)


def test_an_agreement_ends_after_it_starts(baton: Baton) -> None:
    assert "ends before it starts" in one_line(partner(baton, "--from", "2027-01-02", "--until", "2027-01-01"))


def test_a_date_that_is_none_is_refused(baton: Baton) -> None:
    assert "`soon`" in one_line(partner(baton, "--from", "soon"))


def test_an_agreement_that_has_ended_is_found(baton: Baton) -> None:
    partner(baton, "--until", "2020-01-01", name="former")
    said = baton("partner", "check")
    assert said.status == 1
    assert "`Organization/former` has ended" in said.out


# --- client, token, user, keys


def client(baton: Baton, identity: str, *more: str) -> Said:
    partner(baton)
    return baton("client", "add", "--id", identity, "--organization", "Organization/trust", "--scope", "system/*.rs", *more)


def test_a_client_with_a_secret_is_told_it_once(baton: Baton) -> None:
    secret = json.loads(client(baton, "secretive", "--secret").out)["client_secret"]
    listed = baton("client", "list").out
    assert "secretive" in listed
    assert secret not in listed


def test_a_client_with_keys_in_a_file(baton: Baton, tmp_path: Path) -> None:
    from tests.fakes.smart import key, public

    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [public(key())]}))
    said = client(baton, "keyed", "--jwks", str(file))
    assert json.loads(said.out)["token_endpoint_auth_method"] == "private_key_jwt"


@pytest.mark.parametrize("content", [None, "{", "[]", '{"keys": []}'])
def test_keys_that_cannot_be_used_are_refused(baton: Baton, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "jwks.json"
    if content is not None:
        file.write_text(content)
    one_line(client(baton, "unkeyed", "--jwks", str(file)))


def test_a_client_has_exactly_one_proof(baton: Baton) -> None:
    assert "exactly one" in one_line(client(baton, "proofless"))


def test_a_client_of_an_unknown_agency_is_refused(baton: Baton) -> None:
    said = baton("client", "add", "--id", "x", "--organization", "Organization/nowhere", "--scope", "system/*.rs", "--secret")
    assert "Organization/nowhere" in one_line(said)


def test_a_removed_client_gets_no_token(baton: Baton) -> None:
    client(baton, "leaving", "--secret")
    assert baton("client", "remove", "--id", "leaving").status == 0
    assert "`leaving`" in one_line(baton("token", "--client", "leaving"))


def test_removing_nobody_is_said(baton: Baton) -> None:
    assert "`ghost`" in one_line(baton("client", "remove", "--id", "ghost"))


def test_a_token_is_one_line_that_curl_can_take(baton: Baton) -> None:
    client(baton, "curl", "--secret")
    said = baton("token", "--client", "curl", "--scope", "system/Patient.rs")
    assert said.status == 0
    assert len(said.out.split()) == 1
    assert "system/Patient.rs" in said.err


def test_a_token_reaches_no_further_than_its_client(baton: Baton) -> None:
    client(baton, "reader", "--secret")
    one_line(baton("token", "--client", "reader", "--scope", "system/Patient.cud"))


def test_a_person_who_is_not_here_cannot_log_in(baton: Baton) -> None:
    said = baton("user", "add", "--username", "sam", "--patient", "Patient/not-here", typed="correct horse battery\n")
    assert "`Patient/not-here`" in one_line(said)


@pytest.mark.parametrize(
    ("option", "reference"),
    [
        ("--user", "PractitionerRole/not-here"),
        ("--user", "Patient/not-here"),
        ("--user", "RelatedPerson/not-here"),
        ("--user", "Practitioner/not-here"),
        ("--patient", "Patient/not-here"),
        ("--patient", "not-here"),
    ],
)
def test_a_token_is_for_somebody_who_is_here(baton: Baton, option: str, reference: str) -> None:
    client(baton, f"for-{option[2:]}-{reference.partition('/')[0]}", "--secret")
    said = baton("token", "--client", f"for-{option[2:]}-{reference.partition('/')[0]}", option, reference)
    assert f"`{reference}`" in one_line(said)


def test_a_login_is_for_one_person(baton: Baton) -> None:
    said = baton("user", "add", "--username", "sam", "--patient", "Patient/a", "--practitioner-role", "PractitionerRole/b")
    assert "either" in one_line(said)


@pytest.mark.parametrize("written", ["Organization/trust", "Organization/trust/_history/2"])
def test_an_agency_is_named_in_one_way_however_it_is_written(written: str) -> None:
    """What is registered, and is the custodian of a record, is the plain reference."""
    assert agency_named("--custodian", written) == "Organization/trust"


@pytest.mark.parametrize("written", ["trust", "Practitioner/a", "https://x.example/Organization/a", "/Organization/a"])
def test_what_names_no_agency_is_refused(written: str) -> None:
    with pytest.raises(Refused, match="Organization/trust"):
        agency_named("--custodian", written)


def pat(baton: Baton, folder: Path, username: str) -> Said:
    """A person who is here and gets a login."""
    file = folder / "pat.json"
    file.write_text(json.dumps({"resourceType": "Patient", "id": "pat", "name": [{"text": "Pat"}]}))
    partner(baton)
    assert baton("load", str(file), "--custodian", "Organization/trust").status == 0
    return baton("user", "add", "--username", username, "--patient", "Patient/pat", typed="correct horse battery\n")


def test_a_user_s_password_is_read_from_standard_input(baton: Baton, tmp_path: Path) -> None:
    assert pat(baton, tmp_path, "Pat").out == "`pat` logs in as `Patient/pat`.\n"


def test_logins_are_listed_without_their_passwords(baton: Baton, tmp_path: Path) -> None:
    pat(baton, tmp_path, "listed")
    found = [json.loads(line) for line in baton("user", "list").out.splitlines()]
    assert {"username": "listed", "reference": "Patient/pat"} in found


def test_a_removed_login_is_gone(baton: Baton, tmp_path: Path) -> None:
    pat(baton, tmp_path, "leaver")
    assert baton("user", "remove", "--username", "Leaver").status == 0
    assert "leaver" not in baton("user", "list").out


def test_removing_a_login_that_nobody_has_is_said(baton: Baton) -> None:
    assert "`nobody`" in one_line(baton("user", "remove", "--username", "nobody"))


def test_keys_rotate_to_a_new_one(baton: Baton) -> None:
    assert baton("keys", "rotate").out != baton("keys", "rotate").out


# --- check, validate


def test_a_whole_service_checks_out(baton: Baton) -> None:
    partner(baton)
    said = baton("check")
    whole, seal = said.out.splitlines()
    assert (said.status, whole) == (0, "All holds: ledger, records, registers, and one owner for every active plan.")
    assert seal.startswith("Newest seal, to be kept elsewhere: ey")


def test_valid_examples_are_valid(baton: Baton) -> None:
    said = baton("validate", str(EXAMPLES / "valid"))
    assert said.status == 0
    assert said.out.endswith(" 0 not valid.\n")


def test_what_is_not_valid_is_told_with_file_and_path(baton: Baton, tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text('{"resourceType": "Patient", "birthDate": "yesterday"}')
    said = baton("validate", str(file))
    assert said.status == 1
    assert said.out.startswith(f"{file}: error: Patient.birthDate: ")


def test_what_is_wrong_with_a_whole_file_has_no_path(baton: Baton, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    said = baton("validate", str(tmp_path / "x.json"))
    assert f"{tmp_path / 'x.json'}: error: The body is not JSON" in said.out


# --- what cannot be read at all


@pytest.mark.parametrize(
    "arguments",
    [["frob"], ["serve", "--port", "x"], ["serve", "--port", "99999"], ["serve", "--no"], ["partner"], ["load"], ["user", "add"]],
)
def test_arguments_that_cannot_be_read_are_one_line(baton: Baton, arguments: list[str]) -> None:
    said = baton(*arguments)
    one_line(said)
    assert said.status == 2


def test_a_database_that_does_not_answer_is_one_line(folder: Path) -> None:
    """In a process of its own, as an operator has it: the driver leaves a socket open when it is closed while it connects."""
    nowhere = {"BATON_DATA": str(folder), "BATON_MONGODB_URI": "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200"}
    command = [sys.executable, "-m", "service", "check"]
    ran = subprocess.run(command, cwd=CHECKOUT, env={**os.environ, **nowhere}, capture_output=True, text=True, check=False)
    assert "does not answer" in one_line(Said(ran.returncode, ran.stdout, ran.stderr))


@pytest.mark.slow
def test_no_arguments_tell_what_there_is() -> None:
    """As the console script runs: `python -m service` is the same."""
    ran = subprocess.run([sys.executable, "-m", "service"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    assert {"serve", "demo", "load", "partner", "check"} <= set(ran.stdout.split())


def test_every_command_has_one_name() -> None:
    """A name that is given twice would hide the first."""
    names = [each.name for each in (*cli.registered_commands, *cli.registered_groups)]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("command", TABLE, ids=[each.name for each in TABLE])
def test_the_list_of_commands_says_what_each_says_of_itself(command: Command) -> None:
    """The list is written out, so that it can be shown without importing any of them."""
    assert loaded(command).help == command.help


HEAVY = ("fastapi", "pymongo", "service.app", "fhir.resources", "fhirpathpy", "structlog")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--help"], [*HEAVY, "uvicorn", "pydantic", "service.fhir"]),
        (["settings"], [*HEAVY, "uvicorn", "service.fhir"]),
        (["validate", str(EXAMPLES / "valid")], [*HEAVY, "uvicorn"]),
        (["serve", "--help"], ["fastapi", "service.app", "service.fhir", "structlog"]),  # loaded while its database starts
    ],
)
def test_a_command_imports_nothing_that_it_does_not_use(arguments: list[str], unused: list[str]) -> None:
    """Everybody who asks for it waits for its imports."""
    lines = (
        "import sys",
        "from service.cli import main",
        "try:",
        f" main({arguments})",
        "finally:",
        " print(*sys.modules, file=sys.stderr)",
    )
    ran = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    assert set(unused) & set(ran.stderr.split()) == set()
