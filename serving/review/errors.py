"""What can go wrong in review, each with a stable code."""

from __future__ import annotations

from detection.domain.errors import HazardLensError


class CandidateNotFoundError(HazardLensError):
    """There is no such candidate."""

    code = "candidate_not_found"

    def __init__(self, candidate_id: int) -> None:
        """Name the candidate."""
        super().__init__(
            f"There is no candidate {candidate_id}.", remedy="Go back to the review queue."
        )


class DecisionNotFoundError(HazardLensError):
    """There is no such decision."""

    code = "decision_not_found"

    def __init__(self, decision_id: int) -> None:
        """Name the decision."""
        super().__init__(
            f"There is no decision {decision_id}.", remedy="See the history of the candidate."
        )


class AlreadyDecidedError(HazardLensError):
    """Somebody decided first; the new decision was not made knowing that."""

    code = "already_decided"


class AlreadyUndoneError(HazardLensError):
    """The decision was undone before."""

    code = "already_undone"


class DecisionSupersededError(HazardLensError):
    """A later decision stands; that one has to be undone first."""

    code = "decision_superseded"


class NotYourDecisionError(HazardLensError):
    """Only the person who decided, or an administrator, may undo."""

    code = "not_your_decision"

    def __init__(self) -> None:
        """Say what to do instead."""
        super().__init__(
            "This decision was made by somebody else.",
            remedy="Make a new decision instead, or ask an administrator.",
        )


class InvalidDuplicateError(HazardLensError):
    """``duplicate_of`` does not name another candidate that can stand for this one."""

    code = "invalid_duplicate"


class KeyReusedError(HazardLensError):
    """An idempotency key that already names another act of the same person."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        """Say what a key is for."""
        super().__init__(
            "This Idempotency-Key was used for another act.",
            remedy="Use a new random key for each act.",
        )
