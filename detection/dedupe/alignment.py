"""How far each photo of a flight is off against the others, from what they show in common.

The errors of a pose move all detections of a photo together, so that a pattern of covers seen in
two photos tells them. Which cover is which is not known beforehand: expectation (how probable is
each pair that the poses allow, against no partner at all) and maximisation (the errors that make
probable pairs meet, each no larger than its deviation makes likely) take turns. The spread of a
pair begins as wide as the poses are uncertain and narrows from turn to turn, which keeps the
first, wrong pairs from deciding (deterministic annealing: Rangarajan et al. 1997, robust point
matching; Myronenko & Song 2010, coherent point drift).

Much of the errors is common to a flight (a compass 2 degrees off, a height 3 m off) and shifts
the lines flown forth against those flown back. Lines that lock in a wrong place one by one do not
come loose again; so the common errors are found first, by all pairs together, and the photos'
own around them. How far photos differ is learned from the flight (empirical Bayes) and never
taken as more than the camera states.
"""

from __future__ import annotations

import numpy as np

from detection.dedupe.least_squares import Alignment, Prior, solve_errors
from detection.dedupe.observations import Observations
from detection.dedupe.pairs import Indices, Pairs, build_pairs
from detection.dedupe.plane_normal import compute_densities, invert, spread, square_distances
from detection.dedupe.rays import ERRORS
from detection.domain.geometry import FloatArray

STRAY_PER_M2 = 1e-4
"""How densely detections without a partner lie: one on a hectare. False alarms hardly pull, and a
pair counts only while its spread is below some 40 m."""

COMMON_PAIRS = 60_000
"""Pairs that suffice for the five common numbers; of more, an even part is taken."""

PHOTO_VARIANCE = 0.25
"""Share of an error's variance that is taken as new in every photo while the common is sought."""

LEAST_SPREAD = 0.15
"""The errors of a flight's photos never count as more alike than this share of their deviation."""

MOST_COMMON = 3.0
"""Bound of an error that all photos share, in deviations."""

NARROWING = 0.7
_TURNS = 12
_LAST_TURNS = 2
_NEGLIGIBLE = 1e-3
_POSITION = 2


def align_photos(seen: Observations, pairs: Pairs) -> Alignment:
    """Return the errors of the photos that bring their probable pairs together."""
    common = _find_common(seen, pairs) if len(pairs) else np.zeros(ERRORS)
    prior = Prior(common, np.ones(ERRORS))
    alignment = Alignment(
        np.tile(common, (seen.photo_count, 1)),
        np.tile(np.eye(ERRORS), (seen.photo_count, 1, 1)),
    )
    if not len(pairs):
        return alignment
    for width in [*NARROWING ** np.arange(_TURNS), *[0.0] * _LAST_TURNS]:
        alignment = _adjust(seen, pairs, alignment, prior, float(width))
        prior = _learn(alignment)
    return alignment


def _weigh(pairs: Pairs, difference: FloatArray, covariances: FloatArray) -> FloatArray:
    """Return how probable each pair is (m,), against other partners and against none."""
    densities = compute_densities(square_distances(difference, covariances), covariances)
    one, two = (np.bincount(group, densities)[group] for group in pairs.rivals)
    return np.asarray(densities / (STRAY_PER_M2 + one + two - densities))


def _find_common(seen: Observations, pairs: Pairs) -> FloatArray:
    """Return the errors (7,) that all photos share, in deviations; 0 for the position."""
    pairs = _thin_out(seen, pairs)
    one, two = pairs.first, pairs.second
    own_variance = np.full(ERRORS, PHOTO_VARIANCE)
    own_variance[:_POSITION] = 1.0
    common: FloatArray = np.zeros(ERRORS)
    for width in NARROWING ** np.arange(_TURNS):
        errors = np.tile(common, (seen.photo_count, 1))
        places, columns = seen.place(errors), seen.differentiate(errors)
        own = np.matmul(columns * own_variance, columns.transpose(0, 2, 1))
        apart = columns[one] - columns[two]
        own += seen.spread(errors)
        covariances = pairs.height_noise + own[one] + own[two]
        covariances += width * np.matmul(apart, apart.transpose(0, 2, 1))
        difference = places[one] - places[two]
        weights = _weigh(pairs, difference, covariances)
        weights *= _count_once(weights, one, two, len(seen))
        roots = _root_inverse(covariances) * np.sqrt(weights)[:, None, None]
        rows = np.matmul(roots, apart).reshape(-1, ERRORS)
        misses = np.matmul(roots, difference[:, :, None]).ravel()
        normal = rows.T @ rows + np.eye(ERRORS)
        common = common - np.linalg.solve(normal, rows.T @ misses + common)
        common[:_POSITION] = 0.0
    return common


