"""What can go wrong with the calibration of a camera, each with a stable code."""

from __future__ import annotations

from detection.domain.errors import HazardLensError


class CalibrationNotFoundError(HazardLensError):
    """There is no such calibration."""

    code = "calibration_not_found"

    def __init__(self, calibration_id: int) -> None:
        """Name the calibration."""
        super().__init__(
            f"There is no calibration {calibration_id}.",
            remedy="See the calibrations of the flight.",
        )


class CalibrationBoxNotFoundError(HazardLensError):
    """The calibration has no such box, or no such label."""

    code = "calibration_box_not_found"

    def __init__(self, number: int) -> None:
        """Name the number."""
        super().__init__(
            f"This calibration has nothing with the number {number}.",
            remedy="Load the page again.",
        )


class CalibrationCameraError(HazardLensError):
    """The flight has no photo of such a camera, or its photos do not name their camera."""

    code = "calibration_no_camera"

    def __init__(self, camera_key: str) -> None:
        """Name the camera."""
        super().__init__(
            f"The flight has no photos of a camera {camera_key!r}.",
            remedy="Choose a camera of the flight. Photos that do not name their camera cannot "
            "be calibrated: what holds for them nobody could tell.",
        )


class CalibrationFlightNotReadyError(HazardLensError):
    """The flight is not done."""

    code = "calibration_flight_not_ready"

    def __init__(self, name: str, state: str) -> None:
        """Name the flight and its state."""
        super().__init__(
            f"The flight {name} is {state}.", remedy="Calibrate when its processing is done."
        )


class CalibrationNotReadyError(HazardLensError):
    """Its photos are still looked at, or that failed."""

    code = "calibration_not_ready"

    def __init__(self, state: str) -> None:
        """Name the state."""
        super().__init__(
            f"The calibration is {state}; there is nothing to label yet.",
            remedy="Wait until its photos were looked at; where that failed, start it again.",
        )


class CalibrationUndecidedError(HazardLensError):
    """The labels do not bear out a change of the threshold."""

    code = "calibration_undecided"

    def __init__(self, hazard_class: str, more: int | None) -> None:
        """Name the class, and how many labels are missing."""
        remedy = "This flight cannot tell; calibrate with a later flight of the camera."
        if more is not None:
            remedy = f"Label {more} more boxes of this class."
        super().__init__(
            f"The labels do not bear out another threshold for {hazard_class}.", remedy=remedy
        )


class CalibrationChangedError(HazardLensError):
    """The thresholds are others than those that the person saw."""

    code = "calibration_changed"

    def __init__(self, hazard_class: str) -> None:
        """Name the class."""
        super().__init__(
            f"The proposed threshold of {hazard_class} has changed since the page was loaded.",
            remedy="Look at the figures of now, then do it again.",
        )


class CalibrationGuardedError(HazardLensError):
    """The threshold of a guarded class would rise, and nobody confirmed that."""

    code = "calibration_guarded"

    def __init__(self, hazard_class: str) -> None:
        """Name the class."""
        super().__init__(
            f"A higher threshold of {hazard_class} would hide things that can kill.",
            remedy="An engineer has to confirm the higher threshold in so many words.",
        )


class CalibrationModelError(HazardLensError):
    """Several models seek the class, and it was not said whose threshold is meant."""

    code = "calibration_model"

    def __init__(self, hazard_class: str) -> None:
        """Name the class."""
        super().__init__(
            f"Several models seek {hazard_class}; each has a threshold of its own.",
            remedy="Say which model is meant.",
        )


class CalibrationOutdatedError(HazardLensError):
    """Another version of the model is in force than the one that was calibrated."""

    code = "calibration_outdated"

    def __init__(self, model: str) -> None:
        """Name the model."""
        super().__init__(
            f"Another version of {model} is in force than the one whose boxes were labelled.",
            remedy="Start the calibration of this camera again.",
        )


class CalibrationNoSiteError(HazardLensError):
    """The flight names no site, so that nothing can be bounded to it."""

    code = "calibration_no_site"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "The flight names no site.", remedy="Apply the thresholds for the camera everywhere."
        )


class CalibrationNotAppliedError(HazardLensError):
    """There is nothing to take back."""

    code = "calibration_not_applied"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("No threshold of this calibration is applied.", remedy="Nothing to do.")


class CalibrationLabelSupersededError(HazardLensError):
    """The label was taken back before, or somebody said something later."""

    code = "calibration_label_superseded"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "The label was taken back already, or a later one stands.",
            remedy="Load the page again; it shows what stands.",
        )
