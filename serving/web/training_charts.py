"""Curves of a training as numbers of an SVG, from the lines that the trainer appends."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

WIDTH, HEIGHT = 400.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 392.0, 12.0, 190.0
GRID_LINES: Final = 4
MANY_EPOCHS: Final = 8
MAX_BYTES: Final = 8_000_000
DRAWN: Final = ("map50", "map50_95", "mask_map50", "mask_map50_95")
"""Of the figures on val, what is drawn."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch: its number from 1, the losses and the figures on val."""

    number: int
    losses: Mapping[str, float]
    val: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A named curve; ``style`` numbers its colour and dash, ``last`` is its latest figure."""

    key: str
    style: int
    points: str
    end: tuple[float, float]
    last: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over epochs with the marks of both axes, ``(text, place)``."""

    lines: tuple[Line, ...]
    y_marks: tuple[tuple[str, float], ...]
    x_marks: tuple[tuple[str, float], ...]
    epochs: int
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    bottom: float = BOTTOM


def read_epochs(path: Path) -> list[Epoch]:
    """Return the epochs that are told of; a half-written line is left out, a later one wins."""
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return []
    found: dict[int, Epoch] = {}
    for line in text.splitlines():
        epoch = _read_line(line)
        if epoch is not None:
            found[epoch.number] = epoch
    return [found[number] for number in sorted(found)]


def draw_losses(epochs: Sequence[Epoch], planned: int) -> Chart | None:
    """Return the losses over the epochs; None where there is none yet."""
    keys = list(dict.fromkeys(key for epoch in epochs for key in epoch.losses))
    series = {key: [(e.number, e.losses[key]) for e in epochs if key in e.losses] for key in keys}
    return _draw(series, planned, top=None)


def draw_figures(epochs: Sequence[Epoch], planned: int) -> Chart | None:
    """Return the average precisions on val over the epochs, from 0 to 1 at most."""
    series = {key: [(e.number, e.val[key]) for e in epochs if key in e.val] for key in DRAWN}
    return _draw({key: line for key, line in series.items() if line}, planned, top=1.0)


def _read_line(line: str) -> Epoch | None:
    try:
        told: dict[str, Any] = json.loads(line)
        if told["event"] != "epoch":
            return None
        return Epoch(int(told["epoch"]), _floats(told["losses"]), _floats(told["val"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _floats(figures: Mapping[str, Any]) -> dict[str, float]:
    return {str(key): float(value) for key, value in figures.items() if value is not None}


def _draw(
    series: Mapping[str, Sequence[tuple[int, float]]], planned: int, *, top: float | None
) -> Chart | None:
    values = [value for line in series.values() for _, value in line]
    if not values:
        return None
    last = max(planned, *(number for line in series.values() for number, _ in line))
    highest = _round_up(max([*values, 1e-6]))
    highest = min(highest, top) if top is not None else highest

    def place(number: int, value: float) -> tuple[float, float]:
        x = LEFT + (RIGHT - LEFT) * (number - 1) / max(1, last - 1)
        y = BOTTOM - (BOTTOM - TOP) * min(value, highest) / highest
        return round(x, 1), round(y, 1)

    lines = []
    for style, (key, line) in enumerate(series.items()):
        points = [place(number, value) for number, value in line]
        joined = " ".join(f"{x},{y}" for x, y in points)
        lines.append(Line(key, style, joined, points[-1], line[-1][1]))
    steps = [highest * index / GRID_LINES for index in range(GRID_LINES + 1)]
    y_marks = tuple((f"{step:.3g}", place(1, step)[1]) for step in steps)
    numbers = _mark_epochs(last)
    x_marks = tuple((str(number), place(number, 0.0)[0]) for number in numbers)
    return Chart(tuple(lines), y_marks, x_marks, last)


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 4, 5, 8 times a power of ten."""
    scale = 10.0 ** len(str(int(value))) / 10 if value >= 1 else 0.1
    while value < scale:
        scale /= 10
    return next((scale * step for step in (1, 2, 4, 5, 8) if scale * step >= value), scale * 10)


def _mark_epochs(last: int) -> list[int]:
    step = max(1, -(-last // MANY_EPOCHS))
    return sorted({1, last, *range(step, last + 1, step)} - ({last - 1} if step > 1 else set()))
