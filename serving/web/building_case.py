"""A candidate that is about a whole building: its evidence and its permits, for the panel."""

from __future__ import annotations

from sqlalchemy.orm import Session

from serving.accounts.users import Person
from serving.api.evidence_views import view_evidence
from serving.api.permit_views import view_permits
from serving.api.review_schemas import CandidateAnswer
from serving.review.queue import get_candidate
from serving.web.evidence_facts import describe_evidence, describe_pair_for_scripts
from serving.web.permit_facts import describe_permits
from serving.web.rendering import Words


def build_building_case(
    session: Session, candidate: CandidateAnswer, person: Person, words: Words
) -> dict[str, object]:
    """Return the part of the context of ``review_panel.html`` that is about the building.

    Other candidates have it too, empty; answers on permits stay although the class was corrected.
    """
    evidence = view_evidence(session, candidate.id)
    permits = view_permits(session, get_candidate(session, candidate.id), person.user_id)
    context = describe_evidence(candidate, evidence, words)
    finding = evidence.finding if context["signals"] else None
    figures = finding.figures if finding else {}
    return {
        **context,
        **describe_permits(permits, figures, person, words),
        "pair_data": describe_pair_for_scripts(finding, evidence.run),
    }
