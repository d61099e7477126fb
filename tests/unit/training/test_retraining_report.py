from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from detection.detectors.manifest import ModelManifest, load_manifest
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.report.messages import Text
from tests.tiny_model import BOX_XYXY_IN_TILE, TILE_PX, write_tiny_model
from training.data.annotation import AnnotatedPhoto, Annotation
from training.retraining.compare import PhotoSet, answer_set, compare_nothing, compare_set
from training.retraining.drawings import Row, draw_differences
from training.retraining.facts import PhotoFacts, name_gsd_band
from training.retraining.page import render_page
from training.retraining.settings import RetrainingSettings

FEW = RetrainingSettings(min_boxes_for_verdict=2, min_groups_for_verdict=2)
PHOTOS = 8


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> ModelManifest:
    return load_manifest(write_tiny_model(tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[AnnotatedPhoto, ...]:
    """Photos of one tile, of which every second shows the thing where the tiny model says."""
    folder = tmp_path_factory.mktemp("photos")
    found = []
    for index in range(PHOTOS):
        path = folder / f"{index}.jpg"
        cv2.imwrite(str(path), np.full((TILE_PX, TILE_PX, 3), 90 + index, np.uint8))
        there = (Annotation(HazardClass.MANHOLE_MISSING, BBox(*BOX_XYXY_IN_TILE)),)
        shown = there if index % 2 else ()
        found.append(
            AnnotatedPhoto(path.name, path, TILE_PX, TILE_PX, "test", str(index), "d", shown)
        )
    return tuple(found)


def compare(
    photos: tuple[AnnotatedPhoto, ...],
    running: ModelManifest,
    candidate: ModelManifest,
    *,
    told: RetrainingSettings = FEW,
    has_truth: bool = True,
) -> dict[str, Any]:
    facts = tuple(
        PhotoFacts(photo.name, {"camera": "A" if index < 4 else "B", "kind": "drone"})
        for index, photo in enumerate(photos)
    )
    title = Text("留出", "Held out")
    one = PhotoSet("held_out", title, photos, facts, has_truth=has_truth)
    tallies = [answer_set(model, photos, lambda: None) for model in (running, candidate)]
    return compare_set(one, tallies[0], tallies[1], (running, candidate), told)


def silence(manifest: ModelManifest) -> ModelManifest:
    """Return the same model with a threshold that nothing passes."""
    return replace(manifest, thresholds=dict.fromkeys(manifest.classes, 0.95))


def test_figures_of_both_models_are_at_their_own_thresholds(
    manifest: ModelManifest, photos: tuple[AnnotatedPhoto, ...]
) -> None:
    found = compare(photos, manifest, silence(manifest))
    whole = found["whole"]
    assert whole["running"]["hits"] == 4
    assert whole["running"]["false_alarms_per_photo"] == 0.5
    assert whole["candidate"]["hits"] == 0
    assert whole["difference"]["recall"]["value"] == -1.0
    assert whole["difference"]["false_alarms_per_photo"]["value"] == -0.5
    row = next(row for row in found["classes"] if row["class"] == "manhole_missing")
    assert (row["running"]["threshold"], row["candidate"]["threshold"]) == (0.3, 0.95)
    assert row["difference"]["ap50"]["value"] == 0.0  # the same model, so the same ranking


def test_same_model_is_never_better_nor_worse(
    manifest: ModelManifest, photos: tuple[AnnotatedPhoto, ...]
) -> None:
    found = compare(photos, manifest, manifest)
    assert found["verdict"]["reason"] == "no_difference"
    assert {row["verdict"]["code"] for row in found["classes"]} == {"cannot_tell"}


def test_few_boxes_have_values_and_no_errors(
    manifest: ModelManifest, photos: tuple[AnnotatedPhoto, ...]
) -> None:
    found = compare(photos, manifest, silence(manifest), told=RetrainingSettings())
    assert found["verdict"]["reason"] == "too_few"
    row = next(row for row in found["classes"] if row["class"] == "manhole_missing")
    assert row["difference"]["recall"] == {"value": -1.0, "low": None, "high": None, "p": None}


def test_parts_are_those_that_differ(
    manifest: ModelManifest, photos: tuple[AnnotatedPhoto, ...]
) -> None:
    found = compare(photos, manifest, silence(manifest))
    assert [(row["facet"], row["value"], row["photos"]) for row in found["slices"]] == [
        ("camera", "A", 4),
        ("camera", "B", 4),
    ]


def test_set_without_a_photo_is_told_and_drawn(
    manifest: ModelManifest, photos: tuple[AnnotatedPhoto, ...]
) -> None:
    note = Text("没有留出", "None is held out")
    found = compare_nothing(PhotoSet("last_flights", note, (), (), note=note))
    assert (found["photos"], found["verdict"]["reason"]) == (0, "too_few")
    assert found["whole"]["difference"]["recall"]["value"] is None
    page = render_page(make_report([compare(photos, manifest, manifest), found]))
    assert "没有留出" in page


def test_photos_without_truth_are_only_counted(
    manifest: ModelManifest, photos: tuple[AnnotatedPhoto, ...]
) -> None:
    found = compare(photos, manifest, silence(manifest), has_truth=False)
    assert found["whole"]["running"]["found_per_photo"] == 1.0
    assert found["whole"]["difference"]["found_per_photo"]["value"] == -1.0
    assert found["verdict"]["reason"] == "no_truth"


def make_report(sets: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    model = {"name": "manhole", "version": "1621dae52e3d", "thresholds": {}, "trained_at": ""}
    return {
        "model": "manhole",
        "run": "retrain-<b>x</b>",
        "made_at": "2026-05-01T10:00:00+00:00",
        "lang": "zh",
        "candidate": model
        | {
            "version": "aaaabbbbcccc",
            "epochs": 2,
            "start_share": 0.5,
            "thresholds_kept": ["manhole_broken"],
            "started_from": "onnx",
            "start_parity": {"boxes": 46, "unmatched": 0, "max_score_difference": 0.000009},
            "interruptions": 1,
        },
        "running": model,
        "verdict": sets[0]["verdict"],
        "sets": sets,
        "data": {
            "version": "4f98b2a7b9b9",
            "decided": {"confirmed": 12, "rejected": 3},
            "counts": {"train": {"photos": 5, "negatives": 1, "manhole_missing": 6}},
            "left_out": [{"code": "pending", "count": 2}, {"code": "new_code", "count": 1}],
            "replay": [{"source": "dataset:manhole", "in_reach": False}],
        },
        "epochs": [
            {"epoch": n, "losses": {"box_loss": 1.0 / n}, "val": {"map50": 0.2 * n}} for n in (1, 2)
        ],
        "gate": {
            "passed": False,
            "lines": [
                {"name": "recall", "passed": False, "text": "0.5 < 0.6"},
                {"name": "INT8", "passed": None, "text": "not shipped"},
            ],
        },
        "stages": [{"name": "train", "seconds": 61.2}, {"name": "report", "seconds": None}],
        "machine": {"device": "cpu", "cpu": "AMD", "threads": "1"},
    } | changes


def test_page_holds_both_languages_and_asks_nothing_of_a_network(
    manifest: ModelManifest, photos: tuple[AnnotatedPhoto, ...]
) -> None:
    sets = [
        compare(photos, manifest, silence(manifest)),
        compare(photos, manifest, manifest, has_truth=False),
    ]
    page = render_page(make_report(sets))
    assert page.count('zh">') == page.count('en" lang="en">')
    assert "aaaabbbbcccc" in page
    assert "未通过" in page
    assert "new_code" in page
    assert "<b>x</b>" not in page  # names are escaped
    assert not re.search(r'(src|href)="', page)
    assert "{zh" not in page
    assert "{recall" not in page
    assert '<html lang="en">' in render_page(make_report(sets, lang="en", gate=None))


def test_report_is_plain_json(manifest: ModelManifest, photos: tuple[AnnotatedPhoto, ...]) -> None:
    found = compare(photos, manifest, silence(manifest))
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_drawing_says_better_worse_and_unknown_apart() -> None:
    good = {"value": 0.1, "low": 0.05, "high": 0.2}
    bad = {"value": -0.1, "low": -0.2, "high": -0.05}
    crossing = {"value": 0.1, "low": -0.05, "high": 0.2}
    nothing: dict[str, float | None] = {"value": 0.1, "low": None, "high": None}
    rows = [Row("a", good, 1), Row("b", bad, 1), Row("c", crossing, 1), Row("d", nothing, 1)]
    drawn = draw_differences("<title>", rows, percent=True)
    assert drawn.count("<rect") == 1
    assert drawn.count("#0b5fa5") == 2  # line and dot
    assert 'fill="#fff"' in drawn
    assert "&lt;title&gt;" in drawn
    assert "n/a" in draw_differences("", [Row("x", {"value": None}, 1)], percent=False)


@pytest.mark.parametrize(
    ("gsd_m", "band"),
    [(0.0, "< 5 mm"), (0.005, "5-10 mm"), (0.0199, "10-20 mm"), (0.3, "≥ 20 mm")],
)
def test_bands_of_ground_size(gsd_m: float, band: str) -> None:
    assert name_gsd_band(gsd_m) == band
