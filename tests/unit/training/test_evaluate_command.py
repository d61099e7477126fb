"""``hazardlens evaluate`` on small folders, and the page that it draws."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from PIL import ExifTags, Image

from detection.domain.errors import (
    ConfigurationError,
    HazardLensError,
    InvalidInputError,
    ModelError,
)
from detection.settings import ENV_PREFIX
from tests.fakes import write_channel_model
from tests.tiny_model import CRACK_XYXY_IN_TILE, write_tiny_segment_model
from training.cli.evaluate import evaluate
from training.data.errors import (
    CorruptImageError,
    LabelOutsideError,
    MixedLabelsError,
    UnknownClassError,
)
from training.evaluation.gallery import TEMPLATE_NAME, TEXTS_PATH, load_texts
from training.evaluation.slices import FACETS, SHARES, SIZES_PX

TILE_PX = 64
# The model says of each colour channel: this box of class 0, 1, 2, scored by its brightness.
MISSING_BOX = (5, 6, 15, 16)


def yolo_line(class_index: int, box: tuple[float, ...] = MISSING_BOX) -> str:
    x_min, y_min, x_max, y_max = (side / TILE_PX for side in box)
    center = f"{(x_min + x_max) / 2} {(y_min + y_max) / 2}"
    return f"{class_index} {center} {x_max - x_min} {y_max - y_min}\n"


def paint(path: Path, *, blue: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((TILE_PX, TILE_PX, 3), dtype=np.uint8)
    pixels[:, :, 0] = round(blue * 255)
    cv2.imwrite(str(path), pixels)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    write_channel_model(folder)
    return folder


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A hit, a miss that scores 0.4, and a false alarm on a negative."""
    folder = tmp_path / "set" / "images"
    for name, blue in (("hit", 0.9), ("miss", 0.4), ("quiet", 0.8)):
        paint(folder / f"{name}.png", blue=blue)
    return folder


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    folder = tmp_path / "set" / "labels"
    folder.mkdir(parents=True)
    for name in ("hit", "miss"):
        (folder / f"{name}.txt").write_text(yolo_line(2), encoding="utf-8")
    return folder


def run(models: Path, images: Path, labels: Path | None, out: Path, *more: str) -> Result:
    arguments = ["--model", "manhole", "--images", str(images), "--json", str(out)]
    arguments += ["--models-dir", str(models), *more]
    arguments += ["--labels", str(labels)] if labels is not None else []
    return CliRunner().invoke(evaluate, arguments)


def read(result: Result, out: Path) -> dict[str, Any]:
    assert result.exception is None, result.output
    document: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("tile", [True, False])
def test_figures_of_a_folder(
    models: Path, images: Path, labels: Path, tmp_path: Path, *, tile: bool
) -> None:
    out = tmp_path / "new" / "figures.json"
    result = run(models, images, labels, out, *(["--tile"] if tile else []))
    document = read(result, out)
    missing = document["classes"]["manhole_missing"]
    assert (missing["count"], missing["recall"], missing["precision"]) == (2, 0.5, 0.5)
    assert (document["images"], document["negatives"], document["tiled"]) == (3, 1, tile)
    assert document["false_alarms_per_negative"] == 1.0
    assert document["runtime"] == "openvino"
    assert (
        document["weights_sha256"]
        == hashlib.sha256((models / "manhole.onnx").read_bytes()).hexdigest()
    )
    assert "Class keys of the labels: from the model order." in result.output
    assert "| manhole_missing | 2 | 2 |" in result.output


def test_classes_are_matched_by_key_not_by_number(
    models: Path, images: Path, labels: Path, tmp_path: Path
) -> None:
    keys = "manhole_ok,manhole_broken,crack,manhole_missing"
    for path in labels.iterdir():
        path.write_text(yolo_line(3) + yolo_line(2, (30, 30, 50, 50)), encoding="utf-8")
    result = run(models, images, labels, tmp_path / "f.json", "--classes", keys)
    missing = read(result, tmp_path / "f.json")["classes"]["manhole_missing"]
    assert (missing["count"], missing["recall"]) == (2, 0.5)
    assert "2 labels of facade_crack, which manhole does not learn" in result.output


