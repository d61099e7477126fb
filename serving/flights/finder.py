"""Find flights again: by words, kind, state, site and day; which days of a month have any."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from serving.db.tables import CandidateRow, FlightRow

PENDING = CandidateRow.state == "pending"


@dataclass(frozen=True, slots=True)
class FlightFilter:
    """What flights must fit; None and "" do not ask. ``day`` is a day of ``zone``."""

    words: str = ""
    kind: str | None = None
    state: str | None = None
    site: str | None = None
    day: date | None = None
    zone: tzinfo = UTC

    @property
    def is_open(self) -> bool:
        """Whether every flight fits."""
        return not self.words and (self.kind, self.state, self.site, self.day) == (None,) * 4


@dataclass(frozen=True, slots=True)
class FlightDay:
    """The flights that were uploaded on one day, and how many of them wait for a review."""

    flights: int
    unreviewed: int


def find_flights(
    session: Session, wanted: FlightFilter, *, limit: int, before_id: int | None = None
) -> list[FlightRow]:
    """Return up to ``limit`` flights that fit, newest first, older than ``before_id``."""
    statement = _narrow(select(FlightRow), wanted).order_by(FlightRow.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(FlightRow.id < before_id)
    return list(session.scalars(statement))


def list_sites(session: Session, *, limit: int = 200) -> list[str]:
    """Return the names of sites, the one with the newest flight first."""
    newest = func.max(FlightRow.id)
    statement = (
        select(FlightRow.site)
        .where(FlightRow.site.is_not(None), FlightRow.site != "")
        .group_by(FlightRow.site)
        .order_by(newest.desc())
        .limit(limit)
    )
    return [site for site in session.scalars(statement) if site]


def count_days(
    session: Session,
    first: date,
    zone: tzinfo,
    awaits: ColumnElement[bool] = PENDING,
) -> dict[date, FlightDay]:
    """Count the flights of the month that begins with ``first``, by day of ``zone``.

    ``awaits`` says whether a candidate is unreviewed to the person who looks.
    """
    begin = start_of_day(first, zone)
    end = start_of_day((first.replace(day=1) + timedelta(days=32)).replace(day=1), zone)
    waits = (
        select(CandidateRow.id)
        .where(
            CandidateRow.flight_id == FlightRow.id,
            awaits,
            CandidateRow.merged_into.is_(None),
        )
        .exists()
    )
    statement = select(FlightRow.created_at, waits).where(
        FlightRow.created_at >= begin, FlightRow.created_at < end
    )
    days: dict[date, FlightDay] = {}
    for created_at, is_waiting in session.execute(statement):
        day = created_at.astimezone(zone).date()
        before = days.get(day, FlightDay(0, 0))
        days[day] = FlightDay(before.flights + 1, before.unreviewed + int(is_waiting))
    return days


def count_on_day(session: Session, day: date, zone: tzinfo) -> int:
    """Return how many flights were made on a day of ``zone``."""
    wanted = FlightFilter(day=day, zone=zone)
    statement = _narrow(select(FlightRow), wanted).with_only_columns(func.count())
    return session.scalar(statement) or 0


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """Return the instant at which a day of ``zone`` begins."""
    return datetime.combine(day, time.min, tzinfo=zone)


def _narrow(statement: Select[tuple[FlightRow]], wanted: FlightFilter) -> Select[tuple[FlightRow]]:
    if wanted.words:
        named = FlightRow.name.icontains(wanted.words, autoescape=True)
        placed = FlightRow.site.icontains(wanted.words, autoescape=True)
        statement = statement.where(or_(named, placed))
    exact = ((FlightRow.kind, wanted.kind), (FlightRow.state, wanted.state))
    for column, value in (*exact, (FlightRow.site, wanted.site)):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.day is not None:
        begin = start_of_day(wanted.day, wanted.zone)
        end = start_of_day(wanted.day + timedelta(days=1), wanted.zone)
        statement = statement.where(FlightRow.created_at >= begin, FlightRow.created_at < end)
    return statement
