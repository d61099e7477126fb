"""The building register (房屋底册): what each building is permitted to be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from detection.domain.errors import RegisterEmptyError
from detection.layers.crs import choose_crs, convert_to_wgs84
from detection.layers.register_cells import RegisterCells, read_cells
from detection.layers.register_settings import (
    RegisterLimits,
    RegisterSettings,
    load_register_settings,
)
from detection.layers.register_values import number_from_cell, plain_text, storeys_from_cell

SHOWN_LINES = 20
"""Lines that a problem names; the rest is only counted."""

_MAX_TEXT = 200
_MAX_LON, _MAX_LAT = 180.0, 90.0


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """One row: what its mapped columns say, and nothing else of it.

    ``line`` is its number in the file as a person counts it, the header being 1 or more. It names
    a building by id, by place (EPSG:4326) or both; permits are numbers of documents, ``use`` is
    free text.
    """

    line: int
    building_id: str = ""
    permitted_storeys: int | None = None
    permitted_area_m2: float | None = None
    permitted_height_m: float | None = None
    use: str = ""
    land_permit: str = ""
    planning_permit: str = ""
    construction_permit: str = ""
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True, slots=True)
class RegisterProblem:
    """What a person should know of some rows: a reason code, how many, and the first lines."""

    code: str
    count: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Register:
    """The rows of one file that name a building, and what was wrong with others.

    ``columns`` pairs each role (a field of `RegisterRow`) with the column it was read from;
    ``total_rows`` counts all rows below the header that are not empty.
    """

    rows: tuple[RegisterRow, ...]
    problems: tuple[RegisterProblem, ...] = ()
    name: str = ""
    columns: tuple[tuple[str, str], ...] = ()
    total_rows: int = 0


@dataclass(slots=True)
class ProblemLines:
    """Collects the lines of each problem; a line counts once for each code."""

    lines: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def note(self, code: str, line: int) -> None:
        """Remember that ``line`` has this problem."""
        self.lines[code].add(line)

    def list_problems(self) -> tuple[RegisterProblem, ...]:
        """Return the problems in the order of their codes."""
        return tuple(
            RegisterProblem(code, len(lines), tuple(sorted(lines)[:SHOWN_LINES]))
            for code, lines in sorted(self.lines.items())
        )


def read_register(
    path: Path, *, crs: str | None = None, settings: RegisterSettings | None = None
) -> Register:
    """Read a register (CSV, XLSX, XLS, GeoJSON or another vector file).

    Only the columns that ``settings`` (by default ``configs/register.yaml``) name are kept. ``crs``
    declares the system of its coordinates; otherwise that of the vector file, or EPSG:4326.

    Raises:
        RegisterError: it cannot be read, lacks the column of permitted storeys, or holds no row
            that names a building.
        LayerError: its coordinate system is unknown, or cannot be that of the coordinates.
    """
    settings = settings or load_register_settings()
    cells = read_cells(path, settings)
    noted = ProblemLines()
    rows = [_row_from_cells(line, row, settings.limits, noted) for line, row in cells.rows]
    places = _find_places(cells, crs, path.name, noted)
    placed = [_place_row(row, places) for row in rows]
    named = [row for row in placed if row.building_id or row.lon is not None]
    for row in placed:
        if not row.building_id and row.lon is None:
            noted.note("register_row_without_key", row.line)
    if not named:
        message = f"No row of {path.name} names a building or a place."
        remedy = "Fill in the column of building numbers (建筑编号), or of longitude and latitude."
        raise RegisterEmptyError(message, remedy=remedy)
    return Register(tuple(named), noted.list_problems(), path.name, cells.columns, len(rows))


def _row_from_cells(
    line: int, cells: Mapping[str, object], limits: RegisterLimits, noted: ProblemLines
) -> RegisterRow:
    texts = {role: plain_text(value)[:_MAX_TEXT] for role, value in cells.items()}
    storeys = storeys_from_cell(cells.get("permitted_storeys"), limits.max_storeys)
    area_m2 = number_from_cell(cells.get("permitted_area_m2"), limits.max_area_m2)
    height_m = number_from_cell(cells.get("permitted_height_m"), limits.max_height_m)
    numbers = (("storeys", storeys), ("area_m2", area_m2), ("height_m", height_m))
    if any(number is None and texts.get(f"permitted_{role}") for role, number in numbers):
        noted.note("register_number_impossible", line)
    if not texts.get("permitted_storeys"):
        noted.note("register_storeys_missing", line)
    return RegisterRow(
        line=line,
        permitted_storeys=storeys,
        permitted_area_m2=area_m2,
        permitted_height_m=height_m,
        building_id=texts.get("building_id", ""),
        use=texts.get("use", ""),
        land_permit=texts.get("land_permit", ""),
        planning_permit=texts.get("planning_permit", ""),
        construction_permit=texts.get("construction_permit", ""),
    )


def _find_places(
    cells: RegisterCells, declared: str | None, name: str, noted: ProblemLines
) -> dict[int, tuple[float, float]]:
    """Return longitude and latitude by line, of the rows that have both."""
    system = choose_crs(declared, cells.crs or "EPSG:4326", name)
    is_geographic = system.crs is None or system.crs.is_geographic
    limit = (_MAX_LON, _MAX_LAT) if is_geographic else (np.inf, np.inf)
    found: dict[int, tuple[float, float]] = {}
    for line, row in cells.rows:
        given = [row.get("lon"), row.get("lat")]
        x, y = (number_from_cell(one, np.inf, smallest=-np.inf) for one in given)
        if (
            x is not None
            and y is not None
            and (x or y)
            and abs(x) <= limit[0]
            and abs(y) <= limit[1]
        ):
            found[line] = (x, y)
        elif any(plain_text(one) for one in given):
            noted.note("register_place_impossible", line)
    if not found:
        return {}
    lonlat = convert_to_wgs84(np.array(list(found.values()), dtype=np.float64), system)
    return {line: (float(lon), float(lat)) for line, (lon, lat) in zip(found, lonlat, strict=True)}


def _place_row(row: RegisterRow, places: Mapping[int, tuple[float, float]]) -> RegisterRow:
    if row.line not in places:
        return row
    lon, lat = places[row.line]
    return replace(row, lon=lon, lat=lat)
