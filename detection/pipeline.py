"""Photos in, placed detections and candidates out: the steps in order, no logic of its own."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from detection.calibration import CalibrationSet
from detection.crack_measure import add_shape, measure_crack
from detection.dedupe import group_candidates
from detection.detectors.base import Detector
from detection.detectors.manifest import ModelManifest
from detection.detectors.rows import build_photo_boxes
from detection.domain.finding import Candidate, Detection, GeoDetection
from detection.domain.hazard import HazardClass
from detection.domain.photo import Flight, FlightKind, IngestFailure, Photo
from detection.domain.sight import compute_finest_gsd_m
from detection.georeference import (
    Surroundings,
    assign_areas,
    georeference_detections,
    judge_sizes,
    judge_views,
    view_target,
)
from detection.ingest.decode import PhotoUnreadableError, decode_photo
from detection.looks import (
    Ahead,
    Answer,
    CanHold,
    GroundShare,
    LooksOfModels,
    PhotoLine,
    ReadyPhoto,
    answer_photos,
    answer_pixels,
    cut_ahead,
    find_reach,
    find_tile_gsd,
    plan_looks,
    share_ground,
)
from detection.machine import picture_in_one_thread
from detection.merge import merge_detections
from detection.settings import DetectionSettings
from detection.taxonomy import load_taxonomy

NO_CALIBRATIONS = CalibrationSet()

JudgeBoxes = Callable[[Sequence[Detection]], list[bool]]
"""Whether each box of a photo can be what it is taken for."""


@dataclass(frozen=True, slots=True)
class PixelResult:
    """The boxes of one photo's pixels, and through how many tiles the models looked.

    ``implausible`` are those left out because their size is impossible for their class,
    ``skipped_tiles`` counts the tiles that were not looked at, because they can hold nothing.
    """

    detections: tuple[Detection, ...]
    tiles: int
    implausible: tuple[Detection, ...] = ()
    skipped_tiles: int = 0


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """One photo after all steps: its placed detections, or why it could not be used.

    ``implausible`` are those left out because their size on the ground, or the camera's view of
    them, is impossible for their class, ``skipped_tiles`` counts the tiles that were not looked
    at, because they can hold nothing.
    """

    photo: Photo
    detections: tuple[GeoDetection, ...]
    failure: IngestFailure | None
    tiles: int
    seconds: float
    implausible: tuple[GeoDetection, ...] = ()
    skipped_tiles: int = 0


@dataclass(frozen=True, slots=True)
class FlightResult:
    """A flight after all steps, results in the order of its photos."""

    flight: Flight
    results: tuple[PhotoResult, ...]
    candidates: tuple[Candidate, ...]
    failures: tuple[IngestFailure, ...]


def detect_pixels(
    photo_id: str,
    pixels: NDArray[np.uint8],
    detectors: Sequence[Detector],
    settings: DetectionSettings,
    *,
    use_thresholds: bool = True,
    limits: Mapping[str, Mapping[HazardClass, float]] | None = None,
    gsd_m: float | None = None,
    judge: JudgeBoxes | None = None,
) -> PixelResult:
    """Look at ``(H, W, 3)`` RGB pixels with every detector: tile, detect, threshold, merge.

    Boxes that ``judge`` finds implausible are set apart before merging, so that none of them
    suppresses what lies inside it. Without ``use_thresholds`` every box from the models' score
    floor upwards is kept, as a precision-recall curve needs. ``limits`` are scores by model and
    class that go before the shipped thresholds. ``gsd_m`` is the finest ground sampling distance
    of the photo: a model that learned coarser ones alone sees it made smaller.
    """
    height_px, width_px = pixels.shape[:2]
    manifests = [detector.manifest for detector in detectors]
    looks = tuple(
        plan_looks(width_px, height_px, one, settings, gsd_m=gsd_m, share=share)
        for one, share in zip(manifests, share_ground(manifests), strict=True)
    )
    return _join_answers(
        photo_id,
        (width_px, height_px),
        looks,
        answer_pixels(pixels, looks, detectors),
        manifests,
        use_thresholds=use_thresholds,
        limits=limits,
        judge=judge,
    )


def _join_answers(
    photo_id: str,
    size_px: tuple[int, int],
    looks: LooksOfModels,
    answer: Answer,
    manifests: Sequence[ModelManifest],
    *,
    use_thresholds: bool,
    limits: Mapping[str, Mapping[HazardClass, float]] | None,
    judge: JudgeBoxes | None,
) -> PixelResult:
    """Turn what the models said of the tiles of one photo into its boxes."""
    boxes = [
        box
        for manifest, tiles in zip(manifests, answer, strict=True)
        for tile, found in tiles
        for box in build_photo_boxes(
            found,
            tile,
            manifest,
            photo_id=photo_id,
            width_px=size_px[0],
            height_px=size_px[1],
            use_thresholds=use_thresholds,
            limits=(limits or {}).get(manifest.name),
        )
    ]
    kept = [True] * len(boxes) if judge is None else judge([box.detection for box in boxes])
    merged = merge_detections(itertools.compress(boxes, kept))
    left_out = merge_detections(itertools.compress(boxes, (not one for one in kept)))
    return PixelResult(
        tuple(box.detection for box in merged),
        sum(len(tiles) for tiles in answer),
        tuple(box.detection for box in left_out),
        sum(len(look.skipped) for one in looks for look in one),
    )


def place_detections(
    photo: Photo,
    found: PixelResult,
    kind: FlightKind,
    seconds: float,
    *,
    surroundings: Surroundings | None = None,
    pixels: NDArray[np.uint8] | None = None,
) -> PhotoResult:
    """Give each box of a photo its place on the ground, or the reason why it has none.

    What the camera cannot have seen there is set apart, after merging: a crack is on a wall or is
    not, as a whole. ``seconds`` is how long finding them took, ``surroundings`` what is known of
    the place. With the ``pixels`` ``(H, W, 3)`` cracks get their shape; else they have theirs.
    """
    taxonomy = load_taxonomy()
    boxes = (*found.detections, *found.implausible)
    placed = georeference_detections(boxes, photo, taxonomy, kind=kind, surroundings=surroundings)
    detections, implausible = placed[: len(found.detections)], placed[len(found.detections) :]
    seen = judge_views(detections, photo, taxonomy)
    implausible += itertools.compress(detections, (not one for one in seen))
    kept = list(itertools.compress(detections, seen))
    if pixels is not None:
        kept = [replace(one, detection=add_shape(one.detection, pixels)) for one in kept]
    return PhotoResult(
        photo,
        tuple(_add_measure(one, photo, surroundings) for one in kept),
        None,
        found.tiles,
        seconds,
        tuple(implausible),
        found.skipped_tiles,
    )


def _add_measure(
    placed: GeoDetection, photo: Photo, surroundings: Surroundings | None
) -> GeoDetection:
    """Return a crack with its measure; in millimetres only where its wall is known."""
    found = placed.detection
    if found.crack is None:
        return placed
    view = None
    if placed.on_building is not None:
        view = view_target(found, photo, load_taxonomy(), surroundings=surroundings)
    measure = measure_crack(
        found.crack,
        photo,
        found.bbox_xyxy.center,
        distance_m=None if view is None else view.distance_m,
        distance_std_m=0.0 if view is None else view.distance_std_m,
        incidence_deg=None if view is None else view.incidence_deg,
    )
    return replace(placed, measure=measure)


def _find_gsd_m(photo: Photo, kind: FlightKind) -> float | None:
    """Return the finest ground sampling distance of a drone's photo, where its pose says it."""
    if kind is not FlightKind.DRONE or photo.pose is None or photo.intrinsics is None:
        return None
    return compute_finest_gsd_m(photo.intrinsics, photo.pose)


