"""The authorize endpoint: a person decides whether an app may act for the person, and on which patient (SMART App Launch 2.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from service import clock
from service.auth import wording
from service.auth.authorize import AuthorizationRequest, Wrong, decide_authorize
from service.auth.caller import Caller
from service.auth.clients import Client, digest
from service.auth.event import Event
from service.auth.grants import OAuthRequest
from service.auth.tokens import Code, Grant
from service.auth.users import Launch, Session, User
from service.fhir.reference import own
from service.problem import Category, Refused, problem
from service.store.clients import Clients
from service.store.tokens import Tokens
from service.usecases.smart.authorization import Authorization, code_expiry
from service.usecases.smart.users import Note, Users, unnoted

LAUNCH_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """A patient that a person may choose: a reference and the words to show."""

    reference: str
    display: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Patients that a member of staff may choose from; `more` when there are others, which a longer name would find."""

    choices: tuple[Choice, ...] = ()
    more: bool = False


class Directory(Protocol):
    """What the authorize endpoint must know about people and agencies."""

    async def employer(self, user: str) -> str:
        """The Organization of an active PractitionerRole; empty for a role that is not active. Never called for a patient."""

    async def practitioner(self, user: str) -> str:
        """The Practitioner of a PractitionerRole; empty for every other user."""

    async def patients(self, user: str) -> tuple[Choice, ...]:
        """The Patients whose records this Patient or RelatedPerson may open as their own."""

    async def patient(self, text: str, organization: str) -> str:
        """The Patient that staff of an organisation name by a reference or identifier; empty when there is no such Patient or the
        staff may not see the Patient."""

    async def listed(self, client: Client, user: str, text: str) -> Listing:
        """The Patients whom staff of the client's organisation may open, found by a reference, an NHS number or the beginnings
        of names; those written about last for an empty text."""


@dataclass(frozen=True, slots=True)
class LoginNeeded:
    """The authorize request needs a login first: the edge shows the login page."""

    request: AuthorizationRequest


@dataclass(frozen=True, slots=True)
class Question:
    """The question on the consent page. `lines` say what the app would be allowed; `choices` are patients to pick from, found by
    `sought`, and `more` when there are others; `ask` is whether the person may look for others; `fault` says why the last choice
    was refused."""

    request: AuthorizationRequest
    user: User
    session: Session
    lines: tuple[str, ...]
    choices: tuple[Choice, ...] = ()
    sought: str = ""
    more: bool = False
    ask: bool = False
    patient: str = ""
    launch: Launch | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Approved:
    """The person approved: the code is sent back to the verified redirect URI."""

    redirect_uri: str
    code: str
    state: str


