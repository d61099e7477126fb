"""What the page of the drift draws: two histograms over each other, as numbers of an SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serving.api.drift_schemas import DriftPeriod
from serving.web.statistics_charts import PERCENT, Interval, mark_point

WIDTH, HEIGHT = 200.0, 60.0


@dataclass(frozen=True, slots=True)
class Bar:
    """The share of a bin, standing on the lower edge."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Histograms:
    """Shares of then as bars and of now as a line of steps, to one scale."""

    then: tuple[Bar, ...]
    now: str
    width: float = WIDTH
    height: float = HEIGHT


def draw_histograms(then: Sequence[int], now: Sequence[int]) -> Histograms | None:
    """Return both distributions as shares of their own total; None where one has nothing."""
    if not (sum(then) and sum(now)):
        return None
    shares = [[count / sum(counts) for count in counts] for counts in (then, now)]
    top = max(max(each) for each in shares)
    step = WIDTH / len(then)
    bars = tuple(
        Bar(number * step, HEIGHT * (1 - share / top), step * 0.92, HEIGHT * share / top)
        for number, share in enumerate(shares[0])
        if share
    )
    points = [f"M 0 {HEIGHT:g}"]
    for number, share in enumerate(shares[1]):
        level = HEIGHT * (1 - share / top)
        points.append(f"L {number * step:.1f} {level:.1f} L {(number + 1) * step:.1f} {level:.1f}")
    return Histograms(bars, " ".join([*points, f"L {WIDTH:g} {HEIGHT:g}"]))


def draw_period(period: DriftPeriod) -> Interval | None:
    """Return a mean with its interval; None where there is no interval."""
    if period.value is None or period.low is None or period.high is None:
        return None
    return Interval(
        low=period.low * PERCENT,
        width=(period.high - period.low) * PERCENT,
        point_x=mark_point(period.value),
    )
