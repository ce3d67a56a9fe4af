"""The metadata documents that the authorization server publishes about itself."""

from __future__ import annotations

from typing import Any

from service.auth.signatures import ALGORITHMS
from service.auth.tokens import Terms
from service.fhir.canonical import OAUTH_URIS

CAPABILITIES = (
    "launch-ehr",
    "launch-standalone",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-ehr-patient",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)
_SCOPES = ("openid", "fhirUser", "profile", "launch", "launch/patient", "offline_access", "online_access")


def smart_configuration(terms: Terms) -> dict[str, Any]:
    """`/fhir/.well-known/smart-configuration` (SMART 2.2 section 6)."""
    return {**_endpoints(terms), "capabilities": list(CAPABILITIES)}


def openid_configuration(terms: Terms) -> dict[str, Any]:
    """`/auth/.well-known/openid-configuration` (OpenID Connect Discovery section 3)."""
    return {
        **_endpoints(terms),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser", "profile"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def oauth_uris(terms: Terms) -> dict[str, Any]:
    """The `rest.security.extension` of a CapabilityStatement, which older clients read instead of the SMART configuration."""
    names = {"token": "token", "authorize": "authorize", "introspect": "introspect", "revoke": "revoke"}
    nested = [{"url": name, "valueUri": f"{terms.issuer}/{path}"} for name, path in names.items()]
    return {"url": OAUTH_URIS, "extension": nested}


def _endpoints(terms: Terms) -> dict[str, Any]:
    return {
        "issuer": terms.issuer,
        "jwks_uri": f"{terms.issuer}/jwks",
        "authorization_endpoint": f"{terms.issuer}/authorize",
        "token_endpoint": terms.token_endpoint,
        "introspection_endpoint": f"{terms.issuer}/introspect",
        "revocation_endpoint": f"{terms.issuer}/revoke",
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post", "none"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": [*_SCOPES, "patient/*.cruds", "user/*.cruds", "system/*.cruds"],
    }
