"""What is wrong with one photo, as reason codes."""

from __future__ import annotations

from detection.coverage.footprint import Footprint
from detection.domain.quality import PhotoQuality
from detection.needs import Needs, PhotoNeeds

_MILLIMETRE_M = 0.001


def list_flags(footprint: Footprint, needs: Needs, *, with_covers: bool = True) -> tuple[str, ...]:
    """Return why a photo is of no use, or of less: reason codes, empty where all is well.

    ``with_covers`` tells that covers should be seen.
    """
    codes = _list_poor(footprint.quality, needs.photo)
    if footprint.gsd_m is not None:
        if footprint.gsd_m > needs.added_storey.max_gsd_mm * _MILLIMETRE_M:
            codes.append("photo_too_coarse")
        elif with_covers and footprint.gsd_m > needs.manhole.max_gsd_m():
            codes.append("photo_too_coarse_for_covers")
    return tuple(codes)


def is_usable(footprint: Footprint, needs: Needs) -> bool:
    """Whether blur and exposure let the photo count; one that was not measured does."""
    return not _list_poor(footprint.quality, needs.photo)


def _list_poor(quality: PhotoQuality | None, limits: PhotoNeeds) -> list[str]:
    if quality is None:
        return []
    is_blurred = quality.blur_px is not None and quality.blur_px > limits.max_blur_px
    is_dark = (
        quality.brightness < limits.min_brightness or quality.dark_share > limits.max_dark_share
    )
    is_bright = (
        quality.brightness > limits.max_brightness or quality.bright_share > limits.max_bright_share
    )
    found = {"photo_blurred": is_blurred, "photo_dark": is_dark, "photo_bright": is_bright}
    return [code for code, is_so in found.items() if is_so]
