"""What Synthea writes is taken as it is, by `baton load` and over HTTP: all of it, once, with every reference answered."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from service.app import Built
from service.cli.loading import Account, _all
from service.cli.sources import files
from service.fhir.reference import relative
from service.fhir.resource import references
from service.usecases.interactions.loading import Fate
from tests.files.synthea import Synthea, had
from tests.story.running import Service, prepared

pytestmark = pytest.mark.slow
TRUST = "Organization/trust"
LEAD = {"reference": "PractitionerRole/trust-lead"}
US_CORE = {"CarePlan", "CareTeam", "Condition", "DiagnosticReport", "DocumentReference", "Encounter", "Observation", "Patient"}
Resource = dict[str, Any]
Way = Callable[[Path, Path], list[Path]]


@pytest.fixture(scope="module")
def synthea(tmp_path_factory: pytest.TempPathFactory) -> Synthea:
    """The generator, or a skip."""
    return had(tmp_path_factory.mktemp("synthea"))


@pytest.fixture(scope="module")
def us_core(synthea: Synthea, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By US Core: a transaction a person, and batches of hospitals and practitioners that conditional references find."""
    return synthea.exported(tmp_path_factory.mktemp("us-core"))


@pytest.fixture(scope="module")
def bulk(synthea: Synthea, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without US Core: NDJSON, a file a type."""
    options = ("-m", "asthma:hypertension:depression", "--exporter.fhir.use_us_core_ig=false", "--exporter.fhir.bulk_data=true")
    return synthea.exported(tmp_path_factory.mktemp("bulk"), *options)


def sent(folder: Path) -> Iterator[Resource]:
    """Every record of a folder of Bundles and NDJSON."""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".ndjson":
            yield from (json.loads(line) for line in path.read_text().splitlines())
        elif "Bundle" in (read := json.loads(path.read_text())).get("resourceType", ""):
            yield from (entry["resource"] for entry in read["entry"])


def counted(folder: Path) -> Counter[str]:
    """How many records of each type a folder has."""
    return Counter(each["resourceType"] for each in sent(folder))


def in_order(folder: Path, _: Path) -> list[Path]:
    """As Synthea's own instructions say: hospitals, practitioners, then the people."""
    return sorted(folder.iterdir(), key=lambda path: (path.name[:3] not in ("hos", "pra"), path.name))


def as_a_folder(folder: Path, _: Path) -> list[Path]:
    """The folder by its name."""
    return [folder]


def one_by_one(folder: Path, place: Path) -> list[Path]:
    """Each file packed, the last first."""
    for path in folder.iterdir():
        (place / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    return sorted(place.glob("*.gz"), reverse=True)


def together(folder: Path, place: Path) -> list[Path]:
    """All of them in one archive."""
    with zipfile.ZipFile(place / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.iterdir():
            archive.write(path, f"output/fhir/{path.name}")
    return [place / "all.zip"]


async def loaded(built: Built, paths: list[Path]) -> Account:
    """The account of a load of these."""
    return await _all(built, files(paths), TRUST)


def told(account: Account, fate: Fate) -> Counter[str]:
    """How many records of each type had this fate."""
    return Counter({kind: count for (kind, each), count in account.counts.items() if each == fate})


@pytest.mark.parametrize(("first", "again"), [(in_order, together), (one_by_one, as_a_folder)])
async def test_what_synthea_writes_is_loaded_once(built: Built, us_core: Path, tmp_path: Path, first: Way, again: Way) -> None:
    """All of it and nothing put aside, however it is packed and ordered; and a second load finds it there."""
    account = await loaded(built, first(us_core, tmp_path))
    assert [f"{item.source}: {reason}" for item, reason in account.aside] == []
    assert told(account, Fate.LOADED) == counted(us_core)
    assert {each["resourceType"] for each in sent(us_core) if "/us/core/" in json.dumps(each.get("meta"))} >= US_CORE
    assert told(await loaded(built, again(us_core, tmp_path)), Fate.THERE) == counted(us_core)


async def test_bulk_data_of_synthea_is_loaded(built: Built, bulk: Path, tmp_path: Path) -> None:
    """But for the Parameters of the import, which are no record."""
    account = await loaded(built, one_by_one(bulk, tmp_path))
    assert [Path(item.source).name for item, _ in account.aside] == ["parameters.json.gz"]
    assert told(account, Fate.LOADED) == counted(bulk)


async def test_every_reference_of_what_was_loaded_is_answered(built: Built, us_core: Path) -> None:
    """Conditional references and those by `urn:uuid:` lead to records that are there."""
    await loaded(built, [us_core])
    named = [f"{each['resourceType']}/{each['id']}" for each in sent(us_core)]
    rows = await built.services.records.read_many(named)
    assert rows.keys() == set(named)
    said = {target for row in rows.values() for _, target in references(row.resource) if not target.startswith("#")}
    assert {target for target in said if not relative(target)} == set()
    assert said <= rows.keys()


@pytest_asyncio.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the trust at a service in a process of its own; afterwards `baton check` is content with what it has."""
    service = Service(tmp_path / "data")
    tokens = await prepared(service)
    service.start()
    try:
        await service.ready()
        headers = {"Authorization": f"Bearer {tokens['trust']}", "Content-Type": "application/fhir+json"}
        async with httpx.AsyncClient(base_url=service.base, headers=headers, timeout=60) as client:
            yield client
        checked = service.command("check")
        assert checked.returncode == 0, checked.stdout
    finally:
        service.kill()


async def test_synthea_over_http(http: httpx.AsyncClient, us_core: Path) -> None:
    """Batches of hospitals and practitioners, then a transaction a person, each sent twice: all is found, and nothing doubled. A
    plan that nobody leads is all that is refused (OWN-1)."""
    expected = counted(us_core)
    before = await totals(http, expected)
    for path in in_order(us_core, us_core):
        bundle = json.loads(path.read_text())
        if at := [place for place, entry in enumerate(bundle["entry"]) if unled(entry["resource"])]:
            refused = (await http.post("/fhir", json=bundle)).json()["issue"]
            assert {issue["expression"][0].removesuffix(".author") for issue in refused} == {f"Bundle.entry[{at[0]}].resource"}
            assert {issue["details"]["coding"][0]["code"] for issue in refused} == {"OWN-1"}
        first, again = [await http.post("/fhir", json=led(bundle), headers={"X-Request-Id": path.name}) for _ in range(2)]
        assert {entry["response"]["status"] for entry in first.json()["entry"]} == {"201"}
        assert [each["response"]["location"] for each in again.json()["entry"]] == [
            each["response"]["location"] for each in first.json()["entry"]
        ]
        await found(http, bundle)
    plans = Counter(Provenance=sum(unled(each) for each in sent(us_core)))  # the service records who leads each
    assert await totals(http, expected) - before == expected + plans


def unled(resource: Resource) -> bool:
    """Whether this is a plan in use that names no lead."""
    return resource["resourceType"] == "CarePlan" and resource["status"] == "active" and "author" not in resource


def led(bundle: Resource) -> Resource:
    """The Bundle with a lead for every plan in use."""
    entries = [
        {**entry, "resource": {**entry["resource"], "author": LEAD}} if unled(entry["resource"]) else entry
        for entry in bundle["entry"]
    ]
    return {**bundle, "entry": entries}


async def totals(http: httpx.AsyncClient, kinds: Iterable[str]) -> Counter[str]:
    """How many records of these types a search finds."""
    return Counter({kind: (await http.get(f"/fhir/{kind}?_summary=count")).json()["total"] for kind in kinds})


async def found(http: httpx.AsyncClient, bundle: Resource) -> None:
    """Searches for every record that has an identifier, and reads what it refers to."""
    for resource in (entry["resource"] for entry in bundle["entry"] if "identifier" in entry["resource"]):
        values = resource["identifier"] if isinstance(resource["identifier"], list) else [resource["identifier"]]
        token = f"{values[0].get('system', '')}|{values[0]['value']}"
        answer = await http.get(f"/fhir/{resource['resourceType']}", params={"identifier": token})
        entries = answer.json()["entry"]
        assert len(entries) == 1, token
        said = {target for _, target in references(entries[0]["resource"]) if not target.startswith("#")}
        assert {(await http.get(f"/fhir/{target}")).status_code for target in said} <= {200}