def _thin_out(seen: Observations, pairs: Pairs) -> Pairs:
    """Return all pairs of an even part of the pairs of photos, at most some `COMMON_PAIRS`."""
    step = -(-len(pairs) // COMMON_PAIRS)
    one, two = seen.photo[pairs.first], seen.photo[pairs.second]
    photos = np.cumsum(np.r_[False, (np.diff(one) != 0) | (np.diff(two) != 0)])
    kept = photos % step == 0
    return build_pairs(seen, pairs.first[kept], pairs.second[kept])


def _adjust(
    seen: Observations,
    pairs: Pairs,
    alignment: Alignment,
    prior: Prior,
    width: float,
) -> Alignment:
    """Return the errors after one turn; ``width`` is how much of the prior's spread a pair has."""
    places, columns = seen.place(alignment.errors), seen.differentiate(alignment.errors)
    unsure = alignment.covariances + width * np.diag(prior.variance)
    own = spread(columns, unsure[seen.photo])
    one, two = pairs.first, pairs.second
    difference = places[one] - places[two]
    pixels = seen.spread(alignment.errors)
    noise = pixels[one] + pixels[two] + pairs.height_noise
    covariances = noise + own[one] + own[two]
    weights = _weigh(pairs, difference, covariances)
    weights *= _count_once(weights, one, two, len(seen))
    kept = np.flatnonzero(weights > _NEGLIGIBLE)
    # While the pairs are in doubt, they pull no harder than they are known.
    pulled = covariances if width > 0 else noise
    roots = _root_inverse(pulled[kept]) * np.sqrt(weights[kept])[:, None, None]
    rows = np.concatenate(
        [
            np.matmul(roots, columns[one[kept]]),
            -np.matmul(roots, columns[two[kept]]),
            np.matmul(roots, difference[kept, :, None]),
        ],
        axis=2,
    )
    return solve_errors(rows, seen.photo[one[kept]], seen.photo[two[kept]], alignment.errors, prior)


def _count_once(weights: FloatArray, one: Indices, two: Indices, count: int) -> FloatArray:
    """Return by what (m,) pairs are counted too often: n sightings make n (n - 1) / 2 pairs."""
    partners = np.bincount(one, weights, count) + np.bincount(two, weights, count)
    return np.asarray(2 / (1 + (partners[one] + partners[two]) / 2))


def _root_inverse(covariances: FloatArray) -> FloatArray:
    """Return upper L (m, 2, 2) with Lᵀ L the inverse of each covariance."""
    inverse = invert(covariances)
    root = np.zeros_like(inverse)
    root[:, 0, 0] = np.sqrt(inverse[:, 0, 0])
    root[:, 0, 1] = inverse[:, 0, 1] / root[:, 0, 0]
    root[:, 1, 1] = np.sqrt(np.maximum(inverse[:, 1, 1] - root[:, 0, 1] ** 2, 0.0))
    return root


def _learn(alignment: Alignment) -> Prior:
    """Return mean and spread of the errors over the flight, the stated deviation as the bound."""
    errors = alignment.errors
    variances = np.einsum("nii->ni", alignment.covariances)
    mean = errors.sum(axis=0) / (len(errors) + 1)
    mean[:_POSITION] = 0.0
    mean = np.clip(mean, -MOST_COMMON, MOST_COMMON)
    variance = (np.square(errors - mean) + variances).mean(axis=0)
    return Prior(mean, np.clip(variance, LEAST_SPREAD**2, 1.0))
