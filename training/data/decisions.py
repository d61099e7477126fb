"""Exports of decisions to an immutable version, with the way back to the events of each label."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Origin
from training.data.build import check_leaks
from training.data.decided import DecidedPhoto, count_verdicts, read_decisions
from training.data.decisions_crops import (
    Crop,
    CropRules,
    Rejected,
    count_left_out,
    cut_crops,
    write_crop,
)
from training.data.decisions_sides import TRAIN, History, Shares, Sides, choose_sides
from training.data.decisions_tables import (
    MADE_OF_DECISIONS,
    PHOTOS_CSV,
    PROVENANCE_CSV,
    format_photos,
    format_provenance,
    list_held_out,
    list_stored,
    read_history,
)
from training.data.errors import NoDecisionsError
from training.data.following import follow
from training.data.near_duplicates import find_near_duplicates
from training.data.pixels import read_pixels
from training.data.split import count_split
from training.data.versions import build_version

SOURCE = "decisions"
LOOKS_LIKE_HELD_OUT = "looks_like_held_out"


@dataclass(frozen=True, slots=True)
class DecisionRules:
    """How decisions become a version.

    ``classes`` are those it is to teach, by default every one that was decided. The other fields
    are those of :class:`CropRules` and of :func:`choose_sides`; ``views`` counts for training.
    """

    name: str
    classes: tuple[HazardClass, ...] = ()
    outlines: bool = False
    crop_px: int = 640
    views: int = 3
    rejected_covers: Rejected = "mask"
    shares: Shares = field(default_factory=Shares)
    seed: int = 0
    test_flights: tuple[str, ...] = ()
    fill_sides: bool = True


@dataclass(frozen=True, slots=True)
class DecisionsBuilt:
    """The version, and what of the decisions is not in it, by reason.

    ``decided`` counts what the exports hold, ``counts`` what each side of the version does.
    """

    folder: Path
    is_new: bool
    photos: tuple[AnnotatedPhoto, ...]
    decided: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]
    left_out: Mapping[str, int] = field(default_factory=dict)


def build_decisions(
    folders: Sequence[Path],
    store: Path,
    rules: DecisionRules,
    *,
    base: Sequence[AnnotatedPhoto] = (),
    include_base: bool = False,
    earlier: Iterable[Path] = (),
    trained: frozenset[str] = frozenset(),
) -> DecisionsBuilt:
    """Write exported decisions as a version; the same decisions give the same version.

    Args:
        folders: what ``hazardlens decisions export`` wrote.
        store: folder of versions. What any version there that was made of decisions held out
            stays held out, and is not trained on under another name either.
        rules: what is taught, and how it is cut and split.
        base: a set whose held-out photos must not be trained on; where it is the same picture,
            the decided photo is left out.
        include_base: whether the photos of ``base`` become part of the version.
        earlier: versions outside the store that count as if they were in it.
        trained: hashes of photos that were trained on otherwise, so that they judge nothing.

    Raises:
        NoDecisionsError: nothing in the folders can be learnt.
        InvalidInputError: a folder cannot be used; it says which and why.
    """
    decided = read_decisions(folders)
    rules = replace(rules, classes=rules.classes or _list_decided(decided))
    versions = [*list_stored(store), *earlier]
    sides = choose_sides(
        decided,
        _add_trained(read_history(versions), trained),
        shares=rules.shares,
        seed=rules.seed,
        test_flights=rules.test_flights,
        fill=rules.fill_sides,
    )
    left_out: Counter[str] = Counter(sides.left_out.values())
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".decisions-", dir=store) as work:
        crops = _cut_all(decided, sides, rules, Path(work), left_out)
        crops = _drop_copies(crops, [*base, *list_held_out(versions)], left_out)
        _check_any(crops, decided, left_out)
        photos = [photo for _, photo in crops]
        kept = [crop for crop, _ in crops]
        together = [*photos, *(base if include_base else ())]
        built = build_version(
            together,
            store,
            name=rules.name,
            note=_note(folders, rules, decided, left_out, include_base=include_base),
            extras={
                PHOTOS_CSV: format_photos(kept, sides),
                PROVENANCE_CSV: format_provenance(kept),
            },
        )
    return DecisionsBuilt(
        built.folder,
        built.is_new,
        tuple(replace(p, path=built.folder / "images" / p.name) for p in together),
        count_verdicts(decided),
        count_split(together),
        dict(sorted(left_out.items())),
    )


def _add_trained(history: History, trained: frozenset[str]) -> History:
    return replace(history, trained=history.trained | trained)


def _list_decided(photos: Iterable[DecidedPhoto]) -> tuple[HazardClass, ...]:
    shown = {
        key
        for photo in photos
        for key in (*photo.searched_for, *(label.hazard_class for label in photo.labels))
    }
    return tuple(key for key in HazardClass if key in shown)


def _cut_all(
    decided: Sequence[DecidedPhoto],
    sides: Sides,
    rules: DecisionRules,
    work: Path,
    left_out: Counter[str],
) -> list[tuple[Crop, AnnotatedPhoto]]:
    """Return the crops of all photos that have a side, written to ``work``."""
    found: list[tuple[Crop, AnnotatedPhoto]] = []
    for photo in follow(decided, "Cutting photos"):
        side = sides.side.get(photo.facts.sha256)
        if side is None:
            continue
        cut = CropRules(
            rules.classes,
            rules.outlines,
            rules.crop_px,
            rules.views if side == TRAIN else 1,
            rules.rejected_covers,
        )
        left_out.update(count_left_out(photo, cut))
        crops = cut_crops(photo, cut)
        if crops:
            pixels = read_pixels(photo.path)
            paths = [write_crop(crop, pixels, work, rules.crop_px) for crop in crops]
            found += [
                (crop, _annotate(crop, path, side, sides, rules))
                for crop, path in zip(crops, paths, strict=True)
            ]
    return found


def _annotate(
    crop: Crop, path: Path, side: str, sides: Sides, rules: DecisionRules
) -> AnnotatedPhoto:
    facts, tile = crop.photo.facts, crop.tile
    width_px, height_px = (
        min(rules.crop_px, max(1, round(length * tile.scale)))
        for length in (tile.x_max - tile.x_min, tile.y_max - tile.y_min)
    )
    return AnnotatedPhoto(
        name=crop.name,
        path=path,
        width_px=width_px,
        height_px=height_px,
        split=side,
        group=sides.group[facts.sha256],
        dataset=rules.name,
        annotations=crop.annotations,
        origin=Origin(
            source=SOURCE,
            site=facts.flight.site or "",
            flight=facts.flight.name,
            view=facts.flight.kind,
        ),
    )


def _drop_copies(
    crops: Sequence[tuple[Crop, AnnotatedPhoto]],
    others: Sequence[AnnotatedPhoto],
    left_out: Counter[str],
) -> list[tuple[Crop, AnnotatedPhoto]]:
    """Return the crops but those to train on that are the same picture as a held-out one."""
    photos = [photo for _, photo in crops]
    own_names = {photo.name for photo in photos}  # an earlier version may hold the very same crop
    held_out = [p for p in others if p.split != TRAIN and p.name not in own_names]
    pairs = find_near_duplicates([*photos, *held_out])
    copies = {
        own.path
        for pair in pairs
        for own, other in ((pair.first, pair.second), (pair.second, pair.first))
        if own.split == TRAIN and other.split != TRAIN
    }
    kept = [item for item in crops if item[1].path not in copies]
    if len(kept) < len(crops):
        left_out[LOOKS_LIKE_HELD_OUT] += len(crops) - len(kept)
    check_leaks([photo for _, photo in kept], ())
    return kept


def _check_any(
    crops: Sequence[object], decided: Sequence[DecidedPhoto], left_out: Mapping[str, int]
) -> None:
    if crops:
        return
    counts = count_verdicts(decided)
    message = (
        f"Nothing can be learnt from these decisions: {counts['confirmed']} confirmed, "
        f"{counts['rejected']} rejected and {counts['undecided']} undecided in "
        f"{counts['photos']} photos"
    )
    why = ", ".join(f"{reason}: {count}" for reason, count in sorted(left_out.items()))
    message += f"; left out: {why}." if why else "."
    raise NoDecisionsError(message, remedy="Decide more candidates of the model's classes.")


def _note(
    folders: Sequence[Path],
    rules: DecisionRules,
    decided: Sequence[DecidedPhoto],
    left_out: Mapping[str, int],
    *,
    include_base: bool,
) -> dict[str, object]:
    return {
        "kind": MADE_OF_DECISIONS,
        "folders": sorted({folder.resolve().name for folder in folders}),
        "flights": sorted({flight for photo in decided for flight in photo.flights}),
        "decided": dict(count_verdicts(decided)),
        "left_out": dict(sorted(left_out.items())),
        "classes": [key.value for key in rules.classes],
        "outlines": rules.outlines,
        "crop_px": rules.crop_px,
        "views": rules.views,
        "rejected_covers": rules.rejected_covers,
        "seed": rules.seed,
        "test_flights": list(rules.test_flights),
        "with_base": include_base,
    }
