"""Flights with noise, misses and false alarms: are the covers found, once each?"""

from __future__ import annotations

import numpy as np
import pytest

from detection.dedupe import group_candidates
from detection.dedupe.alignment import align_photos
from detection.dedupe.observations import compute_unaligned, observe
from detection.dedupe.order import sort_key
from detection.dedupe.pairs import find_pairs
from detection.dedupe.rays import ERRORS
from detection.domain.finding import Candidate
from detection.domain.hazard import HazardClass
from tests.simulated_flights import (
    EXACT,
    NO_RTK,
    NO_RTK_PHOTO,
    NO_RTK_SHARED,
    PLANE,
    RTK,
    Noise,
    SimulatedFlight,
    plan_block,
    scatter_covers,
    score_pairs,
    simulate_flight,
)

SIZE_M = (110.0, 110.0)


def fly(seed: int, noise: Noise, pitch_deg: float = -90.0) -> SimulatedFlight:
    covers = scatter_covers(np.random.default_rng(seed), 40, SIZE_M, 2.0)
    shots = plan_block(3, 6, pitch_deg=pitch_deg)
    return simulate_flight(seed, covers, shots, noise, pitch_deg=pitch_deg)


def group(flight: SimulatedFlight) -> tuple[Candidate, ...]:
    return group_candidates(flight.detections, flight.photos)


@pytest.mark.parametrize("pitch_deg", [-90.0, -45.0])
@pytest.mark.parametrize("noise", [RTK, NO_RTK, NO_RTK_PHOTO, NO_RTK_SHARED])
def test_each_cover_is_one_candidate(noise: Noise, pitch_deg: float) -> None:
    flight = fly(3, noise, pitch_deg)
    score = score_pairs(flight, group(flight))
    assert score.precision >= 0.98
    assert score.recall >= 0.98
    assert 0.97 <= score.ratio <= 1.05


def test_cracks_of_unknown_height_are_told_by_views_from_many_sides() -> None:
    """Each view alone shifts a crack by metres, as it stands 4 m above or below what is assumed."""
    cracks = scatter_covers(np.random.default_rng(0), 20, SIZE_M, 2.0)
    flight = simulate_flight(
        0,
        cracks,
        plan_block(3, 6, pitch_deg=-45.0),
        RTK,
        pitch_deg=-45.0,
        relief_m=4.0,
        hazard_class=HazardClass.FACADE_CRACK,
    )
    score = score_pairs(flight, group(flight))
    assert score.precision >= 0.97
    assert score.recall >= 0.97


def test_photos_of_one_spot_do_not_shrink_the_ground_to_a_point() -> None:
    """All places would meet best at no height at all: a hovering drone cannot tell its height."""
    covers = scatter_covers(np.random.default_rng(0), 10, (70.0, 50.0), 4.0)
    flight = simulate_flight(1, covers, [(np.array([0.0, 0.0, 60.0]), 0.0)] * 150, NO_RTK)
    score = score_pairs(flight, group(flight))
    assert score.precision >= 0.98
    assert score.recall >= 0.98
    assert score.ratio == pytest.approx(1.0, abs=0.1)


def test_alignment_brings_the_places_of_one_cover_together() -> None:
    flight = fly(5, NO_RTK, -45.0)
    ordered = sorted(flight.detections, key=lambda seen: sort_key(seen, flight.photos))
    names = {id(seen): name for seen, name in zip(flight.detections, flight.truth, strict=True)}
    truth = np.array([names[id(seen)] for seen in ordered])
    seen = observe(ordered, flight.photos)
    aligned = seen.place(align_photos(seen, find_pairs(seen)).errors)
    apart = [
        np.median([np.linalg.norm(places[truth == name].std(axis=0)) for name in range(40)])
        for places in (seen.stated_m, aligned)
    ]
    assert apart[0] > 2.0
    assert apart[1] < 0.3


