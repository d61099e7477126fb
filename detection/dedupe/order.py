"""One order for detections, whatever order they come in."""

from __future__ import annotations

from collections.abc import Mapping

from detection.domain.finding import GeoDetection
from detection.domain.photo import Photo

SortKey = tuple[str, str, str, tuple[float, ...], float, str, str, tuple[float, ...]]


def sort_key(seen: GeoDetection, photos: Mapping[str, Photo]) -> SortKey:
    """Order by photo, then by every field that two detections can differ in.

    So ties are true repeats, and those of one photo follow each other.
    """
    detection, ground = seen.detection, seen.ground
    place = (ground.lon, ground.lat, ground.cov_ee_m2, ground.cov_nn_m2) if ground else ()
    return (
        photos[detection.photo_id].sha256,
        detection.photo_id,
        detection.hazard_class.value,
        detection.bbox_xyxy.xyxy,
        -detection.score,
        detection.model_name,
        detection.weights_sha256,
        place,
    )
