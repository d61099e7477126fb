"""What a model says of labelled photos, as plain boxes for whoever compares them with labels."""

from __future__ import annotations

from collections.abc import Sequence

from detection.detectors.base import Detector
from detection.detectors.manifest import ModelManifest
from detection.detectors.registry import load_detector
from training.data.annotation import AnnotatedPhoto
from training.data.following import follow
from training.data.suspects import Prediction
from training.evaluation.answers import SHIPPED_FLOOR, PhotoAnswer, answer_photos, rank_boxes

WHOLE_UP_TO = 2.0
"""A photo up to this many tiles long is looked at whole, as trained; a larger one as deployed."""


def predict(
    manifest: ModelManifest, photos: Sequence[AnnotatedPhoto], *, runtime: str = "openvino"
) -> dict[str, list[Prediction]]:
    """Return every box of ``SHIPPED_FLOOR`` or more of each photo, best score first.

    Raises:
        ModelError: the weights are damaged or not made for the runtime.
        ConfigurationError: the runtime is not installed.
    """
    detector = load_detector(manifest, runtime=runtime)
    limit_px = manifest.tile_px * WHOLE_UP_TO
    return {
        photo.name: _predict_one(
            detector, photo, tiled=max(photo.width_px, photo.height_px) > limit_px
        )
        for photo in follow(photos, "Asking the model")
    }


def _predict_one(detector: Detector, photo: AnnotatedPhoto, *, tiled: bool) -> list[Prediction]:
    answer: PhotoAnswer = answer_photos(detector, [photo], tiled=tiled)[0]
    found = [box.detection for box in rank_boxes(answer, detector.manifest)]
    return [
        Prediction(one.hazard_class, one.score, one.bbox_xyxy, one.polygons)
        for one in sorted(found, key=lambda one: -one.score)
        if one.score >= SHIPPED_FLOOR
    ]
