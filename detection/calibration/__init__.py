"""First-flight calibration: thresholds of a new camera re-fitted from a handful of labels."""

from detection.calibration.camera import Camera, camera_of, make_camera
from detection.calibration.document import (
    Calibration,
    CalibrationSet,
    Limits,
    ThresholdPart,
    calibration_from_document,
    document_from_calibration,
    read_calibrations,
)
from detection.calibration.fit import Estimate, Operation, ThresholdFit, Verdict, fit_threshold
from detection.calibration.known import make_prior
from detection.calibration.settings import load_calibration_settings
from detection.calibration.suggest import ScoredBox, suggest_boxes

__all__ = [
    "Calibration",
    "CalibrationSet",
    "Camera",
    "Estimate",
    "Limits",
    "Operation",
    "ScoredBox",
    "ThresholdFit",
    "ThresholdPart",
    "Verdict",
    "calibration_from_document",
    "camera_of",
    "document_from_calibration",
    "fit_threshold",
    "load_calibration_settings",
    "make_camera",
    "make_prior",
    "read_calibrations",
    "suggest_boxes",
]
