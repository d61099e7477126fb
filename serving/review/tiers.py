"""The three tiers of the queue. A tier says what to look at first; it is never a hazard grade."""

from __future__ import annotations

from enum import StrEnum

from detection.domain.hazard import HazardClass
from serving.review.rules import TierRules


class Tier(StrEnum):
    """Where in the queue a candidate is; sorted falling by their names, urgent comes first."""

    URGENT = "urgent"
    NORMAL = "normal"
    LOW = "low"


def tier_of(hazard_class: HazardClass, score: float, rules: TierRules) -> Tier:
    """Return the tier of a class with a calibrated score."""
    urgent_from = rules.urgent_from.get(hazard_class)
    if urgent_from is not None and score >= urgent_from:
        return Tier.URGENT
    return Tier.LOW if score < rules.low_below.get(hazard_class, 0.0) else Tier.NORMAL
