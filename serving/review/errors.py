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


class CandidateMergedError(HazardLensError):
    """The candidate was merged into another; what is said has to be said of that one."""

    code = "candidate_merged"

    def __init__(self, candidate_id: int, merged_into: int) -> None:
        """Name both."""
        super().__init__(
            f"Candidate {candidate_id} was merged into candidate {merged_into}.",
            remedy=f"Look at candidate {merged_into}, or undo the merge.",
        )


class CandidateChangedError(HazardLensError):
    """The photos of a candidate are not those that the person saw."""

    code = "candidate_changed"

    def __init__(self, candidate_id: int) -> None:
        """Name the candidate."""
        super().__init__(
            f"The photos of candidate {candidate_id} have changed meanwhile.",
            remedy="Look at it again, then repeat the act with its new revision.",
        )


class MergeOfDecidedError(HazardLensError):
    """What was decided of a candidate would vanish with it."""

    code = "merge_of_decided"

    def __init__(self, candidate_id: int, state: str) -> None:
        """Name the candidate and its state."""
        super().__init__(
            f"Candidate {candidate_id} is {state} already; only a pending one can be merged away.",
            remedy="Merge the other one into it, undo the decision first, or decide 'duplicate'.",
        )


class InvalidMergeError(HazardLensError):
    """These candidates cannot be one thing."""

    code = "invalid_merge"


class InvalidSplitError(HazardLensError):
    """These photos cannot be parted from a candidate."""

    code = "invalid_split"


class GroupingNotFoundError(HazardLensError):
    """There is no such merge or split."""

    code = "grouping_not_found"

    def __init__(self, event_id: int) -> None:
        """Name the act."""
        super().__init__(
            f"There is no merge or split {event_id}.", remedy="See the history of the candidate."
        )


class GroupingSupersededError(HazardLensError):
    """A later merge or split of the same candidates stands; that one has to be undone first."""

    code = "grouping_superseded"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "A later merge or split of the same candidates stands.",
            remedy="Undo the later one first.",
        )


class FlightBusyError(HazardLensError):
    """The candidates of the flight are being put together at this moment."""

    code = "flight_busy"

    def __init__(self) -> None:
        """Say that it passes."""
        super().__init__(
            "The candidates of this flight are being put together at this moment.",
            remedy="Try again in a few seconds.",
        )


class KeyReusedError(HazardLensError):
    """An idempotency key that already names another act of the same person."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        """Say what a key is for."""
        super().__init__(
            "This Idempotency-Key was used for another act.",
            remedy="Use a new random key for each act.",
        )
