from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from detection.domain.errors import ConfigurationError
from training.data.annotation import hash_photos
from training.data.collect import load_catalogue_photos
from training.data.sources import CATALOGUE_DIR, load_dataset, read_catalogue
from training.data.split import check_split
from training.settings import REPOSITORY_DIR, load_training_settings

STORED = ("cracks", "manhole", "manhole_nadir")


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


def test_unknown_data_set_is_named() -> None:
    with pytest.raises(ConfigurationError, match="no_such_set"):
        read_catalogue("no_such_set")


@pytest.mark.shared
@pytest.mark.parametrize("name", STORED)
def test_data_is_what_the_catalogue_says(name: str, shared_dir: Path) -> None:
    document = yaml.safe_load((CATALOGUE_DIR / name / "dataset.yaml").read_text(encoding="utf-8"))
    photos = load_dataset(read_catalogue(name), shared_dir)
    check_split(photos)
    assert hash_photos(photos) == document["sha256"]


@pytest.mark.shared
def test_catalogue_part_of_the_shipped_runs_has_a_val_side(shared_dir: Path) -> None:
    for path in sorted((REPOSITORY_DIR / "configs" / "training").glob("*.yaml")):
        photos = load_catalogue_photos(load_training_settings(path), shared_dir)
        assert any(photo.split == "val" and photo.annotations for photo in photos)
