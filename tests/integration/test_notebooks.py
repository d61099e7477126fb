"""The notebooks run from first cell to last on tiny data, and are kept without output."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.tiny_model import write_tiny_model, write_tiny_segment_model

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = ["01_look_at_a_flight", "02_train_and_compare", "03_errors_of_a_model"]
MAX_CELLS = 12
CELL_TIMEOUT_S = 300  # of a machine that has other work; alone the longest takes a tenth
CHINESE = re.compile("[\u4e00-\u9fff]")
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|home|root|tmp|Users|mnt)/")


def read_notebook(name: str) -> NotebookNode:
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    found: NotebookNode = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    return found


def execute(name: str, parameters: Mapping[str, object]) -> tuple[str, list[str]]:
    """Run a notebook with other parameters; returns its text and the kinds of its pictures."""
    notebook = read_notebook(name)
    place = next(i for i, cell in enumerate(notebook.cells) if "parameters" in tags_of(cell))
    source = "\n".join(f"{key} = {value!r}" for key, value in parameters.items())
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(source))  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [data for output in outputs if (data := output.get("data"))]
    texts = [output.get("text", "") for output in outputs]
    texts += [data.get("text/markdown", "") for data in shown]
    kinds = [kind for data in shown for kind in data if kind.startswith("image/")]
    return "\n".join(texts), kinds


def tags_of(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


@pytest.fixture(autouse=True)
def _fresh_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No labelled data at hand, the kernel's own files in a folder that goes, few threads."""
    monkeypatch.setenv("HAZARDLENS_SHARED_DIR", str(tmp_path / "nothing"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "matplotlib"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")


def test_every_notebook_is_known() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_notebook_is_kept_short_and_without_output(name: str) -> None:
    notebook = read_notebook(name)
    nbformat.validate(notebook)
    assert len(notebook.cells) <= MAX_CELLS
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.outputs or cell.execution_count is not None] == []
    assert [cell.id for cell in notebook.cells if "parameters" in tags_of(cell)] == [code[0].id]
    assert MACHINE_PATH.search(json.dumps(notebook, ensure_ascii=False)) is None


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_in_both_languages(name: str) -> None:
    for cell in read_notebook(name).cells:
        if cell.cell_type == "markdown":
            assert CHINESE.search(cell.source), cell.id
            assert re.search(r"[a-z]{3,} [a-z]{2,}", cell.source), cell.id


def test_flight_is_looked_at(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "models")
    write_tiny_segment_model(tmp_path / "models")
    text, kinds = execute(
        NAMES[0],
        {"MODELS_DIR": str(tmp_path / "models"), "PHOTOS": 2, "WIDTH_PX": 640, "SHOWN": 1},
    )
    assert text.count("640 x 480 px") == 2
    assert len(kinds) == 4  # tiles, one photo, the map, one candidate


@pytest.mark.soak
def test_trainings_are_compared(tmp_path: Path) -> None:
    text, kinds = execute(
        NAMES[1],
        {
            "EPOCHS": 1,
            "IMAGE_PX": 64,
            "SCENES": 4,
            "PHOTOS_PER_SCENE": 2,
            "OUT": str(tmp_path / "out"),
        },
    )
    runs = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("out/runs/*/run.json"))]
    assert [(run["state"], run["fraction"]) for run in runs] == [("trained", 0.5), ("trained", 1.0)]
    assert re.search(r"^data hash +\w{10} +\w{10}$", text, re.MULTILINE)
    assert "failure" not in text
    assert kinds.count("image/svg+xml") == 2


def test_errors_are_shown(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "models")
    text, kinds = execute(
        NAMES[2],
        {"MODELS_DIR": str(tmp_path / "models"), "SCENES": 2, "PHOTOS": 6, "SIZE_PX": 128},
    )
    assert re.search(r"^ *\d+ false_alarm +manhole_missing$", text, re.MULTILINE)
    assert "mAP50" in text
    assert kinds.count("image/svg+xml") == 3
    assert kinds.count("image/png") == 1
