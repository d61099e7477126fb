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


class NothingLeftOutError(HazardLensError):
    """Every photo of the flight was looked at."""

    code = "nothing_left_out"

    def __init__(self) -> None:
        """Say that nothing was left out."""
        super().__init__("No photo of this flight was left out.", remedy="Nothing to do.")


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


class UploadNotFoundError(HazardLensError):
    """There is no such transfer: it expired, was ended, or was never there."""

    code = "upload_not_found"

    def __init__(self) -> None:
        """Say how to begin again."""
        super().__init__(
            "There is no such upload.",
            remedy="Announce the file again; what is needed is then said.",
        )


class WrongOffsetError(HazardLensError):
    """The piece does not begin where the bytes on the server end."""

    code = "wrong_offset"

    def __init__(self, offset_bytes: int) -> None:
        """Name where they end."""
        super().__init__(
            f"The server holds {offset_bytes} bytes of this file.",
            remedy="Ask for the offset and go on there.",
        )


class UploadTooLongError(HazardLensError):
    """More bytes came than the file was announced to have."""

    code = "upload_too_long"

    def __init__(self, length_bytes: int) -> None:
        """Name the announced length."""
        super().__init__(
            f"More came than the {length_bytes} bytes that the file has.",
            remedy="Begin the upload of this file again.",
        )


class UploadLockedError(HazardLensError):
    """Another request writes to the same transfer."""

    code = "upload_locked"

    def __init__(self) -> None:
        """Say that it has to be waited for."""
        super().__init__(
            "Another request writes to this upload.", remedy="Ask for the offset and try again."
        )


class ChecksumMismatchError(HazardLensError):
    """The bytes of a piece are not those that were sent; nothing of it was kept."""

    code = "checksum_mismatch"

    def __init__(self) -> None:
        """Say that the piece has to be sent again."""
        super().__init__(
            "The piece was damaged on its way; nothing of it was kept.",
            remedy="Send the same piece again.",
        )


class FileAlreadyHereError(HazardLensError):
    """The file is in the flight, or all its bytes are here and are being checked."""

    code = "file_already_here"

    def __init__(self, path: str) -> None:
        """Name the file."""
        super().__init__(f"All of {path} is here already.", remedy="Nothing to send.")


class UnsupportedFileError(HazardLensError):
    """A kind of file that no flight uses."""

    code = "unsupported_file"


class TransferTooLargeError(HazardLensError):
    """The file is larger than this server accepts."""

    code = "file_too_large"


class DiskFullError(HazardLensError):
    """The server's disk has no room; what was acknowledged is safe."""

    code = "disk_full"

    def __init__(self) -> None:
        """Say who can help."""
        super().__init__(
            "The server has no room for this file; what it has acknowledged is safe.",
            remedy="Have room made on the server, then go on; nothing has to be sent again.",
        )


class UploadsOpenError(HazardLensError):
    """Files of the flight were announced and are not in yet."""

    code = "uploads_open"

    def __init__(self, count: int) -> None:
        """Say how many."""
        super().__init__(
            f"{count} announced files are not in yet.",
            remedy="Wait until they are in, or submit the flight without them.",
        )