def test_runtimes_agree(models: Path, images: Path, labels: Path, tmp_path: Path) -> None:
    found = {}
    for runtime in ("openvino", "onnx"):
        result = run(models, images, labels, tmp_path / "f.json", "--runtime", runtime)
        document = read(result, tmp_path / "f.json")
        assert document.pop("runtime") == runtime
        for figures in document["classes"].values():
            # Scores that lie on a step of the curve fall to either side of it by their last bit.
            assert figures.pop("score_curve")["scores"]
        found[runtime] = document
    assert found["openvino"] == found["onnx"]


def test_without_labels_every_photo_is_a_negative(
    models: Path, images: Path, tmp_path: Path
) -> None:
    document = read(run(models, images, None, tmp_path / "f.json"), tmp_path / "f.json")
    assert document["negatives"] == 3
    assert document["map50"] is None
    assert document["false_alarms_per_negative"] == pytest.approx(2 / 3, abs=1e-4)


def spoil_weights(models: Path) -> None:
    (models / "manhole.onnx").write_bytes(b"other bytes")


def spoil_model(models: Path) -> None:
    (models / "manhole.onnx").write_bytes(b"no model")
    path = models / "manhole.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["weights_sha256"] = hashlib.sha256(b"no model").hexdigest()
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "message"), [(spoil_weights, "have sha256"), (spoil_model, "cannot load")]
)
def test_bad_model_is_named_and_nothing_is_written(
    models: Path,
    images: Path,
    labels: Path,
    tmp_path: Path,
    *,
    spoil: Callable[[Path], None],
    message: str,
) -> None:
    spoil(models)
    out = tmp_path / "out" / "f.json"
    result = run(models, images, labels, out, "--html", str(tmp_path / "page"))
    assert isinstance(result.exception, ModelError)
    assert message in str(result.exception)
    assert not (tmp_path / "page").exists()
    assert not out.exists()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        # int8 is auto for a model that ships none, so bfloat16 is what a runtime refuses by name
        (
            {"PRECISION": "bf16", "RUNTIME": "onnx"},
            ConfigurationError,
            "onnx does not compute in bfloat16",
        ),
        (
            {"REQUIRE_SIGNED_MODELS": "true"},
            ModelError,
            "signature of model manhole is refused",
        ),
    ],
)
def test_the_model_that_runs_is_the_one_that_the_settings_deploy(
    models: Path,
    images: Path,
    labels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    settings: dict[str, str],
    error: type[HazardLensError],
    message: str,
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"{ENV_PREFIX}{name}", value)
    result = run(models, images, labels, tmp_path / "f.json")
    assert isinstance(result.exception, error)
    assert message in str(result.exception)


def test_a_label_folder_without_labels_is_told(
    models: Path, images: Path, labels: Path, tmp_path: Path
) -> None:
    told = "No label file was found"
    assert told not in run(models, images, labels, tmp_path / "f.json").output
    for path in labels.iterdir():
        path.rename(path.with_suffix(".xml"))
    assert told in run(models, images, labels, tmp_path / "f.json").output


def test_turned_photos_are_told(models: Path, images: Path, labels: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (64, 48)).save(images / "turned.jpg", exif=exif)
    result = run(models, images, labels, tmp_path / "f.json")
    assert "1 photos are turned by their EXIF data" in result.output


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("images/broken.jpg", "no pixels", CorruptImageError),
        ("labels/hit.txt", "2 0.5 0.5 1.5 0.2\n", LabelOutsideError),
        ("labels/hit.txt", yolo_line(7), UnknownClassError),
        ("labels/hit.txt", f"{yolo_line(2)}2 0.1 0.1 0.2 0.1 0.2 0.3\n", MixedLabelsError),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(
    models: Path,
    images: Path,
    labels: Path,
    *,
    name: str,
    content: str,
    error: type[Exception],
) -> None:
    root = images.parent
    (root / name).write_text(content, encoding="utf-8")
    out = root / "out" / "f.json"
    result = run(models, images, labels, out, "--html", str(root / "page"))
    assert isinstance(result.exception, error)
    assert isinstance(result.exception, InvalidInputError)
    assert Path(name).name in str(result.exception)
    assert {path.name for path in root.iterdir()} == {"images", "labels"}


