from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from detection.domain.errors import ConfigurationError, InvalidInputError, ModelError
from tests.drawn_data import CONFIG, draw_shared
from training.fitting import run_folder, stages
from training.fitting.curves import read_epochs
from training.fitting.fit_record import describe_start
from training.fitting.launch import isolated_environment, prepare_run, run_trainer
from training.fitting.progress import find_progress
from training.fitting.run_folder import PREPARING, find_state, hold_run, is_held
from training.fitting.stages import read_plan, train_run
from training.promotion.shipping_checks import check_trained
from training.record import read_record, write_record
from training.settings import TrainingSettings

EPOCHS = 5
SETTINGS = TrainingSettings.model_validate(
    CONFIG | {"optimisation": {"epochs": EPOCHS, "image_px": 64, "batch": 2}}
)
OUTLINES = TrainingSettings.model_validate(
    CONFIG
    | {
        "task": "segment",
        "precision": "bfloat16",
        "optimisation": {
            "epochs": EPOCHS,
            "image_px": 64,
            "batch": 2,
            "mask_ratio": 2,
            "freeze": 2,
        },
    }
)


class Lines:
    """A display that keeps what it is shown."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def refresh(self, text: str) -> None:
        del text

    def keep(self, text: str) -> None:
        self.kept.append(text)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return draw_shared(tmp_path, monkeypatch)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "run"


def kill_trainer_after_first_epoch(run_dir: Path) -> None:
    """Kill the child with no chance to tidy up."""
    text = ""
    while '"event": "epoch"' not in text:
        time.sleep(0.01)
        path = find_progress(run_dir)
        text = path.read_text() if path.is_file() else ""
    start = json.loads(text.splitlines()[0])
    os.kill(int(start["process"]), signal.SIGKILL)


@pytest.mark.soak
def test_killed_training_goes_on_to_the_same_epoch_and_says_so(
    tmp_path: Path, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = draw_shared(tmp_path, monkeypatch, outlines=True)
    killer = threading.Thread(target=kill_trainer_after_first_epoch, args=(run_dir,), daemon=True)
    killer.start()
    with pytest.raises(ModelError, match="status -9"):
        train_run(OUTLINES, lambda: shared, run_dir, Lines())
    killer.join(timeout=10)
    record = read_record(run_dir)
    assert record["state"] == "interrupted"
    with pytest.raises(ModelError, match="did not end"):
        check_trained(run_dir, record)
    done = len(read_epochs(run_dir))
    assert 1 <= done < EPOCHS

    display = Lines()
    train_run(read_plan(run_dir), lambda: shared, run_dir, display)
    record = read_record(run_dir)
    check_trained(run_dir, record)
    assert [row["epoch"] for row in read_epochs(run_dir)] == [1, 2, 3, 4, 5]
    (interruption,) = record["interruptions"]
    assert interruption["state"] == "interrupted"
    assert interruption["error"] == "The trainer ended with status -9:"
    assert "error" not in record
    assert 1 <= interruption["epochs_done"] <= done
    assert record["seconds"] > interruption["elapsed_s"] > 0
    assert record["best"]["epoch"] in {1, 2, 3, 4, 5}
    assert len(display.kept) == EPOCHS - interruption["epochs_done"]
    assert display.kept[-1].startswith("epoch 5/5  loss: box ")
    assert " seg " in display.kept[-1]
    assert record["precision"] == "bfloat16"
    assert (run_dir / "curves.svg").read_text().startswith("<svg")
    with pytest.raises(ConfigurationError, match="trained already"):
        train_run(OUTLINES, lambda: shared, run_dir, Lines())


def test_half_prepared_folder_is_prepared_anew(shared: Path, run_dir: Path) -> None:
    (run_dir / "data" / "images").mkdir(parents=True)
    (run_dir / "data" / "images" / "old.jpg").write_bytes(b"half")
    (run_dir / PREPARING).write_text(json.dumps(SETTINGS.model_dump(mode="json")))
    assert read_plan(run_dir) == SETTINGS
    prepare_run(SETTINGS, shared, run_dir)
    assert not list(run_dir.rglob("old.jpg"))
    assert not (run_dir / PREPARING).exists()
    assert read_record(run_dir)["state"] == "prepared"


def test_preparation_that_fails_leaves_nothing(shared: Path, run_dir: Path) -> None:
    (shared / "data" / "drawn" / "labels" / "1.txt").write_text("1 2.0 0.5 0.1 0.1\n")
    with pytest.raises(InvalidInputError, match=r"1\.txt"):
        train_run(SETTINGS, lambda: shared, run_dir, Lines())
    assert not run_dir.exists()


def test_other_configuration_in_the_folder_is_refused(shared: Path, run_dir: Path) -> None:
    prepare_run(SETTINGS, shared, run_dir)
    other = SETTINGS.model_copy(update={"seed": 12})
    with pytest.raises(ConfigurationError, match="another configuration"):
        train_run(other, lambda: shared, run_dir, Lines())


def test_folder_in_use_is_refused_and_free_again_when_its_holder_is_killed(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "_PATIENCE_S", 0.3)
    code = (
        "import sys, time, pathlib; from training.fitting.run_folder import hold_run\n"
        "with hold_run(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(run_dir)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_held(run_dir)
        with pytest.raises(ConfigurationError, match="Another process"), hold_run(run_dir):
            pass
        holder.kill()
    assert not is_held(run_dir)


def test_state_of_a_run_whose_processes_are_gone_is_interrupted(run_dir: Path) -> None:
    run_dir.mkdir()
    record = {"state": "training"}
    assert find_state(run_dir, record) == "interrupted"
    with hold_run(run_dir):
        assert find_state(run_dir, record) == "training"
        assert find_state(run_dir / "stage-1-frozen", record) == "training"
        write_record(run_dir, record)


def test_failed_trainer_leaves_a_run_that_is_not_promoted(
    shared: Path, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "The trainer ended with status 1."
        raise ModelError(message, remedy="Read the log.")

    monkeypatch.setattr(stages, "run_trainer", fail)
    with pytest.raises(ModelError):
        train_run(SETTINGS, lambda: shared, run_dir, Lines())
    record = read_record(run_dir)
    assert record["state"] == "failed"
    assert "status 1" in record["error"]
    with pytest.raises(ModelError, match="did not end"):
        check_trained(run_dir, record)


def test_interrupt_by_hand_leaves_a_run_to_go_on_with(
    shared: Path, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "run_trainer", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_run(SETTINGS, lambda: shared, run_dir, Lines())
    assert read_record(run_dir)["state"] == "interrupted"
    assert read_plan(run_dir) == SETTINGS


def test_child_never_outlives_an_interrupt(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[call-overload]
            started.append(self)

    def interrupt() -> None:
        if started[0].returncode is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Noted)
    run_dir.mkdir()
    write_record(run_dir, {"config": {}})
    with pytest.raises(KeyboardInterrupt):
        run_trainer(run_dir, "fit", watch=interrupt)
    assert started[0].returncode == -signal.SIGKILL


MENDING = """
import sys, pathlib, torch
from training.fitting.checkpoints import Checkpoint, find_checkpoint
folder = pathlib.Path(sys.argv[1])
last, best = folder / "last.pt", folder / "best.pt"
assert find_checkpoint(folder) is None
torch.save({"epoch": 4, "optimizer": {}}, last)
torch.save({"epoch": 2, "optimizer": {}}, best)
assert find_checkpoint(folder) == Checkpoint(last, 5)
best.write_bytes(last.read_bytes()[:100])  # killed while the best was written
assert find_checkpoint(folder) == Checkpoint(last, 5)
assert best.read_bytes() == last.read_bytes()
torch.save({"epoch": 2, "optimizer": {}}, best)
last.write_bytes(last.read_bytes()[:100])  # killed while the last was written
assert find_checkpoint(folder) == Checkpoint(best, 3)
best.write_bytes(b"")
assert find_checkpoint(folder) is None
torch.save({"epoch": -1, "optimizer": None}, last)  # killed after the last epoch
torch.save({"epoch": 2, "optimizer": {}}, best)
found = find_checkpoint(folder)
assert found is not None and found.epochs_done > 10**6
"""


def test_checkpoint_that_a_kill_cut_off_is_mended(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MENDING, str(tmp_path)],
        env=isolated_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("state", "done"), [("prepared", 3), ("training", 0), ("failed", 2)])
def test_every_way_to_stop_is_noted(state: str, done: int) -> None:
    record = {"state": state, "environment": {}, "error": "why", "interruptions": [{"first": 1}]}
    started = describe_start(record, done, 12.5)
    assert started["state"] == "training"
    first, note = started["interruptions"]
    assert first == {"first": 1}
    assert note["state"] == ("failed" if state == "failed" else "interrupted")
    assert (note["epochs_done"], note["elapsed_s"], note["error"]) == (done, 12.5, "why")
    assert "python" in note["environment"]  # another one than before
    assert "interruptions" not in describe_start({"state": "prepared"}, 0, 0.0)
