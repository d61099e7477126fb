"""What shadow models said of photos, as far as a choice of photos to label needs it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import BigInteger, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.db.tables import ShadowResultRow

Best = dict[HazardClass, float]


class ShadowBoxes:
    """The best score of each class that the latest shadow version of a model gave a photo."""

    def __init__(self, results: Mapping[int, Mapping[str, Best]]) -> None:
        """Keep the best scores, by photo and by name of the model."""
        self._results = results

    def best_of(self, photo_id: int) -> Best:
        """Return the best scores of all shadow models together."""
        best: Best = {}
        for scores in self._results.get(photo_id, {}).values():
            for key, score in scores.items():
                best[key] = max(score, best.get(key, 0.0))
        return best

    def disagreement(self, photo_id: int, own: Iterable[tuple[str, str, float]]) -> float:
        """Return the largest difference of best scores to the models of the same name in force.

        ``own`` holds ``(name@weights, class, score)`` of what was found; 0 where no shadow looked.
        """
        found: dict[str, Best] = defaultdict(dict)
        for model, hazard_class, score in own:
            scores = found[model.split("@", maxsplit=1)[0]]
            key = HazardClass(hazard_class)
            scores[key] = max(score, scores.get(key, 0.0))
        return max(
            (
                abs(shadow.get(key, 0.0) - found[name].get(key, 0.0))
                for name, shadow in self._results.get(photo_id, {}).items()
                for key in shadow.keys() | found[name].keys()
            ),
            default=0.0,
        )


def load_shadow_boxes(session: Session, photo_ids: Iterable[int]) -> ShadowBoxes:
    """Return what shadow models said of these photos; of several versions the latest counts."""
    ids = literal(list(photo_ids), ARRAY(BigInteger))
    columns = (ShadowResultRow.photo_id, ShadowResultRow.model_name, ShadowResultRow.boxes)
    statement = (
        select(*columns)
        .where(ShadowResultRow.photo_id == any_(ids))
        .order_by(ShadowResultRow.created_at)
    )
    results: dict[int, dict[str, Best]] = defaultdict(dict)
    for row in session.execute(statement):
        results[row.photo_id][row.model_name] = _best_scores(row.boxes)
    return ShadowBoxes(results)


def _best_scores(boxes: list[dict[str, Any]]) -> Best:
    best: Best = {}
    for box in boxes:
        key = HazardClass(box["hazard_class"])
        best[key] = max(float(box["score"]), best.get(key, 0.0))
    return best
