"""``report.html``: the report as a page that opens offline, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from training.fitting.charts import Line, Panel, draw_panels
from training.retraining.drawings import Row, draw_differences
from training.retraining.verdict import load_texts

TEMPLATE_NAME = "page.html.j2"
LANGUAGES = ("zh", "en")


def render_page(report: Mapping[str, Any]) -> str:
    """Return the page of a report, opened in its language with a switch to the other one."""
    texts = {
        table: {key: asdict(text) for key, text in rows.items()}
        for table, rows in load_texts().items()
    }
    return (
        _environment()
        .get_template(TEMPLATE_NAME)
        .render(
            report=report,
            lang=report["lang"],
            texts=texts["page"],
            tables=texts,
            drawings={lang: _draw(report, lang, texts["page"]) for lang in LANGUAGES},
            curves=_draw_curves(report["epochs"]),
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _draw(
    report: Mapping[str, Any], lang: str, texts: Mapping[str, Mapping[str, str]]
) -> dict[str, Markup]:
    """Return the drawing of each figure in one language; the text in it is escaped already."""
    sets = [one for one in report["sets"] if one["has_truth"]]
    drawn = {}
    for figure, better, percent in (("recall", 1, True), ("false_alarms_per_photo", -1, False)):
        rows = [Row(one["title"][lang], one["whole"]["difference"][figure], better) for one in sets]
        svg = draw_differences(texts[figure][lang], rows, percent=percent)
        drawn[figure] = Markup(svg)  # noqa: S704  # made by us, names escaped
    return drawn


def _draw_curves(epochs: list[dict[str, Any]]) -> Markup:
    """Return losses and AP by epoch; nothing of a single epoch."""
    if len(epochs) < 2:  # noqa: PLR2004 - no line through one point
        return Markup()
    panels = [_panel("AP on val", epochs, "val", (0.0, 1.0)), _panel("Loss", epochs, "losses")]
    return Markup(draw_panels("", panels, 2))  # noqa: S704  # made by us, names escaped


def _panel(
    title: str,
    epochs: list[dict[str, Any]],
    key: str,
    y_range: tuple[float, float] | None = None,
) -> Panel:
    names = dict.fromkeys(name for row in epochs for name in row[key])
    lines = tuple(
        Line(
            name,
            tuple((row["epoch"], row[key][name]) for row in epochs if name in row[key]),
            colour,
        )
        for colour, name in enumerate(names)
    )
    return Panel(title, "epoch", lines, y_range)
