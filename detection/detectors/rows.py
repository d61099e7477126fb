"""Rows of a model's answer to boxes in photo pixels. The same for every runtime."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detection.detectors.base import TileDetections
from detection.detectors.manifest import ModelManifest
from detection.domain.errors import ModelError
from detection.domain.finding import Detection
from detection.domain.geometry import BBox, Tile
from detection.tiling import PhotoBox, find_seam_touches, photo_xyxy_from_tile

ROW_LENGTH = 6
"""x_min, y_min, x_max, y_max, score, class_index."""

NEVER_SCORE = 2.0
"""A threshold that no score reaches."""


def select_rows(answer: NDArray[np.float32], manifest: ModelManifest) -> TileDetections:
    """Return the rows of a ``(1, k, 6)`` answer from the manifest's ``score_floor`` upwards.

    Raises:
        ModelError: the answer has another shape, or names a class that the manifest does not.
    """
    if answer.ndim != 3 or answer.shape[0] != 1 or answer.shape[2] != ROW_LENGTH:  # noqa: PLR2004
        message = f"Model {manifest.name} answers with shape {answer.shape}, not (1, k, 6)."
        raise ModelError(message, remedy="Export it with its one-to-one head (nms=False).")
    kept = answer[0, :, 4] >= manifest.score_floor
    rows = np.array(answer[0][kept], dtype=np.float32)
    if rows.size and not 0 <= rows[:, 5].min() <= rows[:, 5].max() < len(manifest.classes):
        message = (
            f"Model {manifest.name} answers class {int(rows[:, 5].max())}, "
            f"its manifest lists {len(manifest.classes)}."
        )
        raise ModelError(message, remedy="Correct the classes of the manifest.")
    return rows


def build_photo_boxes(
    rows: TileDetections,
    tile: Tile,
    manifest: ModelManifest,
    *,
    photo_id: str,
    width_px: int,
    height_px: int,
    use_thresholds: bool = True,
) -> list[PhotoBox]:
    """Return a tile's ``(n, 6)`` rows as boxes in pixels of a photo of the given size.

    Rows below the shipped threshold of their class are dropped unless ``use_thresholds`` is
    off (measuring a precision-recall curve needs them).
    """
    if use_thresholds:
        limits = np.array([manifest.thresholds.get(key, NEVER_SCORE) for key in manifest.classes])
        rows = rows[rows[:, 4] >= limits[rows[:, 5].astype(np.intp)]]
    xyxy = photo_xyxy_from_tile(rows[:, :4].astype(np.float64), tile)
    touches = find_seam_touches(xyxy, tile, width_px, height_px)
    return [
        PhotoBox(
            Detection(
                photo_id=photo_id,
                hazard_class=manifest.classes[int(row[5])],
                score=float(row[4]),
                bbox_xyxy=BBox(*(float(side) for side in box)).clip(width_px, height_px),
                model_name=manifest.name,
                weights_sha256=manifest.weights_sha256,
            ),
            bool(cut),
        )
        for row, box, cut in zip(rows, xyxy, touches, strict=True)
    ]
