"""From how far and how slantwise a photo looks at what was placed: what a measure needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from detection.domain.finding import Detection
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.georeference.finding import find_hit, pixel_std_from_box
from detection.georeference.place import place_pixels
from detection.georeference.refusal import NotPlacedError
from detection.georeference.surroundings import Surroundings
from detection.taxonomy import TaxonomyEntry


@dataclass(frozen=True, slots=True)
class TargetView:
    """How a photo sees a target.

    ``distance_m`` is along the ray, with one standard deviation; ``incidence_deg`` the angle
    between the ray and the surface's normal (0 looks straight at it), None where no building is
    known that it is on.
    """

    distance_m: float
    distance_std_m: float
    incidence_deg: float | None


def view_target(
    detection: Detection,
    photo: Photo,
    taxonomy: Mapping[HazardClass, TaxonomyEntry],
    *,
    surroundings: Surroundings | None = None,
) -> TargetView | None:
    """Return how the photo sees the middle of the box; None where the ray has no end."""
    entry = taxonomy[detection.hazard_class]
    box = detection.bbox_xyxy
    try:
        hit = find_hit(detection, photo, entry, surroundings)
        if hit is not None:
            return TargetView(hit.distance_m, hit.distance_std_m, hit.incidence_deg)
        seen = place_pixels(
            photo,
            box.center,
            target_height_m=entry.target_height_m,
            target_height_std_m=entry.target_height_std_m,
            pixel_std_px=pixel_std_from_box(box),
            surroundings=surroundings,
        )
    except NotPlacedError:
        return None
    if seen.reasons[0] is not None:
        return None
    return TargetView(float(seen.distances_m[0]), float(seen.distance_stds_m[0]), None)
