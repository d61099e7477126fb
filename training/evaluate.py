"""Measure a model on labelled photos through the deployed path: tile, detect, merge, threshold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.detectors.base import Detector, TileDetections
from detection.detectors.manifest import ModelManifest
from detection.detectors.rows import build_photo_boxes
from detection.domain.geometry import Tile
from detection.domain.hazard import HazardClass
from detection.merge import merge_detections
from detection.settings import DetectionSettings, load_settings
from detection.tiling import PhotoBox, cut_tile, tile_photo
from training.data.annotation import AnnotatedPhoto
from training.data.pixels import read_pixels
from training.metrics import (
    ClassBoxes,
    Counts,
    compute_average_precision,
    count_at_threshold,
)

RANKING_FLOOR = 0.001
"""Score from which boxes enter the precision-recall curve."""

SHIPPED_FLOOR = 0.05
"""Score below which a shipped detector returns nothing, whatever the thresholds."""


@dataclass(frozen=True, slots=True)
class PhotoAnswer:
    """Everything a model said of one photo, tile by tile, before threshold and merge."""

    photo: AnnotatedPhoto
    tiles: tuple[tuple[Tile, TileDetections], ...]


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Figures of one class; AP needs no threshold, the counts are at ``threshold``."""

    hazard_class: HazardClass
    photos: int
    boxes: int
    ap50: float | None
    ap50_95: float | None
    threshold: float
    counts: Counts


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one model on one set of photos.

    ``false_alarms`` are boxes per class on photos without any annotation, at the thresholds,
    after the merge; ``hazard_alarms_per_negative`` counts hazard classes only.
    """

    figures: tuple[ClassFigures, ...]
    photos: int
    negatives: int
    tiled: bool
    false_alarms: Mapping[HazardClass, int]

    @property
    def hazard_alarms_per_negative(self) -> float | None:
        """False alarms of hazard classes per negative photo; None without negatives."""
        if not self.negatives:
            return None
        alarms = sum(count for key, count in self.false_alarms.items() if key.is_hazard)
        return alarms / self.negatives


def answer_photos(
    detector: Detector, photos: Sequence[AnnotatedPhoto], *, tiled: bool
) -> list[PhotoAnswer]:
    """Run the model over the photos: deployed tiles, or each photo whole in one tile.

    The deployed tiles are those of the detection settings in force. The detector should come
    with a ``score_floor`` of ``RANKING_FLOOR``.
    """
    tile_px = detector.manifest.tile_px
    settings = load_settings() if tiled else None
    plans = [plan_tiles(photo, tile_px, settings) for photo in photos]
    stream = detector.detect_tiles(_cut_all(photos, plans, tile_px))
    return [
        PhotoAnswer(photo, tuple((tile, next(stream)) for tile in plan))
        for photo, plan in zip(photos, plans, strict=True)
    ]


def plan_tiles(
    photo: AnnotatedPhoto, tile_px: int, settings: DetectionSettings | None
) -> list[Tile]:
    """Return the deployed tiles of a photo, or without settings one tile of the whole photo."""
    if settings is None:
        scale = tile_px / max(photo.width_px, photo.height_px)
        return [Tile(0, 0, photo.width_px, photo.height_px, scale)]
    return tile_photo(
        photo.width_px,
        photo.height_px,
        tile_px=tile_px,
        overlap=settings.overlap,
        include_overview=settings.include_overview,
    )


def evaluate_answers(
    answers: Sequence[PhotoAnswer],
    manifest: ModelManifest,
    thresholds: Mapping[HazardClass, float],
    *,
    tiled: bool,
) -> Evaluation:
    """Return the figures of each class at the given thresholds.

    The curve is drawn as ``rank_boxes`` says. Counts are always as deployed: threshold, merge.
    """
    ranked = [rank_boxes(answer, manifest) for answer in answers]
    shown = [show_boxes(answer, manifest, thresholds) for answer in answers]
    figures = tuple(
        _measure_class(key, answers, ranked, shown, thresholds[key]) for key in manifest.classes
    )
    quiet = [
        boxes for answer, boxes in zip(answers, shown, strict=True) if answer.photo.is_negative
    ]
    alarms = {
        key: sum(box.detection.hazard_class is key for boxes in quiet for box in boxes)
        for key in manifest.classes
    }
    return Evaluation(figures, len(answers), len(quiet), tiled, alarms)


def rank_boxes(answer: PhotoAnswer, manifest: ModelManifest) -> list[PhotoBox]:
    """Return the boxes of a photo for the precision-recall curve.

    In a photo of one tile every box above the ranking floor counts: joining its faint boxes into
    ever larger ones would measure the join, not the model. Across tiles boxes are merged from
    ``SHIPPED_FLOOR`` upwards; fainter ones are never shown and must not outvote those that are.
    """
    boxes = list(_photo_boxes(answer, manifest))
    if len(answer.tiles) == 1:
        return boxes
    return merge_detections(box for box in boxes if box.detection.score >= SHIPPED_FLOOR)


def show_boxes(
    answer: PhotoAnswer, manifest: ModelManifest, thresholds: Mapping[HazardClass, float]
) -> list[PhotoBox]:
    """Return the boxes that a reviewer would see: thresholds first, then the merge."""
    return merge_detections(
        box
        for box in _photo_boxes(answer, manifest)
        if box.detection.score >= thresholds[box.detection.hazard_class]
    )


def class_boxes(photo: AnnotatedPhoto, boxes: Iterable[PhotoBox], key: HazardClass) -> ClassBoxes:
    """Return truth and found boxes of one class in one photo."""
    found = [box.detection for box in boxes if box.detection.hazard_class is key]
    truth = [item.box.xyxy for item in photo.annotations if item.hazard_class is key]
    return ClassBoxes(
        np.array(truth, dtype=np.float64).reshape(-1, 4),
        np.array([item.bbox_xyxy.xyxy for item in found], dtype=np.float64).reshape(-1, 4),
        np.array([item.score for item in found], dtype=np.float64),
    )


def _cut_all(
    photos: Sequence[AnnotatedPhoto], plans: Sequence[Sequence[Tile]], tile_px: int
) -> Iterator[NDArray[np.uint8]]:
    for photo, plan in zip(photos, plans, strict=True):
        pixels = read_pixels(photo.path)
        for tile in plan:
            yield cut_tile(pixels, tile, tile_px)


def _photo_boxes(answer: PhotoAnswer, manifest: ModelManifest) -> Iterator[PhotoBox]:
    for tile, rows in answer.tiles:
        yield from build_photo_boxes(
            rows,
            tile,
            manifest,
            photo_id=answer.photo.name,
            width_px=answer.photo.width_px,
            height_px=answer.photo.height_px,
            use_thresholds=False,
        )


def _measure_class(
    key: HazardClass,
    answers: Sequence[PhotoAnswer],
    ranked: Sequence[Sequence[PhotoBox]],
    shown: Sequence[Sequence[PhotoBox]],
    threshold: float,
) -> ClassFigures:
    curve = [class_boxes(a.photo, boxes, key) for a, boxes in zip(answers, ranked, strict=True)]
    deployed = [class_boxes(a.photo, boxes, key) for a, boxes in zip(answers, shown, strict=True)]
    precision = compute_average_precision(curve)
    return ClassFigures(
        hazard_class=key,
        photos=sum(bool(len(item.truth_xyxy)) for item in curve),
        boxes=sum(len(item.truth_xyxy) for item in curve),
        ap50=precision.ap50,
        ap50_95=precision.ap50_95,
        threshold=threshold,
        counts=count_at_threshold(deployed, threshold),
    )
