"""A model's answer to boxes and outlines in photo pixels. The same for every runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detection.detectors.base import Outline, TileDetections
from detection.detectors.manifest import ModelManifest
from detection.detectors.masks import CELL_PX, COEFFICIENTS, decode_outline
from detection.domain.errors import ModelError
from detection.domain.finding import Detection
from detection.domain.geometry import BBox, Polygon, Tile
from detection.domain.hazard import HazardClass
from detection.outlines import POLYGON_DECIMALS
from detection.tiling import PhotoBox, find_seam_touches, photo_xy_from_tile, photo_xyxy_from_tile

ROW_LENGTH = 6
"""x_min, y_min, x_max, y_max, score, class_index."""

ROW_LENGTHS = {"detect": ROW_LENGTH, "segment": ROW_LENGTH + COEFFICIENTS}
"""A segment model adds the coefficients of its masks to each row."""

MAX_OUTLINES = 100
"""Outlines are drawn for so many boxes of a tile, the best first; as COCO's measure looks at no
more of a photo, a longer tail would cost time and change nothing."""

NEVER_SCORE = 2.0
"""A threshold that no score reaches."""


def check_shapes(
    shapes: Sequence[Sequence[object]],
    manifest: ModelManifest,
    path: Path,
    *,
    side_px: int | None = None,
) -> None:
    """Check the shapes of a model's outputs against its task; a side that is no number is free.

    ``side_px`` is the side of the tiles that the model was made for, where that is known.

    Raises:
        ModelError: they do not fit; the message names the file.
    """
    expected: list[tuple[int | None, ...]] = [(1, None, ROW_LENGTHS[manifest.task])]
    if manifest.task == "segment":
        cells = None if side_px is None else side_px // CELL_PX
        expected.append((1, COEFFICIENTS, cells, cells))
    fits = len(shapes) == len(expected) and all(
        len(found) == len(wanted)
        and all(
            want is None or not isinstance(side, int) or side in {want, -1}
            for side, want in zip(found, wanted, strict=True)
        )
        for found, wanted in zip(shapes, expected, strict=True)
    )
    if not fits:
        answers = " and ".join(_format_shape(shape) for shape in shapes) or "nothing"
        needed = " and ".join(_format_shape(shape) for shape in expected)
        message = (
            f"{path} of model {manifest.name} answers with shape {answers}; "
            f"the task {manifest.task} needs {needed}."
        )
        remedy = "Correct the task of the manifest, or export with nms=False (one-to-one head)."
        raise ModelError(message, remedy=remedy)


def _format_shape(shape: Sequence[object]) -> str:
    return f"({', '.join('k' if side is None else str(side) for side in shape)})"


def select_rows(outputs: Sequence[NDArray[np.float32]], manifest: ModelManifest) -> TileDetections:
    """Return what a model says of one tile, from the manifest's ``score_floor`` upwards.

    ``outputs`` is ``(1, k, 6)`` for the task detect, ``(1, k, 38)`` with ``(1, 32, h, w)``
    prototypes for segment.

    Raises:
        ModelError: the answer has other shapes, or names a class that the manifest does not.
    """
    check_shapes([output.shape for output in outputs], manifest, manifest.weights_path)
    answer = outputs[0][0]
    answer = np.array(answer[answer[:, 4] >= manifest.score_floor], dtype=np.float32)
    rows = np.ascontiguousarray(answer[:, :ROW_LENGTH])
    if rows.size and not 0 <= rows[:, 5].min() <= rows[:, 5].max() < len(manifest.classes):
        message = (
            f"Model {manifest.name} answers class {int(rows[:, 5].max())}, "
            f"its manifest lists {len(manifest.classes)}."
        )
        raise ModelError(message, remedy="Correct the classes of the manifest.")
    if manifest.task == "detect":
        return TileDetections.from_rows(rows)
    return TileDetections(rows, _decode_outlines(answer, outputs[1][0], manifest.mask_cut))


def _decode_outlines(
    answer: NDArray[np.float32], prototypes: NDArray[np.float32], cut: float
) -> tuple[Outline, ...]:
    """Return the outline of each ``(38,)`` row, nothing beyond the best ``MAX_OUTLINES``."""
    best = set(np.argsort(-answer[:, 4], kind="stable")[:MAX_OUTLINES].tolist())
    return tuple(
        decode_outline(row[ROW_LENGTH:], prototypes, row[:4], cut) if index in best else ()
        for index, row in enumerate(answer)
    )


def build_photo_boxes(
    found: TileDetections,
    tile: Tile,
    manifest: ModelManifest,
    *,
    photo_id: str,
    width_px: int,
    height_px: int,
    use_thresholds: bool = True,
    limits: Mapping[HazardClass, float] | None = None,
) -> list[PhotoBox]:
    """Return what was found in a tile in pixels of a photo of the given size.

    Rows below the shipped threshold of their class are dropped unless ``use_thresholds`` is
    off (measuring a precision-recall curve needs them); ``limits`` go before those shipped.
    """
    if use_thresholds and len(found):
        thresholds = {**manifest.thresholds, **(limits or {})}
        lowest = np.array([thresholds.get(key, NEVER_SCORE) for key in manifest.classes])
        found = found.select(found.rows[:, 4] >= lowest[found.rows[:, 5].astype(np.intp)])
    if not len(found):  # nearly every tile
        return []
    xyxy = photo_xyxy_from_tile(found.rows[:, :4].astype(np.float64), tile)
    touches = find_seam_touches(xyxy, tile, width_px, height_px)
    boxes = [BBox(*(float(side) for side in sides)).clip(width_px, height_px) for sides in xyxy]
    return [
        PhotoBox(
            Detection(
                photo_id=photo_id,
                hazard_class=manifest.classes[int(row[5])],
                score=float(row[4]),
                bbox_xyxy=box,
                model_name=manifest.name,
                weights_sha256=manifest.weights_sha256,
                polygons=_place_outline(outline, tile, box),
            ),
            bool(cut),
            tile.scale,
        )
        for row, outline, box, cut in zip(found.rows, found.polygons, boxes, touches, strict=True)
    ]


def _place_outline(outline: Outline, tile: Tile, box: BBox) -> tuple[Polygon, ...]:
    """Return the rings in photo pixels, inside of the clipped box; what lies outside collapses."""
    if not outline:
        return ()
    placed = np.round(photo_xy_from_tile(np.concatenate(outline), tile), POLYGON_DECIMALS)
    placed = np.clip(placed, box.xyxy[:2], box.xyxy[2:])
    rings = np.split(placed, np.cumsum([len(ring) for ring in outline])[:-1])
    return tuple(
        tuple((x, y) for x, y in ring.tolist())
        for ring in rings
        if (np.ptp(ring, axis=0) > 0).all()
    )
