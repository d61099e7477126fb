"""Building footprints of an imported layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shapely.geometry.base import BaseGeometry

from detection.layers.layer import Layer

STOREY_M = 3.0
"""Height of one storey of a dwelling, where only the number of storeys is known."""


@dataclass(frozen=True, slots=True)
class Building:
    """One building.

    ``polygon`` is its footprint (Polygon or MultiPolygon) in EPSG:4326, longitude first.
    ``height_m`` is the height of its roof above the ground at its foot and ``storeys`` the number
    of storeys, as the file says; None where it does not. ``properties`` are the file's fields.
    """

    building_id: str
    name: str
    polygon: BaseGeometry
    height_m: float | None = None
    storeys: int | None = None
    properties: Mapping[str, object] = field(default_factory=dict)

    @property
    def geometry(self) -> BaseGeometry:
        """The footprint."""
        return self.polygon

    @property
    def likely_height_m(self) -> float | None:
        """The height, or what the storeys suggest; None where neither is known."""
        if self.height_m is None and self.storeys is not None:
            return self.storeys * STOREY_M
        return self.height_m


class BuildingLayer(Layer[Building]):
    """The buildings of one imported file."""

    @property
    def buildings(self) -> tuple[Building, ...]:
        """All of them, in the order of the file."""
        return self.features
