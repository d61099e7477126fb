"""Pixels and poses to places with errors: on flat ground, a terrain or a building."""

from detection.georeference.areas import assign_areas
from detection.georeference.finding import (
    STREET_STD_M,
    georeference_detection,
    georeference_detections,
)
from detection.georeference.ground import MAX_RANGE_M
from detection.georeference.place import (
    MIN_DEPRESSION_DEG,
    PlacedPixels,
    place_pixel,
    place_pixels,
)
from detection.georeference.plausible import judge_sizes, judge_views
from detection.georeference.projection import project_point, project_points
from detection.georeference.refusal import NotPlacedError
from detection.georeference.surroundings import Surroundings
from detection.georeference.view import TargetView, view_target

__all__ = [
    "MAX_RANGE_M",
    "MIN_DEPRESSION_DEG",
    "STREET_STD_M",
    "NotPlacedError",
    "PlacedPixels",
    "Surroundings",
    "TargetView",
    "assign_areas",
    "georeference_detection",
    "georeference_detections",
    "judge_sizes",
    "judge_views",
    "place_pixel",
    "place_pixels",
    "project_point",
    "project_points",
    "view_target",
]
