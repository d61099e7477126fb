from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from tests.labelled_sets import HEIGHT_PX, WIDTH_PX, save_photo
from training.data import versions
from training.data.annotation import AnnotatedPhoto, Annotation, Origin
from training.data.collect import collect_photos
from training.data.comparison import compare_sets
from training.data.errors import DamagedVersionError
from training.data.licences import keep_licensed
from training.data.versions import build_version, find_version, load_version
from training.settings import TrainingSettings

OUTLINE = ((10.0, 10.0), (40.0, 10.0), (40.0, 30.0))


def draw_set(folder: Path) -> list[AnnotatedPhoto]:
    boxed = (Annotation(HazardClass.MANHOLE_MISSING, BBox(30, 20, 60, 40)),)
    outlined = (Annotation(HazardClass.MANHOLE_OK, BBox(10, 10, 40, 30), OUTLINE),)
    rows = [("a.png", "train", boxed), ("b.png", "val", outlined), ("c.png", "test", ())]
    return [
        AnnotatedPhoto(
            name,
            save_photo(folder / name, seed),
            WIDTH_PX,
            HEIGHT_PX,
            split,
            f"g{seed}",
            "drawn",
            labels,
            Origin(source="survey", licence="MIT", permissive=seed == 0, site=f"s{seed}"),
        )
        for seed, (name, split, labels) in enumerate(rows)
    ]


def build(photos: Sequence[AnnotatedPhoto], store: Path) -> versions.Built:
    return build_version(photos, store, name="drawn", note={})


def test_version_reads_back_as_it_was(tmp_path: Path) -> None:
    photos = draw_set(tmp_path / "in")
    built = build(photos, tmp_path / "store")
    found = load_version(built.folder)
    assert compare_sets(photos, found).is_same
    assert [photo.group for photo in found] == ["g0", "g1", "g2"]
    assert [photo.origin for photo in found] == [photo.origin for photo in photos]
    assert np.allclose(found[1].annotations[0].polygon, OUTLINE, atol=1e-3)
    assert (
        built.folder.name == json.loads((built.folder / "version.json").read_text())["sha256"][:12]
    )


def test_same_data_gives_the_same_version_wherever_it_lies(tmp_path: Path) -> None:
    first = build(draw_set(tmp_path / "in"), tmp_path / "store")
    second = build(draw_set(tmp_path / "elsewhere")[::-1], tmp_path / "store")
    assert (first.is_new, second.is_new) == (True, False)
    assert first.folder == second.folder


def test_pixels_are_stored_once_for_all_versions(tmp_path: Path) -> None:
    photos = draw_set(tmp_path / "in")
    first = build(photos, tmp_path / "store").folder
    moved = [replace(photos[0], split="val"), *photos[1:]]
    second = build(moved, tmp_path / "store").folder
    assert first != second
    assert (first / "images" / "a.png").samefile(second / "images" / "a.png")
    assert len(list((tmp_path / "store" / "objects").iterdir())) == 3


@pytest.mark.parametrize("change", ["pixels", "box", "class", "split", "left out"])
def test_any_change_gives_another_version(tmp_path: Path, change: str) -> None:
    photos = draw_set(tmp_path / "in")
    before = build(photos, tmp_path / "store").folder
    (label,) = photos[0].annotations
    if change == "pixels":
        save_photo(photos[0].path, 9)
    changed = {
        "pixels": photos[0],
        "box": replace(photos[0], annotations=(replace(label, box=BBox(30, 20, 60, 41)),)),
        "class": replace(
            photos[0], annotations=(replace(label, hazard_class=HazardClass.MANHOLE_BROKEN),)
        ),
        "split": replace(photos[0], split="val"),
        "left out": photos[1],
    }[change]
    rest = photos[1:] if change != "left out" else photos[2:]
    assert build([changed, *rest], tmp_path / "store").folder != before


def test_build_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = draw_set(tmp_path / "in")
    copy = shutil.copyfile

    def fail_on_last(source: Path, target: Path) -> Path:
        if source.name == "c.png":
            raise OSError(28, "No space left on device")
        return Path(copy(source, target))

    monkeypatch.setattr(shutil, "copyfile", fail_on_last)
    with pytest.raises(OSError, match="No space"):
        build(photos, tmp_path / "store")
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []
    assert list((tmp_path / "store").glob(".building*")) == []


