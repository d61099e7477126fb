"""Which of several photos shows a thing best: whole before cut off, then by score."""

from __future__ import annotations

from collections.abc import Sequence

EDGE_PX = 2.0
"""A box that comes so near to the edge of its photo shows a part of the thing."""

Rank = tuple[bool, bool, float]


def rank_view(
    box_xyxy: Sequence[float], photo_px: tuple[int, int], score: float, *, is_own_class: bool
) -> Rank:
    """Return what sorts views, the best first: of the candidate's own class, whole, certain.

    ``box_xyxy`` is in pixels of a photo of width and height ``photo_px``.
    """
    x_min, y_min, x_max, y_max = box_xyxy
    width, height = photo_px
    margin_px = min(x_min, y_min, width - x_max, height - y_max)
    return (not is_own_class, margin_px < EDGE_PX, -score)
