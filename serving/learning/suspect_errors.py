"""What can go wrong with suspected labels, each with a stable code."""

from __future__ import annotations

from detection.domain.errors import HazardLensError, InvalidInputError


class SuspectsFileError(InvalidInputError):
    """The folder is no list of suspects, or a part of it is missing."""

    code = "suspects_file"

    def __init__(self, what: str) -> None:
        """Say what is wrong with it."""
        super().__init__(what, remedy="Make the list anew: hazardlens data label-errors.")


class SuspectNotFoundError(HazardLensError):
    """There is no such suspect, or no such answer."""

    code = "suspect_not_found"

    def __init__(self, number: int, what: str = "suspect") -> None:
        """Name it."""
        message = f"There is no {what} {number}."
        super().__init__(message, remedy="Go back to the list of suspects.")


class SuspectAnsweredError(HazardLensError):
    """Somebody answered first."""

    code = "suspect_answered"

    def __init__(self, suspect_id: int) -> None:
        """Name the suspect."""
        message = f"Suspect {suspect_id} was answered meanwhile."
        super().__init__(message, remedy="Look at it again; take the answer back to change it.")


class SuspectAnswerUnfitError(HazardLensError):
    """The answer does not fit what is suspected."""

    code = "suspect_answer_unfit"

    def __init__(self, suspect_id: int, answer: str) -> None:
        """Name both."""
        super().__init__(
            f"The answer {answer} does not fit suspect {suspect_id}.",
            remedy="A label that goes back to a decision is put right in review.",
        )
