"""What all layers share: features in degrees, the same in metres, and a search tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, Protocol, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.domain.geometry import FloatArray
from detection.plane import LocalPlane

GeometryArray = NDArray[np.object_]


class Feature(Protocol):
    """One thing of a layer."""

    @property
    def geometry(self) -> BaseGeometry:
        """Its shape in EPSG:4326, longitude first."""


@dataclass(frozen=True, slots=True)
class LayerWarning:
    """Something about a file that a person should know: a reason code and how many features."""

    code: str
    count: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LayerSource:
    """Where a layer came from: file name, the CRS as declared, and the fields that were read."""

    name: str = ""
    crs: str = "EPSG:4326"
    fields: tuple[tuple[str, str], ...] = ()


FeatureT_co = TypeVar("FeatureT_co", bound=Feature, covariant=True)


@dataclass(frozen=True, eq=False)
class Layer(Generic[FeatureT_co]):
    """Features of one kind, and where each lies.

    Shapes are EPSG:4326 degrees, longitude first, unwrapped round the middle of the layer: across
    the antimeridian longitudes run on beyond 180. ``polygons_m`` and ``query`` are in the metres
    of ``plane``, whose origin is the middle of the layer.
    """

    features: tuple[FeatureT_co, ...]
    source: LayerSource = field(default_factory=LayerSource)
    warnings: tuple[LayerWarning, ...] = ()

    def __len__(self) -> int:
        """Return the number of features."""
        return len(self.features)

    @cached_property
    def geometries(self) -> GeometryArray:
        """Shapes in degrees, ``(n,)``."""
        return as_geometry_array([one.geometry for one in self.features])

    @cached_property
    def plane(self) -> LocalPlane:
        """The metric plane round the middle of the layer."""
        lon, lat = find_middle(shapely.get_coordinates(self.geometries))
        return LocalPlane(lon, lat)

    @cached_property
    def polygons_m(self) -> GeometryArray:
        """Shapes in metres of `plane`, ``(n,)``; points where the features are points."""
        return project_geometries(self.geometries, self.plane)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.polygons_m)

    def query(self, box_m: tuple[float, float, float, float]) -> NDArray[np.intp]:
        """Return the indices, ascending, whose bounding box meets ``(x_min, y_min, x_max, y_max)``.

        The box is in metres of `plane`.
        """
        return np.sort(np.asarray(self._tree.query(shapely.box(*box_m)), dtype=np.intp))

    def query_near(self, lonlat: FloatArray, margin_m: float = 0.0) -> NDArray[np.intp]:
        """Return the indices whose bounding box meets that of the places ``(n, 2)``, degrees."""
        points_m = self.plane.to_metres(lonlat)
        low, high = points_m.min(axis=0) - margin_m, points_m.max(axis=0) + margin_m
        return self.query((float(low[0]), float(low[1]), float(high[0]), float(high[1])))


def as_geometry_array(geometries: Sequence[BaseGeometry]) -> GeometryArray:
    """Return shapes as an array ``(n,)`` that numpy does not try to look into."""
    array = np.empty(len(geometries), dtype=object)
    array[:] = geometries
    return array


def project_geometries(geometries: GeometryArray, plane: LocalPlane) -> GeometryArray:
    """Return shapes given in degrees in metres of ``plane``.

    Where another rounding makes a sliver of a shape cross itself, it is mended.
    """
    placed = np.asarray(shapely.transform(geometries, plane.to_metres), dtype=object)
    is_broken = ~shapely.is_valid(placed)
    # This method leaves polygons only; the usual one may add lines, which have no inside.
    placed[is_broken] = shapely.make_valid(
        placed[is_broken], method="structure", keep_collapsed=False
    )
    return placed


def unproject_geometry(shape_m: BaseGeometry, plane: LocalPlane) -> BaseGeometry:
    """Return a shape in metres of ``plane`` in EPSG:4326, unwrapped round the plane's origin."""
    return shapely.transform(shape_m, lambda xy: unwrap_lonlat(plane.to_lonlat(xy), plane.lon))


def find_middle(lonlat: FloatArray) -> tuple[float, float]:
    """Return the middle ``(lon, lat)`` of places ``(n, 2)``; (0, 0) where there are none.

    Longitudes are averaged as directions, so that 179.9 and -179.9 meet at 180.
    """
    if not len(lonlat):
        return 0.0, 0.0
    angles = np.radians(lonlat[:, 0])
    lon = np.degrees(np.arctan2(np.sin(angles).mean(), np.cos(angles).mean()))
    return float(lon), float(lonlat[:, 1].mean())


def unwrap_lonlat(lonlat: FloatArray, middle_lon: float) -> FloatArray:
    """Return places ``(n, 2)`` with longitudes within 180 degrees of ``middle_lon``."""
    unwrapped = np.array(lonlat, dtype=np.float64)
    unwrapped[:, 0] = middle_lon + (unwrapped[:, 0] - middle_lon + 180.0) % 360.0 - 180.0
    return unwrapped
