"""For which candidates permits are looked up, and where the answers belong after a merge."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from detection.domain.hazard import HazardClass
from serving.db.tables import CandidateRow

CHECKED_CLASSES = frozenset({HazardClass.ADDED_STOREY, HazardClass.DEMOLISHED})
"""Classes that say something of a whole building; what is built anew needs permits as well."""


def find_holder(session: Session, candidate_id: int) -> int:
    """Return the candidate that one was merged into in the end, else itself."""
    while True:
        statement = select(CandidateRow.merged_into).where(CandidateRow.id == candidate_id)
        merged_into = session.scalar(statement)
        if merged_into is None:
            return candidate_id
        candidate_id = merged_into
