"""The file of a backup: a gzipped tar, written and read as a stream.

    folder/NAME                      a file of the data folder
    database/COLLECTION/NUMBER.bson  documents as MongoDB stores them (BSON), one after another, in pieces of some MiB
    manifest.json                    the last member: what is in the file, with counts and digests

The manifest is the last member, so a file that was cut off has none. Nothing is taken from a file before all of it was read once
and found to be what its manifest says.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import msgspec
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument

from service.problem import Category, Refused, problem
from service.store.folder import KEPT
from service.store.mongo import RAW

FORM = 2
"""The form of the file that this version writes. It reads the first one, too, whose manifest has no digest."""
NAME, SUFFIX = "baton-", ".tar.gz"
"""What the names of backups in a folder begin and end with."""
MANIFEST, FOLDER, DATABASE = "manifest.json", "folder", "database"
PIECE = 4 * 1024**2
MOST = 64 * 1024**2
"""No piece is larger than this: a document has at most 16 MiB."""
LEVEL = 6
BLOCK = 1024**2
_DAMAGE = (EOFError, OSError, tarfile.TarError, zlib.error, msgspec.MsgspecError, InvalidBSON, UnicodeDecodeError)


class Part(msgspec.Struct):
    """What a file of the folder, or a collection, comes to: its bytes, their SHA-256, and how many documents they are."""

    bytes: int = 0
    sha256: str = ""
    documents: int = 0


class Manifest(msgspec.Struct):
    """What a backup is: the form of its file, the service's version, the layout of the database, the instant of which it is a
    copy, the fingerprint of the ledger's secret, its parts by name, and the SHA-256 of all this. That tells damage and a careless
    edit, not a forger: who may write a backup may write its digests."""

    form: int
    version: str
    layout: int
    at: str
    key: str
    folder: dict[str, Part] = {}
    database: dict[str, Part] = {}
    sha256: str = ""

    @property
    def digest(self) -> str:
        """The SHA-256 that fits it."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, sha256=""))).hexdigest()

    @property
    def whole(self) -> bool:
        """Whether nothing of it was changed. The first form does not tell."""
        return self.sha256 == self.digest or (self.form == 1 and not self.sha256)


class _Sum:
    """A part while it is written or read."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._part = Part()

    def add(self, data: bytes, documents: int = 0) -> None:
        self._hash.update(data)
        self._part.bytes += len(data)
        self._part.documents += documents

    @property
    def part(self) -> Part:
        return Part(self._part.bytes, self._hash.hexdigest(), self._part.documents)


class _Read(io.RawIOBase):
    """A file that is summed as it is read."""

    def __init__(self, file: IO[bytes], into: _Sum) -> None:
        self._file, self._sum = file, into

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self._sum.add(data)
        return data


class Writer:
    """Writes the parts of a backup."""

    def __init__(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self._tar, self.manifest = tar, manifest

    def file(self, path: Path) -> None:
        """Adds a file of the data folder, as long as it is now. Raises Refused UNAVAILABLE when it cannot be read."""
        total = _Sum()
        with _readable(path) as file:
            self._tar.addfile(_member(f"{FOLDER}/{path.name}", os.fstat(file.fileno()).st_size), cast(Any, _Read(file, total)))
        self.manifest.folder[path.name] = total.part

    async def collection(self, name: str, documents: AsyncIterable[RawBSONDocument]) -> None:
        """Adds a collection; of one piece at a time, whatever its size."""
        total, piece, number = _Sum(), bytearray(), 0
        async for document in documents:
            piece += document.raw
            total.add(bytes(document.raw), 1)
            if len(piece) >= PIECE:
                number += 1
                self._bytes(f"{DATABASE}/{name}/{number:06}.bson", piece)
                piece.clear()
        if piece:
            self._bytes(f"{DATABASE}/{name}/{number + 1:06}.bson", piece)
        self.manifest.database[name] = total.part

    def end(self) -> None:
        """Adds the manifest."""
        self.manifest.sha256 = self.manifest.digest
        self._bytes(MANIFEST, msgspec.json.format(msgspec.json.encode(self.manifest)))

    def _bytes(self, name: str, data: bytes | bytearray) -> None:
        self._tar.addfile(_member(name, len(data)), io.BytesIO(data))


def _readable(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        text = f"`{path}` cannot be read: {error.strerror}. Make it readable for this user."
        raise Refused(problem(Category.UNAVAILABLE, "transient", text)) from error


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


@contextmanager
def written(path: Path, manifest: Manifest) -> Iterator[Writer]:
    """A new file, which has its name only once it is whole and on the disk, and which only its owner may read. Until then a
    lock holds it, so that what a killed process has left is known, and taken away. Raises Refused INVALID when there is a file of
    this name, or another process writes it; UNAVAILABLE when it cannot be written."""
    if path.exists():
        raise Refused(problem(Category.INVALID, "value", f"`{path}` is there already: give another name."))
    part = path.with_name(f".{path.name}.part")
    try:
        _sweep(path.parent)
        with _held(part) as file:
            with (
                gzip.GzipFile(fileobj=file, mode="wb", compresslevel=LEVEL, filename="") as packed,
                tarfile.open(fileobj=packed, mode="w|") as tar,
            ):
                writer = Writer(tar, manifest)
                yield writer
                writer.end()
            file.flush()
            os.fsync(file.fileno())
            part.rename(path)
    except BlockingIOError:
        raise _wrong(f"Another backup is writing `{path}`: give another name.") from None
    except OSError as error:
        text = f"`{path}` cannot be written: {error.strerror}. Make room, or name another place."
        raise Refused(problem(Category.UNAVAILABLE, "transient", text)) from error


@contextmanager
def _held(part: Path) -> Iterator[IO[bytes]]:
    """A file that nobody else writes, empty; gone afterwards, unless it has another name by then. Raises BlockingIOError while
    another process writes it."""
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate()
        try:
            yield file
        finally:
            part.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Takes away what backups that were killed have left in a folder."""
    for left in folder.glob(f".{NAME}*{SUFFIX}.part"):
        with suppress(BlockingIOError), _held(left):
            pass


