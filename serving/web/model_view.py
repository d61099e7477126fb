"""A version of a model as people read it: what it was made of, how well it did, since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from detection.detectors.history import find_since
from detection.detectors.manifest import ModelManifest
from serving.web.learning_labels_training import SIGNATURES
from serving.web.rendering import Words

RANK: Final = {"active": 0, "shadow": 1, "candidate": 2, "retired": 3}
SHOWN: Final = ("recall", "precision", "ap50")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval, where one was computed."""

    value: str
    interval: str


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How a version did on one class, at the threshold that it is deployed with."""

    name: str
    threshold: str
    boxes: int
    photos: int
    recall: Figure
    precision: Figure
    ap50: Figure


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version; ``gate`` is ``passed``, ``forced``, ``failed`` or empty (there was none)."""

    name: str
    version: str
    status: str
    since: datetime | None
    trained_at: datetime | None
    run: str
    data: str
    trained_on: int | None
    epochs: int | None
    seconds: float | None
    measured_on: int | None
    false_alarms: Figure | None
    classes: tuple[ClassFigures, ...]
    class_names: str
    gate: str
    against: str
    forced: str
    is_signed: bool
    signature: str
    has_int8: bool
    tile_px: int
    weights_sha256: str
    replaced: str


def view_versions(
    words: Words, models: Sequence[ModelManifest], models_dir: Path
) -> dict[str, list[VersionView]]:
    """Return the versions by the name of their model; in force first, then what waits."""
    since = find_since(models_dir)
    found: dict[str, list[VersionView]] = {}
    for model in models:
        at = since.get((model.name, model.version), "")
        found.setdefault(model.name, []).append(view_version(words, model, at))
    for versions in found.values():
        versions.sort(key=_place)
    return dict(sorted(found.items()))


def _place(each: VersionView) -> tuple[int, float]:
    """Return where a version stands among its likes: by status, then the youngest first."""
    age = -each.trained_at.timestamp() if each.trained_at else 0.0
    return RANK.get(each.status, len(RANK)), age


def view_version(words: Words, model: ModelManifest, since: str) -> VersionView:
    """Return one version as it is shown."""
    training = model.training
    measured = _mapping(model.evaluation.get("val_deployed"))
    shown = tuple(_classes(words, model, measured))
    return VersionView(
        name=model.name,
        version=model.version,
        status=model.status,
        since=parse_moment(since),
        trained_at=parse_moment(model.trained_at),
        run=str(training.get("run", "")),
        data=", ".join(str(each) for each in training.get("data", [])),
        trained_on=training.get("images"),
        epochs=training.get("epochs"),
        seconds=training.get("seconds"),
        measured_on=measured.get("images"),
        false_alarms=_false_alarms(measured),
        classes=shown,
        class_names=", ".join(words.proposed_name(key.value) for key in model.classes),
        gate=_gate(model.promotion),
        against=str(model.promotion.get("against") or ""),
        forced=str(model.promotion.get("forced") or ""),
        is_signed=model.signature.value == "valid",
        signature=words.label(SIGNATURES, model.signature.value),
        has_int8=model.int8_weights_path is not None,
        tile_px=model.tile_px,
        weights_sha256=model.weights_sha256,
        replaced=model.replaced,
    )


def _classes(
    words: Words, model: ModelManifest, measured: Mapping[str, Any]
) -> Sequence[ClassFigures]:
    intervals = _mapping(_mapping(measured.get("ci95")).get("classes"))
    rows = []
    for key in model.classes:
        found = _mapping(_mapping(measured.get("classes")).get(key.value))
        ranges = _mapping(intervals.get(key.value))
        threshold = model.thresholds.get(key)
        rows.append(
            ClassFigures(
                name=words.proposed_name(key.value),
                threshold="" if threshold is None else f"{threshold:g}",
                boxes=int(found.get("count") or 0),
                photos=int(found.get("photos") or 0),
                recall=_figure(found, ranges, "recall"),
                precision=_figure(found, ranges, "precision"),
                ap50=_figure(found, ranges, "ap50"),
            )
        )
    return rows


def _figure(found: Mapping[str, Any], ranges: Mapping[str, Any], name: str) -> Figure:
    value, interval = found.get(name), ranges.get(name)
    text = "" if value is None else f"{float(value):.3f}"
    if not text or not interval:
        return Figure(text, "")
    return Figure(text, f"[{float(interval[0]):.3f}, {float(interval[1]):.3f}]")


def _false_alarms(measured: Mapping[str, Any]) -> Figure | None:
    """Return the boxes on photos that show nothing, a photo; None where nobody counted."""
    figure = _figure(measured, _mapping(measured.get("ci95")), "false_alarms_per_negative")
    return figure if figure.value else None


def _gate(promotion: Mapping[str, Any]) -> str:
    if promotion.get("forced"):
        return "forced"
    passed = promotion.get("passed")
    return "" if passed is None else "passed" if passed else "failed"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def parse_moment(text: str) -> datetime | None:
    """Return an instant that is written down with its zone; None where it is not."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
