"""The page that a person opens offline: map, candidates with their pictures, every building."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from detection.change.report.content import (
    ERRORS_PER_STD,
    SMALL_OVERLAP,
    ChangeReport,
    Note,
    ReportPictures,
)
from detection.change.report.outcome import BuildingState
from detection.change.report.sketch import build_sketch
from detection.change.report.texts import load_texts
from detection.report.messages import Text, load_messages

TEMPLATE_NAME = "page.html.j2"

STATE_COLORS: Mapping[BuildingState, str] = {
    BuildingState.RISE: "#c2410c",
    BuildingState.EXCESS: "#8e3a8e",
    BuildingState.FALL: "#0b5fa5",
    BuildingState.CANNOT_TELL: "#8a8f98",
    BuildingState.MEASURED: "#b9a44c",
    BuildingState.WITHIN: "#5b8f7b",
    BuildingState.UNCHANGED: "#9fb8ad",
}
"""Told apart without red and green, and hatched where nothing can be told."""


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """Why some buildings could not be told, and which."""

    code: str
    message: Text
    remedy: Text
    buildings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A note with its texts."""

    note: Note
    message: Text
    remedy: Text


def render_page(report: ChangeReport, pictures: ReportPictures, lang: str) -> str:
    """Return the page, opened in ``lang`` with a switch to the other language."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = load_texts()
    counts = report.count_states()
    return environment.get_template(TEMPLATE_NAME).render(
        report=report,
        numbers={one.building.building_id: n for n, one in enumerate(report.outcomes, start=1)},
        lang=lang,
        texts=texts.single,
        states=texts.of("states"),
        permits=texts.of("permits"),
        colors={state.value: color for state, color in STATE_COLORS.items()},
        counts={state.value: count for state, count in counts.items()},
        used_states=[state.value for state in BuildingState if counts[state]],
        sketch=build_sketch(report.outcomes),
        candidates=[one for one in report.outcomes if one.state.hazard_class is not None],
        pictures=pictures,
        reasons=_list_reasons(report),
        notes=[NoteRow(note, *load_messages().explain(note.code)) for note in report.notes],
        explain=load_messages().explain,
        errors_per_std=ERRORS_PER_STD,
        small_overlap=SMALL_OVERLAP,
    )


def _list_reasons(report: ChangeReport) -> list[ReasonRow]:
    """Return each reason with the buildings that it keeps from being told, the commonest first."""
    counted = Counter(code for one in report.outcomes for code in one.reasons)
    return [
        ReasonRow(
            code,
            *load_messages().explain(code),
            tuple(one.building.building_id for one in report.outcomes if code in one.reasons),
        )
        for code, _ in counted.most_common()
    ]
