"""What the page of statistics draws: bars of days, and intervals, as numbers of an SVG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from serving.review.blind.figures import Agreement, Share
from serving.review.blind.load import TIME_ZONE

BAR_STEP, BAR_WIDTH, CHART_HEIGHT = 10.0, 8.0, 60.0
PERCENT = 100.0
POINT_WIDTH = 1.6


@dataclass(frozen=True, slots=True)
class DayBar:
    """A day's count, standing on the lower edge of the chart."""

    day: date
    count: int
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class DayChart:
    """Counts by day, today last; ``highest`` is the greatest of them."""

    bars: tuple[DayBar, ...]
    highest: int
    width: float
    height: float = CHART_HEIGHT
    bar_width: float = BAR_WIDTH


@dataclass(frozen=True, slots=True)
class Interval:
    """A share from 0 to 100 with its interval; ``point_x`` is where its mark begins."""

    low: float
    width: float
    point_x: float
    point_width: float = POINT_WIDTH


def draw_days(
    per_day: Mapping[date, int], days: int, *, today: date | None = None, top: int = 0
) -> DayChart:
    """Return the bars of the last ``days`` days; one without acts has no height.

    Charts that stand beside each other are given the same ``top``, the count of a full bar.
    """
    last = today or datetime.now(ZoneInfo(TIME_ZONE)).date()
    wanted = [last - timedelta(days=back) for back in reversed(range(days))]
    highest = max((per_day.get(day, 0) for day in wanted), default=0)
    full = max(top, highest)
    bars = []
    for index, day in enumerate(wanted):
        count = per_day.get(day, 0)
        height = CHART_HEIGHT * count / full if full else 0.0
        bars.append(DayBar(day, count, index * BAR_STEP, CHART_HEIGHT - height, height))
    return DayChart(tuple(bars), highest, days * BAR_STEP)


def draw_share(share: Share) -> Interval | None:
    """Return a share with its interval; None where nothing was counted."""
    if share.value is None or share.low is None or share.high is None:
        return None
    return Interval(
        low=share.low * PERCENT,
        width=(share.high - share.low) * PERCENT,
        point_x=mark_point(share.value),
    )


def draw_agreement(agreement: Agreement) -> Interval | None:
    """Return kappa as a bar from 0; below 0, worse than chance, there is no bar."""
    if agreement.kappa is None:
        return None
    width = max(0.0, agreement.kappa) * PERCENT
    return Interval(low=0.0, width=width, point_x=mark_point(max(0.0, agreement.kappa)))


def mark_point(value: float) -> float:
    """Return where the mark of a share begins, within the chart."""
    return min(max(value * PERCENT - POINT_WIDTH / 2, 0.0), PERCENT - POINT_WIDTH)
