"""A database goes on with the secret that its ledger was begun with, and with no other."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio

from service.problem import Category, Refused
from service.store.folder import KEY, DataFolder
from service.store.installation import COLLECTION
from service.store.ledger import ENTRIES, SEALS
from service.store.ledger_key import LedgerKey, fingerprint
from service.store.mongo import Mongo
from service.store.records import Records
from tests.store.conftest import project


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


@pytest_asyncio.fixture
async def old(fresh_mongo: Mongo, make) -> Records:
    """A ledger of the secret `right` without a fingerprint: two pages, the first of them sealed."""
    records = Records(fresh_mongo, project, ledger_key=b"right")
    await records.prepare(["Task"])
    for number in range(2):
        await records.commit(make.change(make.write("Task", f"t{number}"), at=make.later(minutes=number)))
        if number == 0:
            await records.ledger.seal(make.at)
    return records


async def fingerprints(mongo: Mongo) -> list[str]:
    return [each["fingerprint"] async for each in mongo.collection(COLLECTION).find({"_id": "ledger-key"})]


async def test_a_new_database_keeps_a_fingerprint_and_not_the_secret(fresh_mongo: Mongo, folder: DataFolder) -> None:
    secret = await LedgerKey(fresh_mongo, folder).taken()
    assert secret == (folder.path / KEY).read_bytes()
    assert await fingerprints(fresh_mongo) == [fingerprint(secret)]


@pytest.mark.parametrize("given", ["typo", "right "])
async def test_another_secret_is_refused_before_anything_is_written(fresh_mongo: Mongo, folder: DataFolder, given: str) -> None:
    """Though no page was written yet."""
    await LedgerKey(fresh_mongo, folder, "right").taken()
    with pytest.raises(Refused, match="`BATON_LEDGER_KEY` is not the secret") as refused:
        await LedgerKey(fresh_mongo, folder, given).taken()
    assert refused.value.problem.category is Category.RULE
    assert await LedgerKey(fresh_mongo, folder, "right").taken() == b"right"


@pytest.mark.parametrize("content", ["", "\n", "another"])
async def test_a_file_with_no_secret_or_another_is_refused(fresh_mongo: Mongo, folder: DataFolder, content: str) -> None:
    await LedgerKey(fresh_mongo, folder).taken()
    (folder.path / KEY).write_text(content)
    with pytest.raises(Refused, match=KEY):
        await LedgerKey(fresh_mongo, folder).taken()
    assert (folder.path / KEY).read_text() == content


async def test_a_secret_that_is_lost_is_not_made_anew(fresh_mongo: Mongo, folder: DataFolder) -> None:
    await LedgerKey(fresh_mongo, folder).taken()
    (folder.path / KEY).unlink()
    with pytest.raises(Refused, match="is missing"):
        await LedgerKey(fresh_mongo, folder).taken()
    assert not (folder.path / KEY).exists()


async def test_a_secret_that_cannot_be_read_is_told(fresh_mongo: Mongo, folder: DataFolder) -> None:
    (folder.path / KEY).mkdir(parents=True)
    with pytest.raises(Refused, match="Is a directory"):
        await LedgerKey(fresh_mongo, folder).taken()


async def test_a_folder_that_cannot_be_made_is_told(fresh_mongo: Mongo, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="Not a directory"):
        await LedgerKey(fresh_mongo, DataFolder(tmp_path / "file" / "data")).taken()


@pytest.mark.parametrize("lost", [(), (SEALS,), (ENTRIES,)], ids=["seal", "page", "seal-alone"])
async def test_an_older_ledger_tells_its_secret(old, fresh_mongo: Mongo, folder: DataFolder, lost: tuple[str, ...]) -> None:
    """By its newest seal or its newest page; and keeps its fingerprint from then on."""
    for name in lost:
        await fresh_mongo.collection(name).delete_many({})
    with pytest.raises(Refused, match="is not the secret"):
        await LedgerKey(fresh_mongo, folder, "typo").taken()
    assert await fingerprints(fresh_mongo) == []
    await LedgerKey(fresh_mongo, folder, "right").taken()
    assert await fingerprints(fresh_mongo) == [fingerprint(b"right")]


async def test_an_edited_seal_does_not_lock_an_older_database(old, fresh_mongo: Mongo, folder: DataFolder) -> None:
    """The check is to name it, and its pages vouch for the secret."""
    await fresh_mongo.collection(SEALS).update_many({}, {"$set": {"sig": "edited"}})
    assert await LedgerKey(fresh_mongo, folder, "right").taken() == b"right"


async def test_looking_alone_notes_nothing(old, fresh_mongo: Mongo, folder: DataFolder) -> None:
    """For a backup, which only reads."""
    assert await LedgerKey(fresh_mongo, folder, "right").held() == b"right"
    assert await fingerprints(fresh_mongo) == []


async def test_of_two_that_begin_with_two_secrets_the_second_is_refused(
    fresh_mongo: Mongo, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At one instant: both saw no fingerprint."""
    late = LedgerKey(fresh_mongo, folder, "late")
    assert await late.held() == b"late"

    async def seen() -> bytes:
        return b"late"

    await LedgerKey(fresh_mongo, folder, "first").taken()
    monkeypatch.setattr(late, "held", seen)
    with pytest.raises(Refused, match="is not the secret"):
        await late.taken()
