"""Key places of an imported layer: schools, markets, hospitals, stations; 重点场所."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from detection.layers.layer import Layer


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """One place where many people are, or such as cannot look after themselves.

    ``shape`` is a point, or its ground as Polygon or MultiPolygon, EPSG:4326, longitude first.
    """

    place_id: str
    name: str
    shape: BaseGeometry
    properties: Mapping[str, object] = field(default_factory=dict)

    @property
    def geometry(self) -> BaseGeometry:
        """The shape."""
        return self.shape


class KeyPlaceLayer(Layer[KeyPlace]):
    """The key places of one imported file."""

    def find_nearest(
        self, lon: float, lat: float, within_m: float
    ) -> tuple[KeyPlace, float] | None:
        """Return the nearest place within ``within_m`` metres and its distance in metres.

        On its ground the distance is 0. None where nothing is so near.
        """
        lonlat = np.array([[lon, lat]])
        indices = self.query_near(lonlat, within_m)
        if not len(indices):
            return None
        here = shapely.Point(self.plane.to_metres(lonlat)[0])
        distances = shapely.distance(self.polygons_m[indices], here)
        nearest = int(np.argmin(distances))
        distance_m = float(distances[nearest])
        return (self.features[indices[nearest]], distance_m) if distance_m <= within_m else None
