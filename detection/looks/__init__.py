"""Through which tiles each model looks at a photo, and the stream of tiles over a whole flight."""

from detection.looks.ahead import Ahead
from detection.looks.line import PhotoLine
from detection.looks.plan import CanHold, Look, plan_looks
from detection.looks.reach import find_reach, find_tile_gsd
from detection.looks.shares import GroundShare, share_ground
from detection.looks.stream import (
    Answer,
    LooksOfModels,
    ReadyPhoto,
    answer_photos,
    answer_pixels,
    cut_ahead,
)

__all__ = [
    "Ahead",
    "Answer",
    "CanHold",
    "GroundShare",
    "Look",
    "LooksOfModels",
    "PhotoLine",
    "ReadyPhoto",
    "answer_photos",
    "answer_pixels",
    "cut_ahead",
    "find_reach",
    "find_tile_gsd",
    "plan_looks",
    "share_ground",
]
