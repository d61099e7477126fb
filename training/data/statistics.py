"""What a data set holds, in counts: by class and side, source, licence and size of the things."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.split import count_split

SIZE_EDGES_PX = (8, 16, 32, 64, 128, 256)
"""Edges of the histogram, in pixels: the root of a box's area."""


@dataclass(frozen=True, slots=True)
class SourceCount:
    """Photos and annotations of one source under one licence."""

    source: str
    licence: str
    permissive: bool
    photos: int
    annotations: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts of one set. ``sizes`` has, for each class, a count for each bin of the histogram."""

    sides: dict[str, dict[str, int]]
    sources: tuple[SourceCount, ...]
    sizes: dict[str, tuple[int, ...]]
    polygons: int
    groups: int


def compute_statistics(photos: Sequence[AnnotatedPhoto]) -> Statistics:
    """Return the counts of a set."""
    by_source: dict[tuple[str, str, bool], list[AnnotatedPhoto]] = defaultdict(list)
    for photo in photos:
        origin = photo.origin
        by_source[origin.source, origin.licence, origin.permissive].append(photo)
    items = [item for photo in photos for item in photo.annotations]
    return Statistics(
        sides={side: dict(row) for side, row in sorted(count_split(photos).items())},
        sources=tuple(
            SourceCount(*key, len(group), sum(len(photo.annotations) for photo in group))
            for key, group in sorted(by_source.items(), key=lambda entry: -len(entry[1]))
        ),
        sizes={
            key: _count_sizes([item for item in items if item.hazard_class.value == key])
            for key in sorted({item.hazard_class.value for item in items})
        },
        polygons=sum(bool(item.polygon) for item in items),
        groups=len({photo.group for photo in photos}),
    )


def _count_sizes(items: Sequence[Annotation]) -> tuple[int, ...]:
    bins = Counter(
        sum(math.sqrt(item.box.area_px) >= edge for edge in SIZE_EDGES_PX) for item in items
    )
    return tuple(bins[number] for number in range(len(SIZE_EDGES_PX) + 1))


def name_sizes() -> list[str]:
    """Return the bins of the histogram in words."""
    between = pairwise(SIZE_EDGES_PX)
    return [
        f"<{SIZE_EDGES_PX[0]}",
        *(f"{low}-{high}" for low, high in between),
        f">={SIZE_EDGES_PX[-1]}",
    ]


def json_from_statistics(statistics: Statistics) -> dict[str, Any]:
    """Return the counts as JSON has them."""
    return {
        "sides": statistics.sides,
        "sources": [
            {
                "source": row.source,
                "licence": row.licence,
                "permissive": row.permissive,
                "photos": row.photos,
                "annotations": row.annotations,
            }
            for row in statistics.sources
        ],
        "sizes_px": {
            key: dict(zip(name_sizes(), row, strict=True)) for key, row in statistics.sizes.items()
        },
        "polygons": statistics.polygons,
        "groups": statistics.groups,
    }
