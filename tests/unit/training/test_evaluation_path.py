from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detection.detectors.base import TileImage
from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.looks.plan import plan_looks
from detection.pipeline import detect_pixels
from detection.settings import load_settings
from tests.fakes import FakeDetector, build_manifest, find_red
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.negatives import cut_negatives, list_flight
from training.data.pixels import read_pixels
from training.evaluation.evaluate import answer_photos, evaluate_answers, plan_tiles, show_boxes
from training.evaluation.figures import json_from_evaluation, table_from_evaluation
from training.promotion.thresholds import choose_thresholds, count_alarms
from training.settings import ThresholdRule

OK, BROKEN, MISSING = (
    HazardClass.MANHOLE_OK,
    HazardClass.MANHOLE_BROKEN,
    HazardClass.MANHOLE_MISSING,
)
LIMITS = {OK: 0.5, BROKEN: 0.5, MISSING: 0.5}


def draw_red(
    path: Path, size_px: tuple[int, int], box: tuple[int, int, int, int] | None
) -> AnnotatedPhoto:
    """A grey photo with a red rectangle that is annotated as a missing cover."""
    pixels = np.full((size_px[1], size_px[0], 3), 100, dtype=np.uint8)
    boxes: tuple[Annotation, ...] = ()
    if box is not None:
        pixels[box[1] : box[3], box[0] : box[2]] = (0, 0, 255)
        boxes = (Annotation(MISSING, BBox(*map(float, box))),)
    cv2.imwrite(str(path), pixels)
    return AnnotatedPhoto(path.name, path, *size_px, "val", path.stem, "drawn", boxes)


@pytest.fixture
def photos(tmp_path: Path) -> list[AnnotatedPhoto]:
    return [
        draw_red(tmp_path / "small.png", (320, 200), (40, 20, 120, 100)),
        draw_red(tmp_path / "large.png", (1500, 900), (600, 400, 700, 500)),
        draw_red(tmp_path / "quiet.png", (320, 200), None),
    ]


@pytest.mark.parametrize("tiled", [True, False])
def test_perfect_model_is_measured_as_perfect(photos: list[AnnotatedPhoto], *, tiled: bool) -> None:
    detector = FakeDetector(find_red)
    answers = answer_photos(detector, photos, tiled=tiled)
    evaluation = evaluate_answers(answers, detector.manifest, LIMITS, tiled=tiled)
    missing = evaluation.figures[2]
    assert (missing.photos, missing.boxes) == (2, 2)
    assert missing.ap50 == pytest.approx(1.0)
    assert (missing.counts.true_positives, missing.counts.false_positives) == (2, 0)
    assert evaluation.negatives == 1
    assert evaluation.hazard_alarms_per_negative == 0.0


def test_deployed_path_sees_native_tiles_and_the_whole(photos: list[AnnotatedPhoto]) -> None:
    settings = load_settings()
    assert len(plan_tiles(photos[0], 640, settings)) == 1
    assert len(plan_tiles(photos[1], 640, settings)) > 4
    assert len(plan_tiles(photos[1], 640, None)) == 1
    detector = FakeDetector(find_red)
    answer_photos(detector, photos, tiled=True)
    assert set(detector.tile_shapes) == {(640, 640, 3)}


@pytest.mark.parametrize("task", ["detect", "segment"])
def test_measured_tiles_are_those_of_a_flight(photos: list[AnnotatedPhoto], task: str) -> None:
    detector = FakeDetector(find_red, build_manifest(task=task, tile_px=320))
    (answer,) = answer_photos(detector, photos[1:2], tiled=True)
    looks = plan_looks(1500, 900, detector.manifest, load_settings())
    assert [tile for tile, _ in answer.tiles] == [tile for look in looks for tile in look.tiles]


def test_shown_boxes_are_those_of_the_detection_pipeline(photos: list[AnnotatedPhoto]) -> None:
    detector = FakeDetector(cry_wolf)
    shown = [
        show_boxes(answer, detector.manifest, detector.manifest.thresholds)
        for answer in answer_photos(detector, photos, tiled=True)
    ]
    deployed = [
        detect_pixels(photo.name, read_pixels(photo.path), [detector], load_settings()).detections
        for photo in photos
    ]
    assert [tuple(box.detection for box in boxes) for boxes in shown] == deployed
    assert sum(len(found) for found in deployed) > len(photos)