def _judge_by_size(photo: Photo, kind: FlightKind, surroundings: Surroundings | None) -> JudgeBoxes:
    """Return the test whether boxes of ``photo`` can be of the sizes that their classes have.

    Sizes are judged by the ground alone, which is quick: buildings are looked for once, for the
    boxes that are left.
    """
    taxonomy = load_taxonomy()
    ground = Surroundings(terrain=surroundings.terrain) if surroundings else None

    def judge(found: Sequence[Detection]) -> list[bool]:
        placed = georeference_detections(found, photo, taxonomy, kind=kind, surroundings=ground)
        return judge_sizes(placed, photo, taxonomy, surroundings=ground)

    return judge


def detect_photos(
    photos: Iterable[Photo],
    detectors: Sequence[Detector],
    settings: DetectionSettings,
    *,
    kind: FlightKind = FlightKind.DRONE,
    surroundings: Surroundings | None = None,
    calibrations: CalibrationSet = NO_CALIBRATIONS,
    use_thresholds: bool = True,
    beside: Sequence[ModelManifest] = (),
) -> Iterator[PhotoResult]:
    """Yield the result of each photo in order; a broken photo yields its failure.

    Photos are decoded ahead, and the models go on with the next photo, in a thread, while one is
    finished and handed over. ``surroundings`` are those of the flight, settled on its take-off. Of
    a camera that ``calibrations`` know, their thresholds go before those of the models. Without
    ``use_thresholds`` every box is kept, and no crack is measured: whoever wants them all wants
    their scores. ``beside`` are models that look at the same photos elsewhere: the ground that is
    theirs is left to them.
    """
    manifests = [detector.manifest for detector in detectors]
    shares = share_ground([*manifests, *beside])[: len(manifests)]
    make_ready = partial(
        _make_ready, manifests=manifests, shares=shares, settings=settings, kind=kind
    )
    with (
        picture_in_one_thread(),
        PhotoLine(photos, make_ready) as line,
        Ahead(answer_photos(line, detectors)) as answers,
    ):
        started = time.monotonic()
        for ready, answer in answers:
            photo, pixels = ready.photo, ready.pixels
            if pixels is None:
                result = PhotoResult(photo, (), ready.failure, 0, time.monotonic() - started)
            else:
                found = _join_answers(
                    photo.photo_id,
                    (photo.width_px, photo.height_px),
                    ready.looks,
                    answer,
                    manifests,
                    use_thresholds=use_thresholds,
                    limits=calibrations.limits_for(photo, manifests),
                    judge=_judge_by_size(photo, kind, surroundings),
                )
                result = place_detections(
                    photo,
                    found,
                    kind,
                    time.monotonic() - started,
                    surroundings=surroundings,
                    pixels=pixels if use_thresholds else None,
                )
            del ready, pixels, answer  # the line alone holds photos
            yield result
            started = time.monotonic()


