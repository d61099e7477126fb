"""What each detection says of its thing's place, and what a wrong pose would do to that.

The photos of a flight share most of a receiver's error, which no grouping has to know. What is
left of it, and every error of height, angles and focal length, moves all detections of a photo
together: seven numbers a photo, in units of their standard deviations, that `alignment`
estimates. What they do to a place follows from the ray that runs from the camera to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.dedupe.cameras import RELATIVE_POSITION_STD_M, Cameras, cast_rays, list_cameras
from detection.dedupe.rays import ERRORS, Rays
from detection.domain.finding import GeoDetection, GroundPoint
from detection.domain.geometry import FloatArray
from detection.domain.photo import Photo
from detection.plane import LocalPlane
from detection.taxonomy import load_taxonomy

STREET_GROUPING_VARIANCE_M2 = 4.0
"""Gate for sightings placed at their camera: their stated error (10 m) would merge every cover
of a street into one, and a hidden hazard is worse than a repeated one."""

OFFSET_SHARE = 0.9
"""Share of an error without a known cause that the detections of a photo are taken to share."""

_LEAST_VARIANCE_M2 = 1e-4


@dataclass(frozen=True, eq=False)
class Observations:
    """The placed detections of a flight, sorted by photo: ``n``, in photos numbered from 0.

    ``photo`` and ``thing`` (n,) number the photo and the kind of thing. ``stated_m`` (n, 2) are
    the places, east and north in one plane. ``offset`` (n, 2, 2) is what the first two errors of
    the photo do to a place, ``rays`` what the others do. ``slopes`` (n, 2) is how a place moves
    with a metre that its thing stands higher than assumed, and ``height_std_m`` (n,) how far it
    may stand above or below that. ``noise`` (n, 2, 2), m², is what the box
    alone gets wrong.
    """

    sightings: tuple[GeoDetection, ...]
    cameras: Cameras
    photo: NDArray[np.intp]
    thing: NDArray[np.intp]
    stated_m: FloatArray
    offset: FloatArray
    rays: Rays
    noise: FloatArray
    slopes: FloatArray
    height_std_m: FloatArray

    def __len__(self) -> int:
        """Return the number of detections."""
        return len(self.sightings)

    @property
    def photo_count(self) -> int:
        """Return the number of photos."""
        return len(self.cameras.known)

    def place(self, errors: FloatArray) -> FloatArray:
        """Return the places (n, 2), metres, if the photos err by ``errors`` (photos, 7)."""
        error = errors[self.photo]
        shift = np.einsum("nij,nj->ni", self.offset, error[:, :2])
        return np.asarray(self.stated_m + shift + self.rays.move(error))

    def spread(self, errors: FloatArray) -> FloatArray:
        """Return the noise (n, 2, 2), m², if the photos err by ``errors`` (photos, 7).

        What a pixel covers grows with the distance. Without that, photos of one spot would meet
        best at no height at all, where every place is one.
        """
        scale = self.rays.scale(errors[self.photo])
        return np.asarray(self.noise * np.square(scale)[:, None, None])

    def differentiate(self, errors: FloatArray) -> FloatArray:
        """Return d(place) / d(errors of its photo), (n, 2, 7), at ``errors`` (photos, 7)."""
        columns = self.rays.differentiate(errors[self.photo])
        columns[:, :, :2] = self.offset
        return columns


def observe(sightings: Sequence[GeoDetection], photos: Mapping[str, Photo]) -> Observations:
    """Return what placed sightings say; those of one photo follow each other."""
    grounds = [seen.ground for seen in sightings if seen.ground is not None]
    photo_numbers: dict[str, int] = {}
    for seen in sightings:
        photo_numbers.setdefault(seen.detection.photo_id, len(photo_numbers))
    photo = np.array([photo_numbers[seen.detection.photo_id] for seen in sightings])
    kinds = sorted({seen.detection.hazard_class.thing for seen in sightings})
    plane = LocalPlane(grounds[0].lon, grounds[0].lat)
    stated_m = plane.to_metres([(ground.lon, ground.lat) for ground in grounds])
    cameras = list_cameras([photos[photo_id] for photo_id in photo_numbers], plane)
    rays, pixel_noise, follows = cast_rays(sightings, photo, stated_m, cameras)
    relative = _list_relative(grounds, [photos[s.detection.photo_id] for s in sightings])
    shared = np.where(_is_shared(grounds)[:, None, None], OFFSET_SHARE * relative, 0.0)
    position = np.eye(2) * cameras.stds[photo, :1, None]
    return Observations(
        sightings=tuple(sightings),
        cameras=cameras,
        photo=photo,
        thing=np.array([kinds.index(seen.detection.hazard_class.thing) for seen in sightings]),
        stated_m=stated_m,
        offset=np.where(follows[:, None, None], position, _root(shared)),
        rays=rays,
        noise=np.where(follows[:, None, None], pixel_noise, relative - shared),
        slopes=rays.slopes(),
        height_std_m=np.where(follows, _list_height_stds(sightings), 0.0),
    )


def compute_unaligned(seen: Observations) -> FloatArray:
    """Return the covariances (n, 2, 2) of the places against the other photos of the flight.

    They are those that the poses state; `alignment` makes them smaller.
    """
    columns = seen.differentiate(np.zeros((seen.photo_count, ERRORS)))
    return np.asarray(seen.noise + np.matmul(columns, columns.transpose(0, 2, 1)))


def _list_relative(grounds: Sequence[GroundPoint], photos: Sequence[Photo]) -> FloatArray:
    """Covariances (n, 2, 2) relative to the other photos: without the receiver's shared offset."""
    stated = np.array([(g.cov_ee_m2, g.cov_en_m2, g.cov_en_m2, g.cov_nn_m2) for g in grounds])
    shared_m2 = [
        max(0.0, photo.pose.horizontal_std_m**2 - RELATIVE_POSITION_STD_M**2) if photo.pose else 0.0
        for photo in photos
    ]
    relative = stated.reshape(-1, 2, 2) - np.eye(2) * np.array(shared_m2)[:, None, None]
    values, vectors = np.linalg.eigh(relative)
    kept = np.maximum(values, _LEAST_VARIANCE_M2)
    relative = np.einsum("nij,nj,nkj->nik", vectors, kept, vectors)
    is_street = np.array([ground.method == "camera_position" for ground in grounds])
    street = np.eye(2) * STREET_GROUPING_VARIANCE_M2
    return np.asarray(np.where(is_street[:, None, None], street, relative))


def _is_shared(grounds: Sequence[GroundPoint]) -> NDArray[np.bool_]:
    """Whether what moves one place of the photo moves the others (not so at a street camera)."""
    return np.array([ground.method != "camera_position" for ground in grounds])


def _root(covariances: FloatArray) -> FloatArray:
    """Symmetric square roots of covariances (n, 2, 2), which need no order of the axes."""
    values, vectors = np.linalg.eigh(covariances)
    roots = np.sqrt(np.maximum(values, 0.0))
    return np.asarray(np.einsum("nij,nj,nkj->nik", vectors, roots, vectors))


def _list_height_stds(sightings: Sequence[GeoDetection]) -> FloatArray:
    taxonomy = load_taxonomy()
    return np.array(
        [taxonomy[seen.detection.hazard_class].target_height_std_m for seen in sightings]
    )
