"""What can go wrong with comparisons of flights before they begin, each with a stable code."""

from __future__ import annotations

from detection.domain.errors import HazardLensError


class ChangeRunNotFoundError(HazardLensError):
    """There is no such comparison."""

    code = "change_run_not_found"

    def __init__(self, run_id: int) -> None:
        """Name the comparison."""
        super().__init__(
            f"There is no comparison {run_id}.", remedy="See the comparisons of the flight."
        )


class FindingNotFoundError(HazardLensError):
    """The comparison says nothing under this number."""

    code = "finding_not_found"

    def __init__(self, finding_id: int) -> None:
        """Name the finding."""
        super().__init__(
            f"This comparison has no finding {finding_id}.", remedy="See its list of findings."
        )


class ChangePictureNotFoundError(HazardLensError):
    """No such picture was drawn of the building."""

    code = "change_picture_not_found"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "No such picture was drawn of this building.",
            remedy="Look at its photos; too little of it was seen for a picture.",
        )


class ChangeRunOverError(HazardLensError):
    """The comparison has ended, so that there is nothing to cancel."""

    code = "change_run_over"

    def __init__(self, state: str) -> None:
        """Name how it ended."""
        super().__init__(
            f"The comparison is {state}; there is nothing to cancel.", remedy="Nothing to do."
        )


class ChangeRunningError(HazardLensError):
    """Another comparison of the flight waits or is being made."""

    code = "change_running"

    def __init__(self, run_id: int) -> None:
        """Name the other one."""
        super().__init__(
            f"Comparison {run_id} of this flight is not over yet.",
            remedy="Wait for it, or cancel it, then begin another.",
        )


class ChangeFlightNotReadyError(HazardLensError):
    """A flight that is not done cannot be compared."""

    code = "change_flight_not_ready"

    def __init__(self, name: str, state: str) -> None:
        """Name the flight and its state."""
        super().__init__(
            f"The flight {name} is {state}.", remedy="Wait until it is done, then compare."
        )


class ChangeStreetFlightError(HazardLensError):
    """Photos from the street show no roofs."""

    code = "change_street_flight"

    def __init__(self, name: str) -> None:
        """Name the flight."""
        super().__init__(
            f"The flight {name} was taken from the street and shows no roofs.",
            remedy="Compare two flights of a drone.",
        )


class ChangeSameFlightError(HazardLensError):
    """A flight cannot be compared with itself."""

    code = "change_same_flight"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "A flight cannot be compared with itself.", remedy="Choose another base flight."
        )


class ChangeNoBaseError(HazardLensError):
    """Nothing is known that the flight could be compared with, nor a register to check."""

    code = "change_no_base"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "No earlier flight shows this place, and no register says how many storeys are "
            "permitted.",
            remedy="Choose a base flight, or import a building register for the layer.",
        )


class ChangeNoLayerError(HazardLensError):
    """No layer of buildings lies near the flight."""

    code = "change_no_layer"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "No imported layer has buildings where this flight was.",
            remedy="Import the building footprints of the place under Layers, then compare.",
        )
