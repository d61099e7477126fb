"""Models that people have not tried enough yet: what they alone show waits in the lowest tier.

A model trained on rendered photos only has scores that nobody could calibrate. After so many human
decisions on its candidates the scores mean something; until then they put nothing before others.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from detection.domain.hazard import HazardClass
from serving.db.tables import CandidateRow, ReviewEventRow
from serving.review.rules import TierRules

RANKED_UNPROVEN = "unproven"
"""How ``ranked_by`` of a candidate begins that waits for its model to be proven."""

Unproven = frozenset[tuple[HazardClass, str]]
"""Classes with models, ``name@`` and the first digits of the weights, as ``candidates.models``."""


def mark_unproven(order_hash: str) -> str:
    """Return ``ranked_by`` of a candidate that waits, put there by the rules with this hash."""
    return f"{RANKED_UNPROVEN}{order_hash[:8]}"


def find_unproven(session: Session, models: Iterable[str], rules: TierRules) -> Unproven:
    """Return which of the models still lack decisions, by class. New weights begin anew."""
    named = set(models)
    return frozenset(
        (hazard_class, model)
        for hazard_class, rule in rules.prove_first.items()
        for model in named
        if model.split("@", maxsplit=1)[0] in rule.models
        and count_decided(session, hazard_class, model) < rule.decisions
    )


def is_unproven(row: CandidateRow, unproven: Unproven) -> bool:
    """Whether a candidate is shown by nothing but models that are not proven for its class."""
    hazard_class = HazardClass(row.class_of_models)
    return bool(row.models) and all((hazard_class, model) in unproven for model in row.models)


def count_decided(session: Session, hazard_class: HazardClass, model: str) -> int:
    """Return how many candidates of a class that a model showed have a decision that stands."""
    undoing = aliased(ReviewEventRow)
    statement = (
        select(func.count(func.distinct(ReviewEventRow.candidate_id)))
        .join(CandidateRow, CandidateRow.id == ReviewEventRow.candidate_id)
        .where(
            ReviewEventRow.kind == "decision",
            ~exists().where(undoing.undoes == ReviewEventRow.id),
            CandidateRow.models.contains([model]),
            func.coalesce(CandidateRow.model_class, CandidateRow.hazard_class)
            == hazard_class.value,
        )
    )
    return session.scalar(statement) or 0


def has_waiting(session: Session, candidate_id: int, rules: TierRules) -> bool:
    """Whether an act on this candidate has proven a model whose other candidates still wait."""
    row = session.get_one(CandidateRow, candidate_id)
    if HazardClass(row.class_of_models) not in rules.prove_first or not row.models:
        return False
    proven = set(row.models) - {model for _, model in find_unproven(session, row.models, rules)}
    waiting = is_waiting(), CandidateRow.models.overlap(list(proven))
    return bool(proven) and bool(session.scalar(select(exists().where(*waiting))))


def is_waiting() -> ColumnElement[bool]:
    """Return the condition that a candidate waits for its model to be proven."""
    return CandidateRow.ranked_by.startswith(RANKED_UNPROVEN)
