"""How many boxes of a model's own val lie above each score, and how many of them are true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass


class StoredCurve(BaseModel):
    """Counts as deployed at rising ``scores``: ``hits`` true boxes among ``found`` shown ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scores: tuple[float, ...]
    hits: tuple[int, ...]
    found: tuple[int, ...]

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if not len(self.scores) == len(self.hits) == len(self.found) or len(self.scores) < 2:  # noqa: PLR2004 - a curve has two ends
            message = "scores, hits and found have one length of at least two"
            raise ValueError(message)
        if any(later <= one for one, later in zip(self.scores, self.scores[1:], strict=False)):
            message = "scores rise"
            raise ValueError(message)
        if not (self.scores[0] > 0.0 and self.scores[-1] < 1.0):
            message = "scores lie between 0 and 1"
            raise ValueError(message)
        if any(not 0 <= hit <= found for hit, found in zip(self.hits, self.found, strict=True)):
            message = "hits are a part of found"
            raise ValueError(message)
        return self

    def bins(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return ``(k,)`` middle scores with the true and the false boxes between two scores.

        The merge makes counts that rise a little with the score here and there; such a bin has
        none of them.
        """
        edges = np.array([*self.scores, 1.0])
        hits = np.array([*self.hits, 0], dtype=np.float64)
        found = np.array([*self.found, 0], dtype=np.float64)
        true = np.clip(hits[:-1] - hits[1:], 0, None)
        false = np.clip((found - hits)[:-1] - (found - hits)[1:], 0, None)
        return (edges[:-1] + edges[1:]) / 2, true, false


def curve_from_evaluation(
    evaluation: Mapping[str, object], hazard_class: HazardClass
) -> StoredCurve | None:
    """Return the curve that the evaluation in a manifest holds; None where it holds none."""
    part: object = evaluation
    for name in ("val_deployed", "classes", hazard_class.value, "score_curve"):
        if not isinstance(part, Mapping):
            return None
        part = part.get(name)
    try:
        return None if part is None else StoredCurve.model_validate(part)
    except ValidationError:
        return None
