"""The promoted models on the val photos, brought as a plain folder like any other set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.conftest import ROOT
from training.cli.evaluate import evaluate

pytestmark = pytest.mark.shared


def link_val(shared_dir: Path, dataset: str, out: Path, every: int = 1) -> Path:
    """Link every so many val photos of a data set, and its table of sources, into a folder."""
    images = out / "images"
    images.mkdir(parents=True)
    root = shared_dir / "data" / dataset
    listed = (ROOT / "datasets" / dataset / "splits" / "val.txt").read_text(encoding="utf-8")
    for name in listed.split()[::every]:
        (images / name).symlink_to(root / "images" / name)
    (out / "sources.csv").symlink_to(root / "sources.csv")
    return images


def run(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(evaluate, list(arguments))
    assert result.exception is None, result.output
    path = Path(arguments[arguments.index("--json") + 1])
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def test_manhole_model_on_its_val_photos(shared_dir: Path, tmp_path: Path) -> None:
    images = link_val(shared_dir, "manhole", tmp_path / "set")
    labels = shared_dir / "data" / "manhole" / "labels"
    (tmp_path / "set" / "classes.txt").write_text(
        "manhole_ok\nmanhole_broken\nmanhole_missing\n", encoding="utf-8"
    )
    out = str(tmp_path / "figures.json")
    document = run(
        *("--model", "manhole", "--images", str(images), "--labels", str(labels)),
        *("--json", out, "--tile"),
    )
    missing = document["classes"]["manhole_missing"]
    assert (document["images"], document["negatives"], missing["count"]) == (96, 35, 26)
    assert document["map50"] > 0.6
    low, high = document["ci95"]["classes"]["manhole_missing"]["recall"]
    assert low <= missing["recall"] <= high
    assert high - low < 0.5
    assert {"street", "nadir"} <= set(document["slices"]["view"])
    assert sum(part["images"] for part in document["slices"]["source"].values()) == 96


def test_crack_model_on_boxes_and_outlines(shared_dir: Path, tmp_path: Path) -> None:
    images = link_val(shared_dir, "cracks", tmp_path / "set", every=5)
    data = shared_dir / "data" / "cracks"
    (tmp_path / "set" / "classes.txt").write_text("crack\n", encoding="utf-8")
    found = {}
    for labels in ("labels", "labels-seg"):
        found[labels] = run(
            *("--model", "facade_crack", "--images", str(images), "--labels", str(data / labels)),
            *("--json", str(tmp_path / f"{labels}.json")),
        )
    boxes, outlines = found["labels"], found["labels-seg"]
    assert boxes["images"] == 52
    assert boxes["classes"]["facade_crack"]["count"] > 40
    assert outlines["map50"] == pytest.approx(boxes["map50"], abs=0.02)
    assert boxes["map50"] > 0.3
    assert boxes["pixel"] is None
    assert (outlines["pixel"] is not None) == (outlines["task"] == "segment")
