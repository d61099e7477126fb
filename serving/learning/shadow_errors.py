"""What can go wrong when models are judged, each with a stable code."""

from __future__ import annotations

from detection.domain.errors import HazardLensError


class DifferenceNotFoundError(HazardLensError):
    """There is no such difference, or no such judgement."""

    code = "shadow_difference_not_found"

    def __init__(self, number: int, what: str = "difference") -> None:
        """Name it."""
        message = f"There is no {what} {number}."
        super().__init__(message, remedy="Go back to the list of shadow models.")


class DifferenceJudgedError(HazardLensError):
    """Somebody judged first."""

    code = "shadow_difference_judged"

    def __init__(self, difference_id: int) -> None:
        """Name the difference."""
        message = f"Difference {difference_id} was judged meanwhile."
        super().__init__(message, remedy="Look at it again; take the judgement back to change it.")
