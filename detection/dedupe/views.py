"""What the photos of one thing say, and which photos should show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from detection.dedupe.cameras import Cameras, list_cameras
from detection.dedupe.pairs import Indices
from detection.domain.finding import GeoDetection, GroundPoint
from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.plane import LocalPlane
from detection.taxonomy import load_taxonomy

FARTHER = 1.25
"""A photo should show a thing that another showed from at least this part of its distance."""

MARGIN = 0.03
"""What lies within this share of the photo's size from its edge may lie outside of it."""

_LEAST_DEPTH_M = 0.5


def pick_voices(sightings: Sequence[GeoDetection]) -> list[GeoDetection]:
    """Return the best sighting of each photo; it speaks for the photo."""
    voices: dict[str, GeoDetection] = {}
    for seen in sorted(sightings, key=lambda s: (s.detection.score, s.detection.bbox_xyxy.xyxy)):
        voices[seen.detection.photo_id] = seen
    return list(voices.values())


def count_classes(sightings: Sequence[GeoDetection]) -> tuple[tuple[HazardClass, int], ...]:
    """Return the photos that show the thing as each class, most first."""
    counts = Counter(seen.detection.hazard_class for seen in pick_voices(sightings))
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0].value)))


def count_covering(
    groups: Sequence[Sequence[GeoDetection]],
    grounds: Sequence[GroundPoint | None],
    photos: Mapping[str, Photo],
) -> list[int | None]:
    """Return how many photos hold the place of each group, those that show it included.

    None where that cannot be told: without a place on flat ground, and above the ground, where
    walls hide and are hidden. Photos from much farther away than the farthest that showed the
    thing do not count.
    """
    answers: list[int | None] = [None] * len(groups)
    origin = next((ground for ground in grounds if ground is not None), None)
    if origin is None:
        return answers
    names = sorted(photos, key=lambda name: (photos[name].sha256, name))
    plane = LocalPlane(origin.lon, origin.lat)
    cameras = list_cameras([photos[name] for name in names], plane)
    tree = cKDTree(cameras.place_m[:, :2])
    number = {name: row for row, name in enumerate(names)}
    for index, (sightings, ground) in enumerate(zip(groups, grounds, strict=True)):
        showing = np.array(sorted({number[seen.detection.photo_id] for seen in sightings}))
        if ground is None or not cameras.known[showing].all() or not _are_level(sightings):
            continue
        place = np.array([*plane.to_metres((ground.lon, ground.lat)).tolist(), 0.0])
        reach = FARTHER * float(np.linalg.norm(cameras.place_m[showing] - place, axis=1).max())
        near = np.array(sorted(tree.query_ball_point(place[:2], reach)), dtype=np.intp)
        held = near[_holds(cameras, near, place, reach)]
        answers[index] = len(np.union1d(showing, held))
    return answers


def _are_level(sightings: Sequence[GeoDetection]) -> bool:
    """Whether all sightings are of something flat on the ground, placed there."""
    taxonomy = load_taxonomy()
    return all(
        seen.ground is not None
        and seen.ground.method == "flat_ground"
        and taxonomy[seen.detection.hazard_class].target_height_m == 0
        for seen in sightings
    )


def _holds(cameras: Cameras, rows: Indices, place: FloatArray, reach: float) -> NDArray[np.bool_]:
    """Whether each photo holds a place (3,) from no farther than ``reach``, metres."""
    offset = place - cameras.place_m[rows]
    in_camera = np.einsum("nij,nj->ni", cameras.axes[rows], offset)
    depth = np.maximum(in_camera[:, 2:], _LEAST_DEPTH_M)
    lens = cameras.lens[rows]
    xy = in_camera[:, :2] / depth * lens[:, :1] + lens[:, 1:3]
    margin = MARGIN * lens[:, 3:]
    inside = ((xy >= margin) & (xy <= lens[:, 3:] - margin)).all(axis=1)
    near = np.linalg.norm(offset, axis=1) <= reach
    return np.asarray(inside & near & (in_camera[:, 2] > _LEAST_DEPTH_M) & cameras.known[rows])
