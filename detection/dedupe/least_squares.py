"""Least squares for the errors of many photos that are tied pair by pair.

The normal matrix has a block for every photo and one for every pair of photos that share
detections, so it is sparse; conjugate gradients solve it, with the photos' own blocks as a start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import bsr_array
from scipy.sparse.linalg import LinearOperator, cg

from detection.dedupe.pairs import Indices
from detection.dedupe.rays import ERRORS
from detection.domain.geometry import FloatArray

_TOLERANCE = 1e-3
"""Of the pull that is left: the turns of `alignment` go on where one stops."""

_ITERATIONS = 100


@dataclass(frozen=True, eq=False)
class Alignment:
    """The errors (photos, 7) in deviations, and their covariances (photos, 7, 7).

    A covariance is that against the neighbours as they are, which is what a gate has to know.
    """

    errors: FloatArray
    covariances: FloatArray


@dataclass(frozen=True, eq=False)
class Prior:
    """What an error of a photo is likely to be: ``mean`` and ``variance`` (7,)."""

    mean: FloatArray
    variance: FloatArray


def solve_errors(
    rows: FloatArray, one: Indices, two: Indices, errors: FloatArray, prior: Prior
) -> Alignment:
    """Return the errors that the prior and ``rows`` make most likely.

    ``rows`` (m, 2, 15) are the derivatives of the difference of a pair by the errors of its first
    and its second photo, and the difference itself at ``errors`` (photos, 7), whitened. ``one``
    and ``two`` (m,) number the photos; the pairs are sorted by them.
    """
    count = len(errors)
    own = np.tile(np.diag(1 / prior.variance), (count, 1, 1))
    pull = (prior.mean - errors) / prior.variance
    starts = np.flatnonzero(np.r_[True, (np.diff(one) != 0) | (np.diff(two) != 0)])[: len(one)]
    ends = np.r_[starts[1:], len(one)]
    crossed = np.empty((len(starts), ERRORS, ERRORS))
    flat = rows.reshape(-1, 2 * ERRORS + 1)
    for index, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        block = flat[2 * start : 2 * end]
        squares = block.T @ block
        p, q = one[start], two[start]
        own[p] += squares[:ERRORS, :ERRORS]
        own[q] += squares[ERRORS:-1, ERRORS:-1]
        crossed[index] = squares[:ERRORS, ERRORS:-1]
        pull[p] -= squares[:ERRORS, -1]
        pull[q] -= squares[ERRORS:-1, -1]
    matrix = _build_matrix(own, crossed, one[starts], two[starts])
    inverse: FloatArray = np.asarray(np.linalg.inv(own), dtype=np.float64)

    def precondition(vector: FloatArray) -> FloatArray:
        return np.asarray(np.matmul(inverse, vector.reshape(count, ERRORS, 1)).ravel())

    near = LinearOperator(matrix.shape, matvec=precondition, dtype=np.float64)
    step, _ = cg(matrix, pull.ravel(), rtol=_TOLERANCE, maxiter=_ITERATIONS, M=near)
    return Alignment(errors + step.reshape(count, ERRORS), inverse)


def _build_matrix(
    own: FloatArray, crossed: FloatArray, one: Indices, two: Indices
) -> bsr_array[np.float64]:
    """Return the symmetric normal matrix: blocks (7, 7) of photos, and of pairs of photos."""
    count = len(own)
    row = np.concatenate([np.arange(count), one, two])
    column = np.concatenate([np.arange(count), two, one])
    order = np.lexsort((column, row))
    blocks = np.concatenate([own, crossed, crossed.transpose(0, 2, 1)])[order]
    starts = np.searchsorted(row[order], np.arange(count + 1))
    return bsr_array((blocks, column[order], starts), shape=(count * ERRORS, count * ERRORS))
