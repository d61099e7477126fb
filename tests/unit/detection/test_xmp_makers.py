from __future__ import annotations

import math
from dataclasses import astuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.domain.photo import FlightKind
from detection.domain.sight import compute_camera_axes
from detection.ingest.drone_tags import DroneTags, number_from_text
from detection.ingest.exif import ExifData
from detection.ingest.intrinsics import read_intrinsics
from detection.ingest.maker_xmp import angles_from_body, read_drone_tags
from detection.ingest.pose import read_pose
from detection.ingest.xmp import read_xmp

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SKYDIO = 'xmlns:drone-skydio="https://www.skydio.com/drone-skydio/1.0/"'
PARROT = 'xmlns:drone-parrot="http://www.parrot.com/drone-parrot/1.0/"'
CAMERA = 'xmlns:Camera="http://pix4d.com/camera/1.0/"'
AUTEL = 'xmlns:drone-autel="http://www.autelrobotics.com/drone-autel/1.0/"'
DJI = 'xmlns:drone="http://www.dji.com/drone-dji/1.0/"'
PLACE = ExifData(lon=106.55, lat=29.56)


def read_tags(
    names: str, attributes: str = "", body: str = "", *, about: str = "", model: str | None = None
) -> tuple[DroneTags, ...]:
    packet = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">'
        f'<rdf:Description rdf:about="{about}" {names} {attributes}>{body}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    )
    return read_drone_tags(read_xmp(packet.encode()), model)


SKYDIO_NESTED = """
<drone-skydio:Latitude>29.5647</drone-skydio:Latitude>
<drone-skydio:Longitude>106.5507</drone-skydio:Longitude>
<drone-skydio:AbsoluteAltitude>310.5</drone-skydio:AbsoluteAltitude>
<drone-skydio:RelativeAltitude>60.25</drone-skydio:RelativeAltitude>
<drone-skydio:GpsHorizontalAccuracy>0.7</drone-skydio:GpsHorizontalAccuracy>
<drone-skydio:GpsVerticalAccuracy>0.4</drone-skydio:GpsVerticalAccuracy>
<drone-skydio:CameraOrientationNED rdf:parseType="Resource">
 <drone-skydio:Roll>0.5</drone-skydio:Roll>
 <drone-skydio:Pitch>-45.0</drone-skydio:Pitch>
 <drone-skydio:Yaw>120.0</drone-skydio:Yaw>
</drone-skydio:CameraOrientationNED>
<drone-skydio:CalibratedFocalLength rdf:parseType="Resource">
 <drone-skydio:X>2400.0</drone-skydio:X><drone-skydio:Y>2402.0</drone-skydio:Y>
</drone-skydio:CalibratedFocalLength>
<drone-skydio:CalibratedOpticalCenter rdf:parseType="Resource">
 <drone-skydio:X>2030.0</drone-skydio:X><drone-skydio:Y>1515.0</drone-skydio:Y>
</drone-skydio:CalibratedOpticalCenter>
<drone-skydio:DewarpData>0.1,-0.2,0.3</drone-skydio:DewarpData>
"""


def test_skydio_nests_its_angles_and_its_lens() -> None:
    tags = read_tags(SKYDIO, body=SKYDIO_NESTED)
    pose, warnings = read_pose(ExifData(), tags, FlightKind.DRONE)
    assert warnings == ()
    assert pose is not None
    assert (pose.lon, pose.lat, pose.altitude_agl_m) == (106.5507, 29.5647, 60.25)
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == (120.0, -45.0, 0.5)
    assert pose.source == "position=xmp:skydio;altitude=xmp:skydio;angles=xmp:skydio"
    assert (pose.horizontal_std_m, pose.vertical_std_m) == (0.7, 1.0)
    camera = read_intrinsics(4056, 3040, ExifData(), tags)
    assert camera is not None
    assert (camera.focal_px, camera.cx_px, camera.cy_px) == (2401.0, 2030.0, 1515.0)
    assert camera.distortion == (0.1, -0.2, 0.0, 0.0, 0.3)


def test_skydio_also_wrote_attributes() -> None:
    body = '<drone-skydio:CameraOrientationNED drone-skydio:Roll="0" drone-skydio:Pitch="-90"'
    tags = read_tags(SKYDIO, 'drone-skydio:Latitude="29.5"', f'{body} drone-skydio:Yaw="12"/>')
    assert (tags[0].yaw_deg, tags[0].pitch_deg, tags[0].lat) == (12.0, -90.0, 29.5)


