"""Two flights over one place: which buildings rose, which were taken down, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detection.change.build import build_epoch
from detection.change.coregister import Coregistration, coregister, move_epoch
from detection.change.epoch import Epoch, compute_position_std_m, shift_epoch
from detection.change.heights import HeightPatch
from detection.change.layer_fit import check_layer
from detection.change.measure import bend_patch, measure_sites
from detection.change.overlap import check_overlap
from detection.change.roofs import compare_building, measure_roof
from detection.change.settings import ChangeSettings
from detection.change.sites import Site, find_footprints, lay_out
from detection.domain.building_change import BuildingChange, RoofHeight
from detection.domain.photo import Flight
from detection.layers.buildings import BuildingLayer
from detection.refine.reconstruct import STAGES
from detection.refine.watch import Progress, Watch

COMPARE_STAGES = (
    *(f"base_{stage}" for stage in STAGES),
    *(f"new_{stage}" for stage in STAGES),
    "coregister",
    "heights",
)
"""The stages of `compare_flights`, in order."""
SURVEY_STAGES = (*(f"new_{stage}" for stage in STAGES), "coregister", "heights")
"""The stages of `survey_flight`, in order."""


@dataclass(frozen=True, slots=True)
class FlightChange:
    """What two flights say of the buildings that lie near them.

    ``changes`` and ``roofs`` (those of the later flight) have one row per building, in one order.
    ``sigma_dz_m`` is one standard deviation of the height difference on unchanged ground;
    ``overlap_share`` that of the smaller flight in the other. Both epochs are in one frame, in
    which the footprints lie on the buildings: they were moved by minus ``layer_shift_m``.
    ``patches`` holds the heights before and after by building.
    """

    changes: tuple[BuildingChange, ...]
    roofs: tuple[RoofHeight, ...]
    sigma_dz_m: float
    overlap_share: float
    layer_shift_m: tuple[float, float]
    coregistration: Coregistration
    base: Epoch
    new: Epoch
    sites: tuple[Site, ...]
    patches: Mapping[str, tuple[HeightPatch, HeightPatch]]


@dataclass(frozen=True, slots=True)
class FlightSurvey:
    """How high the roofs of one flight are; see `FlightChange`."""

    roofs: tuple[RoofHeight, ...]
    layer_shift_m: tuple[float, float]
    epoch: Epoch
    sites: tuple[Site, ...]
    patches: Mapping[str, HeightPatch]


def compare_flights(
    base: Flight,
    new: Flight,
    buildings: BuildingLayer,
    *,
    settings: ChangeSettings,
    threads: int = 1,
    on_progress: Progress | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> FlightChange:
    """Return what changed between an earlier and a later flight, per building of the layer.

    ``on_progress`` hears (stage, done, total) with the stages of `COMPARE_STAGES`. A building
    that a flight does not show is CANNOT_TELL.

    Raises:
        ChangeError: the flights cannot be compared; the message says why and what to do.
        ConfigurationError: pycolmap is not installed.
        CancelledError: ``is_cancelled`` said so.
    """
    before = build_epoch(
        base, threads=threads, on_progress=_named("base_", on_progress), is_cancelled=is_cancelled
    )
    after = build_epoch(
        new,
        plane=before.plane,
        threads=threads,
        on_progress=_named("new_", on_progress),
        is_cancelled=is_cancelled,
    )
    watch = Watch(on_progress, is_cancelled)
    return compare_epochs(before, after, buildings, settings=settings, threads=threads, watch=watch)


def compare_epochs(
    base: Epoch,
    new: Epoch,
    buildings: BuildingLayer,
    *,
    settings: ChangeSettings,
    threads: int = 1,
    watch: Watch | None = None,
) -> FlightChange:
    """Return what changed between two epochs on one plane; see `compare_flights`."""
    watch = watch or Watch()
    watch.report("coregister", 0, 1)
    overlap_share = check_overlap(base, new)
    footprints = find_footprints(buildings, (base, new))
    found = coregister(base, new, [shape for _, shape in footprints])
    new = move_epoch(new, found)
    points = np.vstack([base.model.points_m, new.model.points_m])
    shapes = [shape for _, shape in footprints]
    shift_m = check_layer(points, shapes, compute_position_std_m(base))
    # The epochs move, not the layer: what is found must lie on the map's buildings.
    base, new = (shift_epoch(epoch, -shift_m[0], -shift_m[1]) for epoch in (base, new))
    found = found.shifted(-shift_m[0], -shift_m[1])
    sites = lay_out(footprints, (base, new))
    watch.report("coregister", 1, 1)
    befores, afters = measure_sites((base, new), sites, settings, threads=threads, watch=watch)
    bent = tuple(bend_patch(patch, found) for patch in afters)
    changes = tuple(
        compare_building(
            site.building_id,
            before,
            after,
            site.footprint_m,
            plane=base.plane,
            sigma_dz_m=found.sigma_dz_m,
            settings=settings,
        )
        for site, before, after in zip(sites, befores, bent, strict=True)
    )
    return FlightChange(
        changes=changes,
        roofs=_measure_roofs(sites, bent, settings),
        sigma_dz_m=found.sigma_dz_m,
        overlap_share=overlap_share,
        layer_shift_m=shift_m,
        coregistration=found,
        base=base,
        new=new,
        sites=sites,
        patches={
            site.building_id: (before, after)
            for site, before, after in zip(sites, befores, bent, strict=True)
        },
    )


def survey_flight(
    flight: Flight,
    buildings: BuildingLayer,
    *,
    settings: ChangeSettings,
    threads: int = 1,
    on_progress: Progress | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> FlightSurvey:
    """Return how high the roofs near one flight are; stages are `SURVEY_STAGES`.

    Raises:
        ChangeError: the photos give no heights; the message says why and what to do.
        ConfigurationError: pycolmap is not installed.
        CancelledError: ``is_cancelled`` said so.
    """
    epoch = build_epoch(
        flight, threads=threads, on_progress=_named("new_", on_progress), is_cancelled=is_cancelled
    )
    watch = Watch(on_progress, is_cancelled)
    watch.report("coregister", 0, 1)
    footprints = find_footprints(buildings, (epoch,))
    shapes = [shape for _, shape in footprints]
    shift_m = check_layer(epoch.model.points_m, shapes, compute_position_std_m(epoch))
    epoch = shift_epoch(epoch, -shift_m[0], -shift_m[1])
    sites = lay_out(footprints, (epoch,))
    watch.report("coregister", 1, 1)
    (patches,) = measure_sites((epoch,), sites, settings, threads=threads, watch=watch)
    roofs = _measure_roofs(sites, patches, settings)
    by_id = {site.building_id: patch for site, patch in zip(sites, patches, strict=True)}
    return FlightSurvey(roofs, shift_m, epoch, sites, by_id)


def _measure_roofs(
    sites: Sequence[Site], patches: Sequence[HeightPatch], settings: ChangeSettings
) -> tuple[RoofHeight, ...]:
    return tuple(
        measure_roof(site.building_id, patch, site.footprint_m, settings)
        for site, patch in zip(sites, patches, strict=True)
    )


def _named(prefix: str, on_progress: Progress | None) -> Progress | None:
    """Return the same listener, told which flight a stage belongs to."""
    if on_progress is None:
        return None
    return lambda stage, done, total: on_progress(f"{prefix}{stage}", done, total)
