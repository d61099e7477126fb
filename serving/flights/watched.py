"""What is known of watched folders: how they were last seen, and what was taken of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from detection.domain.photo import FlightKind
from serving.audit.log import SERVICE
from serving.db.tables import FlightRow, WatchedFileRow, WatchedFlightRow, WatchedFolderRow
from serving.flights.catalogue import create_flight
from serving.flights.trail import record_new_flight
from serving.flights.uploads_kinds import FileKind, is_litter, kind_from_path
from serving.storage.places import FoundFile

MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class FolderKey:
    """A folder directly below a watched place; empty for what lies in the place itself."""

    place: str
    folder: str


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file that belongs to a flight and was not copied yet."""

    row_id: int
    flight_id: int
    found: FoundFile


def group_by_folder(place: str, files: Sequence[FoundFile]) -> dict[FolderKey, list[FoundFile]]:
    """Return the files of a place by the folder directly below it, each in the order of paths."""
    folders: dict[FolderKey, list[FoundFile]] = {}
    for file in sorted(files, key=lambda one: one.path):
        first, separator, _ = file.path.partition("/")
        folders.setdefault(FolderKey(place, first if separator else ""), []).append(file)
    return folders


def list_usable(key: FolderKey, files: Sequence[FoundFile]) -> list[FoundFile]:
    """Return the files that a flight can use: photos, videos, tracks, archives."""
    return [
        file
        for file in files
        if kind_from_path(file.path) is not FileKind.OTHER
        and not is_litter(path_in_flight(key, file))
    ]


def path_in_flight(key: FolderKey, file: FoundFile) -> str:
    """Return what a file is called in the flight of its folder."""
    return file.path.removeprefix(f"{key.folder}/") if key.folder else file.path


def see_folder(
    session: Session, key: FolderKey, files: Sequence[FoundFile], now: datetime, quiet: timedelta
) -> WatchedFolderRow | None:
    """Note how a folder looks now; return it where that has been so for ``quiet``.

    Everything in it counts, also what no flight uses: a copy that is under way often has a name
    of its own until it is whole.
    """
    listing = _hash_listing(files)
    statement = insert(WatchedFolderRow).values(
        place=key.place, folder=key.folder, listing=listing, changed_at=now
    )
    session.execute(statement.on_conflict_do_nothing())
    row = session.scalars(
        select(WatchedFolderRow)
        .where(WatchedFolderRow.place == key.place, WatchedFolderRow.folder == key.folder)
        .execution_options(populate_existing=True)
    ).one()
    if row.listing != listing:
        row.listing, row.changed_at = listing, now
    # A clock that was set back would else hold the folder for as long.
    row.changed_at = min(row.changed_at, now)
    return row if now - row.changed_at >= quiet else None


def plan_flight_of(
    session: Session, folder: WatchedFolderRow, files: Sequence[FoundFile], name: str
) -> FlightRow | None:
    """Open a flight for the files of a quiet folder that no flight has; None where there is none.

    Flight and list of files are one transaction, so that a restart goes on with exactly these.
    """
    known = _list_known(session, folder)
    fresh = [file for file in files if (file.path, file.version) not in known]
    if not fresh:
        return None
    earlier = session.scalar(select(func.count()).where(WatchedFlightRow.folder_id == folder.id))
    addition = f" ({(earlier or 0) + 1})" if earlier else ""
    title = name[: MAX_NAME_CHARS - len(addition)] + addition
    flight = create_flight(session, name=title, kind=FlightKind.DRONE)
    session.add(WatchedFlightRow(flight_id=flight.id, folder_id=folder.id))
    session.flush()
    rows = [
        {"folder_id": folder.id, "flight_id": flight.id, "path": one.path, "version": one.version}
        for one in fresh
    ]
    session.execute(insert(WatchedFileRow), rows)
    record_new_flight(session, SERVICE, flight)
    return flight


def _list_known(session: Session, folder: WatchedFolderRow) -> set[tuple[str, str]]:
    statement = select(WatchedFileRow.path, WatchedFileRow.version)
    rows = session.execute(statement.where(WatchedFileRow.folder_id == folder.id))
    return {(path, version) for path, version in rows}


def list_wanted(session: Session, key: FolderKey, files: Sequence[FoundFile]) -> list[WantedFile]:
    """Return what is still to be copied of a folder; what is no longer there is forgotten.

    A file that changed since it was planned is another one, and comes with a later flight.
    """
    here = {(file.path, file.version): file for file in files}
    wanted, gone = [], []
    for row in session.scalars(_select_untaken(key)):
        found = here.get((row.path, row.version))
        if found is None:
            gone.append(row.id)
        else:
            wanted.append(WantedFile(row.id, row.flight_id, found))
    if gone:
        session.execute(delete(WatchedFileRow).where(WatchedFileRow.id.in_(gone)))
    return wanted


def _select_untaken(key: FolderKey) -> Select[WatchedFileRow]:
    return (
        select(WatchedFileRow)
        .join(WatchedFolderRow, WatchedFolderRow.id == WatchedFileRow.folder_id)
        .where(
            WatchedFolderRow.place == key.place,
            WatchedFolderRow.folder == key.folder,
            WatchedFileRow.taken_at.is_(None),
        )
        .order_by(WatchedFileRow.path)
    )


def note_taken(session: Session, row_id: int) -> None:
    """Write down that a file was copied."""
    row = update(WatchedFileRow).where(WatchedFileRow.id == row_id)
    session.execute(row.values(taken_at=datetime.now(UTC)))


def forget_file(session: Session, row_id: int) -> None:
    """Take a file off the list: it changed while it was read and is found again as another one."""
    session.execute(delete(WatchedFileRow).where(WatchedFileRow.id == row_id))


def end_reading(session: Session) -> None:
    """Bring flights on whose files are all copied."""
    untaken = select(WatchedFileRow.id).where(
        WatchedFileRow.flight_id == WatchedFlightRow.flight_id, WatchedFileRow.taken_at.is_(None)
    )
    statement = update(WatchedFlightRow).where(
        WatchedFlightRow.state == "reading", ~untaken.exists()
    )
    session.execute(statement.values(state="checking"))


def list_checking(session: Session) -> list[int]:
    """Return the flights whose files are all copied and that were not submitted yet."""
    statement = select(WatchedFlightRow.flight_id).where(WatchedFlightRow.state == "checking")
    return list(session.scalars(statement.order_by(WatchedFlightRow.flight_id)))


def end_watched_flight(session: Session, flight_id: int) -> None:
    """Write down that a flight needs nothing more of its folder."""
    row = update(WatchedFlightRow).where(WatchedFlightRow.flight_id == flight_id)
    session.execute(row.values(state="done"))


def name_folder(key: FolderKey) -> str:
    """Return what a flight of a folder is called.

    >>> name_folder(FolderKey("s3://dock/media/", ""))
    'media'
    """
    return key.folder or PurePosixPath(key.place).name or key.place


def _hash_listing(files: Sequence[FoundFile]) -> str:
    lines = "\n".join(f"{file.path}\t{file.version}" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()
