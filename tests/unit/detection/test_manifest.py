from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from detection.detectors.manifest import (
    list_manifests,
    load_manifest,
    select_manifests,
    verify_weights,
)
from detection.domain.errors import ModelError
from detection.domain.hazard import HazardClass

WEIGHTS = b"not really weights"


def write_model(folder: Path, name: str = "manhole", **changes: Any) -> Path:  # noqa: ANN401
    document: dict[str, Any] = {
        "name": name,
        "task": "detect",
        "classes": ["manhole_ok", "manhole_missing"],
        "thresholds": {"manhole_ok": 0.4, "manhole_missing": 0.25},
        "score_floor": 0.05,
        "tile_px": 640,
        "weights": f"{name}.onnx",
        "weights_sha256": hashlib.sha256(WEIGHTS).hexdigest(),
        "format": "onnx",
        "training": {"data_hash": "abc", "trained_at": "2026-11-22T03:00:00Z", "epochs": 3},
        "evaluation": {"map50": 0.5},
    }
    document |= changes
    (folder / f"{name}.onnx").write_bytes(WEIGHTS)
    (folder / f"{name}.md").write_text("# card\n", encoding="utf-8")
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_a_manifest_is_read_whole(tmp_path: Path) -> None:
    manifest = load_manifest(write_model(tmp_path))
    assert manifest.classes == (HazardClass.MANHOLE_OK, HazardClass.MANHOLE_MISSING)
    assert manifest.thresholds[HazardClass.MANHOLE_MISSING] == 0.25
    assert manifest.weights_path == tmp_path / "manhole.onnx"
    assert (manifest.data_hash, manifest.status) == ("abc", "active")
    assert manifest.card_path == tmp_path / "manhole.md"
    verify_weights(manifest)


@pytest.mark.parametrize("task", ["detect", "segment"])
def test_a_manifest_says_its_task(tmp_path: Path, task: str) -> None:
    assert load_manifest(write_model(tmp_path, task=task)).task == task


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": ["pothole"]}, "classes.0"),
        ({"classes": []}, "classes"),
        ({"thresholds": {"manhole_ok": 0.4}}, "thresholds must name each class"),
        ({"classes": ["manhole_ok", "manhole_ok"]}, "thresholds must name each class"),
        ({"thresholds": {"manhole_ok": 0.01, "manhole_missing": 0.4}}, "score_floor"),
        ({"score_floor": 1.5}, "score_floor"),
        ({"weights_sha256": "abc"}, "weights_sha256"),
        ({"format": "pickle"}, "format"),
        ({"task": "pose"}, "task"),
        ({"torch_weights": "manhole.pt"}, "torch_weights_sha256"),
        ({"name": "../evil"}, "name"),
        ({"weights": "../../etc/passwd"}, "weights"),
    ],
)
def test_a_manifest_that_breaks_a_rule_is_refused_with_its_name(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    path = write_model(tmp_path)
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))
    with pytest.raises(ModelError, match=words) as caught:
        load_manifest(path)
    assert str(path) in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "\x00"])
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(ModelError, match=r"broken\.yaml"):
        load_manifest(path)


def test_changed_weights_are_refused_by_file_name(tmp_path: Path) -> None:
    manifest = load_manifest(write_model(tmp_path))
    manifest.weights_path.write_bytes(WEIGHTS + b"!")
    with pytest.raises(ModelError, match=r"manhole\.onnx .* have sha256"):
        verify_weights(manifest)


def test_missing_weights_are_refused_by_file_name(tmp_path: Path) -> None:
    manifest = load_manifest(write_model(tmp_path))
    manifest.weights_path.unlink()
    with pytest.raises(ModelError, match=r"manhole\.onnx .* cannot be read"):
        verify_weights(manifest)


def test_names_choose_models_and_no_name_chooses_the_active_ones(tmp_path: Path) -> None:
    write_model(tmp_path, "b_model")
    write_model(tmp_path, "a_model")
    write_model(tmp_path, "old", status="retired")
    assert [m.name for m in list_manifests(tmp_path)] == ["a_model", "b_model", "old"]
    assert [m.name for m in select_manifests((), tmp_path)] == ["a_model", "b_model"]
    assert [m.name for m in select_manifests(("old", "old"), tmp_path)] == ["old"]


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    write_model(tmp_path, "a_model")
    with pytest.raises(ModelError, match="no model named pothole") as caught:
        select_manifests(("pothole",), tmp_path)
    assert "a_model" in caught.value.remedy


def test_a_folder_without_models_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no active model"):
        select_manifests((), tmp_path)


def test_two_manifests_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path)
    (tmp_path / "copy.yaml").write_text(path.read_text())
    with pytest.raises(ModelError, match="Two manifests"):
        list_manifests(tmp_path)


def test_where_masks_are_cut_is_part_of_a_version(tmp_path: Path) -> None:
    plain = load_manifest(write_model(tmp_path))
    thin = load_manifest(write_model(tmp_path, mask_cut=0.5))
    assert (plain.mask_cut, thin.mask_cut) == (0.0, 0.5)
    assert plain.version != thin.version
    with pytest.raises(ModelError, match="mask_cut"):
        load_manifest(write_model(tmp_path, mask_cut=9.0))


def test_the_coarsest_ground_is_part_of_a_version_and_no_finer_than_the_finest(
    tmp_path: Path,
) -> None:
    path = write_model(tmp_path)
    plain = load_manifest(path)
    known = load_manifest(write_model(tmp_path, finest_gsd_m=0.003, coarsest_gsd_m=0.085))
    assert (plain.coarsest_gsd_m, known.coarsest_gsd_m) == (None, 0.085)
    assert plain.version != known.version
    with pytest.raises(ModelError, match="coarsest_gsd_m"):
        load_manifest(write_model(tmp_path, finest_gsd_m=0.1, coarsest_gsd_m=0.085))
