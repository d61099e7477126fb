from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.detectors.base import Outline
from detection.detectors.masks import CELL_PX, COEFFICIENTS, decode_outline
from detection.domain.geometry import compute_polygon_area

CELLS = 160
TILE_PX = CELLS * CELL_PX
WHOLE_TILE = np.array([0, 0, TILE_PX, TILE_PX], dtype=np.float32)
FIRST = np.eye(1, COEFFICIENTS, dtype=np.float32)[0]
SAMPLES = 4
"""Per pixel and direction, in the pictures that are compared."""


def prototypes_from(logits: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return prototypes whose first is the given one."""
    planes = np.zeros((COEFFICIENTS, *logits.shape), dtype=np.float32)
    planes[0] = logits
    return planes


def measure_line(per_side: int, angle_deg: float, shift_px: float) -> NDArray[np.float64]:
    """Return how far each sample of the tile is from a line through its middle; far at its ends."""
    middles = (np.arange(per_side) + 0.5) * TILE_PX / per_side - TILE_PX / 2
    x, y = np.meshgrid(middles, middles)
    angle = np.deg2rad(angle_deg)
    across = np.abs(x * np.sin(angle) - y * np.cos(angle) + shift_px)
    along = np.abs(x * np.cos(angle) + y * np.sin(angle))
    return np.asarray(np.maximum(across, along - 250))


def paint(outline: Outline) -> NDArray[np.bool_]:
    picture = np.zeros((TILE_PX * SAMPLES,) * 2, dtype=np.uint8)
    for ring in outline:
        cv2.fillPoly(picture, [np.round(ring * SAMPLES - 0.5).astype(np.int32)], 1)
    return picture > 0


@pytest.mark.parametrize("shift_px", [0.0, 1.3])
@pytest.mark.parametrize("angle_deg", [10, 30, 45, 60])
@pytest.mark.parametrize(("width_px", "least_iou"), [(4, 0.65), (6, 0.9)])
def test_a_thin_slanting_crack_survives_whole(
    width_px: float, least_iou: float, angle_deg: float, shift_px: float
) -> None:
    logits = width_px / 2 - measure_line(CELLS, angle_deg, shift_px)
    outline = decode_outline(FIRST, prototypes_from(logits), WHOLE_TILE)
    found = paint(outline)
    truth = measure_line(TILE_PX * SAMPLES, angle_deg, shift_px) < width_px / 2
    assert len(outline) == 1
    assert (found & truth).sum() / (found | truth).sum() > least_iou


def test_a_higher_cut_draws_a_crack_thinner() -> None:
    prototypes = prototypes_from(6.0 - measure_line(CELLS, 30, 0.0))
    whole, thin = (paint(decode_outline(FIRST, prototypes, WHOLE_TILE, cut)) for cut in (0.0, 3.0))
    assert (whole | thin).sum() == whole.sum()
    assert thin.sum() / whole.sum() == pytest.approx(0.5, abs=0.05)


def test_a_mask_ends_at_its_box_and_at_the_tile() -> None:
    everywhere = prototypes_from(np.ones((CELLS, CELLS)))
    box = np.array([600.25, 10.5, 700.0, 30.75], dtype=np.float32)
    (ring,) = decode_outline(FIRST, everywhere, box)
    assert ring.min(axis=0) == pytest.approx([600.25, 10.5], abs=0.5)
    assert ring.max(axis=0) == pytest.approx([640, 30.75], abs=0.5)


@settings(deadline=None)
@given(st.lists(st.floats(-20, 100, width=32), min_size=4, max_size=4), st.integers(0, 2**32 - 1))
def test_outlines_stay_inside_of_their_box_and_enclose_something(
    sides: list[float], seed: int
) -> None:
    prototypes = np.random.default_rng(seed).normal(size=(COEFFICIENTS, 20, 20))
    box = np.array(sides, dtype=np.float32)
    for ring in decode_outline(FIRST, prototypes.astype(np.float32), box):
        assert (ring >= np.maximum(box[:2], 0)).all()
        assert (ring <= np.minimum(box[2:], 20 * CELL_PX)).all()
        assert compute_polygon_area(tuple(map(tuple, ring.tolist()))) > 0


@pytest.mark.parametrize("box", [[10, 10, 10, 90], [50, 40, 20, 90], [-90, -90, -5, -5]])
def test_an_empty_box_has_no_outline(box: list[float]) -> None:
    everywhere = prototypes_from(np.ones((CELLS, CELLS)))
    assert decode_outline(FIRST, everywhere, np.array(box, dtype=np.float32)) == ()


def test_a_mask_below_nought_has_no_outline() -> None:
    assert decode_outline(-FIRST, prototypes_from(np.ones((CELLS, CELLS))), WHOLE_TILE) == ()


def test_crumbs_are_dropped_and_pieces_are_kept_apart() -> None:
    logits = np.full((CELLS, CELLS), -1.0)
    logits[10:14, 10:14] = logits[100:104, 100:104] = 1.0
    logits[50, 50] = 0.5
    outline = decode_outline(FIRST, prototypes_from(logits), WHOLE_TILE)
    corners = sorted(tuple(ring.min(axis=0)) for ring in outline)
    assert corners == [pytest.approx([40, 40], abs=1), pytest.approx([400, 400], abs=1)]


def test_a_net_of_cracks_is_not_what_it_surrounds() -> None:
    middles = (np.arange(CELLS) + 0.5) * CELL_PX - TILE_PX / 2
    radius = np.hypot(*np.meshgrid(middles, middles))
    logits = 5 - np.minimum(np.abs(radius - 200), np.abs(radius - 90))
    outline = decode_outline(FIRST, prototypes_from(logits), WHOLE_TILE)
    area = sum(compute_polygon_area(tuple(map(tuple, ring.tolist()))) for ring in outline)
    assert area == pytest.approx(2 * np.pi * (200 + 90) * 10, rel=0.08)
    assert paint(outline).mean() == pytest.approx(area / TILE_PX**2, rel=0.03)
