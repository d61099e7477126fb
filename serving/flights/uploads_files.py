"""The files of a flight as rows: found again, added, refused, listed, counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from detection.domain.photo import IngestFailure
from serving.db.tables import (
    FlightFileRow,
    FlightMediaRow,
    IngestFailureRow,
    PhotoRow,
    UploadRow,
)
from serving.flights.uploads_kinds import kind_from_path

SHA256_CHARS = 64
OPEN_STATES = ("expected", "transferring", "checking")
STATES = (*OPEN_STATES, "accepted", "rejected")


@dataclass(frozen=True, slots=True)
class AnnouncedFile:
    """What a sender says of a file; ``digest`` is its SHA-256 as hex, or empty."""

    path: str
    size_bytes: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file with what other tables know of it.

    ``upload`` is the transfer that is not complete, ``known_in`` holds the other flights with the
    same content.
    """

    row: FlightFileRow
    upload: UploadRow | None = None
    known_in: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FileCounts:
    """How many files of a flight are in which state; bytes leave entries of archives out."""

    by_state: dict[str, int] = field(default_factory=dict)
    rejected_by_code: dict[str, int] = field(default_factory=dict)
    bytes_total: int = 0
    bytes_received: int = 0
    bytes_accepted: int = 0

    @property
    def total(self) -> int:
        """How many files there are."""
        return sum(self.by_state.values())

    @property
    def open(self) -> int:
        """How many are neither in nor refused."""
        return sum(self.by_state.get(state, 0) for state in OPEN_STATES)


def find_or_add_files(
    session: Session, flight_id: int, files: Sequence[AnnouncedFile], *, archive_id: int = 0
) -> list[FlightFileRow]:
    """Return the row of each file, in the same order; rows that are missing are added.

    A file is the same again where path and size agree, and the digest where both sides know it.
    The caller holds the lock of the flight, so that no two of them add the same file.
    """
    known = _list_by_path(session, flight_id, {file.path for file in files}, archive_id)
    found = []
    for file in files:
        row = _find_same(known.get(file.path, []), file)
        if row is None:
            row = FlightFileRow(
                flight_id=flight_id,
                archive_id=archive_id,
                path=file.path,
                size_bytes=file.size_bytes,
                kind=kind_from_path(file.path).value,
                digest=file.digest,
                state="expected",
                changed_at=datetime.now(UTC),
            )
            session.add(row)
            known.setdefault(file.path, []).append(row)
        elif file.digest and not row.digest:
            row.digest = file.digest
        found.append(row)
    session.flush()
    return found


def set_state(row: FlightFileRow, state: str) -> None:
    """Bring a file into a state in which nothing is wrong with it."""
    row.state = state
    row.code = row.message = row.remedy = None
    row.changed_at = datetime.now(UTC)


def refuse_file(session: Session, row: FlightFileRow, failure: IngestFailure) -> None:
    """Refuse a file by name, and list it among the failures of its flight."""
    row.state = "rejected"
    row.code, row.message, row.remedy = failure.code, failure.message, failure.remedy
    row.changed_at = datetime.now(UTC)
    note_failure(session, row.flight_id, failure)


def refuse_medium(session: Session, medium: FlightMediaRow, failure: IngestFailure) -> None:
    """Refuse a video or track that turned out to be no use; its file says so too."""
    medium.state, medium.processed_at = "failed", datetime.now(UTC)
    medium.code, medium.message, medium.remedy = failure.code, failure.message, failure.remedy
    for row in session.scalars(select(FlightFileRow).where(FlightFileRow.media_id == medium.id)):
        refuse_file(session, row, failure)


def note_failure(session: Session, flight_id: int, failure: IngestFailure) -> None:
    """List a file that could not be used, once."""
    values = {
        "flight_id": flight_id,
        "file_name": failure.photo_id,
        "code": failure.code,
        "message": failure.message,
        "remedy": failure.remedy,
    }
    session.execute(insert(IngestFailureRow).values(values).on_conflict_do_nothing())


def forget_failures(session: Session, row: FlightFileRow) -> None:
    """Take a file off the list of failures, because it is tried again."""
    session.execute(
        delete(IngestFailureRow).where(
            IngestFailureRow.flight_id == row.flight_id,
            IngestFailureRow.file_name == row.path,
            IngestFailureRow.photo_id.is_(None),
        )
    )


