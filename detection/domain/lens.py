"""Brown's lens model: radial and tangential distortion of normalised camera coordinates.

Coordinates are (x, y) over the focal length, (n, 2); coefficients (k1, k2, p1, p2, k3) in the
order of OpenCV. Points that the model does not cover become NaN: a polynomial fitted to a photo
folds back outside of it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from detection.domain.geometry import FloatArray

Distortion = tuple[float, float, float, float, float]

_ITERATIONS = 15
_STILL = 1e-13
"""Of the focal length: steps as short as the rounding of the points themselves."""
_TOLERANCE = 1e-7
"""Of the focal length: some thousandths of a pixel."""


def distort_points(xy: FloatArray, distortion: Distortion) -> FloatArray:
    """Return where the lens shows the points of an ideal camera; NaN where the model folds."""
    shown, _ = _apply_model(xy, distortion)
    squared = np.sum(xy * xy, axis=-1, keepdims=True)
    return np.where(squared < _find_squared_reach(distortion), shown, np.nan)


def undistort_points(shown: FloatArray, distortion: Distortion) -> FloatArray:
    """Return the points of an ideal camera that the lens shows at ``shown``; the inverse.

    Newton's method, with a check that it arrived: what the lens shows nowhere becomes NaN.
    """
    ideal = shown
    with np.errstate(all="ignore"):
        for _ in range(_ITERATIONS):
            found, (xx, xy, yy) = _apply_model(ideal, distortion)
            off = found - shown
            determinant = xx * yy - xy * xy
            step_x = (yy * off[..., 0] - xy * off[..., 1]) / determinant
            step_y = (xx * off[..., 1] - xy * off[..., 0]) / determinant
            step = np.stack([step_x, step_y], axis=-1)
            ideal = ideal - step
            if not np.any(np.abs(step) > _STILL):  # NaN, too, moves no more
                break
        missed = np.abs(distort_points(ideal, distortion) - shown).max(axis=-1)
    return np.where((missed < _TOLERANCE)[..., None], ideal, np.nan)


def _apply_model(
    ideal: FloatArray, distortion: Distortion
) -> tuple[FloatArray, tuple[FloatArray, FloatArray, FloatArray]]:
    """Return the shown points and the derivatives (dx/dx, dx/dy = dy/dx, dy/dy)."""
    k1, k2, p1, p2, k3 = distortion
    x, y = ideal[..., 0], ideal[..., 1]
    squared = x * x + y * y
    radial = 1 + squared * (k1 + squared * (k2 + squared * k3))
    slope = k1 + squared * (2 * k2 + 3 * squared * k3)
    shown = np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (squared + 2 * x * x),
            y * radial + p1 * (squared + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=-1,
    )
    return shown, (
        radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x,
        2 * (x * y * slope + p1 * x + p2 * y),
        radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x,
    )


@lru_cache
def _find_squared_reach(distortion: Distortion) -> float:
    """Squared radius up to which a larger angle still lands further out.

    There the derivative 1 + 3 k1 s + 5 k2 s² + 7 k3 s³ of the radial part (s = r²) is positive.
    Solved for 1/s, whose first coefficient is never 0.
    """
    k1, k2, _, _, k3 = distortion
    roots = np.roots([1.0, 3 * k1, 5 * k2, 7 * k3])
    turns = [root.real for root in roots if abs(root.imag) < _TOLERANCE < root.real]
    return 1.0 / max(turns) if turns else np.inf
