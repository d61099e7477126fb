"""Small classes of the domain as JSON columns and back: building, areas, crack measure, votes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, cast

from detection.domain.finding import (
    AreaMembership,
    BuildingPart,
    CrackMeasure,
    OnBuilding,
    ViewVotes,
)
from detection.domain.hazard import HazardClass

Columns = dict[str, object]


def columns_from_building(on_building: OnBuilding | None) -> Columns | None:
    """Return the building that something is on as a JSON object; None where it is on none."""
    return None if on_building is None else asdict(on_building)


def building_from_columns(value: Mapping[str, object] | None) -> OnBuilding | None:
    """Return what :func:`columns_from_building` stored."""
    if value is None:
        return None
    known = _known(OnBuilding, value)
    return OnBuilding(**known | {"part": BuildingPart(known["part"])})


def columns_from_measure(measure: CrackMeasure | None) -> Columns | None:
    """Return the size of a crack as a JSON object; None of what is no crack."""
    return None if measure is None else asdict(measure)


def measure_from_columns(value: Mapping[str, object] | None) -> CrackMeasure | None:
    """Return what :func:`columns_from_measure` stored."""
    return None if value is None else CrackMeasure(**_known(CrackMeasure, value))


def columns_from_areas(areas: Iterable[AreaMembership]) -> list[Columns]:
    """Return the areas that a place lies in as JSON objects, in their order."""
    return [asdict(area) for area in areas]


def areas_from_columns(value: Sequence[Mapping[str, object]]) -> tuple[AreaMembership, ...]:
    """Return what :func:`columns_from_areas` stored."""
    return tuple(AreaMembership(**_known(AreaMembership, area)) for area in value)


def columns_from_votes(votes: ViewVotes | None) -> Columns | None:
    """Return what the photos say as a JSON object, classes in their order."""
    if votes is None:
        return None
    counts = [[hazard_class.value, count] for hazard_class, count in votes.counts]
    return {"counts": counts, "covering": votes.covering}


def votes_from_columns(value: Mapping[str, object] | None) -> ViewVotes | None:
    """Return what :func:`columns_from_votes` stored."""
    if value is None:
        return None
    counts = cast("list[tuple[str, int]]", value["counts"])
    pairs = tuple((HazardClass(hazard_class), int(count)) for hazard_class, count in counts)
    return ViewVotes(pairs, cast("int | None", value.get("covering")))


def _known(cls: type, value: Mapping[str, object]) -> dict[str, Any]:
    """Leave out what a later release stored and this one does not know."""
    names = {field.name for field in fields(cls)}
    return {name: each for name, each in value.items() if name in names}
