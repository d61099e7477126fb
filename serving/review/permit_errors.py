"""What can go wrong where permits are looked up, each with a stable code."""

from __future__ import annotations

from detection.domain.errors import HazardLensError


class NoPermitsError(HazardLensError):
    """The candidate is of a class that no permits are looked up for."""

    code = "no_permits"

    def __init__(self, candidate_id: int) -> None:
        """Name the candidate."""
        super().__init__(
            f"Candidate {candidate_id} says nothing of a building as a whole.",
            remedy="Permits are checked for added storeys and what was taken down; correct the "
            "class first.",
        )


class PermitChangedError(HazardLensError):
    """Somebody else has said something of the permit since the person looked."""

    code = "permit_changed"

    def __init__(self, candidate_id: int) -> None:
        """Name the candidate."""
        super().__init__(
            f"Somebody else has answered for this permit of candidate {candidate_id} meanwhile.",
            remedy="Look at their answer, then repeat yours if it still holds.",
        )


class PermitNotFoundError(HazardLensError):
    """There is no such answer."""

    code = "permit_check_not_found"

    def __init__(self, event_id: int) -> None:
        """Name the answer."""
        super().__init__(
            f"There is no answer {event_id} on a permit.", remedy="See the candidate's permits."
        )


class PermitSupersededError(HazardLensError):
    """A later answer on the same permit stands; that one has to be undone first."""

    code = "permit_superseded"

    def __init__(self, event_id: int) -> None:
        """Name the answer."""
        super().__init__(
            f"A later answer than {event_id} stands.", remedy="Undo the later one first."
        )
