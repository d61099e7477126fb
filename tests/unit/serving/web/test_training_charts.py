"""Curves of a training: what is drawn is what was written, whatever a kill cut off."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from serving.web.training_charts import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Epoch,
    draw_figures,
    draw_losses,
    read_epochs,
)
from tests.training_reports import make_progress

FIGURES = st.lists(st.floats(0, 1e4), min_size=1, max_size=30)


def test_epochs_are_read_and_a_cut_off_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    path.write_text(make_progress(3))
    found = read_epochs(path)
    assert [each.number for each in found] == [1, 2, 3]
    assert found[-1].val["map50"] == 0.2 * 3
    path.write_text(make_progress(3) + "\n" + make_progress(2))
    assert len(read_epochs(path)) == 3, "an epoch that was made again counts once"
    assert read_epochs(tmp_path / "none") == []
    (tmp_path / "odd").write_bytes(b'[1]\nnull\n{"event": "epoch", "epoch": "x"}\n\xff\xfe\n')
    assert read_epochs(tmp_path / "odd") == []


def test_nothing_to_draw_is_no_chart() -> None:
    assert draw_losses([], 10) is None
    assert draw_figures([Epoch(1, {"box_loss": 1.0}, {})], 10) is None


@given(FIGURES)
def test_every_point_lies_within_the_frame_and_higher_is_higher(losses: list[float]) -> None:
    epochs = [Epoch(number, {"loss": value}, {}) for number, value in enumerate(losses, start=1)]
    chart = draw_losses(epochs, planned=len(losses) + 5)
    assert chart is not None
    points = [tuple(map(float, pair.split(","))) for pair in chart.lines[0].points.split()]
    assert len(points) == len(losses)
    for x, y in points:
        assert LEFT <= x <= RIGHT
        assert TOP <= y <= BOTTOM
    for (_, above), (_, below), first, second in zip(
        points, points[1:], losses, losses[1:], strict=False
    ):
        assert (above <= below) if first >= second else (above >= below)
    assert chart.lines[0].last == losses[-1]


def test_planned_epochs_leave_room_on_the_right() -> None:
    chart = draw_losses([Epoch(1, {"a": 1.0}, {}), Epoch(2, {"a": 0.5}, {})], planned=4)
    assert chart is not None
    assert chart.epochs == 4
    assert chart.lines[0].end[0] < RIGHT
    assert [text for text, _ in chart.x_marks] == ["1", "2", "3", "4"]
