from __future__ import annotations

import json
from pathlib import Path

import pytest

from detection.domain.errors import ConfigurationError, InvalidInputError, ModelError
from training.retraining.errors import DiskFullError, OtherOrderError, naming_full_disk
from training.retraining.journal import (
    FILE_NAME,
    LOG_NAME,
    STAGES,
    Journal,
    open_journal,
    read_journal,
)
from training.retraining.order import Order
from training.retraining.settings import RetrainingSettings


def make_order(tmp_path: Path, **changes: object) -> Order:
    return Order.model_validate(
        {
            "model": "manhole",
            "against": "1621dae52e3d",
            "decisions": (tmp_path / "decisions",),
            "models_dir": tmp_path,
            "store": tmp_path,
            "config": tmp_path / "manhole.yaml",
            "epochs": 4,
            "last_flights": 3,
            "settings": RetrainingSettings(),
        }
        | changes
    )


def reopen(tmp_path: Path, order: Order | None = None) -> Journal:
    return open_journal(tmp_path, order or make_order(tmp_path), lambda _: None)


def test_stage_is_done_once_and_stays_done(tmp_path: Path) -> None:
    journal = reopen(tmp_path)
    with journal.stage("build"):
        assert read_journal(tmp_path)["stage"] == "build"
    again = reopen(tmp_path)
    assert again.is_done("build")
    assert not again.is_done("start")
    assert read_journal(tmp_path)["stages"][0]["seconds"] is not None


def test_killed_stage_is_not_done(tmp_path: Path) -> None:
    journal = reopen(tmp_path)
    with pytest.raises(MemoryError), journal.stage("build"):
        raise MemoryError  # stands for the end of the process: nothing below is run
    document = read_journal(tmp_path)
    assert (document["state"], document["stages"][0]["state"]) == ("running", "running")
    assert not reopen(tmp_path).is_done("build")


def test_error_is_recorded_with_its_remedy(tmp_path: Path) -> None:
    journal = reopen(tmp_path)
    error = InvalidInputError("No decision.", remedy="Decide some.")
    with pytest.raises(InvalidInputError), journal.stage("build"):
        raise error
    journal.fail(error)
    document = read_journal(tmp_path)
    assert document["state"] == "failed"
    assert document["error"] == {
        "code": "invalid_input",
        "message": "No decision.",
        "remedy": "Decide some.",
    }
    assert document["stages"][0]["state"] == "failed"


def test_what_a_person_stopped_is_no_failure(tmp_path: Path) -> None:
    journal = reopen(tmp_path)
    with pytest.raises(KeyboardInterrupt), journal.stage("build"):
        raise KeyboardInterrupt
    journal.fail(KeyboardInterrupt())
    document = read_journal(tmp_path)
    assert (document["state"], document["error"]) == ("interrupted", None)


def test_run_of_another_order_is_refused(tmp_path: Path) -> None:
    with reopen(tmp_path).stage("build"):
        pass
    with pytest.raises(OtherOrderError, match="another order"):
        reopen(tmp_path, make_order(tmp_path, epochs=5))
    reopen(tmp_path, make_order(tmp_path, lang="en", cores=1))  # decide nothing


def test_finished_run_is_refused(tmp_path: Path) -> None:
    reopen(tmp_path).finish({"verdict": "better"})
    assert read_journal(tmp_path)["share"] == 1.0
    with pytest.raises(OtherOrderError, match="done already"):
        reopen(tmp_path)


def test_other_folders_and_releases_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder of a retraining"):
        read_journal(tmp_path)
    (tmp_path / FILE_NAME).write_text('{"schema": 9}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="another release"):
        read_journal(tmp_path)


def test_share_of_the_whole_only_grows(tmp_path: Path) -> None:
    journal = reopen(tmp_path)
    journal.expect({"train": 60.0, "compare": 20.0})
    seen = [0.0]
    for stage in STAGES:
        with journal.stage(stage):
            for done in (0, 1, 2):
                journal.tell("things", done, 2)
                seen.append(float(journal.document["share"]))
    assert seen == sorted(seen)
    assert 0.9 < seen[-1] <= 1.0


def test_time_left_is_of_this_stage_and_all_after_it(tmp_path: Path) -> None:
    journal = reopen(tmp_path)
    journal.expect(dict.fromkeys(STAGES, 10.0))
    with journal.stage("train"):
        journal.tell("epochs", 1, 2, seconds_left=33.0)
        assert journal.document["seconds_left"] == 33 + 30
        journal.tell("epochs", 1, 2)
        assert journal.document["seconds_left"] == 5 + 30


def test_what_is_said_is_kept(tmp_path: Path) -> None:
    heard: list[str] = []
    journal = open_journal(tmp_path, make_order(tmp_path), heard.append)
    journal.say("井盖")
    assert heard == ["井盖"]
    assert (tmp_path / LOG_NAME).read_text(encoding="utf-8").endswith("井盖\n")


def test_full_disk_has_a_name_and_other_errors_keep_theirs(tmp_path: Path) -> None:
    def fill() -> None:
        raise OSError(28, "No space left on device", "data.part")

    with pytest.raises(DiskFullError, match="--resume") as caught, naming_full_disk(tmp_path):
        fill()
    assert (caught.value.code, caught.value.exit_code) == ("disk_full", 3)
    tail = "OSError: [Errno 28] No space left on device"
    with pytest.raises(DiskFullError), naming_full_disk(tmp_path):
        raise ModelError(tail, remedy="the log of the trainer")
    other = "RuntimeError: out of memory"
    with pytest.raises(ModelError, match="memory"), naming_full_disk(tmp_path):
        raise ModelError(other, remedy="the log of the trainer")
    with pytest.raises(FileNotFoundError), naming_full_disk(tmp_path):
        (tmp_path / "missing").read_text(encoding="utf-8")


def test_full_disk_that_takes_no_note_either_keeps_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = reopen(tmp_path)

    def fill(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.retraining.journal.write_file", fill)
    made.fail(DiskFullError("full", remedy="free some"))  # would hide the error it is told of
    assert made.document["state"] == "failed"


def test_record_is_plain_json_with_every_stage(tmp_path: Path) -> None:
    with reopen(tmp_path).stage("build"):
        document = json.loads((tmp_path / FILE_NAME).read_text(encoding="utf-8"))
    assert [row["name"] for row in document["stages"]] == list(STAGES)
    keys = {"schema", "stage", "stages", "what", "done", "total", "share", "started_at"}
    keys |= {"seconds_left", "run", "model", "against", "order", "state", "error", "result"}
    assert keys <= set(document)
