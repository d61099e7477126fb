"""A real pair of flights between which nothing changed, and the same with one roof raised."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import shapely

from detection.change.build import build_epoch
from detection.change.compare import FlightChange, compare_epochs
from detection.change.epoch import Epoch
from detection.change.settings import load_change_settings
from detection.domain.building_change import BuildingChange, ChangeVerdict
from detection.domain.errors import ConfigurationError
from detection.domain.photo import FlightKind
from detection.ingest.flight import read_flight
from detection.layers.buildings import BuildingLayer
from detection.layers.read import read_buildings
from tests.bench.roof_lift import lift_roof
from training.settings import REPOSITORY_DIR, find_shared_dir

PAIR = ("passA_heading90", "passB_heading180")
LAYER = REPOSITORY_DIR / "datasets" / "flights" / "sheffield_park_buildings.geojson"
LIFTED = "S08"
RISE_M = 3.0
TOLERANCE_M = 0.5
THREADS = 2
CANDIDATES = (ChangeVerdict.RISE, ChangeVerdict.FALL)


def measure_no_change() -> dict[str, float | int | None]:
    """Return what is found where nothing changed; nothing at all where the flights are not here."""
    change = compare_real_pair()
    if change is None:
        return {"candidates": None, "sigma_dz_m": None}
    return {
        "candidates": len(list_candidates(change)),
        "sigma_dz_m": round(change.sigma_dz_m, 3),
    }


def measure_lifted_roof() -> bool | None:
    """Whether one roof raised by 3 m is found, and nothing else; None without the flights."""
    change = compare_real_pair()
    if change is None:
        return None
    found = list_candidates(compare_lifted(change, LIFTED, RISE_M))
    return [one.building_id for one in found] == [LIFTED] and is_right(found[0], RISE_M)


def is_right(change: BuildingChange, rise_m: float) -> bool:
    """Whether a rise was found with its height."""
    height_m = change.height_change_m
    return (
        change.verdict is ChangeVerdict.RISE
        and height_m is not None
        and abs(height_m - rise_m) <= TOLERANCE_M
    )


@cache
def compare_real_pair() -> FlightChange | None:
    """Return the comparison of the two passes over one park; None where they are not here."""
    try:
        folder = find_shared_dir(None) / "flights" / "sheffield_park_fc300s_800px"
    except ConfigurationError:
        return None
    base, new = build_real_epochs(folder)
    return compare_epochs(base, new, read_layer(), settings=load_change_settings(), threads=THREADS)


def build_real_epochs(folder: Path) -> tuple[Epoch, Epoch]:
    """Return both passes from their photos."""
    flights = [read_flight(folder / name, FlightKind.DRONE, name) for name in PAIR]
    base = build_epoch(flights[0], threads=THREADS)
    return base, build_epoch(flights[1], plane=base.plane, threads=THREADS)


def compare_lifted(change: FlightChange, building_id: str, rise_m: float) -> FlightChange:
    """Return the comparison again, one roof of the later flight raised."""
    footprint = next(site.footprint_m for site in change.sites if site.building_id == building_id)
    patch = change.patches[building_id][1]
    inside = patch.seen & patch.grid.rasterize(footprint.buffer(-1.0))
    bend_m = float(change.coregistration.bend_at(shapely.get_coordinates(footprint.centroid)[0]))
    roof_m = float(np.median(patch.heights[inside])) - bend_m
    with tempfile.TemporaryDirectory() as folder:
        lifted = lift_roof(change.new, footprint, roof_m, rise_m, Path(folder))
        return compare_epochs(
            change.base, lifted, read_layer(), settings=load_change_settings(), threads=THREADS
        )


def list_candidates(change: FlightChange) -> list[BuildingChange]:
    """Return the buildings that are said to have changed."""
    return [one for one in change.changes if one.verdict in CANDIDATES]


@cache
def read_layer() -> BuildingLayer:
    """Return the houses of the park, drawn from its photos."""
    return read_buildings(LAYER)
