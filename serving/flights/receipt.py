"""What of a card is in: every file with its hash, and whether the card may be wiped."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from serving.db.tables import FlightFileRow, FlightRow
from serving.flights.catalogue import get_flight
from serving.flights.uploads_files import FileCounts, FileFacts, count_files, describe_files

SPOILED_ON_THE_WAY = ("left_out", "upload_damaged", "processing_crashed", "flight_not_open")
"""Refused for what happened to them, not for what they are: unless their bytes were read back from
the disk, these files lie on the card alone."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The files of a flight at an instant; ``why_not`` says why the card may not be wiped."""

    flight: FlightRow
    issued_at: datetime
    why_not: str | None
    counts: FileCounts
    files: list[FileFacts]
    archives: dict[int, str]

    @property
    def missing(self) -> list[FileFacts]:
        """The files that lie on the card alone."""
        return [each for each in self.files if is_missing(each.row)]

    @property
    def list_sha256(self) -> str:
        """One hash for all: of the lines ``<sha256>  <path>`` of what is in, sorted by path."""
        lines = [
            f"{each.row.sha256}  {each.row.path}\n"
            for each in sorted(self.files, key=lambda each: (each.row.path, each.row.id))
            if each.row.state == "accepted"
        ]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def write_receipt(session: Session, flight_id: int) -> Receipt:
    """Return the receipt of a flight as of now.

    Raises:
        FlightNotFoundError: there is no such flight.
    """
    flight = get_flight(session, flight_id)
    statement = select(FlightFileRow).where(FlightFileRow.flight_id == flight_id)
    rows = session.scalars(statement.order_by(FlightFileRow.path, FlightFileRow.id)).all()
    return Receipt(
        flight=flight,
        issued_at=datetime.now(UTC),
        why_not=find_obstacle(session, flight_id),
        counts=count_files(session, flight_id),
        files=describe_files(session, rows),
        archives={row.id: row.path for row in rows if row.kind == "archive"},
    )


def is_missing(row: FlightFileRow) -> bool:
    """Whether a file is neither in nor refused for what it is."""
    if row.state == "rejected":
        return row.code in SPOILED_ON_THE_WAY and row.verified_at is None
    return row.state != "accepted"


def find_obstacle(session: Session, flight_id: int) -> str | None:
    """Return why the card may not be wiped yet; None where it may.

    It may when every announced file is in or refused for what it is, and the bytes of each that is
    in were read back from the disk and hashed.
    """
    own = FlightFileRow.flight_id == flight_id
    states = select(FlightFileRow.state, func.count()).where(own).group_by(FlightFileRow.state)
    by_state = dict(session.execute(states).all())
    if not by_state:
        return "nothing_announced"
    spoiled = exists().where(
        own,
        FlightFileRow.state == "rejected",
        FlightFileRow.code.in_(SPOILED_ON_THE_WAY),
        FlightFileRow.verified_at.is_(None),
    )
    if set(by_state) - {"accepted", "rejected"} or session.scalar(select(spoiled)):
        return "files_missing"
    if "accepted" not in by_state:
        return "nothing_accepted"
    unverified = exists().where(
        own, FlightFileRow.state == "accepted", FlightFileRow.verified_at.is_(None)
    )
    return "not_verified" if session.scalar(select(unverified)) else None
