"""What the camera writes into a photo: EXIF with GPS, and XMP in the drone-dji namespace."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

MAKE, MODEL, SOFTWARE = "hazardlens", "Renderer", "hazardlens render-flight"
FULL_FRAME_DIAGONAL_MM = 43.2666
SENSOR_WIDTH_MM = 6.4
FLATTEST_RANGE_DEG = -15.0


@dataclass(frozen=True, slots=True)
class WrittenPose:
    """Pose as the drone reports it; the ``rtk_std_*`` are None without a fixed RTK solution.

    ``altitude_m`` is above the ellipsoid, ``relative_m`` above the take-off point.
    """

    lon: float
    lat: float
    altitude_m: float
    relative_m: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    flight_yaw_deg: float
    rtk_std_horizontal_m: float | None = None
    rtk_std_vertical_m: float | None = None


def make_exif(
    pose: WrittenPose, captured_at: datetime, focal_px: float, size_px: tuple[int, int]
) -> bytes:
    """EXIF block with camera, time (and its offset), focal length and GPS position."""
    width, height = size_px
    exif = Image.Exif()
    stamp = captured_at.strftime("%Y:%m:%d %H:%M:%S")
    offset = captured_at.strftime("%z")
    exif[ExifTags.Base.Make] = MAKE
    exif[ExifTags.Base.Model] = MODEL
    exif[ExifTags.Base.Software] = SOFTWARE
    exif[ExifTags.Base.ImageDescription] = "rendered, not photographed"
    exif[ExifTags.Base.DateTime] = stamp
    exif[ExifTags.Base.Orientation] = 1
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[ExifTags.Base.DateTimeOriginal] = stamp
    inner[ExifTags.Base.DateTimeDigitized] = stamp
    inner[ExifTags.Base.OffsetTime] = f"{offset[:3]}:{offset[3:]}"
    inner[ExifTags.Base.OffsetTimeOriginal] = f"{offset[:3]}:{offset[3:]}"
    inner[ExifTags.Base.FocalLength] = _rational(focal_px * SENSOR_WIDTH_MM / width, 1000)
    diagonal_px = (width**2 + height**2) ** 0.5
    equivalent = round(focal_px * FULL_FRAME_DIAGONAL_MM / diagonal_px)
    inner[ExifTags.Base.FocalLengthIn35mmFilm] = equivalent
    inner[ExifTags.Base.ExposureTime] = IFDRational(1, 640)
    inner[ExifTags.Base.FNumber] = IFDRational(28, 10)
    inner[ExifTags.Base.ISOSpeedRatings] = 100
    inner[ExifTags.Base.ExifImageWidth] = width
    inner[ExifTags.Base.ExifImageHeight] = height
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(_make_gps(pose, captured_at))
    return exif.tobytes()


def make_xmp(
    pose: WrittenPose, captured_at: datetime, focal_px: float, size: tuple[int, int]
) -> bytes:
    """XMP packet with the tags that DJI cameras write; altitudes and angles are signed strings."""
    tags = {
        "AbsoluteAltitude": f"{pose.altitude_m:+.2f}",
        "RelativeAltitude": f"{pose.relative_m:+.2f}",
        "GpsLatitude": f"{pose.lat:+.8f}",
        "GpsLongitude": f"{pose.lon:+.8f}",
        "GimbalRollDegree": f"{pose.roll_deg:+.2f}",
        "GimbalYawDegree": f"{pose.yaw_deg:+.2f}",
        "GimbalPitchDegree": f"{pose.pitch_deg:+.2f}",
        "FlightRollDegree": "+0.00",
        "FlightYawDegree": f"{pose.flight_yaw_deg:+.2f}",
        "FlightPitchDegree": "+0.00",
        "CalibratedFocalLength": f"{focal_px:.6f}",
        "CalibratedOpticalCenterX": f"{size[0] / 2:.6f}",
        "CalibratedOpticalCenterY": f"{size[1] / 2:.6f}",
    }
    if pose.rtk_std_horizontal_m is not None and pose.rtk_std_vertical_m is not None:
        tags["RtkFlag"] = "50"
        tags["RtkStdLon"] = f"{pose.rtk_std_horizontal_m:.5f}"
        tags["RtkStdLat"] = f"{pose.rtk_std_horizontal_m:.5f}"
        tags["RtkStdHgt"] = f"{pose.rtk_std_vertical_m:.5f}"
        tags |= _list_range_tags(pose)
    lines = "".join(f'\n   drone-dji:{name}="{value}"' for name, value in tags.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        '  <rdf:Description rdf:about="hazardlens rendered photo"\n'
        '    xmlns:tiff="http://ns.adobe.com/tiff/1.0/"\n'
        '    xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n'
        '    xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/"\n'
        f'   xmp:CreateDate="{captured_at.isoformat()}"\n'
        f'   tiff:Make="{MAKE}"\n   tiff:Model="{MODEL}"{lines}>\n'
        "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n"
        '<?xpacket end="w"?>'
    ).encode()


def _list_range_tags(pose: WrittenPose) -> dict[str, str]:
    """What the laser rangefinder of an RTK drone reads where the view meets the ground."""
    if pose.pitch_deg > FLATTEST_RANGE_DEG:
        return {"LRFStatus": "NoSignal"}
    distance_m = pose.relative_m / math.sin(math.radians(-pose.pitch_deg))
    return {"LRFStatus": "Normal", "LRFTargetDistance": f"{distance_m:.3f}"}


def _make_gps(pose: WrittenPose, captured_at: datetime) -> dict[int, object]:
    moment = captured_at.astimezone(UTC)
    return {
        ExifTags.GPS.GPSVersionID: b"\x02\x03\x00\x00",
        ExifTags.GPS.GPSLatitudeRef: "N" if pose.lat >= 0 else "S",
        ExifTags.GPS.GPSLatitude: _sexagesimal(pose.lat),
        ExifTags.GPS.GPSLongitudeRef: "E" if pose.lon >= 0 else "W",
        ExifTags.GPS.GPSLongitude: _sexagesimal(pose.lon),
        ExifTags.GPS.GPSAltitudeRef: b"\x00" if pose.altitude_m >= 0 else b"\x01",
        ExifTags.GPS.GPSAltitude: _rational(abs(pose.altitude_m), 1000),
        ExifTags.GPS.GPSTimeStamp: tuple(
            IFDRational(part, 1) for part in (moment.hour, moment.minute, moment.second)
        ),
        ExifTags.GPS.GPSDateStamp: moment.strftime("%Y:%m:%d"),
        ExifTags.GPS.GPSMapDatum: "WGS-84",
    }


def _sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    # Exact arithmetic: rounding seconds must carry into minutes.
    units = round(Fraction(abs(degrees)) * 3600 * 1000000)
    whole, rest = divmod(units, 3600 * 1000000)
    minutes, seconds = divmod(rest, 60 * 1000000)
    return IFDRational(whole, 1), IFDRational(minutes, 1), IFDRational(seconds, 1000000)


def _rational(value: float, denominator: int) -> IFDRational:
    return IFDRational(round(value * denominator), denominator)
