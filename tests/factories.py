"""Photos drawn in code, with the EXIF and DJI XMP of a real camera, for every test that needs one.

Import as ``from tests.factories import DrawnPose, draw_photo``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Exif
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

EXIF_IFD = 0x8769
GPS_IFD = 0x8825
XMP_TAG = 700
XMP_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'


@dataclass(frozen=True, slots=True)
class DrawnPose:
    """What the drawn photo claims of its camera; None leaves the tag out."""

    lon: float | None = 106.5507
    lat: float | None = 29.5647
    altitude_agl_m: float | None = 10.0
    altitude_m: float | None = 310.0
    yaw_deg: float | None = 30.0
    pitch_deg: float | None = -90.0
    roll_deg: float | None = 0.0
    rtk: bool = False


def _dms(value: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes and seconds as EXIF rationals, exact to 1e-7 seconds."""
    degrees, rest = divmod(abs(Fraction(value).limit_denominator(10**12)), 1)
    minutes, rest = divmod(rest * 60, 1)
    return (
        IFDRational(int(degrees), 1),
        IFDRational(int(minutes), 1),
        IFDRational(round(rest * 60 * 10**7), 10**7),
    )


def build_exif(
    pose: DrawnPose | None,
    *,
    model: str = "FC6310",
    focal_mm: float | None = 8.8,
    focal_35mm: int | None = 24,
    taken: str | None = "2026:03:01 10:20:30",
    orientation: int = 1,
    maker_note: bytes | None = None,
) -> Exif:
    """Return EXIF data as a DJI camera writes it; ``pose`` gives the GPS part."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "DJI", model, orientation
    optional: dict[int, object] = {
        0x9003: taken,
        0x920A: None if focal_mm is None else IFDRational(round(focal_mm * 1000), 1000),
        0xA405: focal_35mm,
        0x927C: maker_note,
    }
    exif.get_ifd(EXIF_IFD).update({k: v for k, v in optional.items() if v is not None})
    if pose is not None and pose.lon is not None and pose.lat is not None:
        gps: dict[int, object] = {
            1: "N" if pose.lat >= 0 else "S",
            2: _dms(pose.lat),
            3: "E" if pose.lon >= 0 else "W",
            4: _dms(pose.lon),
        }
        if pose.altitude_m is not None:
            below = pose.altitude_m < 0
            gps |= {5: b"\x01" if below else b"\x00", 6: IFDRational(abs(pose.altitude_m))}
        exif.get_ifd(GPS_IFD).update(gps)
    return exif


def list_xmp_tags(pose: DrawnPose, calibrated_focal_px: float | None = None) -> dict[str, str]:
    """Return the drone-dji tags of ``pose``, with DJI's own signs and decimals."""
    numbers = {
        "AbsoluteAltitude": pose.altitude_m,
        "RelativeAltitude": pose.altitude_agl_m,
        "GimbalYawDegree": pose.yaw_deg,
        "GimbalPitchDegree": pose.pitch_deg,
        "GimbalRollDegree": pose.roll_deg,
    }
    tags = {name: f"{value:+.2f}" for name, value in numbers.items() if value is not None}
    if calibrated_focal_px is not None:
        tags["CalibratedFocalLength"] = f"{calibrated_focal_px:.6f}"
    if pose.rtk:
        tags |= {"RtkFlag": "50", "RtkStdLon": "0.0105", "RtkStdLat": "0.0138"}
        tags |= {"RtkStdHgt": "0.0205"}
    return tags


def build_xmp(tags: dict[str, str], *, as_elements: bool = False) -> bytes:
    """Return an XMP packet with ``tags`` in the drone-dji namespace, in either XML form."""
    if as_elements:
        body = "".join(f"<drone-dji:{k}>{v}</drone-dji:{k}>" for k, v in tags.items())
        attributes = ""
    else:
        body = ""
        attributes = "".join(f' drone-dji:{k}="{v}"' for k, v in tags.items())
    return (
        f'{XMP_HEAD}<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="DJI Meta Data"'
        f' xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/"{attributes}>{body}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def build_maker_note(pitch_deg: float, yaw_deg: float, roll_deg: float) -> bytes:
    """Return a DJI maker note with the three camera angles (tags 9, 10 and 11)."""
    angles = ((9, pitch_deg), (10, yaw_deg), (11, roll_deg))
    rows = b"".join(struct.pack("<HHIf", tag, 11, 1, value) for tag, value in angles)
    return struct.pack("<H", len(angles)) + rows + bytes(4)


def draw_pixels(width_px: int = 320, height_px: int = 240, seed: int = 0) -> NDArray[np.uint8]:
    """Return a smooth RGB gradient with a few blocks, different for every ``seed``."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 255, width_px, dtype=np.float32)[None, :, None]
    y = np.linspace(0, 255, height_px, dtype=np.float32)[:, None, None]
    pixels = x * rng.uniform(0.2, 0.8, 3) + y * rng.uniform(0.1, 0.2, 3)
    for _ in range(4):
        left, top = int(rng.integers(0, width_px - 8)), int(rng.integers(0, height_px - 8))
        pixels[top : top + 8, left : left + 8] = rng.uniform(0, 255, 3)
    return np.asarray(np.clip(pixels, 0, 255), dtype=np.uint8)


def draw_photo(
    path: Path,
    *,
    pose: DrawnPose | None = DrawnPose(),
    size_px: tuple[int, int] = (320, 240),
    seed: int = 0,
    pixels: NDArray[np.uint8] | None = None,
    exif: Exif | None = None,
    xmp: bytes | None = None,
    quality: int = 90,
) -> Path:
    """Draw a photo with GPS, DJI XMP and camera tags to ``path`` (format by suffix).

    ``pose=None`` gives a photo without any position or attitude; ``exif`` and ``xmp`` replace
    what would be built from the pose (``xmp=b""`` leaves the XMP out). Photos with different
    seeds have different bytes.
    """
    image = Image.fromarray(draw_pixels(*size_px, seed) if pixels is None else pixels)
    exif = build_exif(pose) if exif is None else exif
    if xmp is None:
        xmp = build_xmp(list_xmp_tags(pose)) if pose is not None else b""
    path.parent.mkdir(parents=True, exist_ok=True)
    _save_with_metadata(image, path, exif, xmp, quality)
    return path


def _save_with_metadata(
    image: Image.Image, path: Path, exif: Exif, xmp: bytes, quality: int
) -> None:
    """Put EXIF and XMP where each format keeps them."""
    suffix = path.suffix.lower()
    if suffix == ".png":
        chunks = PngInfo()
        if xmp:
            chunks.add_itxt("XML:com.adobe.xmp", xmp.decode())
        image.save(path, exif=exif, pnginfo=chunks)
    elif suffix in {".tif", ".tiff"}:
        whole = Image.Exif()
        whole.load(exif.tobytes())
        if xmp:
            whole[XMP_TAG] = xmp
        image.save(path, exif=whole.tobytes())
    elif xmp:
        image.save(path, exif=exif, quality=quality, xmp=xmp)
    else:
        image.save(path, exif=exif, quality=quality)


def draw_flight(folder: Path, photos: int = 3, **pose_changes: float) -> list[Path]:
    """Draw ``photos`` photos flying north in 10 m steps; returns their paths."""
    base = {field.name: getattr(DrawnPose(), field.name) for field in fields(DrawnPose)}
    base |= pose_changes
    paths = []
    for index in range(photos):
        pose = DrawnPose(**(base | {"lat": base["lat"] + index * 9e-5}))
        paths.append(draw_photo(folder / f"DJI_{index:04}.JPG", pose=pose, seed=index))
    return paths
