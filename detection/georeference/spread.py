"""How the errors of a sight spread what is computed from it.

Each number is moved both ways by √3 standard deviations: three-point Gauss-Hermite integration,
exact up to the fifth power of the error. So the bend of a flat look (the ground runs away faster
than it comes near) and the slope of a terrain count as they are, without derivatives.
"""

from __future__ import annotations

import math

import numpy as np

from detection.domain.geometry import FloatArray

_STEP_STDS = math.sqrt(3.0)
_WEIGHT = 1 / 6


def move_sights(sights: FloatArray, stds: FloatArray) -> FloatArray:
    """Return each sight ``(n, c)`` with each number moved up and down, ``(n, 2, c, c)``.

    ``stds`` is ``(n, c)``; the third axis says which number was moved.
    """
    count, columns = sights.shape
    moved = np.tile(sights[:, None, None], (1, 2, columns, 1))
    index = np.arange(columns)
    moved[:, 0, index, index] += _STEP_STDS * stds
    moved[:, 1, index, index] -= _STEP_STDS * stds
    return np.asarray(moved.reshape(count, 2, columns, columns))


def compute_spread(values: FloatArray, stated: FloatArray) -> FloatArray:
    """Return the covariance ``(n, k, k)`` of ``values`` ``(n, 2, c, k)`` about ``stated`` (n, k).

    The values are those of moved sights. It is the mean square about what the stated numbers
    give, so that the shift of the mean that a bend causes is part of it. NaN where a value is.
    """
    away = values - stated[:, None, None]
    shifts = _WEIGHT * away.sum(axis=1)
    shift = shifts.sum(axis=1)
    squares = _WEIGHT * np.einsum("nsci,nscj->nij", away, away)
    # Errors of different numbers are independent: only their means meet.
    crossed = np.einsum("ni,nj->nij", shift, shift) - np.einsum("nci,ncj->nij", shifts, shifts)
    return np.asarray(squares + crossed)
