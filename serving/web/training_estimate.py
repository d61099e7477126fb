"""What a training would take and rest on, as the command estimates it, for the page of an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.web.learning_labels_training import SIDES
from serving.web.rendering import Words


@dataclass(frozen=True, slots=True)
class EstimateView:
    """Photos by side, true boxes by class, times in words; ``missing`` are sides without photos."""

    epochs: int
    photos: tuple[tuple[str, int], ...]
    labels: tuple[tuple[str, int], ...]
    whole: str
    learning: str
    is_enough: bool
    missing: tuple[str, ...]
    replay_missing: tuple[str, ...]


def view_estimate(words: Words, told: Mapping[str, Any]) -> EstimateView:
    """Return an estimate as it is shown; what the command left out is nothing."""
    photos, seconds = told.get("photos") or {}, told.get("seconds") or {}
    learning = seconds.get("train")
    return EstimateView(
        epochs=int(told.get("epochs") or 0),
        photos=tuple((words.label(SIDES, side), int(photos.get(side) or 0)) for side in SIDES),
        labels=tuple(
            (words.class_name(key), int(count)) for key, count in (told.get("labels") or {}).items()
        ),
        whole=words.describe_duration(float(seconds.get("all") or 0.0)),
        learning=words.describe_duration(float(learning)) if learning else "",
        is_enough=bool(told.get("enough", True)),
        missing=tuple(words.label(SIDES, str(side)) for side in told.get("missing") or ()),
        replay_missing=tuple(str(each) for each in told.get("replay_missing") or ()),
    )
