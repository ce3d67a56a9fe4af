"""The settings: the environment, read once into one frozen value. Every setting is a variable `BATON_*`, and `baton settings`
lists them all."""

from __future__ import annotations

import os
import re
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from platformdirs import user_data_path
from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "BATON_"
RESERVED = ("admin", "config", "local")
"""MongoDB's own databases."""
_HOST = r"(\[[0-9A-Fa-f:.%]+\]|[^\s:/@,?#\[\]]+)(:\d+)?"
_URI = re.compile(rf"mongodb(\+srv)?://([^\s:/@]+(:[^\s:/@]*)?@)?(?P<hosts>{_HOST}(,{_HOST})*)([/?]\S*)?")
_DATABASE = re.compile(r"[^\s/\\.\"$*<>:|?\0]{1,63}")


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("there is no such time zone; give one such as `Europe/London`") from None


def _folder(path: Any) -> Any:
    """A path that is empty would be the current folder, whichever that is."""
    if path == "":
        raise ValueError("it is empty; name a folder, or unset it")
    return path


def _base(url: str) -> str:
    if url and not _is_base(url):
        raise ValueError("give scheme and host, and the port where it is another, such as `https://fhir.example`; nothing more")
    return url


def _is_base(url: str) -> bool:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an address that is none
        return False
    return sound and re.fullmatch(r"https?://[^\s/?#@]*[^\s/?#@:]/?", url) is not None


def _uri(uri: str) -> str:
    found = _URI.fullmatch(uri)
    if uri and found is None:
        text = "give `mongodb://HOST:PORT,HOST:PORT/?replicaSet=NAME`, with `%40` and the like for what is special in a password"
        raise ValueError(text)
    ports = re.findall(r":(\d+)(?=,|$)", found["hosts"]) if found else []
    if not all(0 < int(port) < 65536 for port in ports):
        raise ValueError("a port is a number from 1 to 65535")
    return uri


def _database(name: str) -> str:
    if not _DATABASE.fullmatch(name) or len(name.encode()) > 63:
        raise ValueError('give a name of at most 63 bytes, without a space or any of / \\ . " $ * < > : | ?')
    if name in RESERVED:
        raise ValueError(f"`{name}` is a database of MongoDB's own; give another name")
    return name


def _password_file(name: str) -> str:
    try:
        if name and not Path(name).read_text().strip():
            raise ValueError("the file is empty; it holds the password and nothing else")
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("the file is no text; it holds the password and nothing else") from None
    return name


Folder = Annotated[Path, BeforeValidator(_folder)]
Base = Annotated[str, AfterValidator(_base)]
Uri = Annotated[str, AfterValidator(_uri)]
Database = Annotated[str, AfterValidator(_database)]
PasswordFile = Annotated[str, AfterValidator(_password_file)]
Zone = Annotated[str, AfterValidator(_zone)]


def _networks(text: str) -> str:
    try:
        return ",".join(str(ip_network(each.strip())) for each in text.split(",") if each.strip())
    except ValueError:
        raise ValueError("give addresses or networks, such as `10.0.0.7,192.168.5.0/24`") from None


Networks = Annotated[str, AfterValidator(_networks)]


class Settings(BaseSettings):
    """All settings. The description of a field gives its meaning; its name or description gives its unit."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    data: Folder = Field(
        default_factory=lambda: user_data_path("baton", appauthor=False),
        description="folder of the embedded database, keys and logs",
    )
    base_url: Base = Field("", description="public base of the service, without a path; default: where it listens")
    trusted_proxies: Networks = Field(
        "127.0.0.1,::1",
        validate_default=True,
        description="proxies that are believed when X-Forwarded-For says where a request is from: addresses or networks",
    )
    mongodb_uri: Uri = Field("", description="your own replica set; empty: an embedded one in the data folder")
    mongodb_user: str = Field("", description="who connects to your replica set, when the uri does not say")
    mongodb_password_file: PasswordFile = Field(
        "", description="file with that user's password, so that no secret is in the environment"
    )
    mongodb_database: Database = Field("baton", description="database name")
    mongo_driver: Literal["pymongo", "motor"] = Field("pymongo", description="pymongo or motor")
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
    policy: Literal["uk", "us"] = Field("uk", description="shipped consent policy: uk or us")
    timezone: Zone = Field("Europe/London", description="the locality's time zone, for working hours and dates without one")
    worker_poll_seconds: float = Field(1.0, gt=0, le=60, description="how often the worker looks for due timers")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe line that is logged: debug, info, warning or error"
    )

    @model_validator(mode="after")
    def _together(self) -> Settings:
        """Settings that hold each by itself and not together."""
        if self.page_size > self.max_page_size:
            raise ValueError(f"`BATON_PAGE_SIZE` is {self.page_size}, more than `BATON_MAX_PAGE_SIZE`, {self.max_page_size}")
        if self.mongodb_user and not self.mongodb_password_file:
            raise ValueError("`BATON_MONGODB_USER` has no password: name its file in `BATON_MONGODB_PASSWORD_FILE`")
        return self

    @property
    def database_uri(self) -> str:
        """`mongodb_uri` with who connects; empty for an embedded database. Raises OSError for a password file that is there no
        more."""
        if not (self.mongodb_uri and self.mongodb_user):
            return self.mongodb_uri
        password = Path(self.mongodb_password_file).read_text().strip()
        scheme, _, rest = self.mongodb_uri.partition("://")
        return f"{scheme}://{quote_plus(self.mongodb_user)}:{quote_plus(password)}@{rest.rpartition('@')[2]}"

    @property
    def zone(self) -> ZoneInfo:
        """The locality's time zone."""
        return ZoneInfo(self.timezone)


def given() -> dict[str, Any]:
    """Every setting as the environment gives it, whether it holds or not, or else its default."""
    return {
        name: os.environ.get(f"{PREFIX}{name.upper()}", field.get_default(call_default_factory=True))
        for name, field in Settings.model_fields.items()
    }


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
