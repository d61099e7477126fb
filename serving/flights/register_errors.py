"""What can go wrong with building registers, each with a stable code."""

from __future__ import annotations

from detection.domain.errors import HazardLensError


class RegisterNotFoundError(HazardLensError):
    """There is no such register in use."""

    code = "register_not_found"

    def __init__(self, register_id: int) -> None:
        """Name the register."""
        super().__init__(
            f"There is no register {register_id} in use.",
            remedy="See the list of registers; a newer one may have replaced it.",
        )


class RegisterExistsError(HazardLensError):
    """The same file is the register of the layer already."""

    code = "register_exists"

    def __init__(self, name: str) -> None:
        """Name the register that is there."""
        super().__init__(
            f"This file is the register of the layer already, as {name}.",
            remedy="Nothing to do; to read it anew, delete the register and import it again.",
        )


class RegisterFormatError(HazardLensError):
    """The file is none that a register can be read from."""

    code = "register_format"


class RegisterTooLargeError(HazardLensError):
    """The file of a register is larger than this server accepts."""

    code = "file_too_large"


class RegisterLayerError(HazardLensError):
    """A register was brought for something else than buildings."""

    code = "register_layer"

    def __init__(self, name: str) -> None:
        """Name the layer."""
        super().__init__(
            f"{name} holds no buildings.",
            remedy="Choose a layer of buildings; import one first if there is none.",
        )
