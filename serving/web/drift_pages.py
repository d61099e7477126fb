"""The page of the drift: alarms with what to do, and every slice with its figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from serving.api.drift import read_drift
from serving.api.drift_schemas import DriftSliceItem
from serving.deps import ModelReader, SessionDep
from serving.learning.drift import DriftRules
from serving.web.drift_charts import Histograms, draw_histograms, draw_period
from serving.web.learning_labels_selection import (
    DIMENSIONS,
    DRIFT_REASONS,
    DRIFT_VERDICTS,
    MEASURES,
    WHAT_TO_DO,
)
from serving.web.rendering import Words, render, words_for
from serving.web.slice_words import name_value
from serving.web.statistics_charts import Interval

router = APIRouter(include_in_schema=False)

PATH = "/drift"


@dataclass(frozen=True, slots=True)
class SliceView:
    """A slice with its words and what is drawn of it."""

    item: DriftSliceItem
    dimension: str
    value: str
    measure: str
    verdict: str
    reason: str
    what_to_do: str
    histograms: Histograms | None
    then: Interval | None
    now: Interval | None


@dataclass(frozen=True, slots=True)
class SliceFilter:
    """Which slices to list; empty: all of them."""

    verdict: Annotated[str, Query(max_length=16)] = ""
    hazard_class: Annotated[str, Query(max_length=40)] = ""
    dimension: Annotated[str, Query(max_length=16)] = ""
    measure: Annotated[str, Query(max_length=16)] = ""

    def fits(self, item: DriftSliceItem) -> bool:
        """Whether to list a slice."""
        return (
            self.verdict in {"", item.verdict}
            and self.hazard_class in {"", item.hazard_class}
            and self.dimension in {"", item.dimension}
            and self.measure in {"", item.measure}
        )


@router.get(PATH)
def show_drift(
    request: Request,
    person: ModelReader,
    session: SessionDep,
    wanted: Annotated[SliceFilter, Depends()],
) -> Response:
    """Show the latest look: what changed by more than chance, and how everything else is."""
    words = words_for(request)
    answer = read_drift(person, session)
    views = [_view(item, words) for item in answer.slices]
    context = {
        "section": "models",
        "learning_section": PATH,
        "drift": answer,
        "rules": DriftRules(),
        "alarms": [
            view for view in views if view.item.verdict == "alarm" and not view.item.is_part
        ],
        "parts": [view for view in views if view.item.is_part],
        "slices": [view for view in views if wanted.fits(view.item)],
        "counts": Counter(item.verdict for item in answer.slices),
        "wanted": wanted,
        "verdicts": DRIFT_VERDICTS,
        "dimensions": DIMENSIONS,
        "measures": MEASURES,
        "classes": sorted({item.hazard_class for item in answer.slices}),
    }
    return render(request, "drift.html", person=person, context=context)


def _view(item: DriftSliceItem, words: Words) -> SliceView:
    return SliceView(
        item=item,
        dimension=words.label(DIMENSIONS, item.dimension),
        value=name_value(item.dimension, item.value, words),
        measure=words.label(MEASURES, item.measure),
        verdict=words.label(DRIFT_VERDICTS, item.verdict),
        reason=words.label(DRIFT_REASONS, item.reason) if item.reason else "",
        what_to_do=words.label(WHAT_TO_DO, _advice(item)),
        histograms=draw_histograms(item.reference.histogram, item.recent.histogram),
        then=draw_period(item.reference),
        now=draw_period(item.recent),
    )


def _advice(item: DriftSliceItem) -> str:
    if item.measure == "scores":
        return "scores_model" if item.dimension == "model" else "scores"
    return "confirmed_fell" if (item.change or 0.0) < 0 else "confirmed_rose"
