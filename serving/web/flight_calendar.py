"""A month of flights as the page shows it: weeks of days, with what each day holds."""

from __future__ import annotations

from calendar import Calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from serving.flights.finder import FlightDay

MONDAY = 0
_NONE = FlightDay(0, 0)
_YEARS = range(2000, 2200)


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One day; ``in_month`` is false for those of the months before and after."""

    day: date
    in_month: bool
    is_today: bool
    flights: int
    unreviewed: int


@dataclass(frozen=True, slots=True)
class CalendarMonth:
    """A month from Monday to Sunday, and the names of its neighbours as ``2026-03``."""

    first: date
    before: str
    after: str
    weeks: tuple[tuple[CalendarDay, ...], ...]


def choose_month(text: str, day: date | None, today: date) -> date:
    """Return the first day of the month asked for: named, that of the chosen day, or this one.

    >>> choose_month("2026-02", None, date(2026, 3, 9)), choose_month("", None, date(2026, 3, 9))
    (datetime.date(2026, 2, 1), datetime.date(2026, 3, 1))
    """
    year, _, month = text.partition("-")
    if year.isdecimal() and month.isdecimal() and int(year) in _YEARS and 1 <= int(month) <= 12:  # noqa: PLR2004 - months of a year
        return date(int(year), int(month), 1)
    return (day or today).replace(day=1)


def build_month(first: date, days: Mapping[date, FlightDay], today: date) -> CalendarMonth:
    """Return the month that begins with ``first``; ``days`` says what its days hold."""
    weeks = tuple(
        tuple(_build_day(day, first, days, today) for day in week)
        for week in Calendar(MONDAY).monthdatescalendar(first.year, first.month)
    )
    after = (first + timedelta(days=32)).strftime("%Y-%m")
    return CalendarMonth(first, (first - timedelta(days=1)).strftime("%Y-%m"), after, weeks)


def _build_day(day: date, first: date, days: Mapping[date, FlightDay], today: date) -> CalendarDay:
    in_month = day.month == first.month
    held = days.get(day, _NONE) if in_month else _NONE
    return CalendarDay(day, in_month, day == today, held.flights, held.unreviewed)
