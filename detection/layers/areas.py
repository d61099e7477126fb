"""Administrative areas of an imported layer: 区, 街道, 社区, 网格."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shapely.geometry.base import BaseGeometry

from detection.layers.layer import Layer


@dataclass(frozen=True, slots=True)
class Area:
    """One area of one level.

    ``polygon`` is its territory (Polygon or MultiPolygon) in EPSG:4326, longitude first; ``level``
    is the word of whoever imported it (区, 街道, 社区, 网格), empty where nobody said.
    """

    area_id: str
    name: str
    level: str
    polygon: BaseGeometry
    properties: Mapping[str, object] = field(default_factory=dict)

    @property
    def geometry(self) -> BaseGeometry:
        """The territory."""
        return self.polygon


class AreaLayer(Layer[Area]):
    """The areas of one imported file, of one level or of several."""

    @property
    def areas(self) -> tuple[Area, ...]:
        """All of them, in the order of the file."""
        return self.features
