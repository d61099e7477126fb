from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.ingest.dji_xmp import DjiTags, read_dji_xmp, read_maker_note_angles
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
READ = DjiTags(
    lon=7.62046587,
    lat=45.03159568,
    absolute_altitude_m=349.58,
    relative_altitude_m=-4.47,
    gimbal_yaw_deg=106.8,
    gimbal_pitch_deg=-90.0,
    gimbal_roll_deg=0.0,
    focal_px=1913.333374,
    center_x_px=800.0,
    center_y_px=650.0,
    rtk_flag=50,
    rtk_std_lon_m=0.01053,
    rtk_std_lat_m=0.0138,
    rtk_std_height_m=0.0205,
    gps_status="RTK",
)


@pytest.mark.parametrize("as_elements", [False, True])
def test_both_xml_forms_read_the_same(as_elements: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    assert read_dji_xmp(build_xmp(TAGS, as_elements=as_elements)) == READ


@pytest.mark.parametrize("name", ["GpsLongitude", "GPSLongitude", "GPSLongtitude", "GpsLongtitude"])
def test_every_spelling_of_the_longitude_is_known(name: str) -> None:
    assert read_dji_xmp(build_xmp({name: "+106.55"})).lon == 106.55


def test_text_and_padding_are_read_like_bytes() -> None:
    packet = build_xmp(TAGS)
    assert read_dji_xmp(packet + b"\x00" * 20) == READ
    assert read_dji_xmp(packet.decode()) == READ


@pytest.mark.parametrize("packet", [None, b"", ""])
def test_no_packet_has_no_tags(packet: bytes | str | None) -> None:
    assert read_dji_xmp(packet) == DjiTags()


@pytest.mark.parametrize("text", ["", "nan", "inf", "--3", "1.2.3", "N/A", "0x10", "1e999"])
def test_what_is_no_number_is_left_out(text: str) -> None:
    assert read_dji_xmp(build_xmp({"RelativeAltitude": text})).relative_altitude_m is None


def test_tags_of_other_makers_are_not_taken_for_dji() -> None:
    packet = build_xmp(TAGS).replace(b"www.dji.com/drone-dji", b"example.org/other")
    assert read_dji_xmp(packet) == DjiTags()


def test_an_undeclared_prefix_is_read_all_the_same() -> None:
    packet = b'<x a:b="1" drone-dji:RelativeAltitude="+98.90"><drone-dji:GpsStatus>RTK</'
    tags = read_dji_xmp(packet)
    assert tags.is_broken
    assert tags.relative_altitude_m == 98.9


def test_entities_are_not_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    assert read_dji_xmp(bomb) == DjiTags(is_broken=True)


@given(st.binary(max_size=200))
def test_no_packet_makes_it_raise(packet: bytes) -> None:
    read_dji_xmp(packet)


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