@dataclass(frozen=True, slots=True)
class Archive:
    """A backup's file that is whole, and its manifest."""

    path: Path
    manifest: Manifest

    def collections(self) -> Iterator[tuple[str, list[RawBSONDocument]]]:
        """The documents, some at a time, each time with the name of their collection."""
        with _opened(self.path) as tar:
            for member in tar:
                place, name = _named(member)
                if place == DATABASE:
                    yield name, list(_documents(_content(tar, member)))

    def unpack(self, folder: Path) -> None:
        """Writes the files of the data folder into a folder, durably. Only their owner may read them. Raises Refused UNAVAILABLE
        when they cannot be written."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _opened(self.path) as tar:
                for member in tar:
                    place, name = _named(member)
                    if place == FOLDER and name in KEPT:
                        _write(folder / name, cast(IO[bytes], tar.extractfile(member)))
        except OSError as error:
            text = f"The data folder `{folder}` cannot be written: {error.strerror}. Make it writable, and repeat the restore."
            raise Refused(problem(Category.UNAVAILABLE, "transient", text)) from error


def checked(path: Path) -> Archive:
    """The backup in a file, all of which has been read and is what its manifest says. Raises Refused INVALID for any other
    file."""
    try:
        with _opened(path) as tar:
            manifest, folder, database = _summed(tar)
    except FileNotFoundError:
        raise _wrong(f"There is no file `{path}`; correct the path.") from None
    except _DAMAGE as error:
        raise _wrong(f"`{path}` is no whole backup ({error}): nothing was restored. Take another copy of it.") from error
    if manifest is None:
        raise _wrong(f"`{path}` is no whole backup (it has no `{MANIFEST}`): nothing was restored. Take another copy of it.")
    if manifest.form > FORM:
        raise _wrong(f"`{path}` was made by a newer version ({manifest.version}): restore it with that.")
    if not manifest.whole:
        raise _wrong(f"`{path}` is damaged: its `{MANIFEST}` is not what was put in. Nothing was restored.")
    for kind, said, found in (("file", manifest.folder, folder), ("collection", manifest.database, database)):
        for name in sorted(said.keys() | found.keys()):
            if said.get(name) != found.get(name, _Sum()).part:  # a collection without documents has no piece
                raise _wrong(f"`{path}` is damaged: its {kind} `{name}` is not what was put in. Nothing was restored.")
    return Archive(path, manifest)


def _summed(tar: tarfile.TarFile) -> tuple[Manifest | None, dict[str, _Sum], dict[str, _Sum]]:
    """The manifest and what the parts come to."""
    manifest, sums = None, {FOLDER: dict[str, _Sum](), DATABASE: dict[str, _Sum]()}
    for member in tar:
        place, name = _named(member)
        if place == MANIFEST:
            manifest = msgspec.json.decode(_content(tar, member), type=Manifest)
        elif place == DATABASE:
            content = _content(tar, member)
            sums[place].setdefault(name, _Sum()).add(content, sum(1 for _ in _documents(content)))
        elif place == FOLDER:
            total, file = sums[place].setdefault(name, _Sum()), cast(IO[bytes], tar.extractfile(member))
            while data := file.read(BLOCK):
                total.add(data)
    return manifest, sums[FOLDER], sums[DATABASE]


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    with gzip.open(path) as packed:
        with tarfile.open(fileobj=cast(IO[bytes], packed), mode="r|") as tar:
            yield tar
        while packed.read(BLOCK):  # to the very end, where gzip has its own sum
            pass


def _named(member: tarfile.TarInfo) -> tuple[str, str]:
    """The place of a member, and the name of its collection or file."""
    place, _, rest = member.name.partition("/")
    return place, rest.rpartition("/")[0] if place == DATABASE else rest


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    if file is None or member.size > MOST:
        raise tarfile.TarError(f"`{member.name}` is no piece of a backup")
    return file.read()


def _documents(data: bytes) -> Iterator[RawBSONDocument]:
    """The documents that follow one another in some bytes. Raises InvalidBSON."""
    place = 0
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "little")
        if size < 5:
            raise InvalidBSON("a document has no length")
        yield RawBSONDocument(data[place : place + size], RAW)
        place += size


def _write(path: Path, content: IO[bytes]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        while data := content.read(BLOCK):
            file.write(data)
        file.flush()
        os.fsync(handle)


def _wrong(text: str) -> Refused:
    return Refused(problem(Category.INVALID, "value", text))
