"""Appearance vectors of many detections, comparable whatever weights made them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from serving.db.tables import DetectionAppearanceRow

MOST_WEIGHTS: Final = 4
"""So many models' vectors are compared, those with the most; others count as unlike everything."""


def load_vectors(session: Session, detection_ids: Iterable[int]) -> dict[int, NDArray[np.float32]]:
    """Return a vector for each detection that is described, all of one length.

    Vectors of different weights say nothing of each other. Each model's stand in columns of their
    own, zeros elsewhere, so that the cosine of two models' vectors is 0: unlike.
    """
    ids = literal(list(detection_ids), ARRAY(BigInteger))
    known = DetectionAppearanceRow
    rows = session.execute(
        select(known.detection_id, known.weights_sha256, known.vector).where(
            known.detection_id == any_(ids)
        )
    ).all()
    vectors = {row.detection_id: np.frombuffer(row.vector, dtype="<f2") for row in rows}
    by_weights = Counter(row.weights_sha256 for row in rows)
    kept = sorted(weights for weights, _ in by_weights.most_common(MOST_WEIGHTS))
    widths = {row.weights_sha256: len(vectors[row.detection_id]) for row in rows}
    start = {
        weights: sum(widths[each] for each in kept[:place]) for place, weights in enumerate(kept)
    }
    whole = sum(widths[weights] for weights in kept)
    placed: dict[int, NDArray[np.float32]] = {}
    for row in rows:
        if row.weights_sha256 in start:
            vector = np.zeros(whole, dtype=np.float32)
            first = start[row.weights_sha256]
            vector[first : first + widths[row.weights_sha256]] = vectors[row.detection_id]
            placed[row.detection_id] = vector
    return placed