def test_page_shows_every_mistake_and_opens_offline(
    models: Path, images: Path, labels: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page"
    result = run(models, images, labels, tmp_path / "f.json", "--html", str(page), "--tile")
    assert result.exception is None, result.output
    text = (page / "gallery.html").read_text(encoding="utf-8")
    assert text.count('data-kind="false_alarm"') == 1
    assert text.count('data-kind="miss"') == 1
    assert "best score there <b>0.40</b>" in text.replace("</span> <b>", " <b>")
    assert "井盖缺失" in text
    assert "set/images" in text
    assert str(tmp_path) not in text
    linked = set(re.findall(r'(?:src|href)="([^"]+)"', text))
    assert {"precision_recall.svg", "recall_by_alarms.svg", "confusion.svg"} <= linked
    assert all((page / name).is_file() for name in linked)
    assert "://" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    crop = cv2.imread(str(page / "crops" / "0001.jpg"))
    assert crop is not None
    assert max(crop.shape) == 480


def test_page_takes_the_place_of_an_earlier_one_and_of_nothing_else(
    models: Path, images: Path, labels: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page"
    result = run(models, images, labels, page / "f.json", "--html", str(page))
    assert result.exception is None, result.output
    (page / "crops" / "9999.jpg").write_bytes(b"of an earlier page")
    (page / "note.txt").write_text("mine", encoding="utf-8")
    run(models, images, labels, page / "f.json", "--html", str(page))
    names = {path.name for path in page.iterdir() if path.suffix != ".svg"}
    assert names == {"gallery.html", "crops", "f.json", "note.txt"}
    assert not (page / "crops" / "9999.jpg").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", encoding="utf-8")
    result = run(models, images, labels, tmp_path / "f.json", "--html", str(mine))
    assert isinstance(result.exception, InvalidInputError)
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]
    assert not (tmp_path / "f.json").exists()
    assert not list(tmp_path.glob(".*"))


def test_every_text_of_the_page_has_both_languages() -> None:
    template = TEXTS_PATH.with_name(TEMPLATE_NAME).read_text(encoding="utf-8")
    used = set(re.findall(r"page\.([a-z_0-9]+)", template))
    texts = load_texts()
    assert {f"value_{name}" for name in (*SIZES_PX, *SHARES)} <= set(texts)
    assert {f"facet_{name}" for name in (*FACETS, "size", "relative_size")} <= set(texts)
    assert used <= set(texts)
    assert all(text.zh and text.en for text in texts.values())


def test_outlines_of_a_segment_model_are_measured_by_pixel(tmp_path: Path) -> None:
    models = tmp_path / "models"
    write_tiny_segment_model(models)
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    for name in ("cracked.png", "sound.png"):
        cv2.imwrite(str(images / name), np.zeros((640, 640, 3), dtype=np.uint8))
    x_min, y_min, x_max, y_max = (side / 640 for side in CRACK_XYXY_IN_TILE)
    corners = [(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max)]
    numbers = " ".join(f"{side}" for corner in corners for side in corner)
    (labels / "cracked.txt").write_text(f"0 {numbers}\n", encoding="utf-8")
    (tmp_path / "classes.txt").write_text("crack\n", encoding="utf-8")
    out = tmp_path / "f.json"
    arguments = ["--model", "facade_crack", "--images", str(images), "--labels", str(labels)]
    arguments += ["--json", str(out), "--models-dir", str(models), "--tile"]
    arguments += ["--html", str(tmp_path / "page")]
    document = read(CliRunner().invoke(evaluate, arguments), out)
    crack = document["classes"]["facade_crack"]
    assert (crack["recall"], crack["precision"]) == (1.0, 0.5)  # the sound wall has one too
    assert crack["mask_ap50"] == 0.0  # a band across the box is far less than the box
    assert 0.0 < document["pixel"]["recall"] < 0.3
    assert document["pixel"]["precision"] == pytest.approx(0.5, abs=0.02)
    assert document["false_alarms_per_negative"] == 1.0
    assert "像素" in (tmp_path / "page" / "gallery.html").read_text(encoding="utf-8")
