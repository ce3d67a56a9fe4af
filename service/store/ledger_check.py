"""Checks the audit ledger: recomputes the hash of every page and seal, and compares the seals with those kept outside the
database.

A finding names the page, stream or seal, and never what it holds. A changed document may hold anything, so nothing is taken
from a document before its hash holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from service.auth.seals import SealingKey
from service.store.digests import decoded, digest, raw_bytes
from service.store.ledger_page import ENTRIES, FORM
from service.store.mongo import Mongo, reaching
from service.store.row import Document
from service.store.seal_file import KeptSeals, SealFile
from service.store.seals import SEALS, STREAMS, after, claims

Versions = dict[str, dict[str, dict[int, tuple[bytes, bytes]]]]
"""By type, id and version: the digests of a record version's documents, in the history and as the current row."""

LISTED = 3
"""How many of the versions that an unsound page names, or of lines without a seal, a finding lists."""


@dataclass(slots=True)
class Whole:
    """What a check of the ledger found: its faults, one sentence each; and what its pages name: the record versions, the digests
    of kept answers, and of the rows of registers, by name and number of the change."""

    faults: list[str] = field(default_factory=list)
    versions: Versions = field(default_factory=dict)
    answers: set[bytes] = field(default_factory=set)
    rows: dict[str, dict[int, bytes]] = field(default_factory=dict)


@dataclass(slots=True)
class _Stream:
    """A stream while its pages are read: the number and hash of the last page, and how many pages have the first form."""

    name: str = ""
    number: int = 0
    hash: bytes = b""
    old: int = 0


