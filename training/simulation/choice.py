"""Which photos are labelled next: by chance, blind to everything, or by the product's selection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from detection.domain.hazard import HazardClass
from detection.selection import Example, SelectionSettings, select_examples
from training.data.annotation import AnnotatedPhoto
from training.evaluation.answers import SHIPPED_FLOOR
from training.simulation.answers import Answers
from training.simulation.stock import Stock

THRESHOLD = 0.25
"""Round which a score is uncertain: fixed, because no labels but the revealed may set it."""


def draw_photos(names: Sequence[str], count: int, seed: int) -> list[str]:
    """Return a simple random sample without replacement, blind to groups and classes."""
    order = np.random.default_rng(seed).permutation(len(names))
    return [names[index] for index in order[:count]]


def choose_photos(
    stock: Stock,
    labelled: Collection[str],
    answers: Answers,
    count: int,
    *,
    settings: SelectionSettings,
    seed: int,
) -> list[str]:
    """Return the ``count`` photos that the selection asks for next.

    It sees the answers of the last round's network and the labels revealed so far; of the others
    neither boxes nor whether there are any.
    """
    examples = _describe_photos(stock, answers)
    shown = [photo for photo in stock.train if photo.name in labelled]
    picks = select_examples(
        [example for key, example in examples.items() if key not in labelled],
        [examples[photo.name] for photo in shown],
        count,
        thresholds=dict.fromkeys(stock.plan.classes, THRESHOLD),
        class_counts=count_labels(shown, stock.plan.classes),
        settings=settings,
        seed=seed,
    )
    return [pick.key for pick in picks]


def count_labels(
    photos: Sequence[AnnotatedPhoto], classes: Sequence[HazardClass]
) -> dict[HazardClass, int]:
    """Return the number of labels of each class."""
    counts = Counter(item.hazard_class for photo in photos for item in photo.annotations)
    return {key: counts[key] for key in classes}


def _describe_photos(stock: Stock, answers: Answers) -> dict[str, Example]:
    vectors = answers.centre_vectors()
    row_of = {name: row for row, name in enumerate(answers.names)}
    return {
        photo.name: Example(
            key=photo.name,
            scores=answers.list_scores(row_of[photo.name], stock.plan.classes, SHIPPED_FLOOR),
            vector=vectors[row_of[photo.name]],
            group=photo.group,
        )
        for photo in stock.train
    }
