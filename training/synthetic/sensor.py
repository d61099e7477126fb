"""From a clean rendering to what a small camera stores: haze, lens, noise, tone, JPEG."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from PIL import Image as PillowImage

from training.synthetic.rasterize import FloatImage, Image
from training.synthetic.textures import Colour, Rng

METER_TARGET = 112.0
BLANK_GREY = 128
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\x00"


@dataclass(frozen=True, slots=True)
class SensorLook:
    """How the camera renders; every number is neutral at 0 except gains, gamma (1)."""

    exposure: float = 1.0
    gamma: float = 1.0
    tint: Colour = (1.0, 1.0, 1.0)
    saturation: float = 1.0
    blur_px: float = 0.45
    sharpen: float = 0.35
    noise: float = 2.0
    vignette: float = 0.18
    haze_per_m: float = 0.0012
    jpeg_quality: int = 88


def draw_look(rng: Rng, *, is_wild: bool) -> SensorLook:
    """Draw a look; ``is_wild`` spans poor phones and web copies, else one good drone camera."""
    spread = 1.0 if is_wild else 0.25
    tint = 1.0 + rng.normal(0, 0.03 * spread, 3)
    return SensorLook(
        exposure=float(np.exp(rng.normal(0.03, 0.2 * spread))),
        gamma=float(np.exp(rng.normal(0, 0.14 * spread))),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        saturation=float(1 + rng.normal(0, 0.25 * spread)),
        blur_px=float(0.4 + rng.exponential(0.5) * spread),
        sharpen=float(rng.uniform(0.1, 0.3 + 0.7 * spread)),
        noise=float(rng.uniform(1.0, 2.2 + 5.0 * spread)),
        vignette=float(rng.uniform(0.05, 0.3)),
        haze_per_m=float(rng.exponential(0.003) * spread + 0.0006),
        jpeg_quality=int(rng.integers(55, 95)) if is_wild else 86,
    )


def develop(rng: Rng, rgb: Image, inverse_depth: FloatImage, look: SensorLook) -> Image:
    """Apply the look to a ``(h, w, 3)`` rendering; ``inverse_depth`` (h, w), 0 for the sky."""
    photo = rgb.astype(np.float32)
    photo = _add_haze(photo, inverse_depth, look.haze_per_m)
    photo = _vignette(photo, look.vignette)
    if look.blur_px > 0.2:  # noqa: PLR2004 - less than that cannot be seen
        photo = cv2.GaussianBlur(photo, (0, 0), look.blur_px)
    gains = np.asarray(look.tint, dtype=np.float32) * np.float32(_meter(photo) * look.exposure)
    photo = np.clip(photo * gains / 255.0, 0, None)
    photo = 255.0 * photo ** np.float32(look.gamma)
    grey = photo.mean(axis=2, keepdims=True)
    photo = grey + (photo - grey) * np.float32(look.saturation)
    photo = _add_noise(rng, photo, look.noise)
    soft = cv2.GaussianBlur(photo, (0, 0), 1.1)
    photo = photo + np.float32(look.sharpen) * (photo - soft)
    return np.clip(_roll_off(photo) + 0.5, 0, 255).astype(np.uint8)


def encode_jpeg(pixels: Image, quality: int, exif: bytes = b"", xmp: bytes = b"") -> bytes:
    """JPEG with 4:2:0 chroma; the same input gives the same bytes."""
    buffer = io.BytesIO()
    extra = {key: value for key, value in (("exif", exif), ("xmp", xmp)) if value}
    picture = PillowImage.fromarray(pixels)
    picture.save(buffer, "JPEG", quality=quality, subsampling=2, optimize=False, **extra)
    return buffer.getvalue()


@cache
def _encode_blank(size_px: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    # Progressive: runs of empty blocks take no room.
    PillowImage.new("L", size_px, BLANK_GREY).save(buffer, "JPEG", progressive=True)
    return buffer.getvalue()


def encode_blank_jpeg(size_px: tuple[int, int], exif: bytes, xmp: bytes) -> bytes:
    """JPEG of one grey tone in full size with full metadata, made fast: a photo of nothing."""
    start, rest = _encode_blank(size_px)[:2], _encode_blank(size_px)[2:]
    segments = (exif, XMP_HEAD + xmp)
    heads = (b"\xff\xe1" + (len(one) + 2).to_bytes(2, "big") + one for one in segments)
    return b"".join([start, *heads, rest])


def make_sky(rng: Rng, camera_up: float, shape: tuple[int, int] = (64, 64)) -> Image:
    """A gradient from horizon to zenith; ``camera_up`` in -1..1 only shifts its brightness."""
    top = np.array([150, 180, 216]) + rng.normal(0, 8, 3)
    low = np.array([212, 218, 222]) + rng.normal(0, 5, 3)
    share = np.linspace(0, 1, shape[0])[:, None, None]
    sky = (top * (1 - share) + low * share) * (1 - 0.05 * camera_up)
    return np.clip(np.repeat(sky, shape[1], axis=1), 0, 255).astype(np.uint8)


def _meter(photo: FloatImage) -> float:
    """Automatic exposure: most of the way to a middle grey, as cameras do."""
    mean = float(photo[::8, ::8].mean())
    return float(np.clip((METER_TARGET / max(mean, 1.0)) ** 0.75, 0.6, 2.2))


def _add_haze(photo: FloatImage, inverse_depth: FloatImage, per_m: float) -> FloatImage:
    distance = 1.0 / np.maximum(inverse_depth, np.float32(1 / 2000))
    veil = (1.0 - np.exp(-distance * np.float32(per_m)))[..., None]
    return np.asarray(
        photo * (1 - veil) + veil * np.array([205, 212, 220], dtype=np.float32), dtype=np.float32
    )


def _vignette(photo: FloatImage, strength: float) -> FloatImage:
    height, width = photo.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 2
    return np.asarray(photo * (1 - np.float32(strength / 2) * (x + y))[..., None], dtype=np.float32)


def _add_noise(rng: Rng, photo: FloatImage, strength: float) -> FloatImage:
    """Light noise grows with the root of the signal; colour noise is softer and weaker."""
    shape = photo.shape[:2]
    grey = rng.standard_normal(shape, dtype=np.float32)
    small = (shape[0] // 2 + 1, shape[1] // 2 + 1, 3)
    colour = cv2.resize(rng.standard_normal(small, dtype=np.float32), shape[::-1])
    level = np.sqrt(np.clip(photo.mean(axis=2), 4, 255) / 110)[..., None] * np.float32(strength)
    return np.asarray(photo + level * (grey[..., None] + 0.5 * colour), dtype=np.float32)


def _roll_off(photo: FloatImage) -> FloatImage:
    """Compress what is above 225 instead of clipping it hard."""
    over = np.maximum(photo - 225.0, 0)
    return np.asarray(np.minimum(photo, 225.0) + 30 * (1 - np.exp(-over / 30)), dtype=np.float32)
