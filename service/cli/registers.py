"""`baton partner`, `client`, `user`, `token` and `keys`: the registers of the agencies and clients that may connect and of the
people who may log in."""

from __future__ import annotations

import getpass
import json
import sys
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer

from service import clock
from service.app import Built
from service.auth.clients import ROLE
from service.care.ownership.role import role_fault
from service.cli.agencies import agency_named
from service.cli.arguments import Data, wrong
from service.cli.opening import with_new_service, with_service
from service.consent.terms import STANDARD
from service.fhir.date import moment, parse
from service.fhir.reference import key
from service.store.partners import SECTORS, Partner
from service.usecases.register import identities, partners

FAILED = 1
PERSONS = ("PractitionerRole", "Patient", "RelatedPerson")
partner = typer.Typer(help="The register of agencies and their sharing agreements.")
client = typer.Typer(help="The register of SMART clients.")
user = typer.Typer(help="People who log in.")
keys = typer.Typer(help="The service's own signing keys.")

Organization = Annotated[str, typer.Option(help="The agency.", metavar="Organization/ID")]
Purposes = Annotated[list[str], typer.Option("--purpose", help="v3-ActReason codes; TREAT if none.", show_default=False)]


@partner.command("add")
def partner_add(
    organization: Organization,
    sector: Annotated[str, typer.Option(help=f"One of {', '.join(sorted(SECTORS))}.")],
    purpose: Purposes = [],
    category: Annotated[list[str], typer.Option(help="Types of information that may flow; all when none is named.")] = [],
    since: Annotated[str, typer.Option("--from", help="First day of the agreement.", metavar="DATE")] = "",
    until: Annotated[str, typer.Option(help="Last day of the agreement.", metavar="DATE")] = "",
    name: Annotated[str, typer.Option(help="The agency's name, for one whose Organization is not here yet.")] = "",
    contact: Annotated[
        list[str], typer.Option(help="Whom an escalation level names, first level first.", metavar="PractitionerRole/ID")
    ] = [],
    duty: Annotated[
        str, typer.Option(help="Whom escalations reach while nobody else is available (ESC-1).", metavar="PractitionerRole/ID")
    ] = "",
    identity_authority: Annotated[
        bool, typer.Option("--identity-authority", help="Its Patients confirm who other agencies' Patients are (IDN-1).")
    ] = False,
    namespace: Annotated[
        list[str], typer.Option(help="An identifier system that no other agency's entries may use (IDN-7).", metavar="URI")
    ] = [],
    senior: Annotated[
        str, typer.Option(help="Who approves borderline decisions of its front door (E4).", metavar="PractitionerRole/ID")
    ] = "",
    locality_lead: Annotated[
        str, typer.Option(help="Who leads the locality and publishes its pathways (GOV-4).", metavar="PractitionerRole/ID")
    ] = "",
    data: Data = None,
) -> None:
    """Register an agency and its sharing agreement, or replace the agreement it has."""
    reference = agency_named("--organization", organization)

    async def add(built: Built) -> None:
        zone = built.services.zone
        start, end = _day(since, "--from", zone), _day(until, "--until", zone)
        if start and end and end[1] <= start[0]:
            raise wrong("The agreement ends before it starts; correct `--from` or `--until`.")
        made = Partner(
            reference,
            sector,
            _purposes(purpose),
            _categories(built, category),
            start[0] if start else None,
            end[1] if end else None,
            getpass.getuser(),
            clock.now(),
            tuple(contact),
            identity_authority,
            tuple(namespace),
            senior,
            locality_lead,
            duty,
        )
        await partners.register(built.services, built.base, made, name)
        if identity_authority:
            await identities.compare(built.services, built.base)
        print(f"`{reference}` is registered in sector `{sector}` for {', '.join(made.purposes)}.")

    with_new_service(data, add)


@partner.command("compare")
def partner_compare(data: Data = None) -> None:
    """Have the Patients of all agencies that carry one national identifier compared anew; the worker does it (IDN-1)."""

    async def compare(built: Built) -> None:
        print(f"{await identities.compare(built.services, built.base)} Patients will be compared.")

    with_service(data, compare)


@partner.command("list")
def partner_list(data: Data = None) -> None:
    """List the agencies with their agreements, as JSON lines."""

    async def listed(built: Built) -> None:
        for each in await built.services.partners.list():
            _print(
                {
                    "organization": each.organization,
                    "sector": each.sector,
                    "contacts": list(each.contacts),
                    "duty": each.duty,
                    "identity-authority": each.identity_authority,
                    "locality-lead": each.locality_lead,
                    "namespaces": list(each.namespaces),
                    "senior": each.senior,
                    "purposes": list(each.purposes),
                    "categories": list(each.categories),
                    "from": each.start.isoformat() if each.start else None,
                    "until": each.end.isoformat() if each.end else None,
                    "live": each.live(clock.now()),
                }
            )

    with_service(data, listed)