def cry_wolf(tile: TileImage) -> NDArray[np.float32]:
    """The right box where there is one, and always a weak box of class ok in the corner."""
    corner = np.array([[0, 0, 30, 30, 0.6, 0]], dtype=np.float32)
    return np.vstack([find_red(tile), corner])


def test_false_alarms_are_counted_on_negatives_by_class(photos: list[AnnotatedPhoto]) -> None:
    detector = FakeDetector(cry_wolf)
    answers = answer_photos(detector, photos, tiled=False)
    evaluation = evaluate_answers(answers, detector.manifest, LIMITS, tiled=False)
    assert evaluation.false_alarms == {OK: 1, BROKEN: 0, MISSING: 0}
    assert evaluation.hazard_alarms_per_negative == 0.0
    strict = evaluate_answers(answers, detector.manifest, LIMITS | {OK: 0.7}, tiled=False)
    assert strict.false_alarms[OK] == 0


def test_threshold_rises_until_the_background_is_quiet(photos: list[AnnotatedPhoto]) -> None:
    manifest = build_manifest(score_floor=0.001)
    detector = FakeDetector(
        lambda tile: (
            find_red(tile)
            if find_red(tile).size
            else np.array([[5, 5, 60, 60, 0.6, 2]], dtype=np.float32)
        ),
        manifest,
    )
    labelled = answer_photos(detector, photos[:2], tiled=False)
    background = answer_photos(detector, photos[2:], tiled=False)
    assert count_alarms(MISSING, background, manifest, 0.5) == 1.0
    rule = {MISSING: ThresholdRule(beta=2.0, max_background_alarms=0.0)}
    chosen = choose_thresholds(labelled, background, manifest, rule)
    assert 0.6 < chosen[MISSING] <= 0.9
    assert count_alarms(MISSING, background, manifest, chosen[MISSING]) == 0.0


def test_threshold_is_the_middle_of_the_equally_good(photos: list[AnnotatedPhoto]) -> None:
    detector = FakeDetector(find_red, build_manifest(score_floor=0.001))
    answers = answer_photos(detector, photos, tiled=False)
    chosen = choose_thresholds(answers, [], detector.manifest, {})
    assert chosen[MISSING] == pytest.approx(0.45)
    assert len(show_boxes(answers[0], detector.manifest, chosen)) == 1


def test_threshold_fixed_by_a_person_stands(photos: list[AnnotatedPhoto]) -> None:
    detector = FakeDetector(find_red, build_manifest(score_floor=0.001))
    answers = answer_photos(detector, photos, tiled=False)
    rules = {MISSING: ThresholdRule(fixed=0.33, reason="Seen on flights.")}
    assert choose_thresholds(answers, answers, detector.manifest, rules)[MISSING] == 0.33


def test_figures_are_written_for_people_and_programs(photos: list[AnnotatedPhoto]) -> None:
    detector = FakeDetector(find_red)
    answers = answer_photos(detector, photos, tiled=False)
    evaluation = evaluate_answers(answers, detector.manifest, LIMITS, tiled=False)
    document = json_from_evaluation(evaluation)
    assert document["classes"]["manhole_missing"]["recall"] == 1.0  # type: ignore[index]
    assert document["classes"]["manhole_ok"]["ap50"] is None  # type: ignore[index]
    table = table_from_evaluation(evaluation)
    assert "| manhole_missing | 2 | 2 | 1.000 |" in table
    assert "3 photos, 1 of them negative" in table


def test_flight_of_negatives_is_cut_at_native_scale(
    photos: list[AnnotatedPhoto], tmp_path: Path
) -> None:
    flight = photos[0].path.parent
    flown = list_flight(flight, dataset="quiet", split="train")[::2]
    tiles = cut_negatives(flown, tmp_path / "tiles", tile_px=300)
    names = {tile.path.name.split("_")[0] for tile in tiles}
    assert names == {"large", "small"}
    assert all((tile.width_px, tile.height_px) == (300, 300) for tile in tiles)
    assert all(tile.is_negative and tile.split == "train" for tile in tiles)


def test_flight_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="No photo lies in"):
        list_flight(tmp_path, dataset="none", split="val")


def test_text_named_as_photo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not pixels", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"text\.jpg cannot be decoded"):
        read_pixels(tmp_path / "text.jpg")
