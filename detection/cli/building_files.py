"""Buildings and what they are permitted to be, given to `hazardlens change` and `storeys`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from detection.change.report.content import Note
from detection.cli.layer_files import ROLES, split_option
from detection.domain.reasons import explain_reason
from detection.layers.buildings import BuildingLayer
from detection.layers.fields import FieldChoice
from detection.layers.read import read_buildings
from detection.layers.register import RegisterRow, read_register
from detection.layers.register_join import join_register
from detection.layers.register_settings import REGISTER_PATH, load_register_settings

LAYERS = ("buildings", "register")
_FILE = click.Path(path_type=Path)

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class BuildingFiles:
    """The options: ``declared`` are ``LAYER=CRS``, ``chosen`` are ``buildings.ROLE=FIELD``."""

    buildings: Path
    register: Path | None
    columns: Path
    declared: tuple[str, ...]
    chosen: tuple[str, ...]

    def list_hashes(self) -> dict[str, str | None]:
        """Return the sha256 of what decides the results."""
        given = {"buildings": self.buildings, "register": self.register}
        return {name: None if path is None else _hash_file(path) for name, path in given.items()}


@dataclass(frozen=True, slots=True)
class KnownBuildings:
    """The layer, the register's row of each building that it knows, and what is to be said."""

    layer: BuildingLayer
    register: Mapping[str, RegisterRow]
    notes: tuple[Note, ...]


def add_building_options(*, needs_register: bool) -> Callable[[FunctionT], FunctionT]:
    """Add the options whose values make `BuildingFiles`."""
    register_help = "Building register with permitted storeys: CSV, XLSX, XLS, GeoJSON."
    options = (
        click.option(
            "--buildings",
            type=_FILE,
            required=True,
            help="Building footprints: GeoJSON, GeoPackage, SHP, ZIP.",
        ),
        click.option("--register", type=_FILE, required=needs_register, help=register_help),
        click.option(
            "--register-columns",
            "columns",
            type=_FILE,
            default=REGISTER_PATH,
            help="Which column holds what. Default: configs/register.yaml.",
        ),
        click.option(
            "--crs",
            "declared",
            multiple=True,
            metavar="LAYER=CRS",
            help="Coordinate system of buildings or register: buildings=GCJ-02. Repeatable.",
        ),
        click.option(
            "--field",
            "chosen",
            multiple=True,
            metavar="LAYER.ROLE=FIELD",
            help="Field of the layer to take: buildings.id=LOUHAO. Roles: id, name.",
        ),
    )

    def add(command: FunctionT) -> FunctionT:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def read_building_files(files: BuildingFiles) -> KnownBuildings:
    """Read the layer and, where one is given, the register.

    Raises:
        InvalidInputError: a file or option cannot be used.
        ConfigurationError: the file of columns cannot be read.
    """
    crs = dict(split_option("--crs", text, LAYERS) for text in files.declared)
    roles = {}
    for text in files.chosen:
        place, column = split_option("--field", text, ("buildings",), with_role=True)
        roles[ROLES[place.split(".")[1]]] = column
    layer = read_buildings(files.buildings, crs=crs.get("buildings"), fields=FieldChoice(**roles))
    notes = [Note(layer.source.name, one.code, one.count, one.detail) for one in layer.warnings]
    if files.register is None:
        return KnownBuildings(layer, {}, tuple(notes))
    settings = load_register_settings(files.columns)
    register = read_register(files.register, crs=crs.get("register"), settings=settings)
    joined = join_register(register, layer)
    notes += [
        Note(register.name, one.code, one.count, _list_lines(one.lines, one.count))
        for one in joined.problems
    ]
    return KnownBuildings(layer, joined.by_building, tuple(notes))


def describe_notes(known: KnownBuildings) -> Iterator[str]:
    """Yield a line for each thing that a person should know of the files, and what to do."""
    for note in known.notes:
        reason = explain_reason(note.code)
        detail = f" ({'line ' if note.names_lines else ''}{note.detail})" if note.detail else ""
        yield f"{note.name}: {note.count} x {reason.message_en}{detail} {reason.remedy_en}"


def _list_lines(lines: tuple[int, ...], count: int) -> str:
    more = " …" if count > len(lines) else ""
    return f"{', '.join(str(line) for line in lines)}{more}"


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