@partner.command("check")
def partner_check(data: Data = None) -> int:
    """Tell which agreements do not stand, and which agencies or clients have none."""

    async def check(built: Built) -> list[str]:
        return await partners.checked(built.services, await built.registration.list_clients(), clock.now())

    return _found(with_service(data, check), "Every agreement stands.")


@client.command("add")
def client_add(
    identity: Annotated[str, typer.Option("--id", help="The client_id.")],
    organization: Organization,
    scope: Annotated[str, typer.Option(help="The SMART scopes it may ever have.")],
    jwks: Annotated[str, typer.Option(help="Its public keys.", metavar="FILE|URL")] = "",
    public: Annotated[bool, typer.Option("--public", help="It can keep no secret: an app on a device or in a browser.")] = False,
    redirect_uri: Annotated[list[str], typer.Option(help="Where people are sent back to.", metavar="URL")] = [],
    secret: Annotated[bool, typer.Option("--secret", help="Make a secret for it, shown this once.")] = False,
    purpose: Purposes = [],
    name: Annotated[str, typer.Option(help="Its name on the consent page.")] = "",
    fhir_user: Annotated[
        str, typer.Option(help="The record that tells it who a member of staff is: `PractitionerRole` or `Practitioner`.")
    ] = ROLE,
    data: Data = None,
) -> None:
    """Register a SMART client; prints its registration as JSON."""
    reference, url = agency_named("--organization", organization), jwks if jwks.startswith(("https://", "http://")) else ""

    async def add(built: Built) -> dict[str, Any]:
        agency = await built.services.directory.get(reference)
        if agency is None:
            raise wrong(f"`{reference}` is not known here; add it with `baton partner add` before its clients.")
        return await built.registration.add_client(
            identity,
            reference,
            scope,
            name=name,
            agency=str(agency.get("name", "")),
            jwks=_keys(Path(jwks)) if jwks and not url else None,
            jwks_url=url,
            public=public,
            secret=secret,
            redirect_uris=redirect_uri,
            purposes=_purposes(purpose),
            fhir_user=fhir_user,
        )

    print(json.dumps(with_service(data, add), indent=2))


@client.command("list")
def client_list(data: Data = None) -> None:
    """List the clients, as JSON lines."""

    async def listed(built: Built) -> None:
        for each in await built.registration.list_clients():
            _print(each)

    with_service(data, listed)


@client.command("remove")
def client_remove(
    identity: Annotated[str, typer.Option("--id", help="The client_id.")],
    data: Data = None,
) -> None:
    """Remove a client, and every token it was given."""

    async def remove(built: Built) -> None:
        if not await built.registration.remove_client(identity):
            raise wrong(f"Client `{identity}` is not registered; `baton client list` tells which are.")
        print(f"Client `{identity}` is removed.")

    with_service(data, remove)


@user.command("add")
def user_add(
    username: Annotated[str, typer.Option(help="What is typed at login.")],
    practitioner_role: Annotated[str, typer.Option(help="The role staff act in.", metavar="PractitionerRole/ID")] = "",
    patient: Annotated[str, typer.Option(help="The record of a person who sees their own.", metavar="Patient/ID")] = "",
    data: Data = None,
) -> None:
    """Add a login; the password is asked for, or is the first line of standard input."""
    if bool(practitioner_role) == bool(patient):
        raise wrong("A login is for one person: give either `--practitioner-role` or `--patient`.")
    password = _password()

    async def add(built: Built) -> None:
        await _here(built, practitioner_role or patient, "PractitionerRole" if practitioner_role else "Patient")
        made = await built.users.add_user(username, practitioner_role or patient, password)
        print(f"`{made.username}` logs in as `{made.reference}`.")

    with_service(data, add)


@user.command("list")
def user_list(data: Data = None) -> None:
    """List the logins and whom they are for, as JSON lines."""

    async def listed(built: Built) -> None:
        for each in await built.users.list_users():
            _print({"username": each.username, "reference": each.reference})

    with_service(data, listed)


@user.command("remove")
def user_remove(
    username: Annotated[str, typer.Option(help="What is typed at login.")],
    data: Data = None,
) -> None:
    """Remove a login, its sessions, and every token it was given."""

    async def remove(built: Built) -> None:
        if not await built.users.remove_user(username):
            raise wrong(f"Nobody logs in as `{username}`; `baton user list` tells who does.")
        print(f"Login `{username}` is removed.")

    with_service(data, remove)


