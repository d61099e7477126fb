"""Card and manifest name every kind of source, and no place on the machine that trained."""

from __future__ import annotations

from typing import Any

import pytest

from training.promotion.card import _describe_source
from training.promotion.shipped_manifest import name_source
from training.settings import TrainingSettings

SOURCES: list[tuple[dict[str, Any], str]] = [
    ({"dataset": "manhole"}, "dataset:manhole"),
    ({"version": "/somewhere/versions/0c4e199af127"}, "version:0c4e199af127"),
    ({"version": "0c4e199af127"}, "version:0c4e199af127"),
    ({"negatives": "street", "flight": "flights/a", "tile_px": 512}, "negatives:street"),
    (
        {"rendered": "manhole", "first_seed": 1000, "scenes": 1, "photos_per_scene": 1},
        "rendered:manhole",
    ),
    ({"name": "own", "folder": "own", "class_map": {0: "manhole_ok"}}, "name:own"),
    ({"pasted": "manhole", "first_seed": 1000, "scenes": 1}, "pasted:manhole"),
    ({"shrunk": "manhole", "first_seed": 1000, "scenes": 1}, "shrunk:manhole"),
]


@pytest.mark.parametrize(("source", "name"), SOURCES)
def test_source_is_named_without_its_place(source: dict[str, Any], name: str) -> None:
    settings = TrainingSettings.model_validate(
        {
            "name": "smoke",
            "classes": ["manhole_ok"],
            "started_from": "yolo26n.yaml",
            "data": [source],
            "optimisation": {"epochs": 1, "image_px": 64},
        }
    )
    assert name_source(settings.data[0]) == name
    line = _describe_source(settings.data[0].model_dump(mode="json"))
    assert f"`{name.partition(':')[2]}`" in line
    assert "somewhere" not in line
