"""Words for the calibration of cameras."""

from __future__ import annotations

from typing import Final

from serving.web.i18n import N_

STATES: Final[dict[str, str]] = {
    "queued": N_("Waits for its turn"),
    "running": N_("Photos are being looked at"),
    "labelling": N_("To be labelled"),
    "failed": N_("Failed"),
}
EVENTS: Final[dict[str, str]] = {
    "propose": N_("Threshold proposed"),
    "apply": N_("Threshold applied"),
    "withdraw": N_("Threshold taken back"),
}
VERDICTS: Final[dict[str, str]] = {
    "change": N_("Another threshold is better for this camera"),
    "keep": N_("The threshold of the model fits this camera"),
    "cannot_tell": N_("Cannot tell yet"),
    "too_few": N_("Cannot tell yet"),
    "guarded": N_("Nothing speaks for a lower threshold; by itself it is not raised"),
}
REASONS: Final[dict[str, str]] = {
    "no_boxes": N_("The model found nothing of this class in the photos that were looked at."),
    "no_curve": N_(
        "Nothing is known of this version's scores on its own validation photos, so there is "
        "nothing to start from. Promote the model anew, then calibrate again."
    ),
}
PROBLEMS: Final[dict[str, tuple[str, str]]] = {
    "calibration_not_found": (
        N_("There is no such calibration."),
        N_("See the calibrations on the page of the flight."),
    ),
    "calibration_box_not_found": (
        N_("This calibration has no such box."),
        N_("Load the page again."),
    ),
    "calibration_no_camera": (
        N_("The flight has no photos of this camera."),
        N_(
            "Choose a camera of the flight. Photos that do not name their camera cannot be "
            "calibrated."
        ),
    ),
    "calibration_flight_not_ready": (
        N_("The flight is not done."),
        N_("Calibrate when its processing is done."),
    ),
    "calibration_not_ready": (
        N_("There is nothing to label yet."),
        N_("Wait until the photos were looked at; where that failed, start it again."),
    ),
    "calibration_undecided": (
        N_("The labels do not bear out another threshold."),
        N_("Label more boxes of this class, or calibrate with a later flight of the camera."),
    ),
    "calibration_changed": (
        N_("The proposed threshold has changed since the page was loaded."),
        N_("Look at the figures of now, then do it again."),
    ),
    "calibration_guarded": (
        N_("A higher threshold would hide things that can kill."),
        N_("An engineer has to confirm the higher threshold in so many words."),
    ),
    "calibration_model": (
        N_("Several models seek this class; each has a threshold of its own."),
        N_("Say which model is meant."),
    ),
    "calibration_outdated": (
        N_("Another version of the model is in force than the one whose boxes were labelled."),
        N_("Start the calibration of this camera again."),
    ),
    "calibration_no_site": (
        N_("The flight names no site."),
        N_("Apply the thresholds for the camera everywhere."),
    ),
    "calibration_not_applied": (
        N_("No threshold of this calibration is applied."),
        N_("Nothing to do."),
    ),
    "calibration_label_superseded": (
        N_("The label was taken back already, or a later one stands."),
        N_("Load the page again; it shows what stands."),
    ),
    "calibration_broke_off": (
        N_("Looking at the photos broke off again and again."),
        N_("See the log of the worker, then start it again."),
    ),
    "calibration_unreadable": (
        N_("The file is no calibration, or cannot be read."),
        N_("Download it from the page of the calibration again."),
    ),
}
ACTS: Final[dict[str, str]] = {
    "order_calibration": N_("Calibration of a camera begun"),
    "label_calibration_box": N_("Box labelled for a calibration"),
    "undo_calibration_label": N_("Label of a calibration taken back"),
    "propose_calibration": N_("Threshold of a camera proposed"),
    "apply_calibration": N_("Threshold of a camera applied"),
    "withdraw_calibration": N_("Threshold of a camera taken back"),
}
SUBJECT_KINDS: Final[dict[str, str]] = {"calibration": N_("Calibration of a camera")}
FIELDS: Final[dict[str, str]] = {
    "flight": N_("Flight"),
    "camera": N_("Camera"),
    "box": N_("Box no."),
    "label": N_("Label no."),
    "event": N_("Act no."),
    "thresholds": N_("Thresholds"),
    "raised": N_("Raised, confirmed"),
}