@pytest.mark.parametrize("pitch_deg", [-90.0, -45.0, -30.0])
def test_the_errors_of_a_pose_move_a_place_as_georeferencing_says(pitch_deg: float) -> None:
    """The covariance from rays alone is that of the place, without the shared offset."""
    flight = fly(1, NO_RTK, pitch_deg)
    ordered = sorted(flight.detections, key=lambda seen: sort_key(seen, flight.photos))
    seen = observe(ordered, flight.photos)
    lean = seen.rays.slopes() * seen.height_std_m[:, None]
    ours = compute_unaligned(seen) + np.einsum("ni,nj->nij", lean, lean)
    stated = np.array(
        [[g.cov_ee_m2, g.cov_nn_m2] for g in (one.ground for one in ordered) if g is not None]
    )
    shared = 1.5**2 - float(seen.offset[0, 0, 0]) ** 2
    share = (np.einsum("nii->ni", ours) + shared) / stated
    assert np.median(share) == pytest.approx(1.0, abs=0.05)


def test_derivatives_are_those_of_the_places() -> None:
    flight = fly(2, NO_RTK, -45.0)
    ordered = sorted(flight.detections, key=lambda one: sort_key(one, flight.photos))
    seen = observe(ordered, flight.photos)
    errors = np.random.default_rng(0).normal(0, 0.3, (seen.photo_count, ERRORS))
    columns = seen.differentiate(errors)
    for column in range(ERRORS):
        step = np.zeros_like(errors)
        step[:, column] = 1e-5
        slope = (seen.place(errors + step) - seen.place(errors - step)) / 2e-5
        # The order of the turns is left out: a hundredth of what they do.
        assert np.abs(slope - columns[:, :, column]).max() < 0.02 * np.abs(columns).max()


@pytest.mark.parametrize("noise", [RTK, NO_RTK])
def test_the_order_of_the_input_does_not_matter(noise: Noise) -> None:
    flight = fly(7, noise)
    order = np.random.default_rng(1).permutation(len(flight.detections))
    shuffled = [flight.detections[index] for index in order]
    photos = dict(reversed(flight.photos.items()))
    assert group_candidates(shuffled, photos) == group(flight)


def _find_two(flight: SimulatedFlight) -> list[Candidate]:
    """Return the candidates that hold one of the first two covers."""
    names = {id(seen): name for seen, name in zip(flight.detections, flight.truth, strict=True)}
    return [
        one for one in group(flight) if any(names[id(seen)] in {0, 1} for seen in one.sightings)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_two_near_covers_stay_two_with_rtk_and_are_flagged_without(seed: int) -> None:
    near = np.array([[0.0, 0.0], [1.5, 0.0]])
    rest = scatter_covers(np.random.default_rng(seed), 15, SIZE_M, 9.0)
    covers = np.vstack([near, rest[np.linalg.norm(rest, axis=1) > 9.0]])
    with_rtk = _find_two(simulate_flight(seed, covers, plan_block(3, 5), RTK))
    assert len(with_rtk) == 2
    assert not any(one.is_ambiguous for one in with_rtk)
    without = _find_two(simulate_flight(seed, covers, plan_block(3, 5), NO_RTK))
    assert len(without) >= 2
    assert all(one.is_ambiguous for one in without)


def test_photos_that_should_show_a_cover_are_counted() -> None:
    covers = np.array([[0.0, 0.0]])
    flight = simulate_flight(
        4, covers, plan_block(3, 5), EXACT, recall=0.6, alarms_per_photo=0.0, relief_m=0.0
    )
    (one,) = group(flight)
    assert one.votes is not None
    seen_by_all = simulate_flight(
        4, covers, plan_block(3, 5), EXACT, recall=1.0, alarms_per_photo=0.0, relief_m=0.0
    )
    assert one.votes.covering is not None
    assert one.votes.views == len(flight.detections) < one.votes.covering
    assert one.votes.covering <= len(seen_by_all.detections)
    assert one.votes.covering >= len(seen_by_all.detections) - 2


def test_a_candidate_lies_within_its_ellipse() -> None:
    flight = fly(8, NO_RTK)
    names = {id(seen): name for seen, name in zip(flight.detections, flight.truth, strict=True)}
    inside = []
    for one in group(flight):
        (name, *_) = sorted({names[id(seen)] for seen in one.sightings}, reverse=True)
        if name < 0 or one.ground is None:
            continue
        miss = PLANE.to_metres([(one.ground.lon, one.ground.lat)])[0] - flight.covers_m[name]
        ground = one.ground
        covariance = np.array(
            [[ground.cov_ee_m2, ground.cov_en_m2], [ground.cov_en_m2, ground.cov_nn_m2]]
        )
        inside.append(miss @ np.linalg.solve(covariance, miss) < 5.991)
    assert np.mean(inside) >= 0.93
