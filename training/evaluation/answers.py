"""Labelled photos through the deployed path: tile, detect, threshold, merge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.detectors.base import Detector, TileDetections
from detection.detectors.manifest import ModelManifest
from detection.detectors.rows import build_photo_boxes
from detection.domain.finding import Detection
from detection.domain.geometry import Tile
from detection.domain.hazard import HazardClass
from detection.looks.plan import choose_overlap
from detection.merge import merge_detections
from detection.settings import DetectionSettings, load_settings
from detection.tiling import PhotoBox, cut_tile, tile_photo
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.pixels import read_pixels
from training.evaluation.metrics import ClassBoxes

RANKING_FLOOR = 0.001
"""Score from which boxes enter the precision-recall curve."""

LOWEST_THRESHOLD = 0.01
"""No lower score may be shipped as a threshold."""

SHIPPED_FLOOR = 0.05
"""Score below which a shipped detector returns nothing, whatever the thresholds."""


@dataclass(frozen=True, slots=True)
class PhotoAnswer:
    """Everything a model said of one photo, tile by tile, before threshold and merge."""

    photo: AnnotatedPhoto
    tiles: tuple[tuple[Tile, TileDetections], ...]


def answer_photos(
    detector: Detector,
    photos: Sequence[AnnotatedPhoto],
    *,
    tiled: bool,
    on_photo: Callable[[], None] | None = None,
) -> list[PhotoAnswer]:
    """Run the model over the photos: deployed tiles, or each photo whole in one tile.

    The deployed tiles are those of the detection settings in force. The detector should come
    with a ``score_floor`` of ``RANKING_FLOOR``. ``on_photo`` is called after each photo.
    """
    tile_px = detector.manifest.tile_px
    settings = _find_settings(detector.manifest) if tiled else None
    plans = [plan_tiles(photo, tile_px, settings) for photo in photos]
    stream = detector.detect_tiles(_cut_all(photos, plans, tile_px))
    answers = []
    for photo, plan in zip(photos, plans, strict=True):
        answers.append(PhotoAnswer(photo, tuple((tile, next(stream)) for tile in plan)))
        if on_photo is not None:
            on_photo()
    return answers


def _find_settings(manifest: ModelManifest) -> DetectionSettings:
    """Return the settings in force, with the overlap that tiles of the model have there."""
    settings = load_settings()
    return settings.model_copy(update={"overlap": choose_overlap(manifest, settings, None)})


def find_needed_floor(photos: Iterable[AnnotatedPhoto], tile_px: int, *, tiled: bool) -> float:
    """Return the score from which boxes count anywhere in the figures of these photos.

    A photo of many tiles ranks from ``SHIPPED_FLOOR``; fainter boxes than any threshold would
    only cost time and memory there. A photo in one tile ranks from ``RANKING_FLOOR``.
    """
    one_tile = any(max(photo.width_px, photo.height_px) <= tile_px for photo in photos)
    return RANKING_FLOOR if one_tile or not tiled else LOWEST_THRESHOLD


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


def list_boxes(answer: PhotoAnswer, manifest: ModelManifest) -> list[PhotoBox]:
    """Return every box of every tile in photo pixels, neither filtered nor merged."""
    return [
        box
        for tile, rows in answer.tiles
        for box in build_photo_boxes(
            rows,
            tile,
            manifest,
            photo_id=answer.photo.name,
            width_px=answer.photo.width_px,
            height_px=answer.photo.height_px,
            use_thresholds=False,
        )
    ]


def rank_boxes(answer: PhotoAnswer, manifest: ModelManifest) -> list[PhotoBox]:
    """Return the boxes of a photo for the precision-recall curve.

    In a photo of one tile every box above the ranking floor counts: joining its faint boxes into
    ever larger ones would measure the join, not the model. Across tiles boxes are merged from
    ``SHIPPED_FLOOR`` upwards; fainter ones are never shown and must not outvote those that are.
    """
    boxes = list_boxes(answer, manifest)
    if len(answer.tiles) == 1:
        return boxes
    return merge_detections(box for box in boxes if box.detection.score >= SHIPPED_FLOOR)


def show_boxes(
    answer: PhotoAnswer, manifest: ModelManifest, thresholds: Mapping[HazardClass, float]
) -> list[PhotoBox]:
    """Return the boxes that a reviewer would see: thresholds first, then the merge."""
    return pass_boxes(list_boxes(answer, manifest), thresholds)


def pass_boxes(
    boxes: Iterable[PhotoBox], thresholds: Mapping[HazardClass, float]
) -> list[PhotoBox]:
    """Return what is shown of the boxes of one photo: thresholds first, then the merge."""
    return merge_detections(
        box for box in boxes if box.detection.score >= thresholds[box.detection.hazard_class]
    )


def select_found(boxes: Iterable[PhotoBox], key: HazardClass) -> list[Detection]:
    """Return the detections of one class."""
    return [box.detection for box in boxes if box.detection.hazard_class is key]


def select_truth(photo: AnnotatedPhoto, key: HazardClass) -> list[Annotation]:
    """Return the annotations of one class."""
    return [item for item in photo.annotations if item.hazard_class is key]


def class_boxes(photo: AnnotatedPhoto, boxes: Iterable[PhotoBox], key: HazardClass) -> ClassBoxes:
    """Return truth and found boxes of one class in one photo."""
    found = select_found(boxes, key)
    truth = [item.box.xyxy for item in select_truth(photo, key)]
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
