from __future__ import annotations

import gc
import weakref
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detection import pipeline
from detection.detectors.base import TileDetections, TileImage
from detection.domain.geometry import compute_polygon_area
from detection.domain.hazard import HazardClass
from detection.domain.photo import Flight, FlightKind, Photo
from detection.domain.sight import compute_finest_gsd_m
from detection.ingest.flight import read_flight, read_photo
from detection.looks import line
from detection.pipeline import PhotoResult, detect_flight, detect_photos, detect_pixels
from detection.settings import DetectionSettings
from tests.factories import DrawnPose, draw_flight, draw_photo
from tests.fakes import FakeDetector, build_manifest

SETTINGS = DetectionSettings.model_construct()
LOW = DrawnPose(altitude_agl_m=12.0)
"""From here a red box of 80 px is as large as a cover may be."""


def red_pixels(width_px: int, height_px: int, xyxy: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    pixels = np.full((height_px, width_px, 3), 128, dtype=np.uint8)
    pixels[xyxy[1] : xyxy[3], xyxy[0] : xyxy[2]] = (255, 0, 0)
    return pixels


def draw_red(path: Path, seed: int = 0) -> Photo:
    pixels = red_pixels(900, 700, (600, 300, 680, 360))
    pixels[0, 0] = seed
    draw_photo(path, pose=LOW, pixels=pixels, quality=95)
    photo = read_photo(path, path.name)
    assert isinstance(photo, Photo)
    return photo


def test_a_thing_across_a_seam_is_found_once_and_whole() -> None:
    detector = FakeDetector()
    result = detect_pixels("p", red_pixels(1500, 900, (590, 200, 680, 260)), [detector], SETTINGS)
    (found,) = result.detections
    assert found.bbox_xyxy.xyxy == pytest.approx((590, 200, 680, 260), abs=2.5)
    assert (found.photo_id, found.hazard_class) == ("p", HazardClass.MANHOLE_MISSING)
    assert (found.model_name, found.weights_sha256) == ("manhole", "0" * 64)
    assert result.tiles == len(detector.tile_shapes)
    assert set(detector.tile_shapes) == {(640, 640, 3)}


def test_a_thing_larger_than_a_tile_is_found_whole_through_the_overview() -> None:
    pixels = red_pixels(3000, 2000, (400, 300, 2400, 1500))
    (found,) = detect_pixels("p", pixels, [FakeDetector()], SETTINGS).detections
    assert found.bbox_xyxy.xyxy == pytest.approx((400, 300, 2400, 1500), abs=10)


def outline_red(tile: TileImage) -> TileDetections:
    """Return one row per piece of pure red, with its outline, as a model of cracks does."""
    red = (tile[:, :, 0] > 200) & (tile[:, :, 1] < 60) & (tile[:, :, 2] < 60)
    contours, _ = cv2.findContours(red.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    rings = [contour[:, 0].astype(np.float64) for contour in contours if len(contour) > 9]
    rows = [[*ring.min(axis=0), *ring.max(axis=0), 0.9, 0] for ring in rings]
    array = np.array(rows, dtype=np.float32).reshape(-1, 6)
    return TileDetections(array, tuple((ring,) for ring in rings))


def test_a_slanting_crack_across_seams_has_one_outline_and_its_neighbour_another() -> None:
    pixels = red_pixels(1500, 1100, (0, 0, 0, 0))
    cv2.line(pixels, (100, 80), (1400, 900), (255, 0, 0), 7)
    cv2.line(pixels, (100, 140), (1000, 708), (255, 0, 0), 7)
    manifest = build_manifest("crack", (HazardClass.FACADE_CRACK,), task="segment")
    settings = DetectionSettings.model_construct(include_overview=False)
    detector = FakeDetector(outline_red, manifest)
    found = detect_pixels("p", pixels, [detector], settings).detections
    long, short = sorted(found, key=lambda one: -one.bbox_xyxy.area_px)
    for one, length_px in ((long, np.hypot(1300, 820)), (short, np.hypot(900, 568))):
        (ring,) = one.polygons
        assert compute_polygon_area(ring) == pytest.approx(length_px * 7, rel=0.25)
        corners = np.array(ring)
        assert one.bbox_xyxy.xyxy == pytest.approx((*corners.min(axis=0), *corners.max(axis=0)))
    assert long.bbox_xyxy.xyxy == pytest.approx((100, 80, 1400, 900), abs=8)


def test_what_is_far_too_large_for_its_class_is_left_out(tmp_path: Path) -> None:
    low = draw_red(tmp_path / "low.jpg")
    draw_photo(
        tmp_path / "high.jpg",
        pose=DrawnPose(altitude_agl_m=90.0),
        pixels=red_pixels(900, 700, (600, 300, 680, 360)),
        quality=95,
    )
    high = read_photo(tmp_path / "high.jpg", "high.jpg")
    assert isinstance(high, Photo)
    results = list(detect_photos([low, high], [FakeDetector()], SETTINGS))
    assert [len(result.detections) for result in results] == [1, 0]
    assert [len(result.implausible) for result in results] == [0, 1]


def test_what_is_left_out_does_not_suppress_what_lies_inside_it(tmp_path: Path) -> None:
    def answer(_: NDArray[np.uint8]) -> NDArray[np.float32]:
        small, court = (50, 50, 90, 90, 0.6, 2), (0, 0, 600, 400, 0.9, 2)
        return np.array([small, court], dtype=np.float32)

    path = draw_photo(tmp_path / "a.jpg", size_px=(640, 480))
    photo = read_photo(path, "a.jpg")
    assert isinstance(photo, Photo)
    (result,) = detect_photos([photo], [FakeDetector(answer)], SETTINGS)
    assert [geo.detection.score for geo in result.detections] == [pytest.approx(0.6)]
    assert [geo.detection.score for geo in result.implausible] == [pytest.approx(0.9)]


def test_each_detector_sees_tiles_of_its_own_size() -> None:
    small = FakeDetector(manifest=build_manifest("small", tile_px=320))
    large = FakeDetector(manifest=build_manifest("large", (HazardClass.FACADE_CRACK,)))
    detect_pixels("p", red_pixels(700, 500, (0, 0, 0, 0)), [small, large], SETTINGS)
    assert set(small.tile_shapes) == {(320, 320, 3)}
    assert set(large.tile_shapes) == {(640, 640, 3)}


def test_a_model_of_coarse_photos_sees_a_fine_one_made_smaller(tmp_path: Path) -> None:
    photo = draw_red(tmp_path / "a.jpg")  # 1.4 cm a pixel or so
    assert photo.pose is not None
    assert photo.intrinsics is not None
    gsd_m = compute_finest_gsd_m(photo.intrinsics, photo.pose)
    assert gsd_m is not None
    coarse = FakeDetector(manifest=replace(build_manifest("coarse"), finest_gsd_m=2 * gsd_m))
    native = FakeDetector(manifest=replace(build_manifest("native"), finest_gsd_m=gsd_m / 2))
    for detector in (coarse, native):
        (result,) = detect_photos([photo], [detector], SETTINGS)
        (found,) = result.detections
        assert found.detection.bbox_xyxy.xyxy == pytest.approx((600, 300, 680, 360), abs=6)
    assert len(coarse.tile_shapes) == 1 < len(native.tile_shapes)
    street = FakeDetector(manifest=coarse.manifest)
    list(detect_photos([photo], [street], SETTINGS, kind=FlightKind.STREET))
    assert len(street.tile_shapes) == len(native.tile_shapes)


def test_ground_of_a_model_beside_is_left_to_it(tmp_path: Path) -> None:
    photo = draw_red(tmp_path / "a.jpg")  # 1.4 cm a pixel or so
    detector = FakeDetector()
    far = replace(detector.manifest, name="far", starts_at_gsd_m=0.001)
    (alone,) = detect_photos([photo], [detector], SETTINGS)
    (beside,) = detect_photos([photo], [detector], SETTINGS, beside=[far])
    assert len(alone.detections) == 1
    assert (beside.detections, beside.tiles, beside.failure) == ((), 0, None)


def test_scores_between_floor_and_threshold_are_kept_only_when_asked_for() -> None:
    detector = FakeDetector(manifest=build_manifest(threshold=0.95))
    pixels = red_pixels(640, 640, (10, 10, 60, 60))
    assert detect_pixels("p", pixels, [detector], SETTINGS).detections == ()
    kept = detect_pixels("p", pixels, [detector], SETTINGS, use_thresholds=False)
    assert [found.score for found in kept.detections] == [pytest.approx(0.9)]


def test_a_broken_photo_is_a_failure_between_its_neighbours(tmp_path: Path) -> None:
    photos = [draw_red(tmp_path / f"{index}.jpg", index) for index in range(3)]
    photos[1].path.write_bytes(photos[1].path.read_bytes()[:5000])
    results = list(detect_photos(photos, [FakeDetector()], SETTINGS))
    assert [result.photo for result in results] == photos
    assert [len(result.detections) for result in results] == [1, 0, 1]
    assert results[1].failure is not None
    assert results[1].failure.code == "truncated_image"
    assert results[1].tiles == 0
    assert results[0].detections[0].ground is not None


def test_a_flight_becomes_candidates_and_failures(tmp_path: Path) -> None:
    draw_red(tmp_path / "a.jpg")
    draw_flight(tmp_path / "empty_of_things", 2)
    (tmp_path / "void.jpg").write_bytes(b"")
    flight = read_flight(tmp_path, FlightKind.DRONE, "test")
    seen: list[PhotoResult] = []
    result = detect_flight(flight, [FakeDetector()], SETTINGS, on_result=seen.append)
    assert [one.photo.photo_id for one in result.results] == [p.photo_id for p in flight.photos]
    assert seen == list(result.results)
    assert [failure.code for failure in result.failures] == ["empty_file"]
    (candidate,) = result.candidates
    assert candidate.hazard_class is HazardClass.MANHOLE_MISSING
    assert [one.detection.photo_id for one in candidate.sightings] == ["a.jpg"]


def test_finished_photos_are_not_looked_at_again(tmp_path: Path) -> None:
    photos = tuple(draw_red(tmp_path / f"{index}.jpg", index) for index in range(2))
    flight = Flight("f", FlightKind.DRONE, photos, ())
    first = detect_flight(flight, [FakeDetector()], SETTINGS)
    detector = FakeDetector()
    done = {"0.jpg": first.results[0]}
    second = detect_flight(flight, [detector], SETTINGS, finished=done)
    assert len(detector.tile_shapes) == first.results[1].tiles
    assert second.candidates == first.candidates
    assert (
        detect_flight(
            flight, [], SETTINGS, finished={one.photo.photo_id: one for one in first.results}
        ).candidates
        == first.candidates
    )


def test_no_more_photos_are_in_memory_than_the_bound_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "MAX_BYTES", 2 * 900 * 700 * 3)
    photo = draw_red(tmp_path / "a.jpg")
    photos = [replace(photo, photo_id=f"{index}.jpg") for index in range(8)]
    alive = most = 0

    def forget() -> None:
        nonlocal alive
        alive -= 1

    def decode(_: Photo) -> NDArray[np.uint8]:
        nonlocal alive, most
        pixels = np.full((700, 900, 3), 128, dtype=np.uint8)
        weakref.finalize(pixels, forget)
        alive += 1
        most = max(most, alive)
        return pixels

    monkeypatch.setattr(pipeline, "decode_photo", decode)
    for _ in detect_photos(photos, [FakeDetector()], SETTINGS):
        gc.collect()
    assert 2 <= most <= 3, "two are held for the models, one is finished meanwhile"


def test_photos_are_read_only_as_fast_as_they_are_looked_at(tmp_path: Path) -> None:
    photo = draw_red(tmp_path / "a.jpg")
    taken = 0

    def endless() -> Iterator[Photo]:
        nonlocal taken
        while True:
            taken += 1
            yield photo

    results = detect_photos(endless(), [FakeDetector()], SETTINGS)
    next(results)
    next(results)
    assert isinstance(results, Generator)
    results.close()
    assert taken <= 2 + 1 + line.MAX_THREADS


def test_an_unknown_crash_of_a_model_is_not_hidden(tmp_path: Path) -> None:
    def crash(_: NDArray[np.uint8]) -> NDArray[np.float32]:
        message = "bug"
        raise ZeroDivisionError(message)

    photo = draw_red(tmp_path / "a.jpg")
    with pytest.raises(ZeroDivisionError):
        list(detect_photos([photo], [FakeDetector(crash)], SETTINGS))
