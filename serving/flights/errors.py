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


class LayerNotFoundError(HazardLensError):
    """There is no such layer."""

    code = "layer_not_found"

    def __init__(self, layer_id: int) -> None:
        """Name the layer."""
        super().__init__(f"There is no layer {layer_id}.", remedy="See the list of layers.")


class LayerExistsError(HazardLensError):
    """The same file was imported for the same purpose before."""

    code = "layer_exists"

    def __init__(self, name: str) -> None:
        """Name the layer that is there."""
        super().__init__(
            f"This file was imported before, as {name}.",
            remedy="Use that layer, or delete it and import the file again.",
        )


class LayerFormatError(HazardLensError):
    """The file is not one that can be a layer."""

    code = "layer_format"


class LayerFileTooLargeError(HazardLensError):
    """The file of a layer is larger than this server accepts."""

    code = "file_too_large"


class CoverageNotReadyError(HazardLensError):
    """The coverage of the flight was not computed yet."""

    code = "coverage_not_ready"

    def __init__(self) -> None:
        """Say that it has to be waited for."""
        super().__init__(
            "The coverage of this flight is not computed yet.",
            remedy="Wait a moment, or have it computed on the page of the flight.",
        )
