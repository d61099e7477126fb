from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.synthetic.cracks import CrackLine
from training.synthetic.training_cracks import _keep_connected
from training.synthetic.training_set import CLASSES, Task, render_training_set, write_label_rows
from training.synthetic.truth import LabelledBox


@pytest.mark.parametrize("task", ["manhole", "facade_crack"])
def test_photos_and_labels_match_and_lie_within_bounds(task: Task, tmp_path: Path) -> None:
    written = render_training_set(
        tmp_path, task=task, seeds=range(21, 24), photos_per_seed=2, size_px=256
    )
    photos = sorted((tmp_path / "images").glob("*.jpg"))
    labels = sorted((tmp_path / "labels").glob("*.txt"))
    assert written == len(photos) == len(labels) == 6
    assert [path.stem for path in photos] == [path.stem for path in labels]
    rows = [row for path in labels for row in path.read_text().splitlines()]
    assert rows
    for row in rows:
        index, *numbers = row.split()
        x, y, width, height = (float(number) for number in numbers)
        assert 0 <= int(index) < len(CLASSES[task])
        assert width * 256 >= 7.99
        assert height * 256 >= 7.99
        assert x - width / 2 >= -1e-5
        assert x + width / 2 <= 1 + 1e-5
        assert y - height / 2 >= -1e-5
        assert y + height / 2 <= 1 + 1e-5
    with Image.open(photos[0]) as photo:
        assert photo.size == (256, 256)


def test_same_seed_gives_the_same_photos(tmp_path: Path) -> None:
    for name in ("a", "b"):
        render_training_set(
            tmp_path / name, task="manhole", seeds=[5], photos_per_seed=1, size_px=192
        )
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("a", "b")
    )
    assert first == second
    assert len(first) == 2


def test_branches_cut_off_from_the_stem_are_dropped() -> None:
    def make_line(x: float) -> CrackLine:
        points = np.column_stack([np.full(50, x), np.arange(50) * 0.01])
        return CrackLine(points, np.full(50, 0.01))

    stem, branch, stray = make_line(0.0), make_line(0.02), make_line(0.5)
    assert _keep_connected([stem, branch, stray]) == [stem, branch]


@pytest.mark.parametrize(
    ("width_px", "fraction", "is_written"),
    [(30.0, 1.0, True), (30.0, 0.41, True), (30.0, 0.39, False), (7.9, 1.0, False)],
)
def test_only_visible_things_of_some_size_are_labelled(
    width_px: float, fraction: float, *, is_written: bool
) -> None:
    box = BBox(10.0, 20.0, 10.0 + width_px, 60.0)
    labelled = LabelledBox(HazardClass.MANHOLE_MISSING, box, fraction)
    rows = write_label_rows([labelled], CLASSES["manhole"], 640)
    expected = f"2 {(10 + width_px / 2) / 640:.6f} {40 / 640:.6f} "
    assert rows.startswith(expected) if is_written else rows == ""
