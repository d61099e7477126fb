"""The 95 % error ellipse of a place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detection.domain.finding import GroundPoint

CHI2_95_2D = 5.991
"""95 % of a two-dimensional normal lies within this squared Mahalanobis distance."""


@dataclass(frozen=True, slots=True)
class ErrorEllipse:
    """Semi-axes in metres; ``angle_deg`` is the major axis' bearing from north, in [0, 180)."""

    semi_major_m: float
    semi_minor_m: float
    angle_deg: float


def compute_ellipse(ground: GroundPoint) -> ErrorEllipse:
    """Return the 95 % error ellipse of ``ground``."""
    covariance = np.array(
        [[ground.cov_ee_m2, ground.cov_en_m2], [ground.cov_en_m2, ground.cov_nn_m2]]
    )
    values, vectors = np.linalg.eigh(covariance)
    minor_m, major_m = (math.sqrt(max(0.0, float(value)) * CHI2_95_2D) for value in values)
    east, north = (float(value) for value in vectors[:, 1])
    return ErrorEllipse(major_m, minor_m, math.degrees(math.atan2(east, north)) % 180.0)


def compute_error_m(ground: GroundPoint) -> float:
    """Return the semi-major axis of the 95 % error ellipse, metres."""
    return compute_ellipse(ground).semi_major_m
