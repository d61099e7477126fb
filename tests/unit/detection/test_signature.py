"""A manifest that was changed after it was signed is never loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detection.detectors.manifest import load_manifest
from detection.detectors.registry import check_trust, choose_weights, load_detector
from detection.detectors.signature import KEYS_DIR, SignatureState
from detection.domain.errors import ModelError
from tests.tiny_model import write_tiny_model
from training.promotion.signing import publish_key, sign_document


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(b"k" * 32)


@pytest.fixture
def signed(tmp_path: Path, key: Ed25519PrivateKey) -> Path:
    path = write_tiny_model(tmp_path)
    path.write_text(yaml.safe_dump(sign_document(yaml.safe_load(path.read_text()), key)))
    publish_key(key, tmp_path)
    return path


def change(path: Path, **changes: Any) -> SignatureState:  # noqa: ANN401 - any field
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))
    return load_manifest(path).signature


def test_a_signed_manifest_is_valid_however_it_is_laid_out(signed: Path) -> None:
    assert load_manifest(signed).signature is SignatureState.VALID
    document = yaml.safe_load(signed.read_text())
    signed.write_text("# a comment\n" + yaml.safe_dump(document, sort_keys=True, indent=6))
    assert load_manifest(signed).signature is SignatureState.VALID
    load_detector(load_manifest(signed), require_signed=True)


@pytest.mark.parametrize("changes", [{"status": "retired"}, {"replaced": "0123456789ab"}])
def test_what_is_in_force_is_not_signed_so_that_a_rollback_needs_no_key(
    signed: Path, changes: dict[str, Any]
) -> None:
    assert change(signed, **changes) is SignatureState.VALID


@pytest.mark.parametrize(
    "changes",
    [
        {"thresholds": dict.fromkeys(["manhole_ok", "manhole_broken", "manhole_missing"], 0.9)},
        {"weights_sha256": "0" * 64},
        {"evaluation": {"map50": 1.0}},
        {"signature": {"key": "x"}},
        {"signature": "mine"},
    ],
)
def test_any_other_change_is_refused(signed: Path, changes: dict[str, Any]) -> None:
    state = change(signed, **changes)
    assert state.is_refused
    with pytest.raises(ModelError, match="signature of model manhole is refused"):
        load_detector(load_manifest(signed))


def test_a_key_that_nobody_trusts_is_refused(signed: Path) -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    document = yaml.safe_load(signed.read_text())
    signed.write_text(yaml.safe_dump(sign_document(document, other)))
    assert load_manifest(signed).signature is SignatureState.UNTRUSTED
    with pytest.raises(ModelError, match="untrusted"):
        check_trust(load_manifest(signed), require_signed=False)


def test_an_unsigned_model_is_told_of_and_refused_only_on_demand(
    signed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    document = yaml.safe_load(signed.read_text())
    del document["signature"]
    signed.write_text(yaml.safe_dump(document))
    manifest = load_manifest(signed)
    assert manifest.signature is SignatureState.UNSIGNED
    check_trust(manifest, require_signed=False)
    assert "manhole is not signed" in caplog.text
    with pytest.raises(ModelError, match="unsigned"):
        check_trust(manifest, require_signed=True)


def test_without_trusted_keys_nothing_can_be_said(tmp_path: Path) -> None:
    manifest = load_manifest(write_tiny_model(tmp_path))
    assert manifest.signature is SignatureState.UNCHECKED
    check_trust(manifest, require_signed=False)
    with pytest.raises(ModelError, match="unchecked"):
        check_trust(manifest, require_signed=True)


def test_a_broken_trusted_key_is_named(signed: Path) -> None:
    (signed.parent / KEYS_DIR / "broken.pub").write_text("no key")
    with pytest.raises(ModelError, match=r"broken\.pub"):
        load_manifest(signed)


def test_int8_weights_run_by_name_alone_and_only_where_they_are_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = load_manifest(write_tiny_model(tmp_path))
    both = replace(plain, int8_weights_path=tmp_path / "small.onnx", int8_weights_sha256="8" * 64)
    cpu = tmp_path / "cpuinfo"
    monkeypatch.setattr("detection.machine.CPU_INFO", cpu)
    for flags in ("sse2 avx2", "sse2 avx512_vnni"):  # fast INT8 is no reason to take it by itself
        cpu.write_text(f"flags : {flags}\n")
        assert choose_weights(both, "auto", runtime="openvino") == both
        assert choose_weights(both, "fp32", runtime="openvino") == both
        by_name = choose_weights(both, "int8", runtime="openvino")
        assert by_name.weights_path == tmp_path / "small.onnx"
        assert by_name.weights_sha256 == "8" * 64
        assert choose_weights(plain, "int8", runtime="openvino") == plain
    assert choose_weights(both, "auto", runtime="torch") == both
    cpu.unlink()
    assert choose_weights(both, "auto", runtime="openvino") == both
    assert choose_weights(both, "int8", runtime="onnx").weights_path == tmp_path / "small.onnx"