PARROT_BODY = """
<drone-parrot:CameraRollDegree>-0.052789</drone-parrot:CameraRollDegree>
<drone-parrot:CameraPitchDegree>-51.988888</drone-parrot:CameraPitchDegree>
<drone-parrot:CameraYawDegree>146.848038</drone-parrot:CameraYawDegree>
<Camera:Yaw>146.78</Camera:Yaw><Camera:Pitch>38.01</Camera:Pitch><Camera:Roll>-0.04</Camera:Roll>
<Camera:AboveGroundAltitude>11485529/262144</Camera:AboveGroundAltitude>
<Camera:GPSXYAccuracy>3355443/2097152</Camera:GPSXYAccuracy>
<Camera:GPSZAccuracy>5117051/2097152</Camera:GPSZAccuracy>
<Camera:PrincipalPoint>3.24425673,2.43319273</Camera:PrincipalPoint>
<Camera:PerspectiveFocalLength>527/100</Camera:PerspectiveFocalLength>
<Camera:PerspectiveFocalLengthUnits>mm</Camera:PerspectiveFocalLengthUnits>
<Camera:PerspectiveDistortion><rdf:Seq><rdf:li>0.1</rdf:li><rdf:li>0.2</rdf:li>
<rdf:li>0.3</rdf:li><rdf:li>0.4</rdf:li><rdf:li>0.5</rdf:li></rdf:Seq></Camera:PerspectiveDistortion>
"""


def test_parrot_states_its_angles_its_accuracy_and_its_lens() -> None:
    tags = read_tags(f"{PARROT} {CAMERA}", body=PARROT_BODY)
    pose, warnings = read_pose(PLACE, tags, FlightKind.DRONE)
    assert warnings == ()
    assert pose is not None
    assert (pose.yaw_deg, pose.pitch_deg) == (146.848038, -51.988888)
    assert pose.altitude_agl_m == pytest.approx(43.81, abs=0.01)
    assert pose.source == "position=exif;altitude=xmp:camera;angles=xmp:parrot"
    assert (pose.horizontal_std_m, pose.vertical_std_m) == pytest.approx((1.6, 2.44), abs=0.01)
    camera = read_intrinsics(5344, 4016, ExifData(), tags)
    assert camera is not None
    assert camera.focal_px == pytest.approx(5.27 / (2 * 3.24425673) * 5344)
    assert camera.distortion == (0.1, 0.2, 0.4, 0.5, 0.3)
    assert camera.source == "xmp:PerspectiveFocalLength"


def test_two_tags_of_one_parrot_photo_agree() -> None:
    parrot, camera = read_tags(f"{PARROT} {CAMERA}", body=PARROT_BODY)
    assert (camera.yaw_deg, camera.pitch_deg, camera.roll_deg) == pytest.approx(
        (parrot.yaw_deg, parrot.pitch_deg, parrot.roll_deg), abs=0.15
    )


def test_a_fisheye_is_named_by_its_camera() -> None:
    tags = read_tags(CAMERA, 'Camera:ModelType="fisheye" Camera:PerspectiveFocalLength="2"')
    assert read_intrinsics(4000, 3000, ExifData(focal_35mm=20), tags) is None


@pytest.mark.parametrize(
    ("pitch", "model", "expected_deg"),
    [("10", "XT705", -80.0), ("90", "XT705", 0.0), ("-80", "XT705", -80.0), ("5", "XL715", 5.0)],
)
def test_older_autel_cameras_count_the_pitch_from_straight_down(
    pitch: str, model: str, expected_deg: float
) -> None:
    attributes = f'Camera:Yaw="30" Camera:Pitch="{pitch}" Camera:Roll="0"'
    tags = read_tags(CAMERA, attributes, about="Autel Robotics Meta Data", model=model)
    assert (tags[0].yaw_deg, tags[0].pitch_deg) == pytest.approx((30.0, expected_deg), abs=1e-9)
    pose, warnings = read_pose(PLACE, tags, FlightKind.DRONE)
    assert pose is not None
    assert pose.source == "position=exif;altitude=none;angles=xmp:autel"
    assert pose.yaw_std_deg == 5.0
    assert warnings == ("no_altitude",)