def token(
    identity: Annotated[str, typer.Option("--client", help="The client_id it is for.")],
    scope: Annotated[str, typer.Option(help="Less than all that the client may have.")] = "",
    acting: Annotated[str, typer.Option("--user", help="For whom: a PractitionerRole or Patient.", metavar="REF")] = "",
    patient: Annotated[str, typer.Option(help="The patient in context.", metavar="Patient/ID")] = "",
    data: Data = None,
) -> None:
    """Print a bearer token for trying things with curl."""

    async def mint(built: Built) -> dict[str, Any]:
        if acting:
            await _here(built, acting, *PERSONS)
        if patient:
            await _here(built, patient, "Patient")
        return await built.registration.mint(identity, scope, acting, patient)

    minted = with_service(data, mint)
    print(f"For {minted['expires_in']} seconds, with the scopes {minted['scope']}", file=sys.stderr)
    print(minted["access_token"])


@keys.command("rotate")
def keys_rotate(data: Data = None) -> None:
    """Sign with a new key from now on; the old ones are still published for a day."""

    async def rotate(built: Built) -> str:
        return await built.registration.rotate_keys()

    print(f"Signing with key `{with_service(data, rotate)}`.")


def _codes(given: list[str]) -> tuple[str, ...]:
    """The codes given in several options, or several codes in one option."""
    return tuple(dict.fromkeys(code for each in given for code in each.replace(",", " ").split()))


def _purposes(given: list[str]) -> tuple[str, ...]:
    """The purposes given, which must be codes under PurposeOfUse. An agreement for any other code would never permit a
    disclosure, so such a code is refused."""
    codes = _codes(given) or ("TREAT",)
    unknown = [code for code in codes if code not in STANDARD.purposes]
    if unknown:
        known = "such as `TREAT`, `COC`, `ETREAT`, `HOPERAT` or `PATRQT`"
        raise wrong(f"`{unknown[0]}` is no purpose of use; give a code of v3-ActReason under PurposeOfUse, {known}.")
    return codes


def _categories(built: Built, given: list[str]) -> tuple[str, ...]:
    """The types of information given: resource types, codes and profiles, by which consent decisions tell records apart."""
    codes = _codes(given)
    unknown = [code for code in codes if code not in built.services.definitions.types and "|" not in code and "://" not in code]
    if unknown:
        text = f"`{unknown[0]}` is no type of information; give a type such as `CarePlan`, a `system|code`, or a profile's url."
        raise wrong(text)
    return codes


def _day(text: str, option: str, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """The start and the end of a day in the locality's time zone; None for an empty text."""
    bounds = parse(text, zone) if text else None
    if text and bounds is None:
        raise wrong(f"`{option}` takes a date such as `2027-03-31`, not `{text}`.")
    return (moment(bounds.low), moment(bounds.high)) if bounds else None


def _keys(path: Path) -> dict[str, Any]:
    """The JWK Set in a file. The registration checks whether the keys are fit."""
    try:
        read = json.loads(path.read_bytes())
    except OSError as error:
        raise wrong(f"`{path}` cannot be read: {error.strerror}.") from None
    except ValueError:
        raise wrong(f"`{path}` is not JSON; give a JWK Set.") from None
    if not isinstance(read, dict):
        raise wrong(f"`{path}` is not a JWK Set: an object with `keys`.")
    return read if "keys" in read else {"keys": [read]}


async def _here(built: Built, reference: str, *kinds: str) -> None:
    """Refuses a reference that is not of one of these types, or whose record is absent: a login or token needs an existing
    person."""
    kind, identity = key(reference)
    if kind not in kinds:
        raise wrong(f"`{reference}` is no reference to a {' or '.join(kinds)}; give one such as `{kinds[0]}/123`.")
    if kind == "PractitionerRole":
        fault = role_fault(await built.services.directory.get(reference), clock.now(), built.services.zone)
        if fault:
            raise wrong(f"`{reference}` cannot log in: {fault}.")
        return
    row = await built.services.records.read(kind, identity)
    if row is None or row.deleted:
        raise wrong(f"There is no `{reference}` here; load the {kind} first, or correct the reference.")


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise wrong("The two passwords differ; start again.")
    return first


def _print(said: dict[str, Any]) -> None:
    print(json.dumps(said))


def _found(findings: list[str], otherwise: str) -> int:
    for each in findings:
        print(each)
    if not findings:
        print(otherwise)
    return FAILED if findings else 0
