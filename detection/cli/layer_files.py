"""Layers given on the command line: files, their coordinate systems, and their fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from detection.coverage.footprint import Footprint
from detection.domain.errors import InvalidInputError
from detection.layers.areas import AreaLayer
from detection.layers.buildings import BuildingLayer
from detection.layers.covers import CoverLayer
from detection.layers.fields import FieldChoice
from detection.layers.layer import LayerWarning
from detection.layers.offset import CAMERA_REACH_M, OffsetCheck, check_offset
from detection.layers.read import read_areas, read_buildings, read_covers

LAYERS = ("buildings", "covers", "area")
ROLES = {"id": "feature_id"} | {one.name: one.name for one in fields(FieldChoice)}


@dataclass(frozen=True, slots=True)
class LayerFiles:
    """Files of the layers; None where none was given."""

    buildings: Path | None = None
    covers: Path | None = None
    area: Path | None = None


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers that were given."""

    buildings: BuildingLayer | None
    covers: CoverLayer | None
    area: AreaLayer | None

    def list_warnings(
        self, footprints: Sequence[Footprint]
    ) -> tuple[tuple[str, LayerWarning], ...]:
        """Return what a person should know of each file, with its name."""
        found = [
            (layer.source.name, warning)
            for layer in (self.buildings, self.covers, self.area)
            if layer is not None
            for warning in layer.warnings
        ]
        return (*found, *self._check_offsets(footprints))

    def _check_offsets(self, footprints: Sequence[Footprint]) -> list[tuple[str, LayerWarning]]:
        """Hold each layer against the cameras, and covers against buildings: none lies in one."""
        cameras = [(one.pose.lon, one.pose.lat) for one in footprints if one.pose is not None]
        places = np.array(cameras, dtype=np.float64).reshape(-1, 2)
        checks: list[tuple[str, OffsetCheck | None]] = [
            (layer.source.name, check_offset(layer, places, radius_m=CAMERA_REACH_M))
            for layer in (self.buildings, self.covers, self.area)
            if layer is not None
        ]
        if self.buildings is not None and self.covers is not None:
            known = np.array([(one.lon, one.lat) for one in self.covers.covers])
            name = f"{self.buildings.source.name} / {self.covers.source.name}"
            checks.append((name, check_offset(self.buildings, known, relation="outside")))
        return [(name, one.warning) for name, one in checks if one is not None and one.warning]


def read_layer_files(
    files: LayerFiles, *, declared: Iterable[str] = (), chosen: Iterable[str] = ()
) -> Layers:
    """Read the layers; ``declared`` are ``LAYER=CRS``, ``chosen`` are ``LAYER.ROLE=FIELD``.

    Raises:
        InvalidInputError: a file cannot be used, or an option names no layer or role.
    """
    crs = dict(split_option("--crs", text, LAYERS) for text in declared)
    roles: dict[str, dict[str, str]] = {layer: {} for layer in LAYERS}
    for text in chosen:
        place, column = split_option("--field", text, LAYERS, with_role=True)
        layer, role = place.split(".")
        roles[layer][ROLES[role]] = column
    choices = {layer: FieldChoice(**roles[layer]) for layer in LAYERS}
    buildings, covers, area = files.buildings, files.covers, files.area
    return Layers(
        None
        if buildings is None
        else read_buildings(buildings, crs=crs.get("buildings"), fields=choices["buildings"]),
        None
        if covers is None
        else read_covers(covers, crs=crs.get("covers"), fields=choices["covers"]),
        None if area is None else read_areas(area, crs=crs.get("area"), fields=choices["area"]),
    )


def split_option(
    option: str, text: str, layers: Sequence[str], *, with_role: bool = False
) -> tuple[str, str]:
    """Return both sides of ``LAYER=CRS``, or of ``LAYER.ROLE=FIELD``.

    Raises:
        InvalidInputError: it is neither, or names none of the ``layers``.
    """
    place, equals, value = text.partition("=")
    layer, dot, role = place.partition(".")
    is_good = layer in layers and bool(equals) and bool(value)
    is_good &= (role in ROLES) if with_role else not dot
    if not is_good:
        message = f"{option} {text} cannot be used."
        pattern = "LAYER.ROLE=FIELD" if with_role else "LAYER=CRS"
        roles = f"; roles: {', '.join(ROLES)}" if with_role else ""
        raise InvalidInputError(
            message, remedy=f"Give {pattern}; layers: {', '.join(layers)}{roles}."
        )
    return place, value
