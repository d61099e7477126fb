"""Whether scores or confirmations changed in any slice by more than chance. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from serving.learning.drift_test import Comparison, compare_flights, find_level
from serving.learning.figures import FloatArray, IntArray, Mean, measure_mean
from serving.learning.slices import Dimension

Measure = Literal["scores", "confirmed"]
Verdict = Literal["alarm", "steady", "cannot_tell"]
State = Literal["confirmed", "rejected", "waiting", "other"]

BINS: Final = 20
"""Of the score, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class DriftRules:
    """When a change is an alarm. Flights of the last ``recent_days`` are held against those before.

    ``alpha`` is how often a look may raise an alarm where nothing changed. A change below
    ``min_change`` is none, however certain. A slice that fewer than ``min_reference`` earlier
    flights show is held against all earlier flights. Confirmations of a flight count once
    ``min_decided`` of its candidates in the slice are decided: people decide the likeliest first.
    """

    recent_days: int = 30
    reference_days: int = 365
    alpha: float = 0.05
    min_change: float = 0.05
    min_reference: int = 3
    min_decided: float = 0.8


@dataclass(frozen=True, slots=True)
class Counted:
    """So many candidates of one flight that are alike in everything that matters here.

    ``score_bin`` is from 0 to ``BINS - 1``; ``values`` has one value for each dimension but all.
    """

    hazard_class: str
    flight_id: int
    is_recent: bool
    values: Mapping[Dimension, str]
    score_bin: int
    state: State
    count: int = 1


@dataclass(frozen=True, slots=True)
class Side:
    """What one period shows: a mean with its interval, and the scores by bin."""

    mean: Mean
    histogram: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SliceFinding:
    """One class in one slice by one measure, then and now.

    ``change`` of confirmations is the difference of the shares, of scores the distance of the
    distributions (never negative). ``reason`` says why one cannot tell.
    """

    hazard_class: str
    dimension: Dimension
    value: str
    measure: Measure
    is_new: bool
    reference: Side
    recent: Side
    change: float | None
    comparison: Comparison | None
    verdict: Verdict = "cannot_tell"
    reason: str | None = None
    p_needed: float | None = None


@dataclass(slots=True)
class _Flight:
    """What one flight shows of a class in a slice; ``own`` counts the present model alone."""

    is_recent: bool
    own: IntArray = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    every: IntArray = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    states: Counter[str] = field(default_factory=Counter)

    def is_decided(self, share: float) -> bool:
        return self.states["waiting"] <= (1.0 - share) * self.states.total()


_Slice = tuple[str, Dimension, str]
_Flights = dict[int, _Flight]


def judge_drift(
    rows: Iterable[Counted], rules: DriftRules, rng: np.random.Generator
) -> list[SliceFinding]:
    """Return every slice that the recent flights show, by both measures, alarms first."""
    slices = _cut(list(rows))
    findings = [
        _hold(name, measure, slices, rules, rng)
        for name in sorted(slices)
        if any(flight.is_recent for flight in slices[name].values())
        for measure in ("scores", "confirmed")
    ]
    able = [each.comparison.least_p for each in findings if each.comparison]
    level = find_level(able, rules.alpha)
    order = {"alarm": 0, "steady": 1, "cannot_tell": 2}
    return sorted((_judge(each, level, rules) for each in findings), key=lambda f: order[f.verdict])


def _cut(rows: list[Counted]) -> dict[_Slice, _Flights]:
    """Return what each slice shows; a dimension with one value says no more than all together."""
    present = _present_models(rows)
    values: dict[tuple[str, Dimension], set[str]] = defaultdict(set)
    for row in rows:
        for dimension, value in row.values.items():
            values[row.hazard_class, dimension].add(value)
    slices: dict[_Slice, _Flights] = defaultdict(dict)
    for row in rows:
        named = [
            (dimension, value)
            for dimension, value in row.values.items()
            if len(values[row.hazard_class, dimension]) > 1
        ]
        is_present = row.values.get(Dimension.MODEL) == present[row.hazard_class]
        for dimension, value in [(Dimension.ALL, ""), *named]:
            flights = slices[row.hazard_class, dimension, value]
            flight = flights.setdefault(row.flight_id, _Flight(row.is_recent))
            flight.every[row.score_bin] += row.count
            flight.own[row.score_bin] += row.count * is_present
            flight.states[row.state] += row.count
    return slices


