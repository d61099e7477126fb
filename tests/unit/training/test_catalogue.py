from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from detection.domain.errors import ConfigurationError
from training.data.annotation import hash_photos
from training.data.audit import audit_set
from training.data.collect import load_catalogue_photos
from training.data.licences import keep_licensed
from training.data.manifest import read_manifest
from training.data.named_sets import open_for_audit
from training.data.sources import CATALOGUE_DIR, list_catalogue, load_dataset, read_catalogue
from training.data.split import check_split
from training.settings import REPOSITORY_DIR, CatalogueSource, load_training_settings

STORED = ("cracks", "cracks_road", "manhole", "manhole_nadir")


@pytest.mark.parametrize("name", STORED)
def test_split_lists_hold_each_photo_once(name: str) -> None:
    document = yaml.safe_load((CATALOGUE_DIR / name / "dataset.yaml").read_text(encoding="utf-8"))
    splits = read_catalogue(name).splits
    names = [photo for side in splits.values() for photo in side]
    assert len(names) == len(set(names))
    assert {side: len(photos) for side, photos in splits.items()} == document["photos"]


@pytest.mark.parametrize("path", sorted(CATALOGUE_DIR.glob("*/dataset.yaml")), ids=str)
def test_entry_says_source_licence_and_rule(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert document["name"] == path.parent.name
    assert all(document[key] for key in ("title", "source", "licence", "class_map"))
    assert document["split"]["rule"]
    assert (path.parent / "CARD.md").read_text(encoding="utf-8").startswith(f"# {document['name']}")


def test_catalogue_lists_the_stored_sets() -> None:
    assert tuple(list_catalogue()) == STORED


@pytest.mark.parametrize("name", STORED)
def test_manifest_names_the_photos_of_the_split_lists(name: str) -> None:
    rows = read_manifest(CATALOGUE_DIR / name / "manifest.csv")
    sides = {row["photo"]: row["split"] for row in rows}
    splits = read_catalogue(name).splits
    assert sides == {photo: side for side, names in splits.items() for photo in names}
    assert all(len(row["image_sha256"]) == len(row["label_sha256"]) == 64 for row in rows)


@pytest.mark.parametrize("name", STORED)
def test_corrections_change_training_only_and_say_why(name: str) -> None:
    entry = read_catalogue(name)
    for row in entry.corrections:
        side = "val" if row.photo in entry.splits.get("val", ()) else "train"
        assert row.photo in entry.splits[side], row
        assert side == "train" or row.what == "doubtful", row
        assert len(row.why) > 10


@pytest.mark.parametrize("name", STORED)
def test_licences_count_every_photo_and_only_named_ones_are_permissive(name: str) -> None:
    with (CATALOGUE_DIR / name / "licences.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    splits = read_catalogue(name).splits
    for side, names in splits.items():
        assert sum(int(row[side]) for row in rows) == len(names)
    permissive = {row["licence"] for row in rows if row["permissive"] == "yes"}
    known = ("CC0-1.0", "CC BY 4.0", "BSD-2-Clause")
    assert all(licence.startswith(known) for licence in permissive)


def test_unknown_data_set_is_named() -> None:
    with pytest.raises(ConfigurationError, match="no_such_set"):
        read_catalogue("no_such_set")


@pytest.mark.shared
@pytest.mark.parametrize("name", STORED)
def test_data_is_what_the_catalogue_says(name: str, shared_dir: Path) -> None:
    document = yaml.safe_load((CATALOGUE_DIR / name / "dataset.yaml").read_text(encoding="utf-8"))
    entry = read_catalogue(name)
    photos = load_dataset(entry, shared_dir)
    check_split(photos)
    assert hash_photos(photos) == document["sha256"]
    given = load_dataset(replace(entry, corrections=()), shared_dir)
    assert hash_photos(given) == document.get("sha256_uncorrected", document["sha256"])
    assert all(photo.origin.source and photo.origin.licence for photo in photos)


@pytest.mark.shared
@pytest.mark.parametrize("name", STORED)
def test_audit_of_the_catalogue_finds_no_failure(name: str, shared_dir: Path) -> None:
    audited = open_for_audit(name, Path("nowhere"), lambda: shared_dir)
    assert audited.manifest
    report = audit_set(audited, look_for_overlaps=False)
    assert [finding for finding in report.findings if finding.severity == "failure"] == []


@pytest.mark.shared
def test_permissive_part_of_the_cracks_is_what_the_table_says(shared_dir: Path) -> None:
    photos = keep_licensed(load_dataset(read_catalogue("cracks"), shared_dir), "permissive")
    assert len(photos) == 355 + 5
    assert {photo.split for photo in photos} == {"train", "val"}


@pytest.mark.shared
def test_catalogue_part_of_the_shipped_runs_has_a_val_side(shared_dir: Path) -> None:
    folder = REPOSITORY_DIR / "configs" / "training"
    settings = [load_training_settings(path) for path in sorted(folder.glob("*.yaml"))]
    # A version that was built (rendered storeys) is no part of the repository.
    catalogued = [one for one in settings if any(isinstance(d, CatalogueSource) for d in one.data)]
    assert {one.name for one in catalogued} == {"facade_crack", "manhole"}
    for one in catalogued:
        photos = load_catalogue_photos(one, shared_dir)
        assert any(photo.split == "val" and photo.annotations for photo in photos)
