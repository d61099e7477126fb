from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from detection.domain.errors import ConfigurationError
from detection.domain.hazard import HazardClass
from detection.settings import (
    DEFAULT_CONFIG_PATH,
    EXHAUSTIVE,
    DetectionSettings,
    config_hash,
    load_settings,
    resolve_config,
)
from tests.fakes import build_manifest


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HAZARDLENS_DETECTION_"):
            monkeypatch.delenv(name)


def test_the_shipped_file_says_what_the_code_says() -> None:
    assert load_settings() == DetectionSettings.model_construct()
    text = DEFAULT_CONFIG_PATH.read_text(encoding="utf-8")
    assert all(f"\n{name}:" in text for name in DetectionSettings.model_fields)


def test_a_flag_beats_the_environment_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("overlap: 0.1\nstreams: 2\nmodels: [a]\n", encoding="utf-8")
    monkeypatch.setenv("HAZARDLENS_DETECTION_STREAMS", "3")
    monkeypatch.setenv("HAZARDLENS_DETECTION_MODELS", "b, c")
    settings = load_settings(path, models=("d",), runtime=None)
    assert (settings.overlap, settings.streams, settings.models) == (0.1, 3, ("d",))
    assert load_settings(path).models == ("b", "c")


@pytest.mark.parametrize(
    "text",
    ["tilepx: 3", "overlap: 0.9", "runtime: abacus", "streams: -1", "a: [", "[1]", "streams: x"],
)
def test_a_wrong_setting_is_a_configuration_error_with_a_remedy(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path)
    assert caught.value.remedy
    assert caught.value.exit_code == 5


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.yaml"):
        load_settings(tmp_path / "absent.yaml")


def test_the_hash_changes_with_everything_that_changes_results_and_nothing_else() -> None:
    settings = DetectionSettings.model_construct()
    manifest = build_manifest()
    base = config_hash(settings, [manifest])
    changed = [
        config_hash(settings.model_copy(update={"overlap": 0.3}), [manifest]),
        config_hash(settings.model_copy(update={"include_overview": False}), [manifest]),
        config_hash(settings.model_copy(update={"runtime": "onnx"}), [manifest]),
        config_hash(settings.model_copy(update={"tile_factor": 2}), [manifest]),
        config_hash(settings.model_copy(update={"scale_by_gsd": False}), [manifest]),
        config_hash(settings, [replace(manifest, precision="bf16")]),
        config_hash(settings, [replace(manifest, mask_cut=0.5)]),
        config_hash(settings, [replace(manifest, weights_sha256="1" * 64)]),
        config_hash(settings, [replace(manifest, thresholds={HazardClass.MANHOLE_OK: 0.9})]),
        config_hash(settings, [replace(manifest, finest_gsd_m=0.01)]),
        config_hash(settings, [manifest, build_manifest("other")]),
    ]
    assert len({base, *changed}) == len(changed) + 1
    for name in ("streams", "threads"):
        assert config_hash(settings.model_copy(update={name: 9}), [manifest]) == base


def test_the_order_of_models_does_not_matter() -> None:
    settings = DetectionSettings.model_construct()
    a, b = build_manifest("a"), build_manifest("b")
    assert resolve_config(settings, [a, b]) == resolve_config(settings, [b, a])


def test_exhaustive_goes_before_everything_that_looks_at_less() -> None:
    chosen = load_settings(
        exhaustive=True, views=3, precision="int8", tile_factor=3, scale_by_gsd=True
    )
    assert {name: getattr(chosen, name) for name in EXHAUSTIVE} == dict(EXHAUSTIVE)
    assert load_settings(precision="int8").precision == "int8"
