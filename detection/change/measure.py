"""Measure every building in every epoch, an epoch a thread, until done or cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Event

import numpy as np

from detection.change.coregister import Coregistration
from detection.change.epoch import Epoch
from detection.change.heights import HeightPatch, build_unseen, lay_grid
from detection.change.settings import ChangeSettings
from detection.change.sites import Site
from detection.change.sweep import sweep_heights
from detection.change.views import PhotoCache
from detection.refine.watch import POLL_S, Watch

STAGE = "heights"


def measure_sites(
    epochs: Sequence[Epoch],
    sites: Sequence[Site],
    settings: ChangeSettings,
    *,
    threads: int,
    watch: Watch,
) -> list[list[HeightPatch]]:
    """Return the heights of all sites in each epoch.

    Raises:
        CancelledError: ``watch`` ended the work.
    """
    found: list[list[HeightPatch]] = [[] for _ in epochs]
    is_over = Event()
    with ThreadPoolExecutor(min(threads, len(epochs))) as pool:
        running = [
            pool.submit(
                _measure,
                epoch,
                [(site, site.seen_by[number]) for site in sites],
                settings,
                found[number],
                is_over,
            )
            for number, epoch in enumerate(epochs)
        ]
        try:
            _wait(running, found, len(sites) * len(epochs), watch)
        finally:
            is_over.set()
    return found


def bend_patch(patch: HeightPatch, found: Coregistration) -> HeightPatch:
    """Return the later epoch's heights with the bend of its model taken out."""
    level = np.stack(np.meshgrid(*patch.grid.list_centers()), axis=-1)
    bend = found.bend_at(level)
    ground = patch.ground
    if ground is not None:
        ground = replace(ground, height_m=ground.height_m + float(bend.mean()))
    return replace(patch, heights=patch.heights + bend, ground=ground)


def _measure(
    epoch: Epoch,
    sites: Sequence[tuple[Site, bool]],
    settings: ChangeSettings,
    found: list[HeightPatch],
    is_over: Event,
) -> None:
    """Append the heights of each site, which the epoch shows or not, to ``found``."""
    cache = PhotoCache(epoch, settings)
    for site, is_shown in sites:
        if is_over.is_set():
            return
        if not is_shown:
            grid = lay_grid(site.footprint_m, settings.margin_m, settings.cell_m)
            found.append(build_unseen(grid))
            continue
        found.append(
            sweep_heights(
                epoch, site.footprint_m, settings.margin_m, site.range_m, settings, cache=cache
            )
        )


def _wait(
    running: list[Future[None]], found: list[list[HeightPatch]], total: int, watch: Watch
) -> None:
    while any(not one.done() for one in running):
        watch.report(STAGE, sum(map(len, found)), total)
        wait(running, timeout=POLL_S)
    for one in running:
        one.result()
    watch.report(STAGE, total, total)
