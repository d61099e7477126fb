"""Rows of a building register to the buildings of a layer: by number, else by place."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import shapely

from detection.layers.buildings import BuildingLayer
from detection.layers.register import ProblemLines, Register, RegisterProblem, RegisterRow


@dataclass(frozen=True, slots=True)
class JoinedRegister:
    """One row for each building of a layer that the register knows, by the layer's id.

    ``problems`` are those of the file and those of joining it to the layer.
    """

    by_building: Mapping[str, RegisterRow]
    problems: tuple[RegisterProblem, ...]


def join_register(register: Register, buildings: BuildingLayer) -> JoinedRegister:
    """Give each row its building: the one of its number, else the one its place lies in.

    Numbers are compared exactly; those that no building has once more without regard to case,
    spaces and leading zeros (spreadsheets drop them), where only one building is so called. Of
    several rows of one building the one that permits most storeys counts.
    """
    noted = ProblemLines()
    by_id = _find_by_id(register.rows, buildings)
    rest = [row for row in register.rows if row.line not in by_id]
    by_place = _find_by_place(rest, buildings, noted)
    rows: defaultdict[str, list[RegisterRow]] = defaultdict(list)
    for row in register.rows:
        building_id = by_id.get(row.line) or by_place.get(row.line)
        if building_id is None:
            noted.note("register_row_without_building", row.line)
        else:
            rows[building_id].append(row)
    joined = {building_id: _choose_row(own, noted) for building_id, own in rows.items()}
    return JoinedRegister(joined, (*register.problems, *noted.list_problems()))


def _find_by_id(rows: Iterable[RegisterRow], buildings: BuildingLayer) -> dict[int, str]:
    """Return the building's id by line, of the rows whose number a building has."""
    exact = {one.building_id for one in buildings.buildings}
    loose = Counter(_loosen(one) for one in exact)
    only = {key: one for one in exact if loose[key := _loosen(one)] == 1}
    found = {}
    for row in rows:
        own = row.building_id
        match = own if own in exact else only.get(_loosen(own)) if own else None
        if match is not None:
            found[row.line] = match
    return found


def _loosen(building_id: str) -> str:
    plain = "".join(unicodedata.normalize("NFKC", building_id).casefold().split())
    return plain.lstrip("0") or plain


def _find_by_place(
    rows: Iterable[RegisterRow], buildings: BuildingLayer, noted: ProblemLines
) -> dict[int, str]:
    """Return the building's id by line, of the rows whose place lies in one footprint."""
    placed = [(row, row.lon, row.lat) for row in rows if row.lon is not None]
    if not placed or not len(buildings):
        return {}
    lonlat = np.array([(lon, lat) for _, lon, lat in placed], dtype=np.float64)
    points = shapely.points(buildings.plane.to_metres(lonlat))
    tree = shapely.STRtree(buildings.polygons_m)
    inside: defaultdict[int, list[int]] = defaultdict(list)
    for point, building in tree.query(points, predicate="within").T.tolist():
        inside[point].append(building)
    found = {}
    for point, own in inside.items():
        line = placed[point][0].line
        if len(own) == 1:
            found[line] = buildings.buildings[own[0]].building_id
        else:
            noted.note("register_place_ambiguous", line)
    return found


def _choose_row(rows: list[RegisterRow], noted: ProblemLines) -> RegisterRow:
    """Return the row that permits most storeys; the others are noted."""
    best = max(rows, key=lambda row: (row.permitted_storeys or 0, -row.line))
    same = {_without_key(row) for row in rows}
    code = "register_rows_doubled" if len(same) == 1 else "register_rows_contradict"
    for row in rows:
        if row is not best:
            noted.note(code, row.line)
    return best


def _without_key(row: RegisterRow) -> RegisterRow:
    return replace(row, line=0, building_id="", lon=None, lat=None)
