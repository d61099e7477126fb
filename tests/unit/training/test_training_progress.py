from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from training.cli import terminal
from training.cli.terminal import Count, Terminal
from training.data.following import follow, showing
from training.fitting.charts import Line, Panel, choose_ticks, draw_panels
from training.fitting.curves import (
    find_best,
    find_results,
    keep_epochs,
    read_epochs,
    shorten_figures,
)
from training.fitting.plots import draw_learning_curve, draw_run, overlay_runs
from training.fitting.progress import (
    ProgressLog,
    ProgressReader,
    find_progress,
    format_duration,
    read_elapsed,
)

HEAD = "epoch,time,train/box_loss,metrics/mAP50(B),metrics/mAP50-95(B),val/box_loss\n"


class Lines:
    def __init__(self) -> None:
        self.kept: list[str] = []
        self.refreshed: list[str] = []

    def refresh(self, text: str) -> None:
        self.refreshed.append(text)

    def keep(self, text: str) -> None:
        self.kept.append(text)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "a-run"
    (folder / "fit").mkdir(parents=True)
    return folder


def parse_svg(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314  # our own drawing


def write_results(run_dir: Path, *lines: str) -> None:
    find_results(run_dir).write_text(HEAD + "".join(lines))


def append(run_dir: Path, *lines: dict[str, object]) -> None:
    with find_progress(run_dir).open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def epoch_line(epoch: int, elapsed_s: float, map50: float) -> dict[str, object]:
    return {
        "event": "epoch",
        "epoch": epoch,
        "elapsed_s": elapsed_s,
        "losses": {"box_loss": 1.5, "cls_loss": 2.25},
        "val": {"map50": map50},
    }


def test_line_of_an_epoch_tells_losses_best_and_time_left(run_dir: Path) -> None:
    display = Lines()
    reader = ProgressReader(run_dir, display)
    reader.poll()  # nothing is there yet
    append(run_dir, {"event": "start", "epoch": 0, "epochs": 4, "batches": 10, "elapsed_s": 20.0})
    append(run_dir, {"event": "batch", "epoch": 1, "batch": 5, "elapsed_s": 80.0})
    append(run_dir, epoch_line(1, 140.0, 0.5), epoch_line(2, 260.0, 0.25))
    reader.poll()
    assert display.refreshed == ["epoch 1/4  batch 5/10  7 min left"]
    assert display.kept == [
        "epoch 1/4  loss: box 1.5 cls 2.25  val mAP50 0.500 (best 0.500)  6 min left",
        "epoch 2/4  loss: box 1.5 cls 2.25  val mAP50 0.250 (best 0.500)  4 min left",
    ]


def test_half_a_line_waits_for_its_other_half(run_dir: Path) -> None:
    display = Lines()
    reader = ProgressReader(run_dir, display)
    text = json.dumps(epoch_line(1, 9.0, 0.5)) + "\n"
    find_progress(run_dir).write_text(text[:30])
    reader.poll()
    assert display.kept == []
    find_progress(run_dir).write_text(text)
    reader.poll()
    assert len(display.kept) == 1


def test_second_sitting_repeats_nothing_and_knows_the_best_of_the_first(run_dir: Path) -> None:
    append(run_dir, epoch_line(1, 100.0, 0.75))
    write_results(run_dir, "1,100,1.5,0.75,0.3,2.0\n")
    display = Lines()
    reader = ProgressReader(run_dir, display)
    append(run_dir, {"event": "start", "epoch": 1, "epochs": 3, "batches": 10, "elapsed_s": 100.0})
    append(run_dir, epoch_line(2, 160.0, 0.5))
    reader.poll()
    (line,) = display.kept
    assert "(best 0.750)" in line
    assert line.endswith("1 min left")


def test_log_counts_over_sittings_and_skips_the_last_look_at_the_best(run_dir: Path) -> None:
    append(run_dir, epoch_line(1, 100.0, 0.5))
    log = ProgressLog(run_dir)
    trainer = SimpleNamespace(
        epoch=1,
        epochs=2,
        start_epoch=1,
        train_loader=[0, 0, 0],
        tloss={},
        metrics={"metrics/mAP50(B)": 0.61239, "other": 1.0},
        label_loss_items=lambda _: {"train/box_loss": 1.25},
    )
    callbacks = log.callbacks()
    for moment in ("on_train_start", "on_train_epoch_start", "on_train_batch_end"):
        callbacks[moment](trainer)
    callbacks["on_fit_epoch_end"](trainer)
    trainer.epoch = 2
    callbacks["on_fit_epoch_end"](trainer)
    start, batch, epoch = [
        json.loads(line) for line in find_progress(run_dir).read_text().splitlines()[1:]
    ]
    assert (start["event"], start["epoch"], start["batches"]) == ("start", 1, 3)
    assert start["process"] == os.getpid()
    assert (batch["epoch"], batch["batch"]) == (2, 1)
    assert epoch["losses"] == {"box_loss": 1.25}
    assert epoch["val"] == {"map50": 0.6124}
    assert epoch["elapsed_s"] >= 100.0
    assert read_elapsed(run_dir) >= 100.0


def test_trainer_whose_parent_is_gone_stops(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ProgressLog(run_dir)
    parent = os.getppid()
    monkeypatch.setattr(os, "getppid", lambda: parent + 1)
    with pytest.raises(SystemExit):
        log.callbacks()["on_train_batch_end"](SimpleNamespace(epoch=0))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45, "45 s"), (720, "12 min"), (11100, "3 h 05 min"), (7199, "2 h 00 min")],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_best_epoch_is_the_first_with_the_highest_ap(run_dir: Path) -> None:
    write_results(
        run_dir,
        "1,10,1.5,0.75,0.30,2.0\n",
        "2,20,1.4,0.70,0.45,1.9\n",
        "3,30,1.3,0.80,0.45,1.8\n",
        "4,40,1.2,0.8",  # cut off by a kill
    )
    rows = read_epochs(run_dir)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    best = find_best(rows)
    assert best is not None
    assert shorten_figures(best) == {"map50": 0.7, "map50_95": 0.45}
    assert find_best([]) is None
    masks = [
        {"epoch": 1, "metrics/mAP50-95(B)": 0.5},
        dict(rows[0], **{"metrics/mAP50-95(M)": 0.4}),
    ]
    assert find_best(masks) == masks[1]


