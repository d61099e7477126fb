"""Two flights to plain results: heights compared, photos chosen, pictures drawn."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.change.compare import FlightChange, FlightSurvey, compare_flights, survey_flight
from detection.change.epoch import Epoch
from detection.change.heights import HeightPatch
from detection.change.patches import choose_photos, draw_difference, project_points, render_patch
from detection.change.settings import ChangeSettings, load_change_settings
from detection.change.sites import Site
from detection.change.views import PhotoCache
from detection.domain.building_change import BuildingChange, ChangeVerdict
from detection.domain.errors import HazardLensError
from detection.domain.geometry import BBox, FloatArray, Polygon
from detection.domain.photo import Flight
from serving.jobs.change_result import (
    Comparison,
    ComparisonTask,
    MeasuredBuilding,
    Pictures,
    Refusal,
    Report,
    ShownIn,
)

SHOWN_PHOTOS = 4
"""Of each flight: enough to see every side of a roof."""

PICTURE_PX = 480
JPEG_QUALITY = 88
CHANGED = (ChangeVerdict.RISE, ChangeVerdict.FALL)

Picture = NDArray[np.uint8]


def measure(task: ComparisonTask, report: Report) -> Comparison | Refusal:
    """Compare two flights, or survey one; trouble that a person can mend is a result too."""
    try:
        settings = load_change_settings()
        if task.base is None:
            return _survey(task, settings, report)
        return _compare(task, task.base, settings, report)
    except HazardLensError as error:
        return Refusal(error.code, error.message, error.remedy)


def _compare(
    task: ComparisonTask, base: Flight, settings: ChangeSettings, report: Report
) -> Comparison:
    found = compare_flights(
        base,
        task.new,
        task.buildings,
        settings=settings,
        threads=task.threads,
        on_progress=report,
    )
    earlier, later = _look_at(found.base, settings), _look_at(found.new, settings)
    buildings = []
    rows = zip(found.sites, found.changes, found.roofs, strict=True)
    for number, (site, change, roof) in enumerate(rows):
        report("pictures", number, len(found.sites))
        before, after = found.patches[site.building_id]
        pictures = Pictures(
            earlier.draw(before),
            later.draw(after),
            _draw_difference(site, before, after),
            _measure_pixel(after),
        )
        shown = (earlier.show(site, before, change), later.show(site, after, change))
        buildings.append(MeasuredBuilding(site.building_id, change, roof, *shown, pictures))
    return Comparison(tuple(buildings), settings.settings_hash(), _quality(found))


def _survey(task: ComparisonTask, settings: ChangeSettings, report: Report) -> Comparison:
    found = survey_flight(
        task.new, task.buildings, settings=settings, threads=task.threads, on_progress=report
    )
    look = _look_at(found.epoch, settings)
    buildings = []
    for number, (site, roof) in enumerate(zip(found.sites, found.roofs, strict=True)):
        report("pictures", number, len(found.sites))
        patch = found.patches[site.building_id]
        pictures = Pictures(None, look.draw(patch), None, _measure_pixel(patch))
        shown = look.show(site, patch, None)
        buildings.append(MeasuredBuilding(site.building_id, None, roof, (), shown, pictures))
    return Comparison(tuple(buildings), settings.settings_hash(), _quality(found))


@dataclass(frozen=True, slots=True)
class _Look:
    """The photos of one epoch; those that were opened are kept for the next building."""

    epoch: Epoch
    settings: ChangeSettings
    cache: PhotoCache

    def draw(self, patch: HeightPatch) -> bytes | None:
        """Return a building from straight above, JPEG; None where nothing of it was seen."""
        if not patch.seen.any():
            return None
        picture = render_patch(self.epoch, patch, PICTURE_PX, cache=self.cache)
        return None if picture is None else _encode(picture, ".jpg")

    def show(
        self, site: Site, patch: HeightPatch, change: BuildingChange | None
    ) -> tuple[ShownIn, ...]:
        """Return the photos that show best what changed of a building, or its roof."""
        if not patch.seen.any():
            return ()
        rings = _rings_of(self.epoch, site, change)
        shape = shapely.union_all([shapely.make_valid(shapely.Polygon(ring)) for ring in rings])
        level = _level_of(patch, shape)
        lifted = [np.column_stack([ring, np.full(len(ring), level)]) for ring in rings]
        shown = []
        for photo_id, box in choose_photos(self.epoch, patch, shape, self.settings, SHOWN_PHOTOS):
            index = self.epoch.model.photo_ids.index(photo_id)
            outlines = [project_points(self.epoch, index, corners) for corners in lifted]
            shown.append(ShownIn(photo_id, _plain(box), tuple(map(_polygon, outlines))))
        return tuple(shown)


def _look_at(epoch: Epoch, settings: ChangeSettings) -> _Look:
    return _Look(epoch, settings, PhotoCache(epoch, settings))


def _draw_difference(site: Site, before: HeightPatch, after: HeightPatch) -> bytes | None:
    if not (before.seen & after.seen).any():
        return None
    return _encode(draw_difference(before, after, site.footprint_m, PICTURE_PX), ".png")


def _measure_pixel(patch: HeightPatch) -> float:
    """Return the side of a pixel of the pictures, metres."""
    return patch.cell_m * max(patch.heights.shape) / PICTURE_PX


def _plain(box: BBox) -> tuple[float, float, float, float]:
    x_min, y_min, x_max, y_max = box.xyxy
    return float(x_min), float(y_min), float(x_max), float(y_max)


def _polygon(corners: FloatArray) -> Polygon:
    return tuple((float(x), float(y)) for x, y in corners)


def _rings_of(epoch: Epoch, site: Site, change: BuildingChange | None) -> list[FloatArray]:
    """Return the corners ``(n, 2)`` of what is shown, in metres of the plane."""
    if change is not None and change.verdict in CHANGED and change.part_lonlat:
        return [epoch.plane.to_metres(np.asarray(ring)) for ring in change.part_lonlat]
    outer = shapely.get_parts(site.footprint_m)
    return [np.asarray(shape.exterior.coords)[:, :2] for shape in outer]


def _level_of(patch: HeightPatch, shape: BaseGeometry) -> float:
    """Return the median height of a patch inside a shape, or of all that is seen of it."""
    inside = patch.grid.rasterize(shape) & patch.seen
    return float(np.median(patch.heights[inside if inside.any() else patch.seen]))


def _encode(picture: Picture, suffix: str) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix == ".jpg" else []
    done, data = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    if not done:
        message = f"a picture of {picture.shape} could not be encoded"
        raise ValueError(message)
    return data.tobytes()


def _quality(found: FlightChange | FlightSurvey) -> dict[str, object]:
    """Return how good the measurement is as a whole, and from how many photos it was made."""
    shift = [round(value, 2) for value in found.layer_shift_m]
    if not isinstance(found, FlightChange):
        return {"layer_shift_m": shift, "photos_new": len(found.epoch.photos)}
    return {
        "sigma_dz_m": round(found.sigma_dz_m, 3),
        "overlap_share": round(found.overlap_share, 3),
        "layer_shift_m": shift,
        "photos_base": len(found.base.photos),
        "photos_new": len(found.new.photos),
    }
