"""Rendered pairs: rendered where they are missing, each compared in a process of its own."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from detection.change.compare import compare_flights
from detection.change.settings import load_change_settings
from detection.domain.building_change import BuildingChange
from detection.domain.errors import HazardLensError
from detection.domain.photo import FlightKind
from detection.ingest.flight import read_flight
from detection.layers.read import read_buildings
from tests.bench.change_tally import Row, match_truth
from training.synthetic.village.pair import BASE, NEW, render_pair

THREADS = 2


@dataclass(frozen=True, slots=True)
class PairResult:
    """The rows of a pair, how long its comparison took and the memory that it needed at most."""

    name: str
    rows: tuple[Row, ...]
    seconds: float
    peak_mb: int
    sigma_dz_m: float | None
    error: str | None


def measure_pairs(folder: Path, pairs: int, processes: int) -> Iterator[PairResult]:
    """Yield the result of each of the pairs with seeds from 0, as they are done."""
    folder.mkdir(parents=True, exist_ok=True)
    places = [(folder / f"pair_{seed:02d}", seed) for seed in range(pairs)]
    # A process of its own for each pair, so that its peak of memory is its own.
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(measure_pair, places)


def measure_pair(place: tuple[Path, int]) -> PairResult:
    """Compare the flights of one pair, rendered from its seed if they are not there."""
    folder, seed = place
    cv2.setNumThreads(THREADS)
    render_missing(folder, seed)
    started = time.perf_counter()
    changes: tuple[BuildingChange, ...] = ()
    sigma_dz_m, error = None, None
    try:
        found = compare_flights(
            read_flight(folder / BASE, FlightKind.DRONE, BASE),
            read_flight(folder / NEW, FlightKind.DRONE, NEW),
            read_buildings(folder / "buildings.geojson"),
            settings=load_change_settings(),
            threads=THREADS,
        )
        changes, sigma_dz_m = found.changes, found.sigma_dz_m
    except HazardLensError as raised:
        error = f"{raised.code}: {raised.message}"
    seconds = time.perf_counter() - started
    rows = tuple(match_truth(folder, changes))
    return PairResult(folder.name, rows, seconds, measure_peak_mb(), sigma_dz_m, error)


def render_missing(folder: Path, seed: int) -> None:
    """Render a pair, which gets its name only when it is whole."""
    if folder.is_dir():
        return
    part = folder.with_name(f".{folder.name}.part")
    render_pair(part, seed=seed)
    part.rename(folder)


def measure_peak_mb() -> int:
    """Peak of this process and of the largest that it started, MB."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return round(sum(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024)


def sort_results(results: Sequence[PairResult]) -> list[PairResult]:
    """Return the results in the order of their names."""
    return sorted(results, key=lambda one: one.name)
