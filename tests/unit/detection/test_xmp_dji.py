from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.ingest.dji_xmp import read_dji_tags, read_maker_note_angles
from detection.ingest.drone_tags import DroneTags, LensTags
from detection.ingest.xmp import XmpPacket, read_xmp
from tests.factories import build_maker_note, build_xmp

TAGS = {
    "GpsLatitude": "45.03159568",
    "GpsLongitude": "7.62046587",
    "AbsoluteAltitude": "+349.58",
    "RelativeAltitude": "-4.47",
    "GimbalYawDegree": "+106.80",
    "GimbalPitchDegree": "-90.00",
    "GimbalRollDegree": "+0.00",
    "CalibratedFocalLength": "1913.333374",
    "CalibratedOpticalCenterX": "800.000000",
    "CalibratedOpticalCenterY": "650.000000",
    "RtkFlag": "50",
    "RtkStdLon": "0.01053",
    "RtkStdLat": "0.01380",
    "RtkStdHgt": "0.02050",
    "GpsStatus": "RTK",
}
CALIBRATION = LensTags(
    source="xmp:CalibratedFocalLength",
    focal_px=1913.333374,
    center_x_px=800.0,
    center_y_px=650.0,
)
READ = DroneTags(
    source="xmp",
    lon=7.62046587,
    lat=45.03159568,
    absolute_altitude_m=349.58,
    relative_altitude_m=-4.47,
    yaw_deg=106.8,
    pitch_deg=-90.0,
    roll_deg=0.0,
    rtk_flag=50,
    std_lon_m=0.01053,
    std_lat_m=0.0138,
    std_height_m=0.0205,
    gps_status="RTK",
    lenses=(CALIBRATION,),
)
DEWARP = (
    "2022-03-02;1973.0899658,1955.6500244,-19.0419922,-11.4249878,"
    "-0.4227500,0.3691010,0.0040638,0.0040639,-0.2643060"
)


def read_dji(packet: bytes | str | None) -> DroneTags:
    return read_dji_tags(read_xmp(packet).families.get("dji", {}))


@pytest.mark.parametrize("as_elements", [False, True])
def test_both_xml_forms_read_the_same(as_elements: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    assert read_dji(build_xmp(TAGS, as_elements=as_elements)) == READ


@pytest.mark.parametrize("name", ["GpsLongitude", "GPSLongitude", "GPSLongtitude", "GpsLongtitude"])
def test_every_spelling_of_the_longitude_is_known(name: str) -> None:
    assert read_dji(build_xmp({name: "+106.55"})).lon == 106.55


def test_text_and_padding_are_read_like_bytes() -> None:
    packet = build_xmp(TAGS)
    assert read_dji(packet + b"\x00" * 20) == READ
    assert read_dji(packet.decode()) == READ


@pytest.mark.parametrize("packet", [None, b"", ""])
def test_no_packet_has_no_tags(packet: bytes | str | None) -> None:
    assert read_xmp(packet) == XmpPacket()
    assert read_dji(packet) == DroneTags()


@pytest.mark.parametrize("text", ["", "nan", "inf", "--3", "1.2.3", "N/A", "0x10", "1e999", "1/0"])
def test_what_is_no_number_is_left_out(text: str) -> None:
    assert read_dji(build_xmp({"RelativeAltitude": text})).relative_altitude_m is None


def test_tags_of_other_makers_are_not_taken_for_dji() -> None:
    packet = build_xmp(TAGS).replace(b"www.dji.com/drone-dji", b"example.org/other")
    assert read_xmp(packet).families == {}


def test_an_undeclared_prefix_is_read_all_the_same() -> None:
    packet = b'<x a:b="1" drone-dji:RelativeAltitude="+98.90"><drone-dji:GpsStatus>RTK</'
    assert read_xmp(packet).is_broken
    assert read_dji(packet).relative_altitude_m == 98.9
    assert read_dji(packet).gps_status == "RTK"


def test_entities_are_not_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    assert read_xmp(bomb) == XmpPacket(is_broken=True)


def test_a_deep_nest_of_elements_ends() -> None:
    packet = b"<a>" * 20_000 + b"</a>" * 20_000
    assert read_xmp(packet).families == {}


@given(st.binary(max_size=200))
def test_no_packet_makes_it_raise(packet: bytes) -> None:
    read_dji(packet)


def test_the_factory_calibration_goes_before_the_design_value() -> None:
    lenses = read_dji(build_xmp(TAGS | {"DewarpFlag": "0", "DewarpData": DEWARP})).lenses
    assert lenses[1] == CALIBRATION
    dewarp = lenses[0]
    assert dewarp.source == "xmp:DewarpData"
    assert dewarp.focal_px == pytest.approx(1964.36999, abs=1e-4)
    assert dewarp.focal_spread_px == pytest.approx(8.71997, abs=1e-4)
    assert (dewarp.center_x_px, dewarp.center_y_px) == pytest.approx((780.958008, 638.575012))
    assert dewarp.distortion == (-0.42275, 0.369101, 0.0040638, 0.0040639, -0.264306)


@pytest.mark.parametrize(
    "changes",
    [
        {"DewarpFlag": "1"},  # the camera corrected the pixels itself
        {"DewarpData": DEWARP.rpartition(",")[0]},
        {"DewarpData": DEWARP.replace("1973.0899658", "0")},
        {"DewarpData": DEWARP.replace("0.3691010", "none")},
        {"DewarpData": ""},
        {"CalibratedOpticalCenterX": ""},
    ],
)
def test_a_dewarp_that_does_not_hold_is_left_out(changes: dict[str, str]) -> None:
    tags = TAGS | {"DewarpFlag": "0", "DewarpData": DEWARP} | changes
    lenses = read_dji(build_xmp(tags)).lenses
    assert [lens.source for lens in lenses] == ["xmp:CalibratedFocalLength"]


@pytest.mark.parametrize(
    "text", ["2023-03-09T02:47:57.5", "2023:03:09 02:47:57.500", "2023-03-09T10:47:57.5+08:00"]
)
def test_the_moment_of_exposure_is_utc(text: str) -> None:
    expected = datetime(2023, 3, 9, 2, 47, 57, 500_000, tzinfo=UTC)
    assert read_dji(build_xmp({"UTCAtExposure": text})).utc == expected


def test_a_moment_that_is_none_is_left_out() -> None:
    assert read_dji(build_xmp({"UTCAtExposure": "soon"})).utc is None


@given(*[st.floats(-180, 180, width=32)] * 3)
def test_maker_note_angles_round_trip(pitch: float, yaw: float, roll: float) -> None:
    assert read_maker_note_angles(build_maker_note(pitch, yaw, roll)) == (yaw, pitch, roll)


@given(st.binary(max_size=120))
def test_no_maker_note_makes_it_raise(note: bytes) -> None:
    angles = read_maker_note_angles(note)
    assert angles is None or all(abs(angle) <= 360 for angle in angles)


def test_a_note_without_all_angles_has_none() -> None:
    assert read_maker_note_angles(None) is None
    assert read_maker_note_angles(build_maker_note(1, 2, 3)[:-8]) is None
    assert read_maker_note_angles(build_maker_note(1, float("nan"), 3)) is None
