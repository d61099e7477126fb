"""Answers of a model to photos that exist on paper only, for tests of the evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detection.detectors.base import TileDetections
from detection.detectors.manifest import ModelManifest
from detection.domain.geometry import BBox, Polygon, Tile
from detection.domain.hazard import HazardClass
from tests.fakes import build_manifest
from training.data.annotation import AnnotatedPhoto, Annotation, Origin
from training.evaluation.answers import PhotoAnswer

SIZE_PX = (200, 160)
CRACK = HazardClass.FACADE_CRACK

Box = tuple[float, float, float, float]


def crack_manifest() -> ModelManifest:
    """A model of crack outlines."""
    return build_manifest("facade_crack", (CRACK,), threshold=0.3, task="segment")


def build_box(key: HazardClass, box: Box) -> Annotation:
    return Annotation(key, BBox(*box))


def build_outline(polygon: Polygon, key: HazardClass = CRACK) -> Annotation:
    xs, ys = zip(*polygon, strict=True)
    return Annotation(key, BBox(min(xs), min(ys), max(xs), max(ys)), polygon)


def build_answer(
    name: str,
    truth: Sequence[Annotation] = (),
    found: Sequence[tuple[int, float, Box]] = (),
    outlines: Sequence[Sequence[Polygon]] | None = None,
    *,
    group: str | None = None,
    origin: Origin | None = None,
) -> PhotoAnswer:
    """An answer in one tile at native scale; ``found`` are class index, score and box."""
    photo = AnnotatedPhoto(
        name=name,
        path=Path(name),
        width_px=SIZE_PX[0],
        height_px=SIZE_PX[1],
        split="val",
        group=group or name,
        dataset="drawn",
        annotations=tuple(truth),
        origin=origin or Origin(),
    )
    rows = np.array([[*box, score, index] for index, score, box in found], dtype=np.float32)
    rings = tuple(
        tuple(np.array(ring, dtype=np.float64) for ring in one)
        for one in (outlines if outlines is not None else [()] * len(found))
    )
    tile = Tile(0, 0, *SIZE_PX, 1.0)
    return PhotoAnswer(photo, ((tile, TileDetections(rows.reshape(-1, 6), rings)),))