class Launching:
    """Asks people about authorize requests, and makes a code for each approval."""

    def __init__(
        self,
        authorization: Authorization,
        users: Users,
        clients: Clients,
        issued: Tokens,
        directory: Directory,
        note: Note = unnoted,
    ) -> None:
        self._authorization, self._users, self._clients, self._tokens = authorization, users, clients, issued
        self._directory, self._note = directory, note

    async def begin(self, asked: OAuthRequest, session_secret: str, sought: str = "") -> LoginNeeded | Question | Wrong:
        """What an authorize request needs: a login, the consent question, or a refusal of the request. `sought` is what a member
        of staff looks for patients by."""
        decider = await self._authorization.decider(asked["client_id"])
        request = decide_authorize(asked, decider, self._authorization.terms.fhir_base)
        if isinstance(request, Wrong):
            return request
        known = await self._users.logged_in(session_secret)
        if asked["prompt"] == "none":
            error = "consent_required" if known else "login_required"
            return Wrong(error, "This service asks the person every time.", request.redirect_uri, request.state)
        if known is None:
            return LoginNeeded(request)
        return await self._question(request, *known, sought.strip())

    async def approve(self, asked: OAuthRequest, session_secret: str, chosen: str) -> LoginNeeded | Question | Wrong | Approved:
        """A code for the approved scopes on the patient `chosen`, or the question again, with a fault, when the person may not
        choose this patient.

        The request is judged again from the start: the page decides nothing except the choice.
        """
        question = await self.begin(asked, session_secret)
        if not isinstance(question, Question):
            return question
        patient = await self._chosen(question, chosen.strip())
        if patient is None:
            told = Event(
                "authorize", False, question.request.client.id, question.user.reference, reason="No such patient for them."
            )
            await self._note(told)
            return replace(question, fault="Choose a person whose record you may open.")
        if question.launch and not await self._clients.take_launch(question.launch.hash, clock.now()):
            return _wrong(question.request, "access_denied", "The launch was used before or has expired; start again.")
        return await self._code(question, patient)

    async def deny(self, asked: OAuthRequest, session_secret: str) -> LoginNeeded | Wrong:
        """The refusal that goes back to the app when the person denies access."""
        question = await self.begin(asked, session_secret)
        if not isinstance(question, Question):
            return question
        request = question.request
        await self._note(Event("authorize", False, request.client.id, question.user.reference, reason="The person said no."))
        return _wrong(request, "access_denied", "The person did not allow it.")

    async def launch(self, caller: Caller, client_id: str, patient: str, intent: str = "") -> str:
        """A `launch` parameter for an app, on a patient, for the caller's own user.

        The record system that starts the app asks for the parameter with its user's token. The parameter is valid for five
        minutes and for one use. Raises Refused: FORBIDDEN when the token has no user or the app cannot be launched, ABSENT when
        the user may not open the patient.
        """
        client = await self._clients.client(client_id)
        if not caller.user or client is None or not client.redirect_uris:
            await self._note(Event("launch", False, client_id if client else "", caller.user, reason="No user, or no such app."))
            text = "A launch needs a token with a user, and an app that people can log in to."
            raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule="SMART 2.2 EHR launch"))
        found = await self._opened(caller, patient)
        if not found or (caller.patient and caller.patient != found):
            await self._note(Event("launch", False, client_id, caller.user, reason="The patient is not one they may open."))
            raise Refused(problem(Category.ABSENT, "not-found", "The launch's patient is not known; name one you may read."))
        secret, now = clock.new_secret(), clock.now()
        until = now + timedelta(minutes=LAUNCH_MINUTES)
        await self._clients.add_launch(Launch(digest(secret), client_id, caller.user, found, intent, until))
        await self._note(Event("launch", True, client_id, caller.user, found))
        return secret

    async def _opened(self, caller: Caller, patient: str) -> str:
        """The Patient of a launch, empty when the user may not open the Patient. A person may open their own records; staff may
        open the records that their agency may see."""
        if not caller.personal:
            return await self._directory.patient(patient, caller.organization)
        mine = {choice.reference for choice in await self._directory.patients(caller.user)}
        local = own(patient, self._authorization.terms.fhir_base)
        return local if local in mine else ""

    async def _question(self, request: AuthorizationRequest, user: User, session: Session, sought: str) -> Question | Wrong:
        if user.professional and await self._directory.employer(user.reference) != request.client.organization:
            text = "Your role is not with the agency that this app acts for."
            return _wrong(request, "access_denied", text)
        question = Question(request, user, session, wording.lines(request.scope))
        if request.launch and request.scope.has("launch"):
            return await self._launched(question)
        if not _needs_patient(request):
            return question
        if user.professional:
            found = await self._directory.listed(request.client, user.reference, sought)
            return replace(question, ask=True, sought=sought, choices=found.choices, more=found.more)
        choices = await self._directory.patients(user.reference)
        if not choices:
            return _wrong(request, "access_denied", "There is no record that you may open as your own.")
        only = choices[0].reference if len(choices) == 1 else ""
        return replace(question, choices=choices, patient=only)

    async def _launched(self, question: Question) -> Question | Wrong:
        request = question.request
        found = await self._clients.launch(digest(request.launch), clock.now())
        if found is None or found.client != request.client.id or found.user != question.user.reference:
            return _wrong(request, "invalid_request", "The launch is not known, has expired, or is for another app or person.")
        user = question.user
        if user.professional:
            choices = (await self._directory.listed(request.client, user.reference, found.patient)).choices
        else:
            choices = await self._directory.patients(user.reference)
        return replace(question, patient=found.patient, launch=found, choices=choices)

    async def _chosen(self, question: Question, chosen: str) -> str | None:
        """The patient in context: empty when the request needs no patient, None when the person may not choose this patient."""
        if question.patient:
            return question.patient
        if question.ask:
            return await self._directory.patient(chosen, question.request.client.organization) or None
        if question.choices:
            return chosen if chosen in {choice.reference for choice in question.choices} else None
        return ""

    async def _code(self, question: Question, patient: str) -> Approved:
        request, now, secret = question.request, clock.now(), clock.new_secret()
        practitioner = await self._directory.practitioner(question.user.reference)
        grant = Grant(
            id=clock.new_id(),
            client=request.client.id,
            username=question.user.username,
            user=question.user.reference,
            patient=patient,
            scope=str(request.scope),
            session=question.session.hash,
            auth_time=question.session.started,
            intent=question.launch.intent if question.launch else "",
            practitioner=practitioner,
            known_as=practitioner if request.client.fhir_user == "Practitioner" else "",
        )
        expires = now + code_expiry()
        code = Code(digest(secret), grant, request.redirect_uri, request.challenge, request.nonce, expires)
        await self._tokens.add_code(code, expires + timedelta(hours=1))
        await self._note(Event("authorize", True, grant.client, grant.user, patient))
        return Approved(request.redirect_uri, secret, request.state)


def _needs_patient(request: AuthorizationRequest) -> bool:
    return request.scope.has("launch/patient") or "patient" in request.scope.contexts()


def _wrong(request: AuthorizationRequest, error: str, description: str) -> Wrong:
    return Wrong(error, description, request.redirect_uri, request.state)