def test_newer_autel_cameras_write_the_tags_of_dji() -> None:
    attributes = (
        'drone:GpsLatitude="29.5" drone:GpsLongtitude="106.5" drone:RelativeAltitude="+60.0"'
        ' drone:GimbalYawDegree="+12" drone:GimbalPitchDegree="-90" drone:RtkFlag="0"'
    )
    pose, warnings = read_pose(ExifData(), read_tags(DJI, attributes), FlightKind.DRONE)
    assert pose is not None
    assert (pose.lon, pose.lat, pose.altitude_agl_m, pose.pitch_deg) == (106.5, 29.5, 60.0, -90.0)
    assert warnings == ()


def test_an_autel_namespace_of_its_own_is_read() -> None:
    attributes = 'drone-autel:RelativeAltitude="28.0" drone-autel:GimbalPitchDegree="-45"'
    tags = read_tags(AUTEL, f'{attributes} drone-autel:GimbalYawDegree="7"')
    assert (tags[0].relative_altitude_m, tags[0].yaw_deg, tags[0].pitch_deg) == (28.0, 7.0, -45.0)


@pytest.mark.parametrize(
    ("body", "camera"),
    [
        ((30.0, 0.0, 0.0), (30.0, -90.0, 0.0)),  # straight down, the top of the picture to 30°
        ((30.0, 90.0, 0.0), (30.0, 0.0, 0.0)),  # at the horizon
        ((30.0, 45.0, 0.0), (30.0, -45.0, 0.0)),
        ((0.0, -20.0, 0.0), (-180.0, -70.0, -180.0)),  # past straight down: looks back
        ((0.0, 0.0, 20.0), (-90.0, -70.0, 90.0)),  # right wing down: looks to the left
    ],
)
def test_angles_of_a_body_are_those_of_the_camera_below_it(
    body: tuple[float, float, float], camera: tuple[float, float, float]
) -> None:
    expected = compute_camera_axes(*camera)
    assert compute_camera_axes(*angles_from_body(*body)) == pytest.approx(expected, abs=1e-9)


@given(st.floats(-180, 180), st.floats(-89, 89), st.floats(-80, 80))
def test_the_lens_looks_where_the_belly_of_the_body_does(
    yaw: float, pitch: float, roll: float
) -> None:
    right, down, ahead = compute_camera_axes(yaw, pitch, roll)
    found = compute_camera_axes(*angles_from_body(yaw, pitch, roll))
    for axis, expected in zip(found, (right, -ahead, down), strict=True):
        assert axis == pytest.approx(expected, abs=1e-6)


@given(st.text(max_size=30))
def test_no_text_makes_a_number_raise(text: str) -> None:
    number_from_text(text)


def test_an_attitude_of_zeros_gives_way_to_another_source() -> None:
    attributes = (
        'drone:GimbalYawDegree="0" drone:GimbalPitchDegree="0" drone:GimbalRollDegree="0"'
        ' Camera:Yaw="30" Camera:Pitch="0" Camera:Roll="0" drone:RelativeAltitude="60"'
    )
    pose, warnings = read_pose(PLACE, read_tags(f"{DJI} {CAMERA}", attributes), FlightKind.DRONE)
    assert pose is not None
    assert (pose.yaw_deg, pose.pitch_deg) == pytest.approx((30.0, -90.0))
    assert pose.source.endswith("angles=xmp:camera")
    assert warnings == ()


@pytest.mark.parametrize(
    ("flag", "std", "expected_m", "warned"),
    [
        ("50", "0.0105", 0.02, False),
        ("50", "0.07", 0.07, False),
        ("34", "0.3", 0.5, True),
        ("34", "", 1.5, True),
        ("16", "0.01", 1.5, True),
        ("0", "", 1.5, False),
    ],
)
def test_the_rtk_flag_decides_what_its_deviation_is_worth(
    flag: str,
    std: str,
    expected_m: float,
    warned: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    attributes = f'drone:RtkFlag="{flag}" drone:RtkStdLon="{std}" drone:RtkStdLat="{std}"'
    pose, warnings = read_pose(PLACE, read_tags(DJI, attributes), FlightKind.DRONE)
    assert pose is not None
    assert pose.horizontal_std_m == expected_m
    assert ("rtk_not_fixed" in warnings) is warned
    assert ("+rtk" in pose.source) is (flag == "50")


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ("", (3.0, 2.0, 0.5)),
        ('drone:LRFStatus="Normal" drone:LRFTargetDistance="61.2"', (0.3, 0.5, 0.2)),
        ('drone:LRFTargetDistance="61.2"', (0.3, 0.5, 0.2)),
        ('drone:LRFStatus="NoSignal" drone:LRFTargetDistance="61.2"', (3.0, 2.0, 0.5)),
        ('drone:LRFStatus="Normal" drone:LRFTargetDistance="0"', (3.0, 2.0, 0.5)),
    ],
)
def test_a_fixed_solution_betters_height_and_angles_only_with_a_rangefinder(
    reading: str, expected: tuple[float, float, float]
) -> None:
    pose, _ = read_pose(PLACE, read_tags(DJI, f'drone:RtkFlag="50" {reading}'), FlightKind.DRONE)
    assert pose is not None
    assert (pose.vertical_std_m, pose.yaw_std_deg, pose.pitch_std_deg) == expected
    assert pose.horizontal_std_m == 0.05


