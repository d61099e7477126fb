"""Every real subtitle file of the samples gives what is known of it, the broken ones included."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from detection.ingest.mrk import read_mrk
from detection.ingest.srt_track import read_srt

pytestmark = pytest.mark.shared

Pair = tuple[float, float]


@dataclass(frozen=True)
class Expected:
    """Points, the first place and height, the warnings; ``near`` where the order needs it."""

    points: int
    place: Pair | None = None
    agl_m: float | None = None
    altitude_m: float | None = None
    pitch_deg: float | None = None
    warnings: tuple[str, ...] = ()
    near: Pair | None = None


AMBIGUOUS = Expected(0, warnings=("ambiguous_coordinate_order",))
EMPTY = Expected(0, warnings=("empty_track",))
CUT, COARSE = "track_incomplete", "coarse_position"
AIRLIE, JEREZ, NAVARRE = (149.03, -20.25), (-6.0, 36.7), (-1.2, 42.5)

SAMPLES = [
    ("MAVIC3_head60k.srt", Expected(207, (-3.3744, 3.41531), -2.4, 0.401, warnings=(CUT,))),
    ("air2s.srt", Expected(17, (2.234156, 41.424724), None, 117.0)),
    ("broken_empty.SRT", EMPTY),
    ("broken_empty2.SRT", EMPTY),
    ("broken_incomplete.SRT", AMBIGUOUS),
    (
        "broken_incomplete.SRT",
        Expected(19, (-58.4563, -34.7383), 20.1, warnings=(CUT, COARSE), near=(-58.4, -34.6)),
    ),
    (
        "broken_incomplete2.SRT",
        Expected(4, (-57.823395, -34.86995), None, 74.725998, warnings=(CUT,)),
    ),
    (
        "m2zoom_head60k.SRT",
        Expected(203, (74.398751, 31.452012), None, 213.983002, warnings=(CUT,)),
    ),
    ("matrice_300.srt", AMBIGUOUS),
    ("matrice_300.srt", Expected(381, (-6.112, 36.6146), 0.3, warnings=(COARSE,), near=JEREZ)),
    ("mavic_2_style.SRT", Expected(468, (149.0251, -20.2533), warnings=(COARSE,))),
    ("mavic_2pro_new_head60k.SRT", Expected(218, (-60.286702, -35.080155), warnings=(CUT,))),
    ("mavic_air.SRT", EMPTY),
    ("mavic_air2.srt", Expected(25, (2.162162, 41.420684), None, 27.3)),
    ("mavic_mini.SRT", Expected(117, (-121.7458, 48.0771), 200.7, warnings=(COARSE,))),
    ("mavic_pro.SRT", Expected(468, (149.0251, -20.2533), 1.9, warnings=(COARSE,))),
    ("mavic_pro.SRT", Expected(468, (149.0251, -20.2533), 1.9, warnings=(COARSE,), near=AIRLIE)),
    ("mavic_pro.SRT", Expected(0, warnings=("track_elsewhere",), near=JEREZ)),
    ("mavic_pro_buggy.SRT", AMBIGUOUS),
    (
        "mavic_pro_buggy.SRT",
        Expected(530, (-1.2218, 42.4668), 0.0, warnings=(CUT, COARSE), near=NAVARRE),
    ),
    # The distance from home confirms longitude first; then another drone's recording follows.
    (
        "mix_p4rtk_mavic2pro.srt",
        Expected(12, (-59.409424, -34.6502), 17.39, pitch_deg=-27.3, warnings=("track_jump",)),
    ),
    ("old_format.SRT", Expected(468, (149.0251, -20.2533), 1.9, warnings=(COARSE,))),
    ("p4_rtk.SRT", Expected(55, (-58.851745, -34.237922), 85.8, pitch_deg=-24.4)),
    ("p4p_sample.SRT", AMBIGUOUS),
    ("p4p_sample.SRT", Expected(5, (8.209, 47.4692), 45.6, warnings=(COARSE,), near=(8.0, 47.0))),
    ("skylark_DJI_0301.SRT", AMBIGUOUS),
    (
        "skylark_DJI_0301.SRT",
        Expected(
            163, (73.00135763743417, 19.149798647687), warnings=("track_jump",), near=(73, 19)
        ),
    ),
]


@pytest.mark.parametrize(("name", "expected"), SAMPLES)
def test_a_real_track_is_read(shared_dir: Path, name: str, expected: Expected) -> None:
    track = read_srt(shared_dir / "flights/samples/srt" / name, expected.near)
    assert (len(track.points), track.warnings) == (expected.points, expected.warnings)
    if track.points:
        first = track.points[0]
        assert (first.lon, first.lat) == expected.place
        assert (first.altitude_agl_m, first.altitude_m) == (expected.agl_m, expected.altitude_m)
        assert first.pitch_deg == expected.pitch_deg
        times = [point.at_s for point in track.points if point.at_s is not None]
        assert times == sorted(times)
        assert len(times) == len(track.points)


def test_every_sample_has_its_expectation(shared_dir: Path) -> None:
    folder = shared_dir / "flights/samples/srt"
    names = {path.name for path in folder.iterdir() if path.suffix.lower() == ".srt"}
    assert names == {name for name, _ in SAMPLES}


def test_the_real_time_stamp_file_is_fixed_throughout(shared_dir: Path) -> None:
    track = read_mrk(shared_dir / "flights/samples/mrk/101FTASK_Timestamp.mrk")
    assert (len(track.points), track.warnings) == (176, ())
    assert [point.number for point in track.points] == list(range(2, 178))
    assert {point.source for point in track.points} == {"mrk+rtk"}
    assert max(point.horizontal_std_m for point in track.points) < 0.03
