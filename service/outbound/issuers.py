"""Fetches JWK Sets and discovery documents, without letting a URL in a registration reach into the service's own network.

A fetch uses https only, follows no redirect, has a limit of size and of time, and connects to no address of a private, loopback,
link-local or metadata range: the host name is resolved here, every address is checked, and the connection goes to a checked
address. Hosts named in `allowed` (`host` or `host:port`) are exempt from the check of addresses, and may speak http.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from service.problem import Category, Problem, problem

LARGEST_BYTES = 256 * 1024
LONGEST_SECONDS = 5.0
KEPT_SECONDS = 300.0
PAUSE_SECONDS = 20.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # the prefix maps to IPv4 addresses of every range


@dataclass(slots=True)
class _Kept:
    document: dict[str, Any] | Problem
    at: float


class Issuers:
    """Fetches documents by URL and keeps each for `KEPT_SECONDS`. A kid missing from the kept set fetches the set again, but at
    most once in `PAUSE_SECONDS`."""

    def __init__(self, allowed: Collection[str] = (), *, client: httpx.AsyncClient | None = None) -> None:
        self._allowed = frozenset(allowed)
        self._client = client
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def keys(self, url: str, kid: str = "") -> list[dict[str, Any]] | Problem:
        """The keys of the JWK Set at `url`, or why the set cannot be used. A set without `kid` is fetched again, since the issuer
        may have added the key."""
        found = await self._document(url, KEPT_SECONDS)
        if kid and not isinstance(found, Problem) and not any(key.get("kid") == kid for key in _keys(found)):
            found = await self._document(url, PAUSE_SECONDS)
        return found if isinstance(found, Problem) else _keys(found)

    async def jwks_url(self, issuer: str) -> str | Problem:
        """The address of the JWK Set that an issuer's discovery document names, or why the document cannot be used."""
        found = await self._document(f"{issuer.rstrip('/')}/.well-known/openid-configuration", KEPT_SECONDS)
        if isinstance(found, Problem):
            return found
        if found.get("issuer") != issuer or not isinstance(found.get("jwks_uri"), str):
            return _refusal(issuer, "its discovery document names another issuer, or no `jwks_uri`")
        return str(found["jwks_uri"])

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _document(self, url: str, oldest: float) -> dict[str, Any] | Problem:
        async with self._locks.setdefault(url, asyncio.Lock()):
            present = asyncio.get_running_loop().time()
            kept = self._kept.get(url)
            failed = kept is not None and isinstance(kept.document, Problem)
            if kept is not None and present - kept.at < (PAUSE_SECONDS if failed else oldest):
                return kept.document
            document = await self._fetched(url)
            if isinstance(document, Problem) and kept is not None and not failed and present - kept.at < 10 * KEPT_SECONDS:
                return kept.document  # the kept document serves while the issuer is down, so that users can still log in
            self._kept[url] = _Kept(document, present)
            return document

    async def _fetched(self, url: str) -> dict[str, Any] | Problem:
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                address = await self._address(url)
                return address if isinstance(address, Problem) else await self._get(url, address)
        except (TimeoutError, OSError, httpx.HTTPError, ValueError, RecursionError) as error:
            return _refusal(url, f"it could not be fetched ({type(error).__name__})")

    async def _address(self, url: str) -> str | Problem:
        """The address to connect to, which every rule of the module's docstring allows; or why there is no such address."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        exempt = bool({host, f"{host}:{port}"} & self._allowed)
        if not host or parts.scheme not in (("https", "http") if exempt else ("https",)) or parts.username:
            return _refusal(url, "it must be https, without credentials")
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or not (exempt or all(_public(address) for address in addresses)):
            return _refusal(url, "its host has an address in a private or reserved range")
        return addresses[0]

    async def _get(self, url: str, address: str) -> dict[str, Any] | Problem:
        target = httpx.URL(url)
        pinned = target.copy_with(host=address)
        headers = {"Host": target.netloc.decode(), "Accept": "application/json", "Accept-Encoding": "identity"}
        extensions = {"sni_hostname": target.host}
        async with self._http().stream("GET", pinned, headers=headers, extensions=extensions) as response:
            if response.status_code != 200:
                return _refusal(url, f"it answered with status {response.status_code}")
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > LARGEST_BYTES:
                    return _refusal(url, f"it is larger than {LARGEST_BYTES} bytes")
        document = json.loads(bytes(body))
        return document if isinstance(document, dict) else _refusal(url, "it is not a JSON object")

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=LONGEST_SECONDS)
        return self._client


def _keys(document: dict[str, Any]) -> list[dict[str, Any]]:
    keys = document.get("keys")
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


def _public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return False
        ip = ip.ipv4_mapped or ip.sixtofour or ip
    return ip.is_global and not ip.is_multicast


def _refusal(url: str, reason: str) -> Problem:
    return problem(Category.UNAVAILABLE, "transient", f"`{url}` cannot be used for keys: {reason}.")
