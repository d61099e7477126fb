"""Which part of a photo shows a difference."""

from __future__ import annotations

from detection.domain.geometry import BBox
from detection.report.crops import choose_window
from serving.db.tables import PhotoRow, ShadowDifferenceRow

CONTEXT = 2.5
"""Side of the part in multiples of the longer side of what is shown."""

MIN_SIDE_PX = 320.0


def choose_window_of(difference: ShadowDifferenceRow, photo: PhotoRow) -> tuple[int, int, int, int]:
    """Return the window ``x_min, y_min, x_max, y_max`` around the boxes of a difference."""
    boxes = [
        [float(side) for side in shape["bbox_xyxy"]]  # type: ignore[attr-defined]  # as stored
        for shape in (difference.shadow, difference.current)
        if shape is not None
    ]
    box = BBox(
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
    return choose_window(
        box, photo.width_px, photo.height_px, context=CONTEXT, min_side_px=MIN_SIDE_PX
    )
