"""What is known of a flight and its place beyond its photos, given to `hazardlens detect`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import numpy as np

from detection.cli.layer_files import split_option
from detection.domain.errors import InvalidInputError
from detection.domain.photo import Photo
from detection.domain.reasons import explain_reason
from detection.georeference import Surroundings
from detection.layers.areas import AreaLayer
from detection.layers.buildings import BuildingLayer
from detection.layers.layer import LayerSource, LayerWarning
from detection.layers.offset import CAMERA_REACH_M, check_offset
from detection.layers.read import read_areas, read_buildings
from detection.layers.table import SHAPEFILE_PARTS
from detection.terrain import Terrain

LAYERS = ("buildings", "areas")
_FILE = click.Path(path_type=Path)

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class SurroundingsFiles:
    """The options: ``areas`` are ``LEVEL=FILE`` or ``FILE``, ``declared`` are ``LAYER=CRS``."""

    poses: Path | None = None
    dem: Path | None = None
    buildings: Path | None = None
    areas: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()

    def list_hashes(self) -> dict[str, object]:
        """Return what of the files decides the results: their hashes, and what was declared."""
        hashes: dict[str, object] = {
            "areas": [[level, _hash_file(path)] for level, path in self.split_areas()],
            "crs": sorted(self.declared),
        }
        named = (("poses", self.poses), ("dem", self.dem), ("buildings", self.buildings))
        for name, path in named:
            hashes[name] = None if path is None else _hash_file(path)
        return hashes if any(hashes.values()) else {}

    def split_areas(self) -> Iterator[tuple[str | None, Path]]:
        """Yield the level and the file of each area option."""
        for text in self.areas:
            level, equals, name = text.partition("=")
            yield (level, Path(name)) if equals else (None, Path(text))


def add_surroundings_options(command: FunctionT) -> FunctionT:
    """Add the options whose values make `SurroundingsFiles`."""
    options = (
        click.option("--poses", type=_FILE, help="poses.json of hazardlens refine."),
        click.option("--dem", type=_FILE, help="Ground model (GeoTIFF). Default: flat ground."),
        click.option(
            "--buildings",
            type=_FILE,
            help="Footprints that cracks and storeys are put on: GeoJSON, GeoPackage, SHP, ZIP.",
        ),
        click.option(
            "--areas",
            multiple=True,
            metavar="[LEVEL=]FILE",
            help="Administrative areas: 网格=grid.geojson. Repeatable.",
        ),
        click.option(
            "--crs",
            "declared",
            multiple=True,
            metavar="LAYER=CRS",
            help="Coordinate system of buildings or areas: buildings=GCJ-02. Repeatable.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def read_surroundings(files: SurroundingsFiles) -> Surroundings:
    """Read every file that was given.

    Raises:
        InvalidInputError: a file or option cannot be used.
    """
    crs = dict(split_option("--crs", text, LAYERS) for text in files.declared)
    areas = [
        read_areas(path, crs=crs.get("areas"), level=level) for level, path in files.split_areas()
    ]
    return Surroundings(
        terrain=None if files.dem is None else Terrain.open(files.dem),
        buildings=None
        if files.buildings is None
        else read_buildings(files.buildings, crs=crs.get("buildings")),
        areas=_join_areas(areas) if areas else None,
    )


def _join_areas(layers: Sequence[AreaLayer]) -> AreaLayer:
    """Return the areas of all files as one layer, with what is to be said of each file."""
    return AreaLayer(
        tuple(area for layer in layers for area in layer.areas),
        LayerSource(", ".join(layer.source.name for layer in layers)),
        tuple(warning for layer in layers for warning in layer.warnings),
    )


def list_warnings(surroundings: Surroundings, photos: tuple[Photo, ...]) -> list[str]:
    """Return a line for each thing about the layers that a person should know.

    Buildings are held against the cameras: a layer that lies elsewhere by the shift of Chinese
    web maps is named.
    """
    cameras = [(one.pose.lon, one.pose.lat) for one in photos if one.pose is not None]
    lines = []
    for layer in (surroundings.buildings, surroundings.areas):
        if layer is None:
            continue
        warnings = list(layer.warnings)
        if isinstance(layer, BuildingLayer):
            places = np.array(cameras, dtype=np.float64).reshape(-1, 2)
            check = check_offset(layer, places, radius_m=CAMERA_REACH_M)
            warnings += [check.warning] if check is not None and check.warning else []
        lines += [_write_warning(layer.source.name, warning) for warning in warnings]
    return lines


def _write_warning(name: str, warning: LayerWarning) -> str:
    reason = explain_reason(warning.code)
    detail = f" ({warning.detail})" if warning.detail else ""
    return f"{name}: {reason.message_en}{detail} {reason.remedy_en}"


def _hash_file(path: Path) -> str:
    """Return the sha256 of a file and, for a shapefile, of the files beside it.

    Raises:
        InvalidInputError: it cannot be read.
    """
    digest = hashlib.sha256()
    parts = [path]
    if path.suffix.lower() == ".shp":
        parts = [part for end in SHAPEFILE_PARTS if (part := path.with_suffix(end)).is_file()]
    try:
        for part in parts:
            with part.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise InvalidInputError(message, remedy="Check the path.") from error
    return digest.hexdigest()
