"""What a selection reads and says: plain values, so that training and serving share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.domain.hazard import HazardClass


@dataclass(frozen=True, slots=True)
class Example:
    """A photo, tile or crop that could be labelled, or that was.

    ``scores`` are the boxes that a model found in it, faint ones too; those of labelled examples
    are not read. ``vector`` ``(d,)`` is what it looks like, of any length; only its direction
    counts. ``group`` names things that look alike for a reason (one place, one scene), never a
    whole data set; empty: none. ``disagreement`` (of reviewers, or of models) and ``novelty`` (of
    camera, altitude or season) are in [0, 1].

    Raises:
        ValueError: a score, a vector, the disagreement or the novelty is not a number in range.
    """

    key: str
    scores: tuple[tuple[HazardClass, float], ...]
    vector: NDArray[np.floating] | None = field(default=None, compare=False)
    group: str = ""
    disagreement: float = 0.0
    novelty: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what would make every comparison silently false."""
        parts = [self.disagreement, self.novelty, *(score for _, score in self.scores)]
        if not all(0.0 <= part <= 1.0 for part in parts):
            message = f"{self.key}: scores, disagreement and novelty lie in [0, 1]."
            raise ValueError(message)
        if self.vector is not None and not np.isfinite(self.vector).all():
            message = f"{self.key}: the vector holds what is no number."
            raise ValueError(message)

    @property
    def says_nothing(self) -> bool:
        """Whether nothing but its looks speaks for labelling it."""
        return not (self.scores or self.disagreement or self.novelty)


@dataclass(frozen=True, slots=True)
class SelectionSettings:
    """How much each part of the choice weighs; only the proportions count.

    ``uncertainty``: the model's score lies near its threshold, so a label moves what is shown.
    ``diversity``: unlike all that is labelled or picked. ``rarity``: it probably shows a class
    that few labels show. ``disagreement``: reviewers, or models, said different things of it.
    ``novelty``: camera, altitude or season that no label has.

    Raises:
        ValueError: a weight is negative, or all are nought.
    """

    uncertainty: float = 1.0
    diversity: float = 1.0
    rarity: float = 1.0
    disagreement: float = 1.0
    novelty: float = 0.5

    def __post_init__(self) -> None:
        """Refuse weights that make no mean."""
        weights = [getattr(self, part.name) for part in fields(self)]
        if not (all(np.isfinite(weights)) and min(weights) >= 0 and sum(weights) > 0):
            message = "The weights of a selection are nought or more, and one is more."
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Pick:
    """One chosen example and why: every part is in [0, 1], ``rank`` starts at 1.

    ``total`` is the mean of the parts by their weights, at the moment of the choice; ``reason``
    is the part that lifts it most above what is usual in the pool.
    """

    key: str
    rank: int
    total: float
    uncertainty: float
    diversity: float
    rarity: float
    disagreement: float
    novelty: float
    reason: str


REASONS: Final[Mapping[str, str]] = {
    "uncertainty": "uncertain",
    "diversity": "unlike_labelled",
    "rarity": "rare_class",
    "disagreement": "disagreement",
    "novelty": "new_conditions",
}
"""Part of the choice to the code that a page translates."""
