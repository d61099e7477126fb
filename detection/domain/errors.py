"""Errors that a user caused and can mend. Each message says the remedy."""

from __future__ import annotations

from typing import ClassVar

INTERRUPTED = 130
"""Exit status of a command that a person interrupted."""


class HazardLensError(Exception):
    """Trouble that a user can mend; caught once per edge (command line, HTTP).

    ``code`` is stable and machine-readable, ``exit_code`` is the command's exit status,
    ``remedy`` says what to do about it.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        """Keep the message and the remedy apart so that each edge can lay them out."""
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the message followed by the remedy."""
        return f"{self.message} {self.remedy}".strip()


class InvalidInputError(HazardLensError):
    """A path, option or file that cannot be used as given."""

    code = "invalid_input"
    exit_code = 2


class EmptyFlightError(HazardLensError):
    """A folder in which no photo can be read."""

    code = "empty_flight"
    exit_code = 3


class ModelError(HazardLensError):
    """A manifest or weights file that is missing, damaged or not what its hash says."""

    code = "model_error"
    exit_code = 4


class ConfigurationError(HazardLensError):
    """A setting that is unknown or out of range."""

    code = "configuration_error"
    exit_code = 5


class LayerError(InvalidInputError):
    """A file of buildings, areas or covers that cannot be read."""

    code = "layer_unreadable"


class LayerWithoutCrsError(LayerError):
    """A file that does not say in which coordinates it is, and nobody declared it."""

    code = "layer_without_crs"


class LayerCrsUnknownError(LayerError):
    """A declared coordinate system that does not exist."""

    code = "layer_crs_unknown"


class LayerCrsMismatchError(LayerError):
    """Coordinates that cannot be of the declared coordinate system."""

    code = "layer_crs_mismatch"


class LayerEmptyError(LayerError):
    """A file without a single feature that can be used."""

    code = "layer_empty"


class LayerFieldError(LayerError):
    """A named field that the file does not have."""

    code = "layer_field_unknown"


class RegisterError(LayerError):
    """A building register that cannot be read."""

    code = "register_unreadable"


class RegisterWithoutColumnsError(RegisterError):
    """A building register that does not say how many storeys are permitted."""

    code = "register_without_columns"


class RegisterEmptyError(RegisterError):
    """A building register without a row that names a building or a place."""

    code = "register_empty"


class RegisterReaderMissingError(RegisterError):
    """A workbook, where the package that reads workbooks is not installed."""

    code = "register_needs_calamine"
    exit_code = 5
