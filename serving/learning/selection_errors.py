"""What can go wrong with choices of what to label, each with a stable code."""

from __future__ import annotations

from detection.domain.errors import HazardLensError


class SelectionNotFoundError(HazardLensError):
    """There is no such selection."""

    code = "selection_not_found"

    def __init__(self, selection_id: int) -> None:
        """Name the selection."""
        super().__init__(
            f"There is no selection {selection_id}.", remedy="See the list of selections."
        )


class SelectionNotReadyError(HazardLensError):
    """The selection is not made yet, or could not be made: there is nothing to send."""

    code = "selection_not_ready"

    def __init__(self, state: str) -> None:
        """Name the state it is in."""
        super().__init__(
            f"The selection is {state}; nothing can be sent.",
            remedy="Wait until it is made, or order another one.",
        )


class NothingToChooseError(HazardLensError):
    """No photo is left that could be labelled."""

    code = "nothing_to_choose"

    def __init__(self) -> None:
        """Say what would help."""
        super().__init__(
            "No photo that waits for a label fits what was asked for.",
            remedy="Choose more classes, flights or days, or process new flights first.",
        )