def test_figure_that_is_no_number_is_no_figure(run_dir: Path) -> None:
    write_results(run_dir, "1,10,nan,0.7,0.3,2.0\n", "2,20,inf,nan,nan,1.9\n")
    rows = read_epochs(run_dir)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert find_best(rows) == rows[0]
    path = draw_run(run_dir)
    assert path is not None
    assert "nan" not in path.read_text()


def test_epochs_that_are_trained_again_are_dropped(run_dir: Path) -> None:
    keep_epochs(run_dir, 3)  # no epoch ended: nothing to drop
    write_results(run_dir, "1,10,1.5,0.7,0.3,2.0\n", "2,20,1.4,0.7,0.4,1.9\n", "3,30,1.")
    keep_epochs(run_dir, 1)
    assert find_results(run_dir).read_text() == HEAD + "1,10,1.5,0.7,0.3,2.0\n"


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.031, 0.97), (3.0, 3.0), (1e-4, 2e-4), (-2.0, 900.0)]
)
def test_ticks_are_round_and_reach_around_the_figures(low: float, high: float) -> None:
    ticks = choose_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 3 <= len(ticks) <= 9
    steps = {round(later - earlier, 9) for earlier, later in pairwise(ticks)}
    assert len(steps) == 1


def test_chart_is_well_formed_and_holds_its_points_inside() -> None:
    lines = (Line("<a & b>", ((1, 0.2), (2, 0.9))), Line("one", ((1, 0.5),), colour=1))
    svg = draw_panels('A "title" <x>', [Panel("p", "epoch", lines, (0.0, 1.0), dots=True)], 3)
    root = parse_svg(svg)
    width = float(root.attrib["width"])
    circles = [node for node in root.iter() if node.tag.endswith("circle")]
    assert len(circles) == 3
    assert all(0 < float(node.attrib["cx"]) < width for node in circles)
    texts = {node.text for node in root.iter() if node.tag.endswith("text")}
    assert {'A "title" <x>', "<a & b>", "0.90"} <= texts
    assert draw_panels("empty", [Panel("p", "epoch", ())]).count("no figures") == 1


def test_curves_of_a_run_lie_in_its_folder(run_dir: Path) -> None:
    assert draw_run(run_dir) is None
    write_results(run_dir, "1,10,1.5,0.7,0.3,2.0\n", "2,20,1.4,0.7,0.4,1.9\n")
    path = draw_run(run_dir)
    assert path == run_dir / "curves.svg"
    text = path.read_text()
    parse_svg(text)
    assert "best: epoch 2" in text
    assert "Loss: box" in text


def test_overlay_and_learning_curve_name_every_run() -> None:
    rows = [{"epoch": 1.0, "metrics/mAP50(B)": 0.5, "val/box_loss": 1.0}]
    svg = overlay_runs({"first": rows, "second": rows})
    parse_svg(svg)
    assert svg.count(">second<") == 2  # one legend in each panel
    parse_svg(overlay_runs({"before its first epoch": []}))
    curve = draw_learning_curve({"map50": [(1.0, 0.8), (0.25, 0.5)]}, "Learning")
    parse_svg(curve)
    assert ">25<" in curve
    assert ">100<" in curve


@pytest.mark.parametrize("is_terminal", [True, False])
def test_only_a_terminal_gets_a_line_that_is_refreshed(
    is_terminal: bool,  # noqa: FBT001  # pytest passes parameters so
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = Terminal()
    place.is_terminal = is_terminal
    place.refresh("epoch 1/2  batch 3/9")
    place.keep("epoch 1/2 done")
    text = capsys.readouterr().out
    assert ("batch 3/9" in text) == is_terminal
    assert text.endswith("epoch 1/2 done\n")


@pytest.mark.parametrize(("every_s", "lines"), [(0.0, 2), (3600.0, 0)])
def test_many_things_are_counted_now_and_then_where_no_terminal_is(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    every_s: float,
    lines: int,
) -> None:
    monkeypatch.setattr(terminal, "_KEPT_EVERY_S", every_s)
    place = Terminal(to_errors=True)
    place.is_terminal = False
    with showing(Count(place).show):
        assert list(follow("abc", "Reading photos")) == ["a", "b", "c"]
    assert list(follow("abc", "Silent")) == ["a", "b", "c"]
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [f"Reading photos: {n} of 3" for n in (1, 2)][:lines]
    assert shown.out == ""


def test_many_things_are_counted_in_one_line_that_goes_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "_REFRESHED_EVERY_S", 0.0)
    place = Terminal(to_errors=True)
    place.is_terminal = True
    with showing(Count(place).show):
        list(follow("abc", "Reading photos"))
    shown = capsys.readouterr().err
    assert "Reading photos: 2 of 3" in shown
    assert shown.endswith("\r")  # the codes that clear a line are left out of what is no terminal
