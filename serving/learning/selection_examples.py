"""From rows of the pool to photos that can be chosen: what is known of each, and its evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from detection.domain.hazard import HazardClass
from detection.selection import Example
from serving.learning.novelty import CONDITIONS, KnownConditions, Novelty
from serving.learning.selection_pool import Rows
from serving.learning.shadow_boxes import ShadowBoxes

DISAGREEMENT: Final = {"dispute": 1.0, "unsure": 0.5, "taken_back": 0.5, "asked": 0.5}
"""How far people are from one mind: two said different things; one did not know or came back."""

MODELS_DISAGREE: Final = "models"
CELL_DEG: Final = 5e-4
"""Photos of one flight within about 50 m of each other show one place."""


@dataclass(frozen=True, slots=True)
class PhotoChoice:
    """A photo that can be chosen: ``lead`` is the row of the candidate that speaks for it most.

    ``doubtful`` is score and threshold of the one nearest to its threshold, often the same.
    """

    photo_id: int
    flight_id: int
    lead: Row[Any] | None
    things: int
    scores: tuple[tuple[HazardClass, float], ...]
    group: str
    said: str | None
    doubtful: tuple[float, ...]
    disagreement: float
    novelty: Novelty
    conditions: Mapping[str, str]

    def make_example(self, vector: NDArray[np.float32] | None = None) -> Example:
        """Return the photo as the selection reads it."""
        return Example(
            key=f"photo-{self.photo_id}",
            scores=self.scores,
            vector=vector,
            group=self.group,
            disagreement=self.disagreement,
            novelty=self.novelty.value,
        )

    @property
    def evidence(self) -> dict[str, object]:
        """What was known at the choice, to be shown whatever becomes of the candidate."""
        found: dict[str, object] = {
            **self.conditions,
            "things": self.things,
            "said": self.said,
            "new": self.novelty.dimension.value if self.novelty.dimension else None,
            "new_labelled": self.novelty.labelled,
            "shadow": [[key.value, round(score, 4)] for key, score in self.scores]
            if self.lead is None
            else [],
        }
        if self.lead is not None:
            row = self.lead
            found |= {
                "score": round(row.score, 4),
                "doubtful": [round(value, 4) for value in self.doubtful],
                "threshold": row.threshold,
                "bbox_xyxy": [row.x_min, row.y_min, row.x_max, row.y_max],
                "model": row.model,
                "weights_sha256": row.weights_sha256,
            }
        return found


def choices_from_things(
    rows: Rows, known: KnownConditions, shadows: ShadowBoxes
) -> list[PhotoChoice]:
    """Return the photos that show candidates, each once."""
    by_photo: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        by_photo[row.photo_id].append(row)
    return [_choice_of(found, known, shadows) for found in by_photo.values()]


def choices_from_empty(
    rows: Rows, known: KnownConditions, shadows: ShadowBoxes
) -> list[PhotoChoice]:
    """Return photos in which the models in force found nothing; a shadow model may have."""
    choices = []
    for row in rows:
        scores = shadows.best_of(row.photo_id)
        choices.append(
            PhotoChoice(
                photo_id=row.photo_id,
                flight_id=row.flight_id,
                lead=None,
                things=0,
                scores=tuple(scores.items()),
                group=_cell_of(row),
                doubtful=(),
                said=MODELS_DISAGREE if scores else None,
                disagreement=max(scores.values(), default=0.0),
                novelty=known.measure(_read_conditions(row)),
                conditions=_show_conditions(row),
            )
        )
    return choices


def _choice_of(
    rows: Sequence[Row[Any]], known: KnownConditions, shadows: ShadowBoxes
) -> PhotoChoice:
    lead = max(rows, key=_speak_for)
    between = shadows.disagreement(
        lead.photo_id, [(row.model, row.hazard_class, row.score) for row in rows]
    )
    people = DISAGREEMENT.get(lead.said, 0.0)
    return PhotoChoice(
        photo_id=lead.photo_id,
        flight_id=lead.flight_id,
        lead=lead,
        things=len(rows),
        scores=tuple((HazardClass(row.hazard_class), row.score) for row in rows),
        group=lead.place_key or "",
        said=MODELS_DISAGREE if between > people else lead.said,
        doubtful=_most_doubtful(rows),
        disagreement=max(people, between),
        novelty=known.measure(_read_conditions(lead)),
        conditions=_show_conditions(lead),
    )


def _speak_for(row: Row[Any]) -> tuple[float, float, int]:
    """Return what makes a candidate speak for its photo: people's doubt, then the model's."""
    doubt = -abs(row.score - (row.threshold or 0.0))
    return DISAGREEMENT.get(row.said, 0.0), doubt, -row.candidate_id


def _most_doubtful(rows: Sequence[Row[Any]]) -> tuple[float, ...]:
    """Return score and threshold of the candidate of which the model is least sure, if any."""
    known = [row for row in rows if row.threshold is not None]
    nearest = min(known, key=lambda row: abs(row.score - row.threshold), default=None)
    return () if nearest is None else (nearest.score, nearest.threshold)


def _read_conditions(row: Row[Any]) -> dict[Any, str]:
    return {dimension: getattr(row, dimension.value) for dimension in CONDITIONS}


def _show_conditions(row: Row[Any]) -> dict[str, str]:
    return {dimension.value: getattr(row, dimension.value) for dimension in CONDITIONS}


def _cell_of(row: Row[Any]) -> str:
    if row.lat is None or row.lon is None:
        return ""
    return f"{row.flight_id}:{floor(row.lat / CELL_DEG)}:{floor(row.lon / CELL_DEG)}"