def _make_ready(
    photo: Photo,
    manifests: Sequence[ModelManifest],
    shares: Sequence[GroundShare],
    settings: DetectionSettings,
    kind: FlightKind,
) -> ReadyPhoto:
    """Decode a photo and plan how each model looks at it; runs in a thread."""
    try:
        pixels = decode_photo(photo)
    except PhotoUnreadableError as error:
        return ReadyPhoto(photo, None, ((),) * len(manifests), error.failure)
    size_px = (photo.width_px, photo.height_px)
    is_flown = kind is FlightKind.DRONE
    tile_gsd = find_tile_gsd(photo.intrinsics, photo.pose) if is_flown else None
    plan = partial(
        plan_looks,
        *size_px,
        settings=settings,
        gsd_m=_find_gsd_m(photo, kind),
        can_hold=_find_reach(photo, settings, kind),
        tile_gsd=tile_gsd,
    )
    looks = tuple(plan(one, share=own) for one, own in zip(manifests, shares, strict=True))
    return ReadyPhoto(photo, pixels, looks, cut_ahead=cut_ahead(pixels, looks))


def _find_reach(photo: Photo, settings: DetectionSettings, kind: FlightKind) -> CanHold | None:
    """Return which tiles of a drone's photo show ground near enough, where that is asked for."""
    if kind is not FlightKind.DRONE or not settings.scale_by_gsd:
        return None
    return find_reach(photo.intrinsics, photo.pose)


def detect_flight(
    flight: Flight,
    detectors: Sequence[Detector],
    settings: DetectionSettings,
    *,
    on_result: Callable[[PhotoResult], None] | None = None,
    finished: Mapping[str, PhotoResult] | None = None,
    surroundings: Surroundings | None = None,
    calibrations: CalibrationSet = NO_CALIBRATIONS,
) -> FlightResult:
    """Look at a whole flight and group what was seen into candidates.

    ``finished`` holds results of an earlier run by photo id: those photos are not looked at
    again. ``on_result`` is called after each new photo. ``surroundings`` is what is known of the
    place of the flight, ``calibrations`` what thresholds were re-fitted for which camera.
    """
    known = None if surroundings is None else surroundings.settle(flight.photos)
    by_id = dict(finished or {})
    waiting = (photo for photo in flight.photos if photo.photo_id not in by_id)
    looked_at = detect_photos(
        waiting,
        detectors,
        settings,
        kind=flight.kind,
        surroundings=known,
        calibrations=calibrations,
    )
    for result in looked_at:
        by_id[result.photo.photo_id] = result
        if on_result is not None:
            on_result(result)
    results = tuple(by_id[photo.photo_id] for photo in flight.photos)
    placed = [found for result in results for found in result.detections]
    areas = None if known is None else known.areas
    candidates = group_candidates(
        placed,
        {photo.photo_id: photo for photo in flight.photos},
        find_areas=None if areas is None else partial(assign_areas, areas=areas),
    )
    broken = tuple(result.failure for result in results if result.failure is not None)
    return FlightResult(flight, results, candidates, (*flight.failures, *broken))
