from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from serving.flights.finder import FlightDay
from serving.web.flight_calendar import build_month, choose_month
from serving.web.flight_query import FlightQuery

TODAY = date(2026, 3, 9)


@given(st.dates(min_value=date(2000, 2, 1), max_value=date(2199, 11, 30)))
def test_month_holds_every_day_once_in_weeks_from_monday(day: date) -> None:
    first = day.replace(day=1)
    month = build_month(first, {day: FlightDay(3, 1)}, TODAY)
    assert all([each.day.weekday() for each in week] == list(range(7)) for week in month.weeks)
    own = [each for week in month.weeks for each in week if each.in_month]
    assert [each.day.day for each in own] == list(range(1, len(own) + 1))
    assert {each.day: (each.flights, each.unreviewed) for each in own if each.flights} == {
        day: (3, 1)
    }
    assert choose_month(month.after, None, TODAY) > first > choose_month(month.before, None, TODAY)


def test_day_of_another_month_holds_nothing_here() -> None:
    month = build_month(date(2026, 3, 1), {date(2026, 2, 27): FlightDay(1, 0)}, TODAY)
    assert sum(each.flights for week in month.weeks for each in week) == 0
    assert sum(each.is_today for week in month.weeks for each in week) == 1


def test_month_of_nonsense_is_that_of_the_day_or_today() -> None:
    assert choose_month("2026-13", None, TODAY) == date(2026, 3, 1)
    assert choose_month("hello", date(2025, 1, 31), TODAY) == date(2025, 1, 1)
    assert choose_month("0000-01", None, TODAY) == date(2026, 3, 1)


def test_address_of_a_query_leaves_out_what_is_not_asked() -> None:
    assert FlightQuery().encode() == ""
    assert not FlightQuery(q="  ", month="2026-01").is_narrowed
    query = FlightQuery(q="a&b", day=date(2026, 3, 1))
    assert query.is_narrowed
    assert query.encode(day=None) == "q=a%26b"
