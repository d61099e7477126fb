"""What can go wrong in review, each with a stable code."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

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


class CorrectionNotFoundError(HazardLensError):
    """There is no such correction of a box or a class."""

    code = "correction_not_found"

    def __init__(self, event_id: int) -> None:
        """Name the correction."""
        super().__init__(
            f"There is no correction {event_id}.", remedy="See the history of the candidate."
        )


class CorrectionChangedError(HazardLensError):
    """The box or the class is not the one that the person saw."""

    code = "correction_changed"

    def __init__(self, candidate_id: int) -> None:
        """Name the candidate."""
        super().__init__(
            f"Box or class of candidate {candidate_id} have changed meanwhile.",
            remedy="Look at it again, then repeat the correction.",
        )


class CorrectionSupersededError(HazardLensError):
    """A later correction of the same box or class stands; that one has to be undone first."""

    code = "correction_superseded"

    def __init__(self, event_id: int) -> None:
        """Name the correction."""
        super().__init__(
            f"A later correction than {event_id} stands.", remedy="Undo the later one first."
        )


class WhyInvalid(StrEnum):
    """What is wrong with a correction."""

    UNCHANGED = "This is what it says already."
    UNNAMED = "Neither a box nor a class is named."
    BOX_OF_NONE = "A box belongs to one photo."
    BAD_BOX = "The box is too small, or outside the photo."
    NO_HAZARD = "A candidate that is no hazard is rejected, not corrected."


class InvalidCorrectionError(HazardLensError):
    """The box or the class cannot be what the person says."""

    code = "invalid_correction"

    def __init__(self, why: WhyInvalid) -> None:
        """Say what is wrong."""
        super().__init__(why.value, remedy="Name another box within the photo, or another class.")


class ClaimedByOtherError(HazardLensError):
    """Somebody else is looking at the candidate just now."""

    code = "claimed_by_other"

    def __init__(self, candidate_id: int, username: str, expires_at: datetime) -> None:
        """Name who holds it and until when."""
        until = expires_at.astimezone(UTC).strftime("%H:%M")
        super().__init__(
            f"{username} is looking at candidate {candidate_id}, until {until} UTC at least.",
            remedy="Take the next one; what was decided here can be sent again afterwards.",
        )


class AssignmentNotFoundError(HazardLensError):
    """There is no such assignment, or it has ended."""

    code = "assignment_not_found"

    def __init__(self, assignment_id: int) -> None:
        """Name the assignment."""
        super().__init__(
            f"There is no open assignment {assignment_id}.", remedy="See the list of assignments."
        )


class InvalidAssignmentError(HazardLensError):
    """The share of the queue is nobody's to have, or does not exist."""

    code = "invalid_assignment"


class InDisputeError(HazardLensError):
    """Two people disagree about the candidate; an arbiter decides."""

    code = "in_dispute"

    def __init__(self, candidate_id: int) -> None:
        """Name the candidate."""
        super().__init__(
            f"Two reviewers disagree about candidate {candidate_id}; an arbiter decides now.",
            remedy="Wait for the arbiter, or undo your own decision.",
        )


class OwnDisputeError(HazardLensError):
    """The arbiter gave one of the two verdicts."""

    code = "own_dispute"

    def __init__(self, candidate_id: int) -> None:
        """Name the candidate."""
        super().__init__(
            f"One of the two verdicts on candidate {candidate_id} is yours.",
            remedy="Another arbiter has to decide.",
        )


class GroupingNotNowError(HazardLensError):
    """The photos of a candidate cannot be merged or split by this person now.

    Says no more: the person may be looking at something decided that seems pending to them.
    """

    code = "grouping_not_now"

    def __init__(self) -> None:
        """Say what to do instead."""
        super().__init__(
            "These photos cannot be merged or split at the moment.",
            remedy="Decide what you see, or go on to the next candidate.",
        )


class NotCertainError(HazardLensError):
    """What is decided of a candidate cannot be held certain."""

    code = "not_certain"

    def __init__(self, candidate_id: int) -> None:
        """Name the candidate."""
        super().__init__(
            f"Candidate {candidate_id} is neither confirmed nor rejected, or is in dispute.",
            remedy="Mark what was decided as a hazard or as none.",
        )


class UrgentTierError(HazardLensError):
    """An urgent candidate in a bulk act."""

    code = "urgent_tier"

    def __init__(self, candidate_id: int) -> None:
        """Say how it is decided."""
        super().__init__(
            f"Candidate {candidate_id} is urgent.", remedy="Urgent ones are decided one by one."
        )


class BulkEmptyError(HazardLensError):
    """Nothing of a bulk act can be done."""

    code = "bulk_empty"

    def __init__(self) -> None:
        """Say why that may be."""
        super().__init__(
            "None of these candidates can be changed together: they are urgent, held by others, "
            "or decided meanwhile.",
            remedy="Look again, or decide them one by one.",
        )


class BulkNotFoundError(HazardLensError):
    """There is no such bulk act."""

    code = "bulk_not_found"

    def __init__(self, bulk_id: int) -> None:
        """Name the act."""
        super().__init__(f"There is no bulk act {bulk_id}.", remedy="See the history.")
