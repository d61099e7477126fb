"""Through which tiles each model looks at a photo, and the stream of tiles over a whole flight."""

from detection.looks.line import PhotoLine
from detection.looks.plan import CanHold, Look, plan_looks
from detection.looks.reach import find_reach
from detection.looks.stream import (
    Answer,
    LooksOfModels,
    ReadyPhoto,
    answer_photos,
    answer_pixels,
    cut_overviews,
)

__all__ = [
    "Answer",
    "CanHold",
    "Look",
    "LooksOfModels",
    "PhotoLine",
    "ReadyPhoto",
    "answer_photos",
    "answer_pixels",
    "cut_overviews",
    "find_reach",
    "plan_looks",
]
