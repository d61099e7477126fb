"""What can go wrong with flights, each with a stable code."""

from __future__ import annotations

from detection.domain.errors import HazardLensError


class FlightNotFoundError(HazardLensError):
    """There is no such flight."""

    code = "flight_not_found"

    def __init__(self, flight_id: int) -> None:
        """Name the flight."""
        super().__init__(f"There is no flight {flight_id}.", remedy="See the list of flights.")


class FlightNotOpenError(HazardLensError):
    """The flight was submitted and takes no more photos."""

    code = "flight_not_open"

    def __init__(self, state: str) -> None:
        """Name the state it is in."""
        super().__init__(
            f"The flight is {state} and takes no more photos.",
            remedy="Create another flight for further photos.",
        )


class FlightStateError(HazardLensError):
    """The flight is in a state in which this cannot be done."""

    code = "flight_state"


class NothingToRetryError(HazardLensError):
    """No photo of the flight has failed."""

    code = "nothing_to_retry"

    def __init__(self) -> None:
        """Say that nothing has failed."""
        super().__init__(
            "No photo of this flight has failed in processing.", remedy="Nothing to do."
        )


class PhotoNotFoundError(HazardLensError):
    """There is no such photo."""

    code = "photo_not_found"

    def __init__(self, photo_id: int) -> None:
        """Name the photo."""
        super().__init__(f"There is no photo {photo_id}.", remedy="See the photos of the flight.")
