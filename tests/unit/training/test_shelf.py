"""Versions on the shelf: a crash at any instant leaves a set that can be used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from detection.detectors.history import HISTORY_FILE, find_since, read_history
from detection.detectors.manifest import list_versions, select_manifests, verify_weights
from detection.domain.errors import ConfigurationError, ModelError
from training.atomic import write_file
from training.cli.promote import promote
from training.cli.rollback import rollback
from training.promotion.shelf import (
    Change,
    activate,
    find_active,
    roll_back,
    store_version,
    store_weights,
)
from training.promotion.signing import load_signing_key

PROMOTE = Change("promote", "a test", "somebody")
Put = Callable[[bytes], str]


def describe(weights: str, sha256: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    return {
        "name": "manhole",
        "task": "detect",
        "status": "candidate",
        "classes": ["manhole_missing"],
        "thresholds": {"manhole_missing": 0.4},
        "score_floor": 0.05,
        "tile_px": 640,
        "weights": weights,
        "weights_sha256": sha256,
        "format": "onnx",
        **changes,
    }


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Return a function that stores a version with these weights and returns its name."""

    def put_one(content: bytes) -> str:
        source = tmp_path / "fresh.onnx"
        source.write_bytes(content)
        name = store_weights(tmp_path / "models", "manhole", source)
        document = describe(name, hashlib.sha256(content).hexdigest())
        card = f"card of {content.decode()}\n"
        return store_version(tmp_path / "models", document, card).version

    return put_one


def in_force(models_dir: Path) -> str:
    """The version in force, proven whole."""
    (manifest,) = select_manifests((), models_dir)
    verify_weights(manifest)
    return manifest.version


def test_a_promotion_keeps_the_version_before_and_a_rollback_brings_it_back(
    tmp_path: Path, put: Put
) -> None:
    models_dir = tmp_path / "models"
    versions = [put(content) for content in (b"one", b"two", b"three")]
    for version in versions:
        activate(models_dir, "manhole", version, PROMOTE)
    assert in_force(models_dir) == versions[2]
    back = Change("rollback", "it cried wolf")
    assert roll_back(models_dir, "manhole", None, back).version == versions[1]
    assert (models_dir / "manhole.md").read_text() == "card of two\n"
    assert roll_back(models_dir, "manhole", None, back).version == versions[0]
    assert [m.status for m in list_versions(models_dir)] == ["retired", "retired"]
    assert roll_back(models_dir, "manhole", versions[2], back).version == versions[2]
    assert in_force(models_dir) == versions[2]
    last = read_history(models_dir)[-1]
    assert (last["action"], last["version"], last["reason"]) == (
        "rollback",
        versions[2],
        back.reason,
    )
    assert find_since(models_dir)["manhole", versions[2]] == last["at"]


def test_a_model_of_the_first_release_can_be_brought_back_too(tmp_path: Path, put: Put) -> None:
    models_dir = tmp_path / "models"
    models_dir.mkdir()
    (models_dir / "manhole.onnx").write_bytes(b"zero")
    document = describe("manhole.onnx", hashlib.sha256(b"zero").hexdigest(), status="active")
    (models_dir / "manhole.yaml").write_text(yaml.safe_dump(document))
    (models_dir / "manhole.md").write_text("first card\n")
    first = in_force(models_dir)
    activate(models_dir, "manhole", put(b"one"), PROMOTE)
    assert (models_dir / "manhole.md").read_text() == "card of one\n"
    assert roll_back(models_dir, "manhole", None, Change("rollback")).version == first
    assert in_force(models_dir) == first
    assert (models_dir / "manhole.md").read_text() == "first card\n"


