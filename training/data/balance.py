"""How often a training photo is shown: by hand per class, or by the frequency of the classes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto
from training.fitting_settings import Balance

_DIGITS = 4  # of a recorded factor


def balance_classes(photos: Iterable[AnnotatedPhoto], rule: Balance) -> dict[HazardClass, float]:
    """Return how often photos of each class are shown: repeat factors of LVIS.

    ``max(1, (t / f) ** power)``, capped, where ``f`` is the share of training photos that show
    the class (Gupta, Dollár, Girshick: LVIS, 2019, with power 0.5 and a fixed ``t``).
    """
    train = [photo for photo in photos if photo.split == "train"]
    shown = Counter(
        hazard_class
        for photo in train
        for hazard_class in {item.hazard_class for item in photo.annotations}
    )
    if not shown:
        return {}
    wanted = rule.frequency or max(shown.values()) / len(train)
    return {
        hazard_class: round(
            min(rule.max_repeat, max(1.0, (wanted * len(train) / count) ** rule.power)), _DIGITS
        )
        for hazard_class, count in sorted(shown.items())
    }


def count_showings(photo: AnnotatedPhoto, factors: Mapping[HazardClass, float]) -> int:
    """Return how often a photo is listed: the largest factor of its classes, at least once.

    Of a factor of 2.3 a photo gets 3 with a chance of 0.3, drawn by its name: stable, and right on
    the average.
    """
    factor = max([1.0, *(factors.get(item.hazard_class, 1.0) for item in photo.annotations)])
    digest = hashlib.sha256(photo.name.encode()).digest()
    chance = int.from_bytes(digest[:8], "big") / 2**64
    return int(factor) + (chance < factor - int(factor))
