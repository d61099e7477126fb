"""The calls of the server's API about a flight and its files, as plain types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from serving.client.connection import Connection
from serving.client.sources import SourceFile

FILES_AT_ONCE = 500
"""How many files one call announces; the server takes twice as many."""


class FileState(StrEnum):
    """Where a file is on its way into a flight."""

    EXPECTED = "expected"
    TRANSFERRING = "transferring"
    CHECKING = "checking"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the server says of one file.

    ``sha256`` is of the bytes that it has, ``known_in`` are other flights that have them too.
    """

    path: str
    state: FileState
    offset: int = 0
    upload_url: str | None = None
    sha256: str = ""
    code: str = ""
    message: str = ""
    remedy: str = ""
    known_in: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FileCounts:
    """How many files of a flight are where."""

    total: int
    expected: int
    transferring: int
    checking: int
    accepted: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Whether the card may be wiped, else what is missing."""

    card_may_be_wiped: bool
    why_not: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlightWanted:
    """What a new flight is called, of which kind it is and where it was flown."""

    name: str
    kind: str
    site: str | None = None


class FlightCalls:
    """The API of the server at the other end of ``connection``."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection; see `Connection.call` for what each call raises."""
        self.connection = connection

    def create(self, wanted: FlightWanted) -> int:
        """Open a flight and return its number."""
        body = {"name": wanted.name, "kind": wanted.kind, "site": wanted.site}
        return _number(self.connection.call("POST", "/flights", body), "id")

    def read_state(self, flight_id: int) -> str:
        """Return the state of a flight."""
        return _text(self.connection.call("GET", f"/flights/{flight_id}"), "state")

    def announce(
        self, flight_id: int, files: Sequence[tuple[SourceFile, str | None]]
    ) -> list[KnownFile]:
        """Say which files come, with their hashes where known; return what the server has of each.

        Saying it again changes nothing.
        """
        known: list[KnownFile] = []
        for start in range(0, len(files), FILES_AT_ONCE):
            batch = files[start : start + FILES_AT_ONCE]
            body = {"files": [_describe(file, sha256) for file, sha256 in batch]}
            answer = self.connection.call("POST", f"/flights/{flight_id}/files/announce", body)
            known += [_known_file(item) for item in _items(answer)]
        return known

    def count(self, flight_id: int) -> FileCounts:
        """Return how many files are where."""
        answer = self.connection.call("GET", f"/flights/{flight_id}/files/counts")
        return FileCounts(*(_number(answer, name) for name in FileCounts.__slots__))

    def list_files(self, flight_id: int, state: FileState) -> Iterator[KnownFile]:
        """Yield every file of a flight that is in ``state``."""
        cursor = ""
        while True:
            query = f"?state={state}&limit=200{cursor}"
            answer = self.connection.call("GET", f"/flights/{flight_id}/files{query}")
            yield from (_known_file(item) for item in _items(answer))
            following = answer.get("next_cursor")
            if not following:
                return
            cursor = f"&cursor={following}"

    def submit(self, flight_id: int, *, leave_out_open: bool) -> None:
        """Close the flight and have it processed."""
        body = {"leave_out_open": leave_out_open}
        self.connection.call("POST", f"/flights/{flight_id}/submit", body)

    def read_receipt(self, flight_id: int) -> Receipt:
        """Return whether the card may be wiped."""
        answer = self.connection.call("GET", f"/flights/{flight_id}/receipt.json")
        missing = answer.get("missing")
        names = [_text(one, "path") for one in missing] if isinstance(missing, list) else []
        is_safe = answer.get("card_may_be_wiped") is True
        return Receipt(is_safe, _text(answer, "why_not"), tuple(names))


def _describe(file: SourceFile, sha256: str | None) -> dict[str, object]:
    row: dict[str, object] = {"path": file.name, "size": file.size, "mtime": file.modified_at}
    return row if sha256 is None else row | {"sha256": sha256}


def _known_file(item: Mapping[str, object]) -> KnownFile:
    url, known_in = item.get("upload_url"), item.get("known_in")
    return KnownFile(
        path=_text(item, "path"),
        state=FileState(_text(item, "state")),
        offset=_number(item, "offset"),
        upload_url=str(url) if url else None,
        sha256=_text(item, "sha256"),
        code=_text(item, "code"),
        message=_text(item, "message"),
        remedy=_text(item, "remedy"),
        known_in=tuple(int(one) for one in known_in) if isinstance(known_in, list) else (),
    )


def _items(answer: Mapping[str, object]) -> list[dict[str, object]]:
    items = answer.get("items")
    return [dict(item) for item in items] if isinstance(items, list) else []


def _number(answer: Mapping[str, object], name: str) -> int:
    value = answer.get(name)
    return value if isinstance(value, int) else 0


def _text(answer: Mapping[str, object], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""
