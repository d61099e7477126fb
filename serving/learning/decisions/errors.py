"""What can keep decisions from being exported."""

from __future__ import annotations

from detection.domain.errors import ConfigurationError, InvalidInputError


class NothingDecidedError(InvalidInputError):
    """Nobody decided or drew anything yet that is asked for."""

    code = "no_decisions"

    def __init__(self) -> None:
        """Say what would help."""
        super().__init__(
            "Nothing was confirmed, rejected or drawn on the photos that are asked for.",
            remedy="Decide candidates first, or ask for more flights or an earlier day.",
        )


class FolderInUseError(InvalidInputError):
    """The folder for the export holds other files."""

    code = "folder_in_use"

    def __init__(self, folder: str) -> None:
        """Name the folder."""
        super().__init__(
            f"{folder} holds files that are no export of decisions.",
            remedy="Give an empty folder, or one of an earlier export.",
        )


class BlurringMissingError(ConfigurationError):
    """Faces and number plates cannot be looked for, so no photo leaves."""

    code = "blurring_missing"

    def __init__(self, file: str) -> None:
        """Name what is missing."""
        super().__init__(
            f"The installed OpenCV lacks {file}, which finds faces and number plates.",
            remedy="Install opencv-python-headless as requirements/run.txt names it.",
        )
