"""Line charts as SVG text: a few panels, no drawing library, same bytes for same figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c6d00", "#56b4e9", "#444444", "#b2182b")
"""Told apart by colour-blind eyes (Okabe and Ito, the yellow darkened for white paper)."""

_WIDTH, _HEIGHT = 400, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 18, 34, 44
_LEGEND_ROW, _TITLE = 18, 40
_STEPS = (1, 2, 2.5, 5, 10)
_STYLE = (
    "text{font:12px system-ui,'Segoe UI','Noto Sans','Noto Sans CJK SC',sans-serif;fill:#333}"
    ".h{font-size:16px;font-weight:600;fill:#111}.t{font-weight:600;fill:#111}"
    ".a{font-size:11px;fill:#666}.g{stroke:#e4e4e4}.x{stroke:#999}"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A named line through points ``(x, y)``; ``mark`` is the x of a point to stand out."""

    name: str
    points: tuple[tuple[float, float], ...]
    colour: int = 0
    dashed: bool = False
    mark: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: lines over a common x.

    ``y_range`` None takes the range of the figures; ``dots`` marks and labels every point.
    """

    title: str
    x_label: str
    lines: tuple[Line, ...]
    y_range: tuple[float, float] | None = None
    dots: bool = False
    x_ticks: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class _Axis:
    """A range of figures laid on a range of pixels."""

    low: float
    high: float
    start_px: float
    end_px: float

    def place(self, value: float) -> float:
        """Return the pixel of a figure."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start_px + share * (self.end_px - self.start_px), 1)


def choose_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round figures that reach from below ``low`` to above ``high``, about ``count``.

    >>> choose_ticks(0.03, 0.97)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if high <= low:
        low, high = (low - 0.5, high + 0.5)
    raw = (high - low) / count
    magnitude = 10 ** math.floor(math.log10(raw))
    step = magnitude * min(_STEPS, key=lambda size: abs(size - raw / magnitude))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def draw_panels(title: str, panels: Sequence[Panel], columns: int = 3) -> str:
    """Return an SVG document of all panels in rows, with a legend below each."""
    columns = max(1, min(columns, len(panels)))
    legend_px = _LEGEND_ROW * max(((len(panel.lines) + 1) // 2 for panel in panels), default=0)
    cell_px = _HEIGHT + legend_px + 12
    rows = math.ceil(len(panels) / columns)
    width, height = columns * _WIDTH, _TITLE + rows * cell_px
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{escape(title)}">'
    )
    parts = [
        opening,
        f'<style>{_STYLE}</style><rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text class="h" x="16" y="26">{escape(title)}</text>',
    ]
    for index, panel in enumerate(panels):
        x, y = index % columns * _WIDTH, _TITLE + index // columns * cell_px
        parts.append(f'<g transform="translate({x},{y})">{_draw_panel(panel)}</g>')
    return "\n".join([*parts, "</svg>", ""])


def _draw_panel(panel: Panel) -> str:
    points = [point for line in panel.lines for point in line.points]
    if not points:
        return f'<text class="t" x="{_LEFT}" y="20">{escape(panel.title)}: no figures</text>'
    y_ticks = choose_ticks(
        *(panel.y_range or (min(y for _, y in points), max(y for _, y in points)))
    )
    xs = [x for x, _ in points] + list(panel.x_ticks)
    x_ticks = list(panel.x_ticks) or _choose_epochs(min(xs), max(xs))
    x_axis = _Axis(min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1, _LEFT, _WIDTH - _RIGHT)
    y_axis = _Axis(y_ticks[0], y_ticks[-1], _HEIGHT - _BOTTOM, _TOP)
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts = [
        f'<text class="t" x="{_LEFT}" y="20">{escape(panel.title)}</text>',
        *_draw_grid(x_axis, x_ticks, y_axis, y_ticks),
        f'<text class="a" x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">',
        f"{escape(panel.x_label)}</text>",
        *(_draw_line(line, x_axis, y_axis, dots=panel.dots) for line in panel.lines),
        *(_draw_key(line, index) for index, line in enumerate(panel.lines)),
    ]
    return "".join(parts)


def _choose_epochs(low: float, high: float) -> list[float]:
    ticks = [tick for tick in choose_ticks(low, high) if low <= tick <= high]
    whole = [tick for tick in ticks if tick == int(tick)]
    return whole or [low]


def _draw_grid(
    x_axis: _Axis, x_ticks: Sequence[float], y_axis: _Axis, y_ticks: Sequence[float]
) -> list[str]:
    left, right, bottom = x_axis.start_px, x_axis.end_px, y_axis.start_px
    parts = []
    for tick in y_ticks:
        y = y_axis.place(tick)
        parts.append(f'<line class="g" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>')
        parts.append(
            f'<text class="a" x="{left - 6}" y="{y + 4}" text-anchor="end">{tick:g}</text>'
        )
    for tick in x_ticks:
        x = x_axis.place(tick)
        parts.append(f'<line class="x" x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 4}"/>')
        parts.append(
            f'<text class="a" x="{x}" y="{bottom + 17}" text-anchor="middle">{tick:g}</text>'
        )
    parts.append(f'<line class="x" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    return parts


def _draw_line(line: Line, x_axis: _Axis, y_axis: _Axis, *, dots: bool) -> str:
    colour = PALETTE[line.colour % len(PALETTE)]
    places = [(x, x_axis.place(x), y_axis.place(y)) for x, y in line.points]
    path = " ".join(f"{x_px},{y_px}" for _, x_px, y_px in places)
    dash = ' stroke-dasharray="5 4"' if line.dashed else ""
    marked = [place for place in places if dots or len(places) == 1 or place[0] == line.mark]
    circles = "".join(
        f'<circle cx="{x_px}" cy="{y_px}" r="3.5" fill="{colour}"/>' for _, x_px, y_px in marked
    )
    figures = "".join(
        f'<text class="a" x="{x_px}" y="{y_px - 8}" text-anchor="middle">{y:.2f}</text>'
        for (_, x_px, y_px), (_, y) in zip(places, line.points, strict=True)
        if dots
    )
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" '
        f'stroke-linejoin="round"{dash}/>{circles}{figures}'
    )


def _draw_key(line: Line, index: int) -> str:
    colour = PALETTE[line.colour % len(PALETTE)]
    x = _LEFT + index % 2 * (_WIDTH - _LEFT) // 2
    y = _HEIGHT + 8 + index // 2 * _LEGEND_ROW
    dash = ' stroke-dasharray="5 4"' if line.dashed else ""
    return (
        f'<line x1="{x}" x2="{x + 20}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"{dash}/>'
        f'<text class="a" x="{x + 26}" y="{y + 4}">{escape(line.name)}</text>'
    )
