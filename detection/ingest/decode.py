"""Photo files to pixels, upright, and never silently incomplete."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from detection.domain.photo import IngestFailure, Photo
from detection.domain.reasons import build_failure
from detection.ingest.exif import ORIENTATIONS, SIDE_SWAPPING_ORIENTATIONS

MAX_PIXELS = 300_000_000
READ_FORMATS = ("JPEG", "PNG", "TIFF")
_HARMLESS_BYTES = 64
_EXTRA_BYTES = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_EXIF_ORIENTATION = 0x0112

# Pillow refuses at twice this number; ours is the first limit that a photo meets.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


class PhotoUnreadableError(Exception):
    """The pixels of one photo cannot be had; ``failure`` is the row that says why."""

    def __init__(self, failure: IngestFailure) -> None:
        """Keep the row; the message is for logs."""
        super().__init__(f"{failure.photo_id}: {failure.message}")
        self.failure = failure

    @property
    def code(self) -> str:
        """Stable reason code."""
        return self.failure.code

    @property
    def message(self) -> str:
        """What happened."""
        return self.failure.message

    @property
    def remedy(self) -> str:
        """What a person can do."""
        return self.failure.remedy


def decode_photo(photo: Photo) -> NDArray[np.uint8]:
    """Return the pixels as displayed: RGB, shape ``(height_px, width_px, 3)``, EXIF turn applied.

    16-bit samples keep their high byte, transparency is dropped, CMYK is converted.

    Raises:
        PhotoUnreadableError: the file is gone, truncated, damaged or of another size than when
            it was read in.
    """
    try:
        data = photo.path.read_bytes()
    except OSError as error:
        raise _unreadable(photo, "unreadable_file", os.strerror(error.errno or 0)) from error
    if not data:
        raise _unreadable(photo, "empty_file")
    pixels = _decode_jpeg(photo, data) if data.startswith(b"\xff\xd8") else None
    if pixels is None:
        pixels = _decode_slowly(photo)
    if pixels.shape != (photo.height_px, photo.width_px, 3):
        size = f"{pixels.shape[1]} x {pixels.shape[0]} px now"
        raise _unreadable(photo, "damaged_image", size)
    return pixels


def _unreadable(photo: Photo, code: str, detail: str = "") -> PhotoUnreadableError:
    return PhotoUnreadableError(build_failure(photo.photo_id, code, detail))


def _decode_jpeg(photo: Photo, data: bytes) -> NDArray[np.uint8] | None:
    """Decode with libjpeg-turbo; None where Pillow has to do it (CMYK)."""
    try:
        _, _, colorspace, _ = simplejpeg.decode_jpeg_header(data)
        if colorspace in {"CMYK", "YCCK"}:
            return None
        pixels = simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True)
    except ValueError as error:
        pixels = _forgive_jpeg(photo, data, str(error))
    return _turn_upright(np.asarray(pixels, dtype=np.uint8), _read_orientation(photo.path))


def _forgive_jpeg(photo: Photo, data: bytes, complaint: str) -> NDArray[np.uint8]:
    """Decode once more where the complaint is about padding alone; else name the failure."""
    extra = _EXTRA_BYTES.search(complaint)
    if extra and int(extra[1]) <= _HARMLESS_BYTES:
        return np.asarray(simplejpeg.decode_jpeg(data, colorspace="RGB", strict=False))
    is_short = "Premature end" in complaint or "Could not determine" in complaint
    raise _unreadable(photo, "truncated_image" if is_short else "damaged_image")


def _decode_slowly(photo: Photo) -> NDArray[np.uint8]:
    """Decode with Pillow: PNG, TIFF and CMYK JPEG."""
    try:
        with Image.open(photo.path, formats=READ_FORMATS) as image:
            upright = ImageOps.exif_transpose(image)
            return rgb_from_image(upright)
    except UnidentifiedImageError as error:
        raise _unreadable(photo, "not_an_image") from error
    except Image.DecompressionBombError as error:
        raise _unreadable(photo, "too_large") from error
    except NotImplementedError as error:
        raise _unreadable(photo, "unsupported_format", str(error)) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        is_short = "truncated" in str(error).lower() or isinstance(error, EOFError)
        raise _unreadable(photo, "truncated_image" if is_short else "damaged_image") from error


def rgb_from_image(image: Image.Image) -> NDArray[np.uint8]:
    """Return RGB pixels ``(h, w, 3)`` of an image in any 8- or 16-bit mode.

    Raises:
        NotImplementedError: 32-bit and floating-point samples have no agreed brightness.
    """
    if image.mode.startswith("I;16"):
        high = np.asarray(image, dtype=np.uint16) >> 8
        return np.repeat(high.astype(np.uint8)[:, :, None], 3, axis=2)
    if image.mode in {"I", "F"}:
        message = f"{image.mode} samples"
        raise NotImplementedError(message)
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def _read_orientation(path: Path) -> int:
    """Return the EXIF orientation (1-8) from the header, 1 where it cannot be read."""
    try:
        with Image.open(path, formats=READ_FORMATS) as image:
            value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except (OSError, SyntaxError, ValueError, LookupError, TypeError):
        return 1
    return value if isinstance(value, int) and value in ORIENTATIONS else 1


def _turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Apply an EXIF orientation to ``(h, w, 3)`` pixels."""
    if orientation in SIDE_SWAPPING_ORIENTATIONS:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
