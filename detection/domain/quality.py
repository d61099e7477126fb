"""How well a photo was taken, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PhotoQuality:
    """Sharpness and exposure of one photo.

    ``blur_px`` is the width of its edges as one standard deviation, pixels of the full photo; None
    where nothing in it has an edge (fog, water, one even wall). ``brightness`` is the mean
    of the luminance in [0, 1]; ``dark_share`` and ``bright_share`` are the parts of the photo that
    are clipped to black and to white.
    """

    blur_px: float | None
    brightness: float
    dark_share: float
    bright_share: float
