"""Two-dimensional normal distributions, many at once, without a call to LAPACK for each."""

from __future__ import annotations

import math

import numpy as np

from detection.domain.geometry import FloatArray


def invert(matrices: FloatArray) -> FloatArray:
    """Return the inverses of symmetric matrices (n, 2, 2)."""
    a, b, d = matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 1]
    determinant = a * d - b * b
    inverse = np.empty_like(matrices)
    inverse[:, 0, 0], inverse[:, 1, 1] = d / determinant, a / determinant
    inverse[:, 0, 1] = inverse[:, 1, 0] = -b / determinant
    return inverse


def square_distances(difference: FloatArray, covariances: FloatArray) -> FloatArray:
    """Return squared Mahalanobis distances (n,) of differences (n, 2)."""
    x, y = difference[:, 0], difference[:, 1]
    a, b, d = covariances[:, 0, 0], covariances[:, 0, 1], covariances[:, 1, 1]
    return np.asarray((d * x * x - 2 * b * x * y + a * y * y) / (a * d - b * b))


def compute_densities(squared: FloatArray, covariances: FloatArray) -> FloatArray:
    """Return densities (n,) per m² at squared Mahalanobis distances (n,)."""
    a, b, d = covariances[:, 0, 0], covariances[:, 0, 1], covariances[:, 1, 1]
    return np.asarray(np.exp(-squared / 2) / (2 * math.pi * np.sqrt(a * d - b * b)))


def spread(columns: FloatArray, covariances: FloatArray) -> FloatArray:
    """Return J C Jᵀ (n, 2, 2) of columns J (n, 2, k) and covariances C (n, k, k)."""
    return np.asarray(np.matmul(np.matmul(columns, covariances), columns.transpose(0, 2, 1)))
