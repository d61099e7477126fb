"""What is known of a model's scores before anybody labels a photo of a new camera."""

from __future__ import annotations

from detection.calibration.curve import StoredCurve, curve_from_evaluation
from detection.calibration.model import ScoringModel
from detection.calibration.posterior import Prior, prior_from_curve
from detection.calibration.settings import CalibrationSettings
from detection.domain.hazard import HazardClass


def find_curve(
    manifest: ScoringModel, key: HazardClass, settings: CalibrationSettings
) -> StoredCurve | None:
    """Return the curve of a model's own val: out of its manifest, else the shipped settings."""
    found = curve_from_evaluation(manifest.evaluation, key)
    if found is not None:
        return found
    return settings.curves.get(f"{manifest.name}@{manifest.version}", {}).get(key)


def make_prior(
    manifest: ScoringModel, key: HazardClass, settings: CalibrationSettings
) -> Prior | None:
    """Return the prior of a class on a new camera; None where the model has no curve of val."""
    curve = find_curve(manifest, key, settings)
    if curve is None:
        return None
    return prior_from_curve(
        curve,
        manifest.thresholds[key],
        level_shift=settings.shift.log_odds,
        log_slope_shift=settings.shift.log_slope,
    )
