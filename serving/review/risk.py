"""The order of risk: class weight x score x exposure, twice as much every few days of waiting.

The logarithm of the risk is ``log2(base) + days waiting / days to double``. All candidates grow
older by the same days, so their order is that of ``log2(base) - day of arrival / days to double``
at any instant. That number is stored once, as ``risk_key``, and the queue is an index.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.db.tables import CandidateRow
from serving.review.rules import ExposureRules, ReviewRules, load_rules
from serving.review.tiers import Tier, tier_of
from serving.review.unproven import Unproven, is_unproven, mark_unproven

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""From here the days of arrival are counted; any instant would give the same order."""

LEAST_SCORE = 1e-6
"""A score of 0 has no logarithm."""

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Exposed:
    """Something that raises the risk: ``code`` is the key of the rule, ``detail`` the name of it.

    ``value`` is the distance of a key place in metres, or the number of storeys.
    """

    code: str
    detail: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of the risk, to tell a person why a candidate comes first."""

    code: str
    factor: float
    detail: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Risk:
    """The product of its factors. Only its order means something; it has no unit."""

    value: float
    factors: tuple[Factor, ...]


def explain_risk(row: CandidateRow, now: datetime, rules: ReviewRules | None = None) -> Risk:
    """Return the risk of a candidate at an instant, with what it comes from."""
    rules = rules or load_rules()
    hazard_class = HazardClass(row.hazard_class)
    days = max(0.0, (now - row.created_at) / DAY)
    factors = (
        Factor("class", rules.weigh(hazard_class), hazard_class.value),
        Factor("score", max(row.score, LEAST_SCORE)),
        *(_factor(each, rules.exposure) for each in exposed_from_columns(row.exposure)),
        Factor("waiting", 2 ** (days / rules.days_to_double), value=days),
    )
    return Risk(math.prod(each.factor for each in factors), factors)


def base_risk(
    hazard_class: HazardClass, score: float, exposed: Iterable[Exposed], rules: ReviewRules
) -> float:
    """Return the risk on the day of arrival."""
    factors = [_factor(each, rules.exposure).factor for each in exposed]
    return rules.weigh(hazard_class) * max(score, LEAST_SCORE) * math.prod(factors)


def risk_key(base: float, arrived_at: datetime, days_to_double: float) -> float:
    """Return the number that orders candidates as their risk does, whatever the time is."""
    return math.log2(base) - (arrived_at - EPOCH) / DAY / days_to_double


def refresh(
    session: Session,
    row: CandidateRow,
    rules: ReviewRules | None = None,
    unproven: Unproven = frozenset(),
) -> None:
    """Set tier and place in the order from the class, the score and the stored exposure.

    What only ``unproven`` models show is low, whatever its score.
    """
    rules = rules or load_rules()
    if row.created_at is None:
        session.flush()
    hazard_class = HazardClass(row.hazard_class)
    base = base_risk(hazard_class, row.score, exposed_from_columns(row.exposure), rules)
    row.tier = tier_of(hazard_class, row.score, rules.tiers).value
    row.risk_key = risk_key(base, row.created_at, rules.days_to_double)
    row.ranked_by = rules.order_hash
    if is_unproven(row, unproven):
        row.tier, row.ranked_by = Tier.LOW.value, mark_unproven(rules.order_hash)


def columns_from_exposed(exposed: Iterable[Exposed]) -> list[dict[str, object]]:
    """Return what raises a risk as JSON can hold it."""
    return [asdict(each) for each in exposed]


def exposed_from_columns(value: Iterable[Mapping[str, object]] | None) -> list[Exposed]:
    """Return what :func:`columns_from_exposed` stored."""
    return [
        Exposed(
            str(each["code"]),
            str(each.get("detail") or ""),
            None if each.get("value") is None else float(str(each["value"])),
        )
        for each in value or ()
    ]


def _factor(exposed: Exposed, rules: ExposureRules) -> Factor:
    factors = {
        "key_place": rules.key_place.factor,
        "storeys": rules.storeys.factor,
        "commercial": rules.commercial.factor,
    }
    # A rule that a later release knew raises nothing here.
    return Factor(exposed.code, factors.get(exposed.code, 1.0), exposed.detail, exposed.value)
