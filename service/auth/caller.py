"""The Caller: who sends a request, the same value for tokens of this authorization server and of external issuers."""

from __future__ import annotations

from dataclasses import dataclass

from service.auth.scopes import Scopes


@dataclass(frozen=True, slots=True)
class Caller:
    """A client acting for an organisation, and the person it acts for, if any.

    `organization` comes from the client's registration, never from the request. `user` is a PractitionerRole, Patient or
    RelatedPerson reference; `patient` the Patient reference in launch context; `purposes` v3-ActReason codes; `token` an
    id for the audit trail, never the token itself.
    """

    client: str
    organization: str
    scopes: Scopes
    user: str = ""
    patient: str = ""
    purposes: tuple[str, ...] = ("TREAT",)
    token: str = ""

    @property
    def personal(self) -> bool:
        """Whether the user is a Patient or a RelatedPerson, who counts as no agency's staff whichever agency runs the app."""
        return self.user.startswith(("Patient/", "RelatedPerson/"))