def test_what_a_killed_build_left_is_cleared(tmp_path: Path) -> None:
    store = tmp_path / "store"
    dead = store / ".building-999999999-x"
    alive = store / f".building-{os.getpid()}-x"
    for part in (dead, alive):
        part.mkdir(parents=True)
    build(draw_set(tmp_path / "in"), store)
    assert (dead.exists(), alive.exists()) == (False, True)


@pytest.mark.parametrize("name", ["manifest.csv", "classes.txt"])
def test_changed_version_is_refused(tmp_path: Path, name: str) -> None:
    folder = build(draw_set(tmp_path / "in"), tmp_path / "store").folder
    path = folder / name
    path.chmod(0o644)
    path.write_text(path.read_text(encoding="utf-8").replace("o", "0"), encoding="utf-8")
    with pytest.raises(DamagedVersionError, match=folder.name):
        load_version(folder)


@pytest.mark.parametrize("name", ["labels/a.txt", "labels/c.txt", "images/a.png"])
def test_version_with_a_changed_file_is_refused_and_can_be_built_anew(
    tmp_path: Path, name: str
) -> None:
    photos = draw_set(tmp_path / "in")
    folder = build(photos, tmp_path / "store").folder
    path = folder / name
    path.chmod(0o644)
    path.write_bytes(b"0 0.5 0.5 0.1 0.1\n")  # pixels are one file with those of the store
    with pytest.raises(DamagedVersionError, match=path.stem):
        load_version(folder)
    with pytest.raises(DamagedVersionError, match=path.stem):
        build(photos, tmp_path / "store")
    shutil.rmtree(folder)
    assert compare_sets(photos, load_version(build(photos, tmp_path / "store").folder)).is_same


def test_two_photos_of_one_stem_are_refused(tmp_path: Path) -> None:
    photos = draw_set(tmp_path / "in")
    with pytest.raises(InvalidInputError, match="share a label file"):
        build([photos[0], replace(photos[1], name="a.jpg")], tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_version_is_found_by_path_or_beginning_of_its_hash(tmp_path: Path) -> None:
    folder = build(draw_set(tmp_path / "in"), tmp_path / "store").folder
    assert find_version(folder.name[:6], tmp_path / "store") == folder
    assert find_version(str(folder), tmp_path) == folder
    for name in ("0123", "/no/such/folder", "**", "*", ""):
        with pytest.raises(InvalidInputError, match="no data version"):
            find_version(name, tmp_path / "store")


def test_filter_by_licence_keeps_permissive_sources(tmp_path: Path) -> None:
    photos = draw_set(tmp_path / "in")
    assert [photo.name for photo in keep_licensed(photos, "permissive")] == ["a.png"]
    with pytest.raises(InvalidInputError, match="permissive"):
        keep_licensed(photos[1:], "permissive")


def test_comparison_names_every_kind_of_change(tmp_path: Path) -> None:
    before = draw_set(tmp_path / "in")
    after = draw_set(tmp_path / "out")
    new = replace(after[2], name="d.png", path=save_photo(tmp_path / "out" / "d.png", 7))
    save_photo(after[1].path, 8)
    comparison = compare_sets(
        before, [replace(after[0], annotations=(), split="val"), after[1], new]
    )
    assert comparison.added == ("d.png",)
    assert comparison.removed == ("c.png",)
    assert comparison.relabelled == ("a.png",)
    assert comparison.changed_pixels == ("b.png",)
    assert comparison.moved == (("a.png", "train", "val"),)


def test_run_trains_on_a_version_without_its_test_side(tmp_path: Path) -> None:
    folder = build(draw_set(tmp_path / "in"), tmp_path / "store").folder
    settings = TrainingSettings.model_validate(
        {
            "name": "manhole",
            "classes": ["manhole_ok", "manhole_broken", "manhole_missing"],
            "started_from": "yolo26n.yaml",
            "data": [{"version": str(folder)}],
            "optimisation": {"epochs": 1, "image_px": 64},
        }
    )
    photos = collect_photos(settings, tmp_path, tmp_path / "made")
    assert [photo.split for photo in photos] == ["train", "val"]
    segment = settings.model_copy(update={"task": "segment"})
    with pytest.raises(InvalidInputError, match=r"boxes only, such as a\.png"):
        collect_photos(segment, tmp_path, tmp_path / "made")
