"""The inventory of manhole covers of an imported layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shapely import Point

from detection.layers.layer import Layer


@dataclass(frozen=True, slots=True)
class Cover:
    """One cover of the inventory: EPSG:4326 degrees, diameter in metres where the file says it."""

    cover_id: str
    name: str
    lon: float
    lat: float
    diameter_m: float | None = None
    properties: Mapping[str, object] = field(default_factory=dict)

    @property
    def geometry(self) -> Point:
        """Its place."""
        return Point(self.lon, self.lat)


class CoverLayer(Layer[Cover]):
    """The covers of one imported file."""

    @property
    def covers(self) -> tuple[Cover, ...]:
        """All of them, in the order of the file."""
        return self.features