@pytest.mark.parametrize(("radius_m", "expected_m"), [(None, 1.5), (1.0, 1.0), (15.15, 10.0)])
def test_the_radius_of_a_telephone_is_68_percent(radius_m: float | None, expected_m: float) -> None:
    exif = ExifData(lon=106.55, lat=29.56, position_radius_m=radius_m)
    pose, _ = read_pose(exif, (), FlightKind.STREET)
    assert pose is not None
    assert pose.horizontal_std_m == pytest.approx(expected_m)


@pytest.mark.parametrize(
    ("relative", "absolute", "agl_m", "altitude_m"),
    [("9999", "310", None, 310.0), ("-400", "310", None, 310.0), ("60", "12000", 60.0, None)],
)
def test_an_impossible_altitude_is_named_and_not_used(
    relative: str, absolute: str, agl_m: float | None, altitude_m: float | None
) -> None:
    attributes = f'drone:RelativeAltitude="{relative}" drone:AbsoluteAltitude="{absolute}"'
    pose, warnings = read_pose(PLACE, read_tags(DJI, attributes), FlightKind.DRONE)
    assert pose is not None
    assert (pose.altitude_agl_m, pose.altitude_m) == (agl_m, altitude_m)
    assert "impossible_altitude" in warnings
    assert ("no_altitude" in warnings) is (agl_m is None)


NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.sampled_from(["", "abc", "1/0", "0", "-1", "1e308", "5e-324", "4971569/65536"]),
)
NAMES = {
    "drone": ("GpsLatitude", "GpsLongitude", "RelativeAltitude", "AbsoluteAltitude", "RtkFlag",
              "GimbalYawDegree", "GimbalPitchDegree", "GimbalRollDegree", "RtkStdLon", "RtkStdHgt",
              "CalibratedFocalLength", "CalibratedOpticalCenterX", "CalibratedOpticalCenterY",
              "DewarpData", "DewarpFlag", "LRFTargetDistance", "UTCAtExposure"),
    "drone-skydio": ("Latitude", "Longitude", "RelativeAltitude", "CalibratedFocalLength",
                     "GpsHorizontalAccuracy", "GpsVerticalAccuracy", "DewarpData"),
    "drone-parrot": ("CameraYawDegree", "CameraPitchDegree", "CameraRollDegree"),
    "Camera": ("Yaw", "Pitch", "Roll", "AboveGroundAltitude", "GPSXYAccuracy", "GPSZAccuracy",
               "PrincipalPoint", "PerspectiveFocalLength", "PerspectiveDistortion"),
}  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_the_tags_say_the_pose_is_finite(data: st.DataObject) -> None:
    attributes = []
    for prefix, names in NAMES.items():
        for name in names:
            text = data.draw(NUMBERS)
            if name in {"DewarpData", "PerspectiveDistortion"}:
                text = ",".join(data.draw(st.lists(NUMBERS, max_size=9)))
            attributes.append(f'{prefix}:{name}="{text}"')
    tags = read_tags(f"{DJI} {SKYDIO} {PARROT} {CAMERA}", " ".join(attributes))
    pose, warnings = read_pose(PLACE, tags, FlightKind.DRONE)
    read_intrinsics(4000, 3000, ExifData(), tags)
    if pose is None:
        assert "no_position" in warnings
        return
    numbers = [value for value in astuple(pose) if isinstance(value, float)]
    assert all(math.isfinite(number) for number in numbers)
    assert abs(pose.lon) <= 180
    assert abs(pose.lat) <= 90
    assert 0 < pose.horizontal_std_m < 2000
    assert 0 < pose.vertical_std_m < 2000
