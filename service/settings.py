"""The settings: the environment, read once into one frozen value. Every setting is a variable `BATON_*`, and `baton settings`
lists them all."""

from __future__ import annotations

import os
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from platformdirs import user_data_path
from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("there is no such time zone; give one such as `Europe/London`") from None


Zone = Annotated[str, AfterValidator(_zone)]


def _networks(text: str) -> str:
    try:
        return ",".join(str(ip_network(each.strip())) for each in text.split(",") if each.strip())
    except ValueError:
        raise ValueError("give addresses or networks, such as `10.0.0.7,192.168.5.0/24`") from None


Networks = Annotated[str, AfterValidator(_networks)]


class Settings(BaseSettings):
    """All settings. The description of a field gives its meaning; its name or description gives its unit."""

    model_config = SettingsConfigDict(env_prefix="BATON_", frozen=True, extra="ignore")

    data: Path = Field(
        default_factory=lambda: user_data_path("baton", appauthor=False),
        description="folder of the embedded database, keys and logs",
    )
    base_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#\s]+/?)?$",
        description="public base of the service, without a path; default: where it listens",
    )
    trusted_proxies: Networks = Field(
        "127.0.0.1,::1",
        validate_default=True,
        description="proxies that are believed when X-Forwarded-For says where a request is from: addresses or networks",
    )
    mongodb_uri: str = Field(
        "", pattern=r"^(mongodb(\+srv)?://.+)?$", description="your own replica set; empty: an embedded one in the data folder"
    )
    mongodb_user: str = Field("", description="who connects to your replica set, when the uri does not say")
    mongodb_password_file: str = Field("", description="file with that user's password, so that no secret is in the environment")
    mongodb_database: str = Field("baton", description="database name")
    mongo_driver: str = Field("pymongo", pattern="^(pymongo|motor)$", description="pymongo or motor")
    mongodb_cache_mb: int = Field(512, ge=256, description="cache of the embedded database, in MiB")
    max_body_bytes: int = Field(10 * 1024 * 1024, ge=1024, description="largest request body, in bytes")
    max_depth: int = Field(64, ge=16, le=500, description="deepest nesting of a request body")
    page_size: int = Field(20, ge=1, le=1000, description="matches on a page when the client asks for no _count")
    max_page_size: int = Field(200, ge=1, le=1000, description="most matches on a page")
    max_scan: int = Field(20_000, ge=1000, description="records one search may look at before it is refused as too costly")
    requests_per_minute: int = Field(
        120_000, ge=60, description="requests that one client may make in a minute, in each process, before it is told to wait"
    )
    failures_per_minute: int = Field(
        30, ge=5, description="secrets that do not hold which one address may present in a minute, before it is told to wait"
    )
    batch_seconds: float = Field(
        20.0, gt=0, le=600, description="time that the entries of one batch may take together; later entries are told to wait"
    )
    access_token_seconds: int = Field(
        300, ge=30, le=3600, description="life of an access token with which a client acts for itself"
    )
    user_token_seconds: int = Field(
        3600, ge=30, le=43_200, description="life of an access token with which an app acts for a person"
    )
    refresh_token_hours: int = Field(24, ge=1, le=2160, description="life of a refresh token that is not used")
    issuers: str = Field("", description="JSON list of external OIDC issuers that are trusted; see README")
    ledger_key: str = Field("", description="secret of the audit ledger's hashes; empty: a file in the data folder")
    policy: str = Field("uk", pattern="^(uk|us)$", description="shipped consent policy")
    timezone: Zone = Field("Europe/London", description="the locality's time zone, for working hours and dates without one")
    worker_poll_seconds: float = Field(1.0, gt=0, le=60, description="how often the worker looks for due timers")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="least severe line that is logged")

    @property
    def database_uri(self) -> str:
        """`mongodb_uri` with who connects; empty for an embedded database. Raises OSError for a password file that cannot be
        read."""
        if not (self.mongodb_uri and self.mongodb_user):
            return self.mongodb_uri
        password = Path(self.mongodb_password_file).read_text().strip() if self.mongodb_password_file else ""
        scheme, _, rest = self.mongodb_uri.partition("://")
        return f"{scheme}://{quote_plus(self.mongodb_user)}:{quote_plus(password)}@{rest.rpartition('@')[2]}"

    @property
    def zone(self) -> ZoneInfo:
        """The locality's time zone."""
        return ZoneInfo(self.timezone)


FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def multiprocess_folder() -> str:
    """The folder in which the processes of one service count together (prometheus_client's own variable); '' for one process."""
    return os.environ.get(FOLDER, "")


def count_together(folder: str) -> None:
    """Has this process, and those that it starts, count together in a folder. Called before the counters are made."""
    os.environ[FOLDER] = folder


@cache
def shipped(folder: str) -> Path:
    """The path of the folder `profiles` or `mappings`, in an installed wheel or in a checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "_data" / folder
    return installed if installed.is_dir() else here.parent / folder
