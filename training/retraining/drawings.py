"""Differences with their intervals as SVG: which side of nought they lie on is seen at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _ROW, _TOP, _BOTTOM = 720, 30, 8, 34
_NAMES, _RIGHT = 270, 24
_GOOD, _BAD, _NEITHER = "#0b5fa5", "#c2410c", "#7a828b"
_STYLE = (
    "text{font:13px system-ui,'Noto Sans','Noto Sans CJK SC',sans-serif;fill:#1f2328}"
    ".a{font-size:11px;fill:#59636e}.z{stroke:#59636e}.g{stroke:#e4e8ec}"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One difference; ``better`` is the sign of an improvement."""

    name: str
    difference: Mapping[str, float | None]
    better: int


def draw_differences(title: str, rows: Sequence[Row], *, percent: bool) -> str:
    """Return an SVG with a line per row, from low to high, and a dot at the value.

    Blue where the whole interval is better, orange where it is worse, grey where it crosses
    nought or has none; the shapes (dot, square, ring) say the same without colour.
    """
    known = [
        abs(value)
        for row in rows
        for key in ("value", "low", "high")
        if (value := row.difference.get(key)) is not None
    ]
    reach = 1.1 * max([*known, 0.02])
    height = _TOP + _ROW * len(rows) + _BOTTOM
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}"><style>{_STYLE}</style>'
    )
    parts = [opening]
    bottom = height - _BOTTOM
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
        x = _place(share * reach / 1.1, reach)
        kind = "z" if share == 0 else "g"
        parts.append(f'<line class="{kind}" x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}"/>')
        label = _format(share * reach / 1.1, percent=percent)
        parts.append(
            f'<text class="a" x="{x}" y="{bottom + 18}" text-anchor="middle">{label}</text>'
        )
    for index, row in enumerate(rows):
        parts.append(_draw_row(row, _TOP + _ROW * index + _ROW / 2, reach))
    return "".join([*parts, "</svg>"])


def _draw_row(row: Row, y: float, reach: float) -> str:
    value, low, high = (row.difference.get(key) for key in ("value", "low", "high"))
    name = f'<text x="{_NAMES - 12}" y="{y + 4}" text-anchor="end">{escape(row.name)}</text>'
    if value is None:
        return f'{name}<text class="a" x="{_place(0, reach) + 6}" y="{y + 4}">n/a</text>'
    x = _place(value, reach)
    if low is None or high is None:
        return f'{name}<circle cx="{x}" cy="{y}" r="5" fill="#fff" stroke="{_NEITHER}"/>'
    ends = f'x1="{_place(low, reach)}" x2="{_place(high, reach)}" y1="{y}" y2="{y}"'
    sides = {1 if side > 0 else -1 if side < 0 else 0 for side in (low, high)}
    if len(sides) > 1 or 0 in sides:
        mark = f'<circle cx="{x}" cy="{y}" r="5" fill="{_NEITHER}"/>'
        return f'{name}<line {ends} stroke="{_NEITHER}" stroke-width="3"/>{mark}'
    is_good = sides == {row.better}
    colour = _GOOD if is_good else _BAD
    mark = f'<circle cx="{x}" cy="{y}" r="6" fill="{colour}"/>'
    if not is_good:
        mark = f'<rect x="{x - 6}" y="{y - 6}" width="12" height="12" fill="{colour}"/>'
    return f'{name}<line {ends} stroke="{colour}" stroke-width="3"/>{mark}'


def _place(value: float, reach: float) -> float:
    share = (value / reach + 1) / 2
    return round(_NAMES + share * (_WIDTH - _NAMES - _RIGHT), 1)


def _format(value: float, *, percent: bool) -> str:
    return f"{100 * value:+.1f}" if percent else f"{value:+.2f}"