def list_files(
    session: Session,
    flight_id: int,
    *,
    limit: int,
    after_id: int | None = None,
    state: str | None = None,
    since: datetime | None = None,
) -> list[FlightFileRow]:
    """Return up to ``limit`` files in the order they were announced."""
    statement = select(FlightFileRow).where(FlightFileRow.flight_id == flight_id)
    if after_id is not None:
        statement = statement.where(FlightFileRow.id > after_id)
    if state is not None:
        statement = statement.where(FlightFileRow.state == state)
    if since is not None:
        statement = statement.where(FlightFileRow.changed_at >= since)
    return list(session.scalars(statement.order_by(FlightFileRow.id).limit(limit)))


def describe_files(session: Session, rows: Sequence[FlightFileRow]) -> list[FileFacts]:
    """Return the facts of files, with few queries however many there are."""
    ids = [row.id for row in rows]
    uploads = select(UploadRow).where(UploadRow.file_id.in_(ids), UploadRow.completed_at.is_(None))
    by_file = {upload.file_id: upload for upload in session.scalars(uploads)}
    holders = find_holders(session, {sha for row in rows if (sha := content_of(row))})
    return [
        FileFacts(
            row,
            by_file.get(row.id),
            tuple(sorted(holders.get(content_of(row), set()) - {row.flight_id})),
        )
        for row in rows
    ]


def content_of(row: FlightFileRow) -> str:
    """Return the SHA-256 of a file: what was measured, else what was said, else nothing."""
    return row.sha256 or (row.digest if len(row.digest) == SHA256_CHARS else "")


def find_holders(session: Session, sha256s: Iterable[str]) -> dict[str, set[int]]:
    """Return the flights that hold each content as a photo or a medium."""
    wanted = list(sha256s)
    holders: dict[str, set[int]] = {}
    if wanted:
        for table in (PhotoRow, FlightMediaRow):
            statement = select(table.sha256, table.flight_id).where(table.sha256.in_(wanted))
            for sha256, flight_id in session.execute(statement):
                holders.setdefault(sha256, set()).add(flight_id)
    return holders


def count_files(session: Session, flight_id: int) -> FileCounts:
    """Count the files of a flight, from the rows themselves."""
    by_state: dict[str, int] = {}
    by_code: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for state, code, count, size_bytes in session.execute(_tally(flight_id)):
        by_state[state] = by_state.get(state, 0) + count
        sizes[state] = sizes.get(state, 0) + int(size_bytes or 0)
        if state == "rejected" and code is not None:
            by_code[code] = count
    partial = select(func.sum(UploadRow.offset_bytes)).where(
        UploadRow.flight_id == flight_id, UploadRow.completed_at.is_(None)
    )
    under_way = int(session.scalar(partial) or 0)
    return FileCounts(
        by_state=by_state,
        rejected_by_code=dict(sorted(by_code.items())),
        bytes_total=sum(sizes.values()),
        bytes_received=under_way + sizes.get("checking", 0) + sizes.get("accepted", 0),
        bytes_accepted=sizes.get("accepted", 0),
    )


def _tally(flight_id: int) -> Select[str, str | None, int, int]:
    own_bytes = func.sum(FlightFileRow.size_bytes).filter(FlightFileRow.archive_id == 0)
    return (
        select(FlightFileRow.state, FlightFileRow.code, func.count(), own_bytes)
        .where(FlightFileRow.flight_id == flight_id)
        .group_by(FlightFileRow.state, FlightFileRow.code)
    )


def _list_by_path(
    session: Session, flight_id: int, paths: set[str], archive_id: int
) -> dict[str, list[FlightFileRow]]:
    statement = select(FlightFileRow).where(
        FlightFileRow.flight_id == flight_id,
        FlightFileRow.path.in_(paths),
        FlightFileRow.archive_id == archive_id,
    )
    known: dict[str, list[FlightFileRow]] = {}
    for row in session.scalars(statement.order_by(FlightFileRow.id)):
        known.setdefault(row.path, []).append(row)
    return known


def _find_same(rows: Sequence[FlightFileRow], file: AnnouncedFile) -> FlightFileRow | None:
    """Return the row of the file: one that agrees on the digest, else one that does not know it."""
    alike = [row for row in rows if row.size_bytes == file.size_bytes]
    certain = (row for row in alike if file.digest in {row.digest, row.sha256})
    open_ones = (row for row in alike if not file.digest or not (row.digest or row.sha256))
    return next(certain, None) or next(open_ones, None)
