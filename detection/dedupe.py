"""Detections of overlapping photos to candidates: one physical thing, one candidate.

Photos are taken best-placed first, whatever order they come in; the detections of a photo are
assigned together to the groups found so far (least sum of squared Mahalanobis distances, one
sighting per photo in a group), so that two covers side by side stay two even where GPS is coarse.
The gate uses the error of a photo relative to its neighbours; the candidate keeps the whole error.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from detection.domain.ellipse import compute_error_m
from detection.domain.finding import Candidate, GeoDetection, GroundPoint
from detection.domain.geometry import FloatArray
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo

CHI2_99_2D = 9.21
"""99 % of a two-dimensional normal lies within this squared Mahalanobis distance."""
STREET_GROUPING_VARIANCE_M2 = 4.0
"""Gate for sightings placed at their camera: their stated error (10 m) would merge every cover
of a street into one, and a hidden hazard is worse than a repeated one."""

RELATIVE_POSITION_STD_M = 0.5
"""One standard deviation, per axis, of a photo's position against its neighbours. A receiver's
error drifts over minutes, so that the photos of a flight share most of it; gating with the whole
of it joins covers that stand metres apart."""

_METRES_PER_DEG = 111_319.49
_REFUSED = 1e9


@dataclass(frozen=True, slots=True)
class _Placed:
    """A placed detection in the local plane: ``place_m`` (2,), ``covariance`` (2, 2)."""

    sighting: GeoDetection
    place_m: FloatArray
    covariance: FloatArray


@dataclass(slots=True)
class _Group:
    """Sightings of one thing, and the sums for their weighted mean in the local plane."""

    members: list[_Placed] = field(default_factory=list)
    information: FloatArray = field(default_factory=lambda: np.zeros((2, 2)))
    weighted_sum: FloatArray = field(default_factory=lambda: np.zeros(2))

    def add(self, member: _Placed) -> FloatArray:
        """Take in a sighting; return the new mean (east, north), metres."""
        weight = np.linalg.inv(member.covariance)
        self.members.append(member)
        self.information = self.information + weight
        self.weighted_sum = self.weighted_sum + weight @ member.place_m
        return np.asarray(np.linalg.solve(self.information, self.weighted_sum))


class _Groups:
    """The groups found so far, with their means and covariances as arrays for fast gating.

    The covariance of a group stays that of its best sighting: photos of a flight share most of
    their GPS error, so that many sightings are hardly better placed than one.
    """

    def __init__(self) -> None:
        self.groups: list[_Group] = []
        self._means: FloatArray = np.zeros((64, 2))
        self._covariances: FloatArray = np.zeros((64, 2, 2))

    def assign_photo(self, detections: Sequence[_Placed]) -> None:
        """Add each detection of one photo to its group, or start a new one."""
        places = np.stack([d.place_m for d in detections])
        covariances = np.stack([d.covariance for d in detections])
        near = self._find_near(places, covariances)
        cost = self._compute_cost(places, covariances, near)
        rows, columns = linear_sum_assignment(cost)
        chosen = {
            int(row): int(near[column])
            for row, column in zip(rows, columns, strict=True)
            if cost[row, column] < _REFUSED
        }
        for row, detection in enumerate(detections):
            self._add(chosen.get(row, len(self.groups)), detection)

    def _find_near(self, places: FloatArray, covariances: FloatArray) -> NDArray[np.intp]:
        """Indices of the groups that any detection of the photo may reach (a superset)."""
        count = len(self.groups)
        radius = np.sqrt(
            CHI2_99_2D
            * (
                np.trace(self._covariances[:count], axis1=1, axis2=2)
                + np.trace(covariances, axis1=1, axis2=2).max()
            )
        )
        low, high = places.min(axis=0), places.max(axis=0)
        means = self._means[:count]
        inside = (means >= low - radius[:, None]) & (means <= high + radius[:, None])
        return np.flatnonzero(inside.all(axis=1))

    def _compute_cost(
        self, places: FloatArray, covariances: FloatArray, near: NDArray[np.intp]
    ) -> FloatArray:
        """Squared Mahalanobis distances (detections, near groups); refused beyond the gate."""
        difference = places[:, None, :] - self._means[near][None, :, :]
        summed = covariances[:, None] + self._covariances[near][None]
        solved = np.linalg.solve(summed, difference[..., None])[..., 0]
        squared = np.einsum("ijk,ijk->ij", difference, solved)
        return np.where(squared <= CHI2_99_2D, squared, _REFUSED)

    def _add(self, index: int, detection: _Placed) -> None:
        if index == len(self.groups):
            self.groups.append(_Group())
            self._grow(index)
            self._covariances[index] = detection.covariance
        elif np.trace(detection.covariance) < np.trace(self._covariances[index]):
            self._covariances[index] = detection.covariance
        self._means[index] = self.groups[index].add(detection)

    def _grow(self, index: int) -> None:
        if index == len(self._means):
            self._means = np.concatenate([self._means, np.zeros_like(self._means)])
            self._covariances = np.concatenate(
                [self._covariances, np.zeros_like(self._covariances)]
            )


def group_candidates(
    geo_detections: Sequence[GeoDetection], photos: Mapping[str, Photo]
) -> tuple[Candidate, ...]:
    """Return the candidates of a flight, highest score first.

    ``photos`` holds every photo that a detection names, by ``photo_id``. Detections of different
    things never meet; those without a place stay alone. A group with no sighting of a hazard
    class (intact covers) is no candidate. The result does not depend on the order of the input,
    and the same files give the same keys.
    """
    ordered = sorted(geo_detections, key=lambda g: _sort_key(g, photos))
    by_thing: dict[str, list[GeoDetection]] = defaultdict(list)
    groups: list[list[GeoDetection]] = []
    for geo in ordered:
        if geo.ground is None:
            groups.append([geo])
        else:
            by_thing[geo.detection.hazard_class.thing].append(geo)
    for placed in by_thing.values():
        groups.extend(_group_placed(placed, photos))
    return _build_candidates(groups, photos)


def _sort_key(
    geo: GeoDetection, photos: Mapping[str, Photo]
) -> tuple[str, str, str, tuple[float, ...], float, str, tuple[float, ...]]:
    """Order by every field that two detections can differ in, so that ties are true repeats."""
    detection, ground = geo.detection, geo.ground
    place = (ground.lon, ground.lat, ground.cov_ee_m2, ground.cov_nn_m2) if ground else ()
    return (
        photos[detection.photo_id].sha256,
        detection.photo_id,
        detection.hazard_class.value,
        detection.bbox_xyxy.xyxy,
        -detection.score,
        detection.weights_sha256,
        place,
    )


def _group_placed(
    placed: Sequence[GeoDetection], photos: Mapping[str, Photo]
) -> Iterable[list[GeoDetection]]:
    by_photo: dict[str, list[_Placed]] = defaultdict(list)
    for item in _to_local_plane(placed, photos):
        by_photo[item.sighting.detection.photo_id].append(item)

    def photo_key(photo_id: str) -> tuple[float, str, str]:
        best = min(float(np.trace(item.covariance)) for item in by_photo[photo_id])
        return best, photos[photo_id].sha256, photo_id

    groups = _Groups()
    for photo_id in sorted(by_photo, key=photo_key):
        groups.assign_photo(by_photo[photo_id])
    return ([member.sighting for member in group.members] for group in groups.groups)


def _to_local_plane(
    placed: Sequence[GeoDetection], photos: Mapping[str, Photo]
) -> Iterable[_Placed]:
    """Yield the detections in metres east and north of the first one."""
    grounds = [(geo, geo.ground) for geo in placed if geo.ground is not None]
    _, origin = grounds[0]
    for geo, ground in grounds:
        covariance = _grouping_covariance(ground, photos[geo.detection.photo_id])
        yield _Placed(geo, _offset_m(origin, ground.lon, ground.lat), covariance)


def _offset_m(origin: GroundPoint, lon: float, lat: float) -> FloatArray:
    """East and north metres from ``origin``, also across the antimeridian."""
    d_lon = (lon - origin.lon + 180.0) % 360.0 - 180.0
    east_m = d_lon * _METRES_PER_DEG * math.cos(math.radians(origin.lat))
    return np.array([east_m, (lat - origin.lat) * _METRES_PER_DEG])


def _grouping_covariance(ground: GroundPoint, photo: Photo) -> FloatArray:
    """Error relative to the flight's other photos: the receiver's shared offset is left out."""
    if ground.method == "camera_position":
        return np.eye(2) * STREET_GROUPING_VARIANCE_M2
    absolute = _covariance_from_ground(ground)
    if photo.pose is None:
        return absolute
    shared_m2 = max(0.0, photo.pose.horizontal_std_m**2 - RELATIVE_POSITION_STD_M**2)
    return absolute - np.eye(2) * shared_m2


def _build_candidates(
    groups: Iterable[Sequence[GeoDetection]], photos: Mapping[str, Photo]
) -> tuple[Candidate, ...]:
    candidates: dict[str, Candidate] = {}
    for group in sorted(groups, key=lambda g: min(_sort_key(geo, photos) for geo in g)):
        if not any(geo.detection.hazard_class.is_hazard for geo in group):
            continue
        sightings = sorted(group, key=lambda g: (-g.detection.score, _sort_key(g, photos)))
        key = _make_key(sightings, photos, taken=candidates.keys())
        candidates[key] = _build_candidate(key, sightings)
    return tuple(sorted(candidates.values(), key=lambda c: (-c.score, c.key)))


def _make_key(
    sightings: Sequence[GeoDetection], photos: Mapping[str, Photo], taken: Iterable[str]
) -> str:
    """Hash what the best hazard sighting is: thing, file and box to the pixel."""
    best = next(geo.detection for geo in sightings if geo.detection.hazard_class.is_hazard)
    box = ",".join(f"{round(value)}" for value in best.bbox_xyxy.xyxy)
    text = f"{best.hazard_class.thing}|{photos[best.photo_id].sha256}|{box}"
    key = _hash_text(text)
    repeat = 1
    while key in taken:
        repeat += 1
        key = _hash_text(f"{text}|{repeat}")
    return key


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _build_candidate(key: str, sightings: Sequence[GeoDetection]) -> Candidate:
    votes: dict[HazardClass, float] = defaultdict(float)
    for geo in sightings:
        if geo.detection.hazard_class.is_hazard:
            votes[geo.detection.hazard_class] += geo.detection.score
    ground = _fuse_ground([geo.ground for geo in sightings if geo.ground is not None])
    return Candidate(
        key=key,
        hazard_class=max(votes, key=lambda c: (votes[c], c.value)),
        score=min(1.0, math.fsum(votes.values()) / len(sightings)),
        lon=ground.lon if ground else None,
        lat=ground.lat if ground else None,
        error_m=compute_error_m(ground) if ground else None,
        ground=ground,
        sightings=tuple(sightings),
    )


def _fuse_ground(grounds: Sequence[GroundPoint]) -> GroundPoint | None:
    """Inverse-covariance weighted mean, with the covariance of the best single sighting."""
    if not grounds:
        return None
    best = min(grounds, key=lambda g: (g.cov_ee_m2 + g.cov_nn_m2, g.lon, g.lat))
    information, weighted = np.zeros((2, 2)), np.zeros(2)
    for ground in grounds:
        weight = np.linalg.inv(_covariance_from_ground(ground))
        information += weight
        weighted += weight @ _offset_m(best, ground.lon, ground.lat)
    east_m, north_m = (float(value) for value in np.linalg.solve(information, weighted))
    scale = _METRES_PER_DEG * math.cos(math.radians(best.lat))
    return GroundPoint(
        lon=(best.lon + east_m / scale + 180.0) % 360.0 - 180.0,
        lat=best.lat + north_m / _METRES_PER_DEG,
        cov_ee_m2=best.cov_ee_m2,
        cov_en_m2=best.cov_en_m2,
        cov_nn_m2=best.cov_nn_m2,
        method=best.method,
    )


def _covariance_from_ground(ground: GroundPoint) -> FloatArray:
    return np.array([[ground.cov_ee_m2, ground.cov_en_m2], [ground.cov_en_m2, ground.cov_nn_m2]])
