from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import yaml
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from detection.detectors.base import TileImage
from detection.detectors.history import read_history
from detection.detectors.manifest import (
    list_versions,
    load_manifest,
    select_manifests,
    verify_weights,
)
from detection.detectors.signature import SignatureState
from detection.domain.errors import ConfigurationError, InvalidInputError, ModelError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.cli.evaluate import evaluate
from training.cli.promote import parse_thresholds
from training.cli.promote import promote as promote_command
from training.data.annotation import AnnotatedPhoto, Annotation
from training.promotion import promote
from training.promotion.export import Parity, answer_tiles, measure_parity
from training.promotion.gate import GateRefusedError
from training.promotion.promote import Order, promote_run, promote_version
from training.promotion.shipping_checks import check_export, check_trained, cut_parity_tiles
from training.promotion_rules import PromotionRules
from training.record import read_record, write_record
from training.settings import TrainingSettings

MISSING = HazardClass.MANHOLE_MISSING
AGREES = Parity(tiles=1, boxes=2, unmatched=0, max_score_difference=0.0)
BOX = (64.0, 64.0, 128.0, 128.0)


def save_constant_model(path: Path, answer: Sequence[Sequence[float]], tile_px: int = 160) -> Path:
    """An ONNX model that says the same of every tile: ``(1, k, 6)``."""
    rows = np.array([answer], dtype=np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["rows", "nothing"], ["output0"]),
    ]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, tile_px, tile_px])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, rows.shape)],
        [
            numpy_helper.from_array(rows, "rows"),
            numpy_helper.from_array(np.array(0, dtype=np.float32), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


@pytest.fixture
def settings() -> TrainingSettings:
    return TrainingSettings.model_validate(
        {
            "name": "tiny",
            "classes": ["manhole_ok", "manhole_missing"],
            "started_from": "yolo26n.yaml",
            "data": [{"dataset": "manhole"}],
            "tile_px": 160,
            "optimisation": {"epochs": 1, "image_px": 96},
            "promotion": {"min_boxes": 1},
            "card": {"purpose": "A test.", "limits": ["It knows one box."]},
        }
    )


@pytest.fixture
def run_dir(tmp_path: Path, settings: TrainingSettings) -> Path:
    folder = tmp_path / "run"
    (folder / "fit").mkdir(parents=True)
    (folder / "fit" / "best.pt").write_bytes(b"weights")
    record: dict[str, Any] = {
        "run": "run",
        "name": "tiny",
        "state": "trained",
        "seed": 4,
        "config": settings.model_dump(mode="json"),
        "config_sha256": "c" * 64,
        "data_hash": "d" * 64,
        "data_counts": {"train": {"photos": 4, "negatives": 1, "manhole_missing": 3}},
        "train_images_listed": 4,
        "started_from_sha256": None,
        "environment": {"python": "3"},
        "trained_at": "2026-01-01T00:00:00+00:00",
        "seconds": 2.0,
        "weights": "fit/best.pt",
        "weights_sha256": hashlib.sha256(b"weights").hexdigest(),
    }
    write_record(folder, record)
    return folder


@pytest.fixture
def val(tmp_path: Path) -> list[AnnotatedPhoto]:
    photos = []
    for index in range(2):
        path = tmp_path / "val" / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.full((160, 160, 3), 80, dtype=np.uint8))
        boxes = (Annotation(MISSING, BBox(*BOX)),) if index == 0 else ()
        photos.append(AnnotatedPhoto(path.name, path, 160, 160, "val", path.stem, "drawn", boxes))
    return photos


def test_changed_weights_are_refused(run_dir: Path) -> None:
    (run_dir / "fit" / "best.pt").write_bytes(b"other weights")
    with pytest.raises(ModelError, match="not the file that the run recorded"):
        check_trained(run_dir, read_record(run_dir))


def test_unfinished_run_is_refused(run_dir: Path) -> None:
    with pytest.raises(ModelError, match="did not end"):
        check_trained(run_dir, read_record(run_dir) | {"state": "prepared"})


def test_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not a run folder"):
        read_record(tmp_path)


def test_export_above_the_cap_is_refused(tmp_path: Path) -> None:
    big = tmp_path / "big.onnx"
    with big.open("wb") as file:
        file.truncate(12 * 1024 * 1024 + 1)
    with pytest.raises(ModelError, match="at most 12 MiB"):
        check_export(big, AGREES)


def test_export_that_disagrees_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"x")
    with pytest.raises(ModelError, match="disagrees with its checkpoint on 1 of 2"):
        check_export(path, Parity(1, 2, 1, 0.4))


