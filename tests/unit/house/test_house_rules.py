"""The habits that a linter does not know."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from detection.domain.hazard import HazardClass
from detection.taxonomy import load_taxonomy
from hazardlens import LazyCommands

ROOT = Path(__file__).resolve().parents[3]
LARGE_FILE_BYTES = 1024 * 1024
PROMOTED_WEIGHTS = re.compile(r"configs/models/[a-z_]+(-[0-9a-f]{12}(\.int8)?)?\.onnx")
MAX_WEIGHTS_BYTES = 12 * 1024 * 1024


def tracked_files() -> list[str]:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"],
        check=True,
        capture_output=True,
        text=True,
    )
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_taxonomy_and_code_name_the_same_classes() -> None:
    taxonomy = load_taxonomy()
    assert set(taxonomy) == set(HazardClass)
    for key, entry in taxonomy.items():
        assert entry.thing == key.thing
        assert entry.is_hazard == key.is_hazard


def test_only_promoted_weights_are_large() -> None:
    sizes = {name: (ROOT / name).stat().st_size for name in tracked_files()}
    large = {name for name, size in sizes.items() if size > LARGE_FILE_BYTES}
    assert {name for name in large if not PROMOTED_WEIGHTS.fullmatch(name)} == set()
    assert all(sizes[name] <= MAX_WEIGHTS_BYTES for name in large)


def test_no_photo_or_checkpoint_is_tracked() -> None:
    forbidden = {".jpg", ".jpeg", ".tif", ".tiff", ".pt", ".mp4"}
    assert [name for name in tracked_files() if Path(name).suffix.lower() in forbidden] == []


@pytest.mark.parametrize("name", ["run", "train", "test", "gpu"])
def test_locked_requirements_hold_no_address(name: str) -> None:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert packages
    assert [line for line in packages if "://" in line or "==" not in line] == []


def test_npm_lock_holds_no_address() -> None:
    lock = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock


@pytest.mark.parametrize("name", ["torch", "ultralytics", "openvino_telemetry"])
def test_the_light_install_leaves_out(name: str) -> None:
    lines = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8").splitlines()
    names = {re.split(r"[=\[ ;]", line)[0].lower().replace("-", "_") for line in lines}
    assert name not in names


def test_one_build_of_onnx_runtime_alone_is_installed() -> None:
    for name, build in {"run": "onnxruntime", "gpu": "onnxruntime-gpu"}.items():
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        assert re.findall(r"^(onnxruntime[a-z-]*)==", text, re.MULTILINE) == [build]


TRAINING_COMMANDS = {"data", "train", "runs", "evaluate", "promote"}


def test_light_commands_import_no_torch() -> None:
    modules = sorted(
        {
            location.partition(":")[0]
            for name, location in LazyCommands.locations.items()
            if name not in TRAINING_COMMANDS
        }
    )
    code = (
        "import importlib, sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'ultralytics', 'torchvision', 'pycolmap'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", ["README.md", "README.zh-CN.md"])
def test_every_command_is_documented_and_has_help(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    group = LazyCommands()
    for name in group.locations:
        assert f"hazardlens {name}" in text, name
        command = group.get_command(click.Context(group), name)
        assert command is not None
        assert command.help, name


def test_every_relative_link_in_the_documents_leads_somewhere() -> None:
    for name in tracked_files():
        if not name.endswith(".md"):
            continue
        document = ROOT / name
        for target in re.findall(r"\]\(([^)#:]+)[)#]", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{name}: {target}"
