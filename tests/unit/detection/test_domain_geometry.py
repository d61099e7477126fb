from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.camera import CameraIntrinsics, compute_gsd_m
from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox, compute_ios, compute_iou

coordinates = st.floats(-1e4, 1e4, allow_nan=False)


@st.composite
def boxes(draw: st.DrawFn) -> BBox:
    x, y = draw(coordinates), draw(coordinates)
    return BBox(x, y, x + draw(st.floats(1, 500)), y + draw(st.floats(1, 500)))


@given(boxes(), coordinates, coordinates)
def test_shifting_there_and_back_changes_nothing(box: BBox, dx: float, dy: float) -> None:
    assert box.shift(dx, dy).shift(-dx, -dy).xyxy == pytest.approx(box.xyxy, abs=1e-6)


@given(boxes(), st.floats(1, 5000), st.floats(1, 5000))
def test_a_clipped_box_lies_inside_the_photo(box: BBox, width: float, height: float) -> None:
    clipped = box.clip(width, height)
    assert 0 <= clipped.x_min <= clipped.x_max <= width
    assert 0 <= clipped.y_min <= clipped.y_max <= height


@given(boxes(), boxes())
def test_overlaps_are_symmetric_and_ios_is_not_below_iou(a: BBox, b: BBox) -> None:
    a_array, b_array = np.array([a.xyxy]), np.array([b.xyxy])
    iou, ios = compute_iou(a_array, b_array), compute_ios(a_array, b_array)
    np.testing.assert_allclose(iou, compute_iou(b_array, a_array).T)
    assert 0 <= iou[0, 0] <= ios[0, 0] + 1e-12 <= 1 + 1e-9


def test_known_overlaps() -> None:
    a = np.array([[0.0, 0.0, 10.0, 10.0]])
    b = np.array([[5.0, 0.0, 15.0, 10.0], [2.0, 2.0, 4.0, 4.0], [20.0, 20.0, 30.0, 30.0]])
    np.testing.assert_allclose(compute_iou(a, b), [[1 / 3, 0.04, 0.0]])
    np.testing.assert_allclose(compute_ios(a, b), [[0.5, 1.0, 0.0]])


def test_an_empty_box_overlaps_nothing() -> None:
    empty = np.array([[3.0, 3.0, 3.0, 3.0]])
    assert compute_iou(empty, empty)[0, 0] == 0
    assert compute_ios(empty, empty)[0, 0] == 0


def test_gsd_is_distance_over_focal_length() -> None:
    camera = CameraIntrinsics(5280, 3956, 3750.0, 2640, 1978, "test")
    assert compute_gsd_m(camera, 30.0) == pytest.approx(0.008)
    with pytest.raises(ValueError, match="positive"):
        compute_gsd_m(camera, 0.0)


def test_an_error_says_its_remedy() -> None:
    error = InvalidInputError("There is no folder x.", remedy="Check the path.")
    assert str(error) == "There is no folder x. Check the path."
    assert (error.code, error.exit_code) == ("invalid_input", 2)