ROW = np.array([[10, 10, 50, 50, 0.8, 1]], dtype=np.float32)


@pytest.mark.parametrize(
    ("other", "unmatched"),
    [
        (ROW, 0),
        (ROW + np.array([0, 0, 0, 0, 0.005, 0], dtype=np.float32), 0),
        (ROW + np.array([0, 0, 0, 0, 0.05, 0], dtype=np.float32), 2),
        (ROW + np.array([8, 8, 8, 8, 0, 0], dtype=np.float32), 2),
        (ROW + np.array([0, 0, 0, 0, 0, 1], dtype=np.float32), 2),
        (ROW[:0], 1),
    ],
)
def test_parity_feels_score_place_class_and_absence(
    other: np.ndarray[Any, np.dtype[np.float32]], unmatched: int
) -> None:
    assert measure_parity([ROW], [other]).unmatched == unmatched


def test_model_with_another_output_is_refused(tmp_path: Path) -> None:
    path = save_constant_model(tmp_path / "wide.onnx", [[0.0] * 7])
    with pytest.raises(ModelError, match="answers with shape"):
        answer_tiles(path, [np.zeros((160, 160, 3), dtype=np.uint8)])


@pytest.fixture
def exported(
    tmp_path: Path, val: list[AnnotatedPhoto], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path, Parity], None]:
    """Return a function that lets every run export the given model."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("HAZARDLENS_SIGNING_KEY", raising=False)
    monkeypatch.setattr(promote, "load_catalogue_photos", lambda *_: val)

    def export_as(onnx_path: Path, parity: Parity = AGREES) -> None:
        def export_nothing(_: Path, tiles: Sequence[TileImage]) -> tuple[Path, Parity]:
            assert tiles[0].shape == (160, 160, 3)
            return onnx_path, parity

        monkeypatch.setattr(promote, "export_run", export_nothing)

    return export_as


ExportAs = Callable[..., None]


def test_promotion_writes_model_manifest_and_card(
    run_dir: Path, settings: TrainingSettings, tmp_path: Path, exported: ExportAs
) -> None:
    exported(save_constant_model(tmp_path / "model.onnx", [[*BOX, 0.7, 1]]))
    models_dir = tmp_path / "models"
    manifest = promote_run(
        run_dir, tmp_path, models_dir, settings=settings, order=Order(to="active")
    )
    assert manifest == load_manifest(models_dir / "tiny.yaml")
    verify_weights(manifest)
    assert (manifest.status, manifest.signature) == ("active", SignatureState.VALID)
    assert manifest.thresholds[MISSING] == pytest.approx(0.35)
    assert manifest.tile_px == 160
    assert manifest.data_hash == "d" * 64
    assert manifest.training["data"] == ["dataset:manhole"]
    figures = manifest.evaluation["val_deployed"]
    assert figures["classes"]["manhole_missing"]["recall"] == 1.0
    assert figures["false_alarms_per_negative"] == 1.0
    card = (models_dir / "tiny.md").read_text()
    assert "It knows one box." in card
    assert "| manhole_missing | 1 | 1 | " in card
    assert "2 of 2 boxes matched over 1 tiles" in card
    assert json.loads((run_dir / "gate.json").read_text())["passed"] is True


def test_a_run_becomes_a_candidate_that_nobody_runs_and_then_moves_on(
    run_dir: Path,
    settings: TrainingSettings,
    val: list[AnnotatedPhoto],
    tmp_path: Path,
    exported: ExportAs,
) -> None:
    models_dir = tmp_path / "models"
    exported(save_constant_model(tmp_path / "first.onnx", [[*BOX, 0.7, 1]]))
    first = promote_run(run_dir, tmp_path, models_dir, settings=settings)
    assert first.status == "candidate"
    with pytest.raises(ModelError, match="no active model"):
        select_manifests((), models_dir)
    shadow = promote_version("tiny", models_dir, val, settings.promotion, Order(to="shadow"))
    assert (shadow.status, shadow.version) == ("shadow", first.version)
    order = Order(to="active")
    active = promote_version("tiny", models_dir, val, settings.promotion, order)
    assert select_manifests((), models_dir) == [active]
    assert active.version == first.version
    assert active.signature is SignatureState.VALID
    assert active.promotion["gate"]["export"] == first.promotion["gate"]["export"]
    assert active.card_path is not None
    assert active.card_path.read_text().count("## Promotion") == 1
    assert list_versions(models_dir) == []
    assert [row["status"] for row in read_history(models_dir)] == ["candidate", "shadow", "active"]


def test_a_model_that_misses_what_the_active_one_finds_is_refused_with_figures(
    run_dir: Path, settings: TrainingSettings, tmp_path: Path, exported: ExportAs
) -> None:
    models_dir = tmp_path / "models"
    exported(save_constant_model(tmp_path / "good.onnx", [[*BOX, 0.7, 1]]))
    good = promote_run(run_dir, tmp_path, models_dir, settings=settings, order=Order(to="active"))
    before = {path: path.read_bytes() for path in models_dir.rglob("*") if path.is_file()}
    exported(save_constant_model(tmp_path / "bad.onnx", [[1, 1, 20, 20, 0.7, 1]]))
    with pytest.raises(
        GateRefusedError, match=r"manhole_missing: 0\.000 against 1\.000 of 1"
    ) as no:
        promote_run(run_dir, tmp_path, models_dir, settings=settings, order=Order(to="active"))
    assert "--force" in no.value.remedy
    assert {path: path.read_bytes() for path in models_dir.rglob("*") if path.is_file()} == before
    assert "| recall of manhole_missing | **no** |" in (run_dir / "gate.md").read_text()

    order = Order(to="active", force="the old one is being replaced on purpose")
    forced = promote_run(run_dir, tmp_path, models_dir, settings=settings, order=order)
    assert forced.promotion["forced"] == order.force
    assert forced.replaced == good.version
    assert order.force in (models_dir / "tiny.md").read_text()
    assert read_history(models_dir)[-1]["reason"] == order.force


def test_refused_export_leaves_the_shipped_model_alone(
    run_dir: Path, settings: TrainingSettings, tmp_path: Path, exported: ExportAs
) -> None:
    onnx_path = save_constant_model(tmp_path / "model.onnx", [[*BOX, 0.7, 1]])
    exported(onnx_path, Parity(1, 2, 2, 0.5))
    with pytest.raises(ModelError, match="disagrees"):
        promote_run(run_dir, tmp_path, tmp_path / "models", settings=settings)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(("allowed", "ships"), [(1.0, True), (-1.0, False)])
def test_int8_weights_are_shipped_only_where_they_hold_their_limits(
    *,
    allowed: float,
    ships: bool,
    run_dir: Path,
    settings: TrainingSettings,
    val: list[AnnotatedPhoto],
    tmp_path: Path,
    exported: ExportAs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exported(save_constant_model(tmp_path / "model.onnx", [[*BOX, 0.7, 1]]))

    def quantize(_: Path, tiles: Sequence[TileImage], out: Path) -> Path:
        assert len(tiles) == 2, "calibration is on training photos"
        out.parent.mkdir()
        return save_constant_model(out, [[*BOX, 0.6, 1]])

    monkeypatch.setattr("training.promotion.quantize.quantize_model", quantize)
    val += [replace(photo, split="train") for photo in val]
    rules = PromotionRules.model_construct(max_int8_ap50_loss=allowed, min_int8_speedup=0.0)
    order = Order(to="active", int8=True)
    manifest = promote_run(
        run_dir,
        tmp_path,
        tmp_path / "models",
        settings=settings.model_copy(update={"promotion": rules}),
        order=order,
    )
    assert (manifest.int8_weights_path is not None) is ships
    verify_weights(manifest)
    assert ("not shipped" in manifest.promotion["gate"]["INT8"]) is not ships
    if ships:
        assert manifest.int8_weights_path is not None
        assert manifest.int8_weights_path.name.endswith(".int8.onnx")
        assert manifest.thresholds[MISSING] == pytest.approx(0.35), "of the default weights"


def test_a_key_that_cannot_be_read_stops_before_anything_is_written(
    run_dir: Path,
    settings: TrainingSettings,
    tmp_path: Path,
    exported: ExportAs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exported(save_constant_model(tmp_path / "model.onnx", [[*BOX, 0.7, 1]]))
    monkeypatch.setenv("HAZARDLENS_SIGNING_KEY", str(tmp_path / "absent.pem"))
    with pytest.raises(ConfigurationError, match="signing key"):
        promote_run(run_dir, tmp_path, tmp_path / "models", settings=settings)
    assert not (tmp_path / "models").exists()


def test_data_without_val_cannot_be_promoted(
    run_dir: Path,
    settings: TrainingSettings,
    val: list[AnnotatedPhoto],
    tmp_path: Path,
    exported: ExportAs,
) -> None:
    exported(save_constant_model(tmp_path / "model.onnx", [[*BOX, 0.7, 1]]))
    val.clear()
    with pytest.raises(ModelError, match="no val photo"):
        promote_run(run_dir, tmp_path, tmp_path / "models", settings=settings)


def test_a_file_that_is_no_model_leaves_nothing_behind(
    run_dir: Path, settings: TrainingSettings, tmp_path: Path, exported: ExportAs
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no model")
    exported(path)
    with pytest.raises(ModelError, match="cannot load"):
        promote_run(run_dir, tmp_path, tmp_path / "models", settings=settings)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("name", ["tiny", "tiny@abc"])
def test_a_name_without_a_waiting_version_is_refused(
    name: str, settings: TrainingSettings, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"0 versions of tiny wait|no model named tiny@abc"):
        promote_version(name, tmp_path, [], settings.promotion, Order(to="shadow"))


def test_a_target_that_is_no_folder_needs_a_status(tmp_path: Path) -> None:
    done = CliRunner().invoke(promote_command, ["manhole", "--models-dir", str(tmp_path)])
    assert isinstance(done.exception, InvalidInputError)
    done = CliRunner().invoke(
        promote_command, ["manhole", "--to", "active", "--models-dir", str(tmp_path)]
    )
    assert isinstance(done.exception, ModelError)
    assert "0 versions of manhole wait" in done.exception.message


def test_parity_is_proven_on_photos_that_show_something(val: list[AnnotatedPhoto]) -> None:
    assert len(cut_parity_tiles(val, 160)) == 1


def test_evaluate_command_writes_figures(val: list[AnnotatedPhoto], tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    weights = save_constant_model(models / "tiny.onnx", [[*BOX, 0.7, 0]])
    manifest = {
        "name": "tiny",
        "task": "detect",
        "classes": ["manhole_missing"],
        "thresholds": {"manhole_missing": 0.5},
        "score_floor": 0.05,
        "tile_px": 160,
        "weights": weights.name,
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "format": "onnx",
    }
    (models / "tiny.yaml").write_text(yaml.safe_dump(manifest))
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "0.txt").write_text("0 0.6 0.6 0.4 0.4\n")
    arguments = ["--model", "tiny", "--images", str(val[0].path.parent), "--labels", str(labels)]
    arguments += ["--json", str(tmp_path / "out" / "figures.json"), "--models-dir", str(models)]
    done = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    figures = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert figures["classes"]["manhole_missing"]["true_positives"] == 1
    assert figures["false_alarms_on_negatives"] == {"manhole_missing": 1}
    assert "| manhole_missing | 1 | 1 |" in done.output


def test_thresholds_given_on_the_command_line() -> None:
    assert parse_thresholds(("manhole_missing=0.25",)) == {MISSING: 0.25}
    for wrong in ("manhole_missing", "manhole_missing=high", "lid=0.2", "manhole_missing=1.5"):
        with pytest.raises(InvalidInputError):
            parse_thresholds((wrong,))