def _present_models(rows: list[Counted]) -> dict[str, str | None]:
    """Return the model of the newest flight of each class: scores of others are another scale."""
    newest: dict[str, tuple[int, str | None]] = {}
    for row in rows:
        if row.flight_id >= newest.get(row.hazard_class, (0, None))[0]:
            newest[row.hazard_class] = (row.flight_id, row.values.get(Dimension.MODEL))
    return {key: model for key, (_, model) in newest.items()}


def _hold(
    name: _Slice,
    measure: Measure,
    slices: Mapping[_Slice, _Flights],
    rules: DriftRules,
    rng: np.random.Generator,
) -> SliceFinding:
    """Hold the recent flights of a slice against its earlier ones, or against all earlier ones."""
    hazard_class, dimension, value = name
    table = _tabulate(slices[name], measure, dimension, rules)
    is_new = len(table[False]) < rules.min_reference and dimension is not Dimension.ALL
    if is_new:
        whole = slices[hazard_class, Dimension.ALL, ""]
        table[False] = _tabulate(whole, measure, dimension, rules)[False]
    then, now = (_stack(table[side], measure) for side in (False, True))
    comparison = compare_flights(then, now, rng)
    sides = _describe(then, measure), _describe(now, measure)
    return SliceFinding(
        hazard_class=hazard_class,
        dimension=dimension,
        value=value,
        measure=measure,
        is_new=is_new,
        reference=sides[0],
        recent=sides[1],
        change=_change(sides[0], sides[1], comparison, measure),
        comparison=comparison,
        reason=None if comparison else _why_not(len(then), len(now), measure),
    )


def _tabulate(
    flights: _Flights, measure: Measure, dimension: Dimension, rules: DriftRules
) -> dict[bool, list[IntArray]]:
    """Return the counts of each flight that has any, by whether it is recent."""
    table: dict[bool, list[IntArray]] = {True: [], False: []}
    for flight in flights.values():
        if measure == "scores":
            counts = flight.every if dimension is Dimension.MODEL else flight.own
        elif flight.is_decided(rules.min_decided):
            counts = np.array([flight.states["rejected"], flight.states["confirmed"]])
        else:
            continue
        if counts.sum():
            table[flight.is_recent].append(counts)
    return table


def _stack(counts: list[IntArray], measure: Measure) -> IntArray:
    width = BINS if measure == "scores" else 2
    return np.array(counts, dtype=np.int64).reshape(-1, width)


def _describe(flights: IntArray, measure: Measure) -> Side:
    """Return the mean score, or the share that was confirmed, with its interval."""
    if measure == "confirmed":
        return Side(measure_mean(flights[:, 1].astype(np.float64), flights.sum(axis=1)))
    middles: FloatArray = (np.arange(BINS) + 0.5) / BINS
    mean = measure_mean(flights @ middles, flights.sum(axis=1))
    return Side(mean, tuple(int(each) for each in flights.sum(axis=0)))


def _change(then: Side, now: Side, comparison: Comparison | None, measure: Measure) -> float | None:
    if measure == "scores":
        return comparison.distance if comparison else None
    if then.mean.value is None or now.mean.value is None:
        return None
    return now.mean.value - then.mean.value


def _why_not(then: int, now: int, measure: Measure) -> str:
    if measure == "confirmed" and not now:
        return "not_reviewed"
    return "too_few_flights" if then and now else "no_reference" if now else "no_recent"


def _judge(finding: SliceFinding, level: float, rules: DriftRules) -> SliceFinding:
    """Return the finding with its verdict, where ``level`` is the p-value that counts."""
    if finding.comparison is None or finding.change is None:
        return finding
    if finding.comparison.least_p > level:
        return replace(finding, reason="too_few_flights", p_needed=level)
    is_alarm = finding.comparison.p_value <= level and abs(finding.change) >= rules.min_change
    return replace(finding, verdict="alarm" if is_alarm else "steady", p_needed=level)
