"""What labels say of how true the boxes of a score are.

The log odds that a box is true are taken as a line of the log odds of its score,

    logit p = level + slope * (logit score - logit centre),

the calibration by a logistic curve of J. Platt, "Probabilistic outputs for support vector
machines" (1999), on log odds as M. Kull, T. Silva Filho and P. Flach, "Beta calibration" (2017),
proposes it for scores between 0 and 1. Another camera or place, and how common a thing is there,
moves the level (M. Saerens, P. Latinne and C. Decaestecker, "Adjusting the outputs of a classifier
to new a priori probabilities", 2002) and stretches the slope; how far is the prior. With two
numbers the posterior is computed on a grid: nothing is drawn, nothing has to converge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detection.calibration.curve import StoredCurve
from detection.domain.geometry import FloatArray

LEVELS = 61
SLOPES = 31
REACH = 3.5
"""The grid ends so many standard deviations of the prior from its middle."""

SCORE_EDGE = 1e-3
"""Scores nearer to 0 or 1 say no more than this one."""

VAGUE_LEVEL_STD = 3.0
VAGUE_LOG_SLOPE_STD = 0.7
"""What is assumed of a curve before val is looked at: almost nothing."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Normal distributions of the level and of the logarithm of the slope, before any label."""

    centre: float
    level: float
    level_std: float
    log_slope: float
    log_slope_std: float


@dataclass(frozen=True, slots=True)
class Posterior:
    """Points of a grid with their ``weights``, all ``(g,)``."""

    centre: float
    levels: FloatArray
    slopes: FloatArray
    weights: FloatArray

    def truth(self, scores: FloatArray, points: FloatArray | slice = slice(None)) -> FloatArray:
        """Return ``(points, n)``: how likely boxes of the scores are true at points of the grid."""
        index = points if isinstance(points, slice) else points.astype(np.intp)
        odds = log_odds(scores) - log_odds(np.array([self.centre]))
        return sigmoid(self.levels[index, None] + self.slopes[index, None] * odds[None, :])

    def draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return ``count`` points by their weights, evenly spread (systematic resampling)."""
        steps = (np.arange(count) + rng.uniform()) / count
        found = np.searchsorted(np.cumsum(self.weights), steps).clip(max=len(self.weights) - 1)
        return np.asarray(rng.permutation(found), dtype=np.float64)


def log_odds(scores: FloatArray) -> FloatArray:
    """Return log(s / (1 - s)), scores kept ``SCORE_EDGE`` away from both ends."""
    kept = np.clip(scores, SCORE_EDGE, 1.0 - SCORE_EDGE)
    return np.asarray(np.log(kept) - np.log1p(-kept), dtype=np.float64)


def sigmoid(odds: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-odds))."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -40.0, 40.0))), dtype=np.float64)


def update(prior: Prior, scores: FloatArray, true: FloatArray, false: FloatArray) -> Posterior:
    """Return what is known after boxes of ``scores``, so many of them ``true`` and ``false``."""
    offsets = np.linspace(-REACH, REACH, LEVELS)
    stretches = np.linspace(-REACH, REACH, SLOPES)
    levels, log_slopes = np.meshgrid(
        prior.level + prior.level_std * offsets,
        prior.log_slope + prior.log_slope_std * stretches,
        indexing="ij",
    )
    flat = Posterior(prior.centre, levels.ravel(), np.exp(log_slopes.ravel()), np.empty(0))
    before = -0.5 * (offsets[:, None] ** 2 + stretches[None, :] ** 2).ravel()
    likely = flat.truth(scores).clip(1e-9, 1.0 - 1e-9)
    total = before + np.log(likely) @ true + np.log1p(-likely) @ false
    weights = np.exp(total - total.max())
    return Posterior(flat.centre, flat.levels, flat.slopes, weights / weights.sum())


def prior_from_curve(
    curve: StoredCurve, centre: float, *, level_shift: float, log_slope_shift: float
) -> Prior:
    """Return the prior of a new camera: the curve of val, as far as val knows it, and the shift."""
    vague = Prior(centre, 0.0, VAGUE_LEVEL_STD, 0.0, VAGUE_LOG_SLOPE_STD)
    known = update(vague, *curve.bins())
    level, level_std = _moments(known.levels, known.weights)
    log_slope, log_slope_std = _moments(np.log(known.slopes), known.weights)
    return Prior(
        centre,
        level,
        float(np.hypot(level_std, level_shift)),
        log_slope,
        float(np.hypot(log_slope_std, log_slope_shift)),
    )


def _moments(values: FloatArray, weights: FloatArray) -> tuple[float, float]:
    mean = float(weights @ values)
    return mean, float(np.sqrt(weights @ (values - mean) ** 2))