class LedgerCheck:
    """One check of the ledger. `key` is the secret of its hashes; `outside` keeps the seals outside the database."""

    def __init__(self, mongo: Mongo, key: bytes, outside: SealFile | KeptSeals | None) -> None:
        self._mongo, self._key, self._outside = mongo, key, outside
        self._found = Whole()
        self._sealed: dict[tuple[str, int], bytes] = {}
        self._sealed_until: dict[str, int] = {}
        self._ends: dict[str, int] = {}

    async def whole(self) -> Whole:
        """Everything that the ledger names, and every fault of it."""
        kept: dict[int, set[str]] = {}
        for number, signed in self._outside.kept() if self._outside else ():
            kept.setdefault(number, set()).add(signed)
        self._check_lines(self._outside.unreadable() if self._outside else ())
        async with reaching():
            streams = {str(each["_id"]): each async for each in self._mongo.collection(STREAMS).find({})}
            await self._check_seals(kept)
            sound = not self._found.faults
            await self._check_pages()
        for stream, number in self._sealed:
            self._say(f"Page `{number}` of stream `{stream}` was sealed and is missing.")
        for name in sorted(self._ends):
            self._check_stream(name, streams.get(name), marks=sound)
        return self._found

    def _say(self, sentence: str) -> None:
        self._found.faults.append(sentence)

    def _check_lines(self, unreadable: tuple[int, ...]) -> None:
        """Finds what was put into the file of the seals by somebody else."""
        if unreadable:
            more = f" and {len(unreadable) - LISTED} more" if len(unreadable) > LISTED else ""
            named = ", ".join(str(number) for number in unreadable[:LISTED])
            self._say(f"Among the seals kept outside the database are lines that hold none: {named}{more}.")

    async def _check_seals(self, kept: dict[int, set[str]]) -> None:
        """Checks the chain of the seals, the signature of the last one, and that every seal kept outside is there."""
        last: Document = {}
        number = old = 0
        async for raw in self._mongo.raw(SEALS).find({}).sort("_id", 1):
            seal = decoded(raw.raw)
            named = seal.get("_id")
            if "sig" not in seal:
                old += 1
            elif named != number + 1 or digest(self._key, _without(seal, "h", "sig"), after(last)) != raw_bytes(seal, "h"):
                self._say(f"Seal `{named}` does not follow the one before it.")
            else:
                self._bind(seal)
            last, number = seal, named if isinstance(named, int) else number
            signed = {str(seal.get("sig"))}
            if kept.pop(number, signed) != signed:
                self._say(f"Seal `{number}` is not the one that is kept outside the database.")
        if "sig" in last and SealingKey(self._key).claims(str(last["sig"])) != claims(last):
            self._say(f"The signature of seal `{number}` does not hold.")
        if old:
            self._say(f"{old} seals have no signature, as in the first form of the ledger. They are not checked.")
        if kept:
            text = "kept outside the database and missing from it: the end was cut off, or an older database took its place"
            self._say(f"Seals `{min(kept)}` to `{max(kept)}` are {text}.")

    def _bind(self, seal: Document) -> None:
        for stream, number, hash_ in seal["heads"]:
            self._sealed[stream, number] = bytes(hash_)
            self._sealed_until[stream] = max(number, self._sealed_until.get(stream, 0))

    async def _check_pages(self) -> None:
        """Checks every page in order, and takes the record versions that it names."""
        stream = _Stream()
        found = self._mongo.raw(ENTRIES).find({"s": {"$exists": True}})
        async for raw in found.sort([("s", 1), ("n", 1)]).allow_disk_use(True):
            page = decoded(raw.raw)
            name, number = str(page.get("s")), page.get("n")
            if name != stream.name:
                self._end(stream)
                stream = _Stream(name)
            self._check_page(stream, page, number if isinstance(number, int) else -1)
        self._end(stream)

    def _check_page(self, stream: _Stream, page: Document, number: int) -> None:
        """Checks a page, and takes what it names. What an unsound page names is taken, too, so that a record that fits is not
        named a second time: the finding says that nothing vouches for it."""
        hash_ = raw_bytes(page, "h")
        versions, doubt = self._take(page), ""
        if number != stream.number + 1:
            doubt = f"Stream `{stream.name}` goes from `{stream.number}` to `{number}`: pages are missing"
        elif "f" not in page:
            stream.old += 1
        elif digest(self._key, _without(page, "h"), stream.hash) != hash_:
            doubt = f"Page `{number}` of stream `{stream.name}` is not what was written there"
        if doubt:
            self._say(f"{doubt}{_vouching(versions)}.")
        if self._sealed.pop((stream.name, number), hash_) != hash_:
            self._say(f"Page `{number}` of stream `{stream.name}` is not the one that was sealed.")
        stream.number, stream.hash = number, hash_

    def _take(self, page: Document) -> list[str]:
        """Takes the record versions and answers that a page names; gives the names of the versions."""
        found = []
        try:
            self._found.answers.update(page.get("a", ()))
            for name, past, current in page.get("w", ()):
                type_, identity, version = name.split("/")
                found.append(f"`{type_}/{identity}` version {version}")
                versions = self._found.versions.setdefault(type_, {}).setdefault(identity, {})
                if versions.setdefault(int(version), (past, current)) != (past, current):
                    self._say(f"{found[-1]} was written twice: the record was put back in between.")
            for name, number, row in page.get("r", ()):
                if self._found.rows.setdefault(name, {}).setdefault(number, row) != row:
                    self._say(f"Change {number} of `{name}` was made twice: the register was put back in between.")
        except (AttributeError, TypeError, ValueError):
            pass  # somebody else wrote this page, and the page's hash will show it
        return found

    def _end(self, stream: _Stream) -> None:
        if stream.number:
            self._ends[stream.name] = stream.number
        if stream.old:
            text = f"pages of the first form, of which only body and custodian were hashed; form {FORM} covers a page whole"
            self._say(f"Stream `{stream.name}` has {stream.old} {text}. They are not checked.")

    def _check_stream(self, name: str, begun: Document | None, *, marks: bool) -> None:
        """Finds pages of a stream that was never begun and, when the seals are sound, marks of the stream that would keep its
        pages from being sealed."""
        sealed, end = self._sealed_until.get(name, 0), self._ends[name]
        if begun is None:
            self._say(f"Stream `{name}` has pages and was never begun.")
        elif marks and begun.get("n") not in range(sealed + 1):
            self._say(f"Stream `{name}` is marked as sealed to page `{begun.get('n')}`, and was sealed to page `{sealed}`.")
        elif marks and begun.get("open") is not True and end > sealed:
            self._say(f"Stream `{name}` is marked as ended at page `{sealed}`, and goes on to page `{end}`.")


def _vouching(versions: list[str]) -> str:
    """What a page named that is unsound, for a finding about the page."""
    more = f" and {len(versions) - LISTED} more" if len(versions) > LISTED else ""
    return f", so nothing vouches for {', '.join(versions[:LISTED])}{more}" if versions else ""


def _without(document: Document, *names: str) -> Document:
    return {name: value for name, value in document.items() if name not in names}
