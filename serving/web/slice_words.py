"""Names of slices: cameras and places as they are called, heights and seasons in words."""

from __future__ import annotations

from serving.web.learning_labels_selection import ALTITUDES, SEASONS, UNKNOWN_VALUES
from serving.web.rendering import Words


def name_value(dimension: str, value: str, words: Words) -> str:
    """Return what a slice is called; ``value`` is a code for heights and seasons."""
    if dimension == "altitude":
        return words.label(ALTITUDES, value)
    if dimension == "season":
        return words.label(SEASONS, value)
    if not value and dimension in UNKNOWN_VALUES:
        return words.translate(UNKNOWN_VALUES[dimension])
    return value
