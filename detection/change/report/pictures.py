"""Pictures of buildings: seen from above at their roofs' heights, and crops of the best photos."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.change.epoch import Epoch
from detection.change.heights import HeightPatch
from detection.change.patches import choose_photos, draw_difference, render_patch
from detection.change.report.content import BuildingPictures, ReportPictures
from detection.change.report.outcome import Outcome
from detection.change.settings import ChangeSettings
from detection.change.views import PhotoCache
from detection.domain.finding import Detection
from detection.ingest.decode import PhotoUnreadableError, decode_photo
from detection.report.crops import draw_crop
from detection.report.files import write_atomic

FOLDER_NAME = "pictures"
"""Holds a folder for each command, so that both may write into one output folder."""
PATCH_PX = 640
"""The longer side of a picture from above."""
CROPS = 2
"""Photos of each flight that are shown of a candidate."""
JPEG_QUALITY = 88

_VIEW_NAMES = {"base": "before", "new": "after"}
_OUR_FILES = re.compile(r"\d{4,}_(?:(?:before|after|base_\d|new_\d)\.jpg|difference\.png)")


@dataclass(frozen=True, slots=True)
class PatchSource:
    """What the pictures are drawn from.

    ``epochs`` are the earlier and the later flight, or the only one, by the words that the files
    are named with (``base``, ``new``); the patches of a building are in the same order.
    """

    epochs: Mapping[str, Epoch]
    footprints_m: Mapping[str, BaseGeometry]
    patches: Mapping[str, Sequence[HeightPatch]]
    settings: ChangeSettings


@dataclass(frozen=True, slots=True)
class _Shot:
    """One crop: the building and flight that it shows, its file's name, and what is drawn."""

    building_id: str
    side: str
    name: str
    detection: Detection


def write_pictures(
    out_dir: Path,
    outcomes: Sequence[Outcome],
    source: PatchSource,
    *,
    on_done: Callable[[int, int], None] | None = None,
) -> ReportPictures:
    """Draw every building of ``outcomes`` below ``out_dir`` and return the paths from there.

    Crops of photos are drawn of candidates only. Pictures of an earlier run that are not written
    again are removed. ``on_done`` hears how many of how many buildings are drawn.
    """
    kind = "change" if len(source.epochs) > 1 else "storeys"
    # An interrupt must not leave an earlier page that shows other buildings' pictures.
    (out_dir / f"{kind}.html").unlink(missing_ok=True)
    folder = out_dir / FOLDER_NAME / kind
    folder.mkdir(parents=True, exist_ok=True)
    shots = list(chain.from_iterable(_list_shots(n, one, source) for n, one in _number(outcomes)))
    crops = _draw_shots(folder, shots, source)
    caches = {side: PhotoCache(one, source.settings) for side, one in source.epochs.items()}
    numbers = {outcome.building.building_id: number for number, outcome in _number(outcomes)}
    found: dict[str, BuildingPictures] = {}
    for name in source.patches:  # in the order in which neighbours share photos
        stem = f"{numbers[name]:04d}"
        views = _draw_views(folder, stem, name, source, caches)
        found[name] = BuildingPictures(
            before=views.get("base"),
            after=views.get("new"),
            difference=_draw_difference(folder, stem, name, source) if len(views) > 1 else None,
            base_crops=crops.get((name, "base"), ()),
            new_crops=crops.get((name, "new"), ()),
        )
        if on_done is not None:
            on_done(len(found), len(source.patches))
    _remove_stale(folder, found)
    return ReportPictures(found)


def _number(outcomes: Sequence[Outcome]) -> Iterator[tuple[int, Outcome]]:
    return enumerate(outcomes, start=1)


def _list_shots(number: int, outcome: Outcome, source: PatchSource) -> Iterator[_Shot]:
    """Yield the photos of each flight that show a candidate best, and where in them."""
    name, hazard_class = outcome.building.building_id, outcome.state.hazard_class
    if hazard_class is None or name not in source.patches:
        return
    for (side, epoch), patch in zip(source.epochs.items(), source.patches[name], strict=True):
        if not patch.seen.any():
            continue
        best = choose_photos(epoch, patch, source.footprints_m[name], source.settings, CROPS)
        for count, (photo_id, box) in enumerate(best, start=1):
            detection = Detection(photo_id, hazard_class, outcome.score or 0.0, box, "", "")
            yield _Shot(name, side, f"{number:04d}_{side}_{count}.jpg", detection)


def _draw_shots(
    folder: Path, shots: Sequence[_Shot], source: PatchSource
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Write the crops and return their paths by building and flight.

    Each photo is decoded once; one that cannot be read any more gives none.
    """
    by_photo: defaultdict[tuple[str, str], list[_Shot]] = defaultdict(list)
    for shot in shots:
        by_photo[shot.side, shot.detection.photo_id].append(shot)
    photos = {(side, one.photo_id): one for side, e in source.epochs.items() for one in e.photos}
    written: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for key, wanted in by_photo.items():
        try:
            pixels = decode_photo(photos[key])
        except PhotoUnreadableError:
            continue
        for shot in wanted:
            write_atomic(folder / shot.name, draw_crop(pixels, shot.detection))
            written[shot.building_id, shot.side].append(_name_link(folder, shot.name))
    return {key: tuple(sorted(names)) for key, names in written.items()}


def _draw_views(
    folder: Path,
    stem: str,
    building_id: str,
    source: PatchSource,
    caches: Mapping[str, PhotoCache],
) -> dict[str, str]:
    """Draw a building from above as each flight shows it; return the paths by flight."""
    views = {}
    for (side, epoch), patch in zip(
        source.epochs.items(), source.patches[building_id], strict=True
    ):
        drawn = render_patch(epoch, patch, PATCH_PX, cache=caches[side])
        if drawn is not None:
            views[side] = _write(folder, f"{stem}_{_VIEW_NAMES[side]}.jpg", drawn)
    return views


def _draw_difference(folder: Path, stem: str, building_id: str, source: PatchSource) -> str:
    before, after = source.patches[building_id]
    drawn = draw_difference(before, after, source.footprints_m[building_id], PATCH_PX)
    return _write(folder, f"{stem}_difference.png", drawn)


def _remove_stale(folder: Path, found: Mapping[str, BuildingPictures]) -> None:
    kept = {
        Path(path).name
        for one in found.values()
        for path in (one.before, one.after, one.difference, *one.base_crops, *one.new_crops)
        if path is not None
    }
    for path in folder.iterdir():
        if _OUR_FILES.fullmatch(path.name) and path.name not in kept:
            path.unlink()


def _write(folder: Path, name: str, rgb: NDArray[np.uint8]) -> str:
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if name.endswith("jpg") else []
    _, encoded = cv2.imencode(Path(name).suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    write_atomic(folder / name, bytes(encoded))
    return _name_link(folder, name)


def _name_link(folder: Path, name: str) -> str:
    """Return the path of a picture relative to the page."""
    return f"{FOLDER_NAME}/{folder.name}/{name}"
