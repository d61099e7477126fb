"""The choice of what to label next, from the rows of the pool to picks with their reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from detection.selection import Example, Pick, SelectionSettings, select_examples
from detection.selection.parts import measure_rarity, measure_uncertainty
from serving.db.label_annotations import list_standing
from serving.learning.appearances import load_vectors
from serving.learning.novelty import CONDITIONS, KnownConditions
from serving.learning.selection_errors import NothingToChooseError
from serving.learning.selection_examples import (
    PhotoChoice,
    choices_from_empty,
    choices_from_things,
)
from serving.learning.selection_pool import (
    count_conditions,
    count_confirmed,
    list_empty,
    list_labelled,
    list_sent_photos,
    list_things,
    restrict_flights,
)
from serving.learning.selection_wish import SelectionWish
from serving.learning.shadow_boxes import load_shadow_boxes

POOL: Final = 3000
"""So many photos at most are compared with each other; the likeliest to be chosen."""

LABELLED: Final = 2000
"""With so many labelled things at most, those of the latest decisions."""

NOTHING_FOUND: Final = "nothing_found"
"""Reason of a photo in which the models found nothing."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A chosen photo with the candidate that speaks for it, if any, and why it was chosen."""

    photo_id: int
    candidate_id: int | None
    detection_id: int | None
    hazard_class: str | None
    pick: Pick
    reason: str
    evidence: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Known:
    """What has labels already: photos drawn, things decided, counts by class and condition."""

    drawn: frozenset[int]
    class_counts: Mapping[HazardClass, int]
    conditions: KnownConditions
    rows: Sequence[Row[Any]]


def choose_photos(
    session: Session, wish: SelectionWish, seed: int
) -> tuple[list[Chosen], dict[str, object]]:
    """Return what to label next under the budget, and what there was to choose from.

    Raises:
        NothingToChooseError: nothing fits that is not labelled, or being labelled, already.
    """
    known = _read_known(session)
    left_out = known.drawn | list_sent_photos(session)
    flights = restrict_flights(wish.flight_ids, wish.days)
    rows = list_things(session, wish.hazard_classes, flights, left_out)
    empty_rows = list_empty(session, flights, left_out, POOL)
    photos = {row.photo_id for row in (*rows, *empty_rows)}
    if not photos:
        raise NothingToChooseError
    shadows = load_shadow_boxes(session, photos)
    things = choices_from_things(rows, known.conditions, shadows)
    empty = choices_from_empty(empty_rows, known.conditions, shadows)
    thresholds = _read_thresholds(rows)
    pool = _keep_likeliest(things, thresholds, known, wish.weights)
    labelled, vectors = _compare_with(session, known, pool)
    for_empty = min(round(wish.budget * wish.empty_share), len(empty))

    def choose(among: list[PhotoChoice], beside: list[Example], budget: int) -> list[Chosen]:
        examples = [each.make_example(_vector_of(each, vectors)) for each in among]
        by_key = {
            example.key: (each, example) for each, example in zip(among, examples, strict=True)
        }
        picks = select_examples(
            examples,
            beside,
            budget,
            thresholds=thresholds,
            class_counts=known.class_counts,
            settings=wish.weights,
            seed=seed,
        )
        return [_tell(by_key[pick.key][0], pick) for pick in picks]

    chosen = choose(pool, labelled, wish.budget - for_empty)
    chosen += choose(empty, [], for_empty)
    if not chosen:
        raise NothingToChooseError
    summary: dict[str, object] = {
        "photos_with_candidates": len(things),
        "photos_compared": len(pool),
        "photos_without": len(empty),
        "labelled_compared": len(labelled),
        "labelled_photos": len(known.drawn),
        "described": len(vectors),
        "class_counts": {key.value: count for key, count in known.class_counts.items()},
        "thresholds": {key.value: value for key, value in thresholds.items()},
        "reasons": dict(Counter(each.reason for each in chosen)),
    }
    return chosen, summary


def _read_known(session: Session) -> _Known:
    """Return everything that has a label: what people decided, and what they drew."""
    standing = list_standing(session)
    drawn = frozenset(row.photo_id for row in standing)
    counts = Counter({key: 0 for key in HazardClass if key.is_hazard})
    counts.update({HazardClass(key): n for key, n in count_confirmed(session).items()})
    for row in {row.task_key: row for row in standing}.values():  # one of several people's
        counts.update(HazardClass(str(shape["hazard_class"])) for shape in row.shapes)
    conditions = KnownConditions(
        ({dimension: getattr(row, dimension.value) for dimension in CONDITIONS}, row.amount)
        for row in count_conditions(session, drawn)
    )
    return _Known(drawn, counts, conditions, list_labelled(session, drawn, LABELLED))


def _read_thresholds(rows: Sequence[Row[Any]]) -> dict[HazardClass, float]:
    """Return the threshold by which the newest detection of each class was shown."""
    newest = sorted(rows, key=lambda row: row.detection_id)
    return {
        HazardClass(row.hazard_class): row.threshold for row in newest if row.threshold is not None
    }


def _keep_likeliest(
    things: list[PhotoChoice],
    thresholds: Mapping[HazardClass, float],
    known: _Known,
    weights: SelectionSettings,
) -> list[PhotoChoice]:
    """Return the photos for which most speaks without looking at them, at most :data:`POOL`."""
    examples = [each.make_example() for each in things]
    merits = (
        weights.uncertainty * measure_uncertainty(examples, thresholds)
        + weights.rarity * measure_rarity(examples, known.class_counts)
        + weights.disagreement * np.array([each.disagreement for each in things])
        + weights.novelty * np.array([each.novelty.value for each in things])
    )
    order = np.lexsort((np.array([each.photo_id for each in things]), -merits))
    return [things[index] for index in order[:POOL]]


def _compare_with(
    session: Session, known: _Known, pool: list[PhotoChoice]
) -> tuple[list[Example], dict[int, NDArray[np.float32]]]:
    """Return the labelled things as examples, and the vectors of them and of the pool."""
    ids = [row.detection_id for row in known.rows]
    ids += [each.lead.detection_id for each in pool if each.lead is not None]
    vectors = load_vectors(session, ids)
    labelled = [
        Example(
            key=f"labelled-{row.detection_id}",
            scores=(),
            vector=vectors.get(row.detection_id),
            group=row.place_key or "",
        )
        for row in known.rows
    ]
    return labelled, vectors


def _vector_of(
    choice: PhotoChoice, vectors: Mapping[int, NDArray[np.float32]]
) -> NDArray[np.float32] | None:
    return None if choice.lead is None else vectors.get(choice.lead.detection_id)


def _tell(choice: PhotoChoice, pick: Pick) -> Chosen:
    lead = choice.lead
    return Chosen(
        photo_id=choice.photo_id,
        candidate_id=lead.candidate_id if lead else None,
        detection_id=lead.detection_id if lead else None,
        hazard_class=lead.hazard_class if lead else None,
        pick=pick,
        reason=pick.reason if lead else NOTHING_FOUND,
        evidence=choice.evidence,
    )
