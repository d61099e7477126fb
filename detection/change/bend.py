"""The bend of a model of photos against another, as a polynomial of second order in the plane."""

from __future__ import annotations

import numpy as np

from detection.domain.geometry import FloatArray

NMAD = 1.4826
"""Of a normal distribution the median of absolute deviations times this is one sigma."""
TUKEY = 4.685
"""Where the biweight ends, in sigmas: 95 % efficient where the errors are normal."""
ROUNDS = 20


def build_terms(level_m: FloatArray) -> FloatArray:
    """Return 1, x, y, x², xy, y² ``(..., 6)``, in hundreds of metres so that all have one size."""
    x, y = level_m[..., 0] / 100.0, level_m[..., 1] / 100.0
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def fit_robust(terms: FloatArray, values: FloatArray, off_m: float) -> FloatArray:
    """Return coefficients by reweighted least squares with Tukey's biweight.

    Values farther than ``off_m`` from the median have no say in the first round.
    """
    weights: FloatArray = np.ones(len(values))
    weights[np.abs(values - np.median(values)) > off_m] = 0.0
    fit: FloatArray = np.zeros(terms.shape[1])
    for _ in range(ROUNDS):
        fit = _solve(terms * weights[:, None], values * weights)
        left = values - terms @ fit
        sigma = max(NMAD * float(np.median(np.abs(left))), 1e-3)
        weights = np.clip(1.0 - (left / (TUKEY * sigma)) ** 2, 0.0, None)
    return np.asarray(fit)


def _solve(rows: FloatArray, values: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.pinv(rows.T @ rows, hermitian=True) @ (rows.T @ values))