@pytest.mark.parametrize("crash_at", range(12))
def test_a_crash_at_any_write_leaves_the_old_or_the_new_version_whole(
    crash_at: int, tmp_path: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    models_dir = tmp_path / "models"
    old = put(b"old")
    activate(models_dir, "manhole", old, PROMOTE)
    writes = 0
    real_replace = Path.replace

    def replace_until(self: Path, target: Path) -> Path:
        nonlocal writes
        writes += 1
        if writes > crash_at:
            raise KeyboardInterrupt
        return real_replace(self, target)

    new = ""
    monkeypatch.setattr(Path, "replace", replace_until)
    try:
        new = put(b"new")
        activate(models_dir, "manhole", new, PROMOTE)
    except KeyboardInterrupt:
        pass
    monkeypatch.undo()
    assert in_force(models_dir) in {old, new} - {""}
    if not crash_at:
        assert in_force(models_dir) == old
    assert [path.name for path in models_dir.rglob("*.part")] == []
    activate(models_dir, "manhole", put(b"new"), PROMOTE)
    assert roll_back(models_dir, "manhole", old, Change("rollback")).version == old


def test_changed_weights_are_never_put_in_force(tmp_path: Path, put: Put) -> None:
    models_dir = tmp_path / "models"
    good, bad = put(b"good"), put(b"bad")
    activate(models_dir, "manhole", good, PROMOTE)
    manifest = select_manifests((f"manhole@{bad}",), models_dir)[0]
    manifest.weights_path.write_bytes(b"other")
    with pytest.raises(ModelError, match="sha256"):
        activate(models_dir, "manhole", bad, PROMOTE)
    assert in_force(models_dir) == good


def test_rollback_says_what_it_cannot_do(tmp_path: Path, put: Put) -> None:
    models_dir = tmp_path / "models"
    only = put(b"only")
    activate(models_dir, "manhole", only, PROMOTE)
    for to, words in ((None, "in force before"), ("abc", "no model named"), (only, "already")):
        with pytest.raises(ModelError, match=words):
            roll_back(models_dir, "manhole", to, Change("rollback"))


def test_the_promote_command_writes_who_wanted_it_and_why(tmp_path: Path, put: Put) -> None:
    version, models_dir = put(b"one"), tmp_path / "models"
    arguments = [f"manhole@{version}", "--to", "shadow", "--models-dir", str(models_dir)]
    arguments += ["--reason", "look beside first", "--by", "enno"]
    CliRunner().invoke(promote, arguments, catch_exceptions=False)
    latest = read_history(models_dir)[-1]
    assert (latest["status"], latest["by"], latest["reason"]) == (
        "shadow",
        "enno",
        "look beside first",
    )


def test_the_rollback_command_needs_neither_key_nor_torch(tmp_path: Path, put: Put) -> None:
    models_dir = tmp_path / "models"
    old, new = put(b"old"), put(b"new")
    for version in (old, new):
        activate(models_dir, "manhole", version, PROMOTE)
    arguments = ["manhole", "--models-dir", str(models_dir), "--reason", "why not"]
    done = CliRunner().invoke(rollback, arguments, catch_exceptions=False)
    assert done.output == f"manhole@{old} is active again.\n"
    assert in_force(models_dir) == old


def test_weights_are_named_by_their_hash_and_never_written_over(tmp_path: Path) -> None:
    source = tmp_path / "a.onnx"
    source.write_bytes(b"weights")
    name = store_weights(tmp_path / "models", "manhole", source, ".int8")
    assert name == f"manhole-{hashlib.sha256(b'weights').hexdigest()[:12]}.int8.onnx"
    before = (tmp_path / "models" / name).stat().st_mtime_ns
    store_weights(tmp_path / "models", "manhole", source, ".int8")
    assert (tmp_path / "models" / name).stat().st_mtime_ns == before


def test_a_half_written_line_of_the_history_is_left_out(tmp_path: Path) -> None:
    line = json.dumps({"name": "a", "version": "1", "at": "now"})
    (tmp_path / HISTORY_FILE).write_text(f'{line}\n{{"name": "b", "ver')
    assert [row["name"] for row in read_history(tmp_path)] == ["a"]
    assert read_history(tmp_path / "absent") == []


def test_the_private_key_is_made_once_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAZARDLENS_SIGNING_KEY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    first = load_signing_key().private_bytes_raw()
    assert load_signing_key().private_bytes_raw() == first
    (path,) = tmp_path.rglob("*.pem")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_named_key_that_is_missing_or_none_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key.pem"
    monkeypatch.setenv("HAZARDLENS_SIGNING_KEY", str(path))
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_signing_key()
    path.write_text("no key")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_signing_key()


def test_a_file_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    write_file(path, b"old")

    def fail(_: int) -> None:
        message = "the disk is full"
        raise OSError(message)

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="full"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["a"]
    assert find_active(tmp_path, "absent") is None
