"""The bench counts right, and its pieces still run; its figures are not asserted here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from detection.domain.finding import Candidate, GeoDetection, GroundPoint
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from tests.bench.grouping import Seen, count_couples, count_pairs, detect
from tests.bench.placing import REGIONS, VIEWS, compare, measure_setups, summarize_placing
from tests.bench.reprojection import measure_reprojection
from tests.bench.worlds import NOISE, PIXEL_STD_PX, draw_box, fly, make_detection
from training.synthetic.camera import PinholeCamera, rotation_from_gimbal
from training.synthetic.open_ground import GroundCover
from training.synthetic.survey import Survey

PHOTO = Photo("a.jpg", Path("a.jpg"), "0" * 64, 100, 100, None, None, None, None)
LATITUDE_M = 110_600.0


def see(*groups: tuple[int | None, ...], is_ambiguous: bool = False) -> Seen:
    """Candidates whose sightings show these things."""
    things: dict[int, int | None] = {}
    candidates = []
    for index, group in enumerate(groups):
        sightings = []
        for thing in group:
            detection = make_detection(PHOTO, BBox(0, 0, 1, 1), HazardClass.MANHOLE_MISSING, 0.5)
            sightings.append(GeoDetection(detection, None))
            things[id(sightings[-1])] = thing
        candidates.append(
            Candidate(
                f"{index}", HazardClass.MANHOLE_MISSING, 0.5, None, None, None, None,
                tuple(sightings), is_ambiguous=is_ambiguous,
            )
        )  # fmt: skip
    counts = Counter(thing for thing in things.values() if thing is not None)
    return Seen(things, counts, tuple(candidates))


def test_perfect_groups_score_one() -> None:
    figures = count_pairs(see((1, 1, 1), (2, 2), (None,))).summarize()
    assert figures == {"precision": 1.0, "recall": 1.0, "ratio": 1.0}


def test_a_torn_thing_costs_recall_and_ratio() -> None:
    tally = count_pairs(see((1, 1), (1, 1)))
    assert (tally.right_pairs, tally.joined_pairs, tally.true_pairs) == (2, 2, 6)
    assert (tally.candidates, tally.things) == (2, 1)


def test_joined_things_and_false_alarms_cost_precision() -> None:
    assert count_pairs(see((1, 1, 2, 2))).summarize()["precision"] == round(2 / 6, 4)
    assert count_pairs(see((1, 1, None))).summarize()["precision"] == round(1 / 3, 4)
    assert count_pairs(see((None, None))).joined_pairs == 1


def test_couples_stay_two_only_where_each_has_a_candidate_of_its_own() -> None:
    assert count_couples(see((0, 0, 0), (1, 1)), 1).pairs_kept_apart == 1
    joined = count_couples(see((0, 0, 1, 1)), 1)
    assert (joined.pairs_kept_apart, joined.pairs_lost) == (0, 1)
    flagged = count_couples(see((0, 0, 1, 1), is_ambiguous=True), 1)
    assert (flagged.pairs_flagged, flagged.pairs_lost) == (1, 0)
    assert count_couples(see((0,), (1, 1)), 1).pairs == 0


def test_an_error_of_two_metres_is_two_metres_and_outside_a_narrow_ellipse() -> None:
    ground = GroundPoint(113.0, 23.0 + 2 / LATITUDE_M, 0.25, 0.0, 0.25, "flat_ground")
    found = compare(ground, (113.0, 23.0), 90.0, "")
    assert found.error_m == pytest.approx(2.0, rel=0.01)
    assert found.squared == pytest.approx(16.0, rel=0.02)
    assert summarize_placing([found])["ellipse_coverage"] == 0.0


def test_the_detector_draws_boxes_as_far_off_as_it_should() -> None:
    camera = PinholeCamera(
        1000, 1000, 1000.0, np.array([0.0, 0.0, 50.0]), rotation_from_gimbal(0.0, -90.0, 0.0)
    )
    cover = GroundCover(HazardClass.MANHOLE_OK, np.zeros(3), 0.35)
    rng = np.random.default_rng(0)
    boxes = [draw_box(rng, camera, cover) for _ in range(600)]
    middles = np.array([box.center for box in boxes if box is not None])
    assert len(middles) == 600
    assert middles.std(axis=0) == pytest.approx([PIXEL_STD_PX, PIXEL_STD_PX], rel=0.15)
    outside = GroundCover(HazardClass.MANHOLE_OK, np.array([26.0, 0.0, 0.0]), 0.35)
    assert draw_box(rng, camera, outside) is None


def test_the_detector_misses_a_tenth_and_alarms_once_a_photo() -> None:
    rng = np.random.default_rng(0)
    world = fly(rng, Survey(30, (2000, 1500), 30.0, overlap=0.95), NOISE["rtk"])
    covers = [
        GroundCover(HazardClass.MANHOLE_MISSING, np.array([x, y, 0.0]), 0.35)
        for x in range(-6, 7, 3)
        for y in range(-6, 7, 3)
    ]
    found = detect(rng, world, covers)
    true = [one for one in found if one.thing is not None]
    assert len(true) / (30 * len(covers)) == pytest.approx(0.9, abs=0.04)
    assert (len(found) - len(true)) / 30 == pytest.approx(1.0, abs=0.6)


def test_every_setup_is_measured_and_the_camera_model_is_a_camera() -> None:
    results = measure_setups(1, 3)
    assert len(results) == len(VIEWS) * len(NOISE) * len(REGIONS)
    assert all(results.values())
    assert max(measure_reprojection(2, 3).values()) < 0.5
