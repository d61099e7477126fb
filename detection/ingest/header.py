"""What the head of a photo file says, without decoding its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from detection.ingest.decode import MAX_PIXELS, READ_FORMATS
from detection.ingest.drone_tags import DroneTags
from detection.ingest.exif import SIDE_SWAPPING_ORIENTATIONS, ExifData, read_exif
from detection.ingest.maker_xmp import read_drone_tags
from detection.ingest.xmp import read_xmp

MIN_SIDE_PX = 64
_UNREAD_HEADS = (b"GIF8", b"BM", b"RIFF", b"%PDF", b"8BPS", b"\x00\x00\x00\x0cjP", b"FUJIFILM")
_PHOTO_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\x00", b"MM\x00*")
_ISO_MEDIA = slice(4, 8)


class UnusableFileError(Exception):
    """A file that is no photo we can use; ``code`` is the reason, ``detail`` adds to it."""

    def __init__(self, code: str, detail: str = "") -> None:
        """Keep the reason code apart from the detail."""
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class PhotoHeader:
    """Stored size (before the EXIF turn), EXIF and the drone makers' tags of a photo.

    ``is_broken`` tells that a part of EXIF or XMP could not be read.
    """

    width_px: int
    height_px: int
    exif: ExifData
    tags: tuple[DroneTags, ...]
    is_broken: bool

    @property
    def displayed_width_px(self) -> int:
        """Width with the EXIF orientation applied."""
        return self.height_px if self._is_swapped else self.width_px

    @property
    def displayed_height_px(self) -> int:
        """Height with the EXIF orientation applied."""
        return self.width_px if self._is_swapped else self.height_px

    @property
    def _is_swapped(self) -> bool:
        return self.exif.orientation in SIDE_SWAPPING_ORIENTATIONS


def read_header(path: Path) -> PhotoHeader:
    """Return what the head of ``path`` says.

    Raises:
        UnusableFileError: not an image, of a format we do not read, broken off in the head, or
            of a size that we cannot use.
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(0)
        try:
            with Image.open(file, formats=READ_FORMATS) as image:
                return _header_from_image(image)
        except Image.DecompressionBombError as error:
            code = "too_large"
            raise UnusableFileError(code) from error
        except (UnidentifiedImageError, SyntaxError, ValueError, EOFError, OSError) as error:
            raise UnusableFileError(_name_trouble(head)) from error


def _name_trouble(head: bytes) -> str:
    """Return the reason code for a file that Pillow cannot open, from its first bytes."""
    if head.startswith(_PHOTO_HEADS):
        return "truncated_image"
    if head.startswith(_UNREAD_HEADS) or head[_ISO_MEDIA] == b"ftyp":
        return "unsupported_format"
    return "not_an_image"


def _header_from_image(image: Image.Image) -> PhotoHeader:
    width_px, height_px = image.size
    if width_px * height_px > MAX_PIXELS:
        code = "too_large"
        raise UnusableFileError(code, f"{width_px} x {height_px} px")
    if min(width_px, height_px) < MIN_SIDE_PX:
        code = "too_small"
        raise UnusableFileError(code, f"{width_px} x {height_px} px")
    if image.mode in {"I", "F"}:
        code = "unsupported_format"
        raise UnusableFileError(code, f"{image.mode} samples")
    exif = _read_exif_of(image)
    if image.format == "TIFF" and exif.orientation in SIDE_SWAPPING_ORIENTATIONS:
        width_px, height_px = height_px, width_px  # Pillow turns the size of a TIFF itself
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    xmp = read_xmp(packet if isinstance(packet, (bytes, str)) else None)
    tags = read_drone_tags(xmp, exif.model)
    return PhotoHeader(width_px, height_px, exif, tags, exif.is_broken or xmp.is_broken)


def _read_exif_of(image: Image.Image) -> ExifData:
    """Read EXIF; a PNG without it in its head is not searched, as that would decode it all."""
    if image.format == "PNG" and "exif" not in image.info:
        return ExifData()
    return read_exif(image.getexif)
