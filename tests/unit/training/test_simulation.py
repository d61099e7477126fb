"""The simulated loop: what a strategy may know, what is common, and that a round is done once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.domain.errors import ModelError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.selection import SelectionSettings
from tests.labelled_sets import HEIGHT_PX, WIDTH_PX, save_photo
from training.data.annotation import AnnotatedPhoto, Annotation
from training.record import read_record
from training.simulation import LoopPlan, RoundResult, Stock, draw_budgets, rounds, run_chain
from training.simulation.answers import Answers, measure_ap50
from training.simulation.choice import choose_photos, draw_photos
from training.simulation.plan import CRACKS, MANHOLE, Strategy
from training.simulation.stock import cut_whole

OK, MISSING = HazardClass.MANHOLE_OK, HazardClass.MANHOLE_MISSING
PX = 64
PLAN = LoopPlan(
    dataset="drawn", classes=(OK, MISSING), measured=(OK, MISSING), epochs=(3, 2, 2), image_px=PX
)
BOX = BBox(30, 20, 90, 60)
SIDE = PX / WIDTH_PX


def make_photo(folder: Path, number: int, split: str) -> AnnotatedPhoto:
    path = folder / f"{split}-{number:02}.png"
    key = (OK, MISSING)[number % 2]
    notes = (Annotation(key, BOX),) if number % 3 else ()
    return AnnotatedPhoto(
        path.name, path, WIDTH_PX, HEIGHT_PX, split, f"g{number // 2}", "drawn", annotations=notes
    )


def make_stock(folder: Path, train: int = 20, val: int = 4) -> Stock:
    return Stock(
        PLAN,
        tuple(make_photo(folder, number, "train") for number in range(train)),
        tuple(make_photo(folder, number, "val") for number in range(val)),
        folder / "tiles.npy",
        folder / "start.pt",
    )


def write_photos(stock: Stock) -> Stock:
    photos = (*stock.train, *stock.val)
    for seed, photo in enumerate(photos):
        save_photo(photo.path, seed)
    np.save(stock.tiles, np.stack([cut_whole(photo, PX) for photo in photos]))
    stock.start.touch()
    return stock


def answer_truth(photos: Sequence[AnnotatedPhoto]) -> Answers:
    """Return what a network that knows all would say, with looks of its own for each photo."""
    rows = np.zeros((len(photos), 3, 6), dtype=np.float32)
    for row, photo in zip(rows, photos, strict=True):
        for line, item in zip(row, photo.annotations, strict=False):
            line[:4] = np.array(item.box.xyxy) * SIDE
            line[4:] = 0.9, PLAN.classes.index(item.hazard_class)
    vectors = np.random.default_rng(0).normal(size=(len(photos), 5)).astype(np.float32)
    return Answers(tuple(photo.name for photo in photos), rows, vectors)


Trainer = Callable[..., None]


def pretend(stock: Stock, told: list[Path]) -> Trainer:
    def train(folder: Path, action: str, *, module: str) -> None:
        assert (action, module) == ("round", "training.fitting.rounds")
        told.append(folder)
        photos = (*stock.train, *stock.val)
        asked = [photos[index] for index in read_record(folder)["answered"]]
        answers = answer_truth(asked)
        np.savez(folder / "answers.npz", rows=answers.rows, vectors=answers.vectors)
        (folder / rounds.WEIGHTS).parent.mkdir(parents=True)
        (folder / rounds.WEIGHTS).touch()

    return train


@pytest.fixture
def stock(tmp_path: Path) -> Stock:
    return write_photos(make_stock(tmp_path / "photos"))


@pytest.fixture
def told(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    folders: list[Path] = []
    monkeypatch.setattr(rounds, "run_trainer", pretend(stock, folders))
    return folders


def test_budgets_grow_from_one_start_and_each_round_goes_on(
    stock: Stock, told: list[Path], tmp_path: Path
) -> None:
    chosen, drawn = (run_chain(stock, name, 5, tmp_path) for name in ("selected", "random"))
    assert [len(item.labelled) for item in chosen] == [2, 4, 8]
    assert chosen[0] == drawn[0]
    assert [folder.name for folder in told] == [
        *("start-0", "selected-1", "selected-2"),
        *("random-1", "random-2"),
    ]
    for results in (chosen, drawn):
        for before, after in pairwise(results):
            assert set(before.labelled) < set(after.labelled)
    starts = [Path(read_record(folder)["start"]) for folder in told]
    assert starts[0] == stock.start
    assert [start.relative_to(tmp_path / "seed-5").parts[0] for start in starts[1:]] == [
        *("start-0", "selected-1"),
        *("start-0", "random-1"),
    ]


@pytest.mark.parametrize(("gone", "strategy"), [("answers.npz", "selected"), ("fit", "random")])
def test_round_of_which_only_figures_are_left_is_named(
    stock: Stock, told: list[Path], tmp_path: Path, gone: str, strategy: Strategy
) -> None:
    run_chain(stock, strategy, 5, tmp_path)
    start = tmp_path / "seed-5" / "start-0"
    shutil.rmtree(start / gone) if gone == "fit" else (start / gone).unlink()
    shutil.rmtree(tmp_path / "seed-5" / f"{strategy}-1")
    told.clear()
    with pytest.raises(ModelError, match="start-0"):
        run_chain(stock, strategy, 5, tmp_path)
    assert told == []


def test_full_data_differ_in_labels_only(stock: Stock, told: list[Path], tmp_path: Path) -> None:
    results = run_chain(stock, "full", 5, tmp_path)
    run_chain(stock, "random", 5, tmp_path)
    assert [len(item.labelled) for item in results] == [20, 20, 20]
    full, drawn = (
        [read_record(folder)["config"] for folder in part] for part in (told[:3], told[3:])
    )
    assert full == drawn


def test_only_revealed_labels_reach_the_trainer(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = []

    def look(folder: Path, action: str, *, module: str) -> None:
        seen.append({path.stem for path in (folder / "data" / "labels").rglob("*.txt")})
        pretend(stock, [])(folder, action, module=module)

    monkeypatch.setattr(rounds, "run_trainer", look)
    results = run_chain(stock, "selected", 1, tmp_path)
    assert seen == [{f"drawn--{Path(name).stem}" for name in item.labelled} for item in results]


def test_round_that_ended_is_not_trained_again(
    stock: Stock, told: list[Path], tmp_path: Path
) -> None:
    first = run_chain(stock, "selected", 2, tmp_path)
    (tmp_path / "seed-2" / "selected-2" / rounds.RESULT).unlink()
    assert len(told) == 3
    again = run_chain(stock, "selected", 2, tmp_path)
    assert [folder.name for folder in told[3:]] == ["selected-2"]
    assert [replace(item, seconds=0) for item in again] == [
        replace(item, seconds=0) for item in first
    ]


@given(st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_choice_knows_no_label_that_is_not_revealed(seed: int) -> None:
    stock = make_stock(Path("none"))
    labelled = draw_photos([photo.name for photo in stock.train], 4, seed)
    answers = answer_truth((*stock.train, *stock.val))
    blind = replace(
        stock,
        train=tuple(
            photo if photo.name in labelled else replace(photo, annotations=())
            for photo in stock.train
        ),
    )
    chosen = [
        choose_photos(part, labelled, answers, 6, settings=SelectionSettings(), seed=seed)
        for part in (stock, blind)
    ]
    assert chosen[0] == chosen[1]
    assert len(set(chosen[0]) - set(labelled)) == 6


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 9))
@settings(deadline=None)
def test_random_draw_is_a_sample_without_replacement(total: int, count: int, seed: int) -> None:
    names = [f"n{number}" for number in range(total)]
    drawn = draw_photos(names, count, seed)
    assert len(drawn) == len(set(drawn)) == min(total, count)
    assert set(drawn) <= set(names)
    assert draw_photos(names, count, seed) == drawn


def test_ap_is_one_for_the_truth_and_nought_for_boxes_elsewhere() -> None:
    stock = make_stock(Path("none"))
    answers = answer_truth(stock.val)
    assert measure_ap50(PLAN, stock.val, answers) == {"manhole_ok": 1.0, "manhole_missing": 1.0}
    answers.rows[:, :, :4] += 30
    assert measure_ap50(PLAN, stock.val, answers) == {"manhole_ok": 0.0, "manhole_missing": 0.0}


@pytest.mark.parametrize("plan", [MANHOLE, CRACKS])
def test_plans_average_classes_that_they_train(plan: LoopPlan) -> None:
    assert set(plan.measured) <= set(plan.classes)
    assert len(plan.fractions) == len(plan.epochs)
    assert list(plan.fractions) == sorted(plan.fractions)
    rounds_told = [plan.write_settings(1, index) for index in range(len(plan.epochs))]
    assert [item.optimisation.epochs for item in rounds_told] == list(plan.epochs)


def make_result(strategy: str, seed: int, fraction: float, figure: float) -> RoundResult:
    return RoundResult("drawn", strategy, seed, fraction, (), {}, {}, figure, 1.0)


def test_picture_shows_both_strategies_and_the_goal() -> None:
    results = [
        make_result(name, seed, fraction, 0.3 + fraction + 0.05 * seed)
        for seed in (0, 1)
        for name, fraction in (("start", 0.1), ("selected", 0.4), ("random", 0.4), ("full", 1.0))
    ]
    svg = draw_budgets({"drawn": results, "absent": []})
    for words in ("drawn: AP50 on val, 2 seeds", "selected", "random", "all labels", "97% of it"):
        assert words in svg
    assert "absent" not in svg


@pytest.mark.soak
def test_trainer_takes_as_many_steps_however_few_photos_are_labelled(
    stock: Stock, tmp_path: Path
) -> None:
    small = replace(
        stock,
        plan=replace(PLAN, fractions=(0.1,), epochs=(2,), images_per_epoch=40, frozen_modules=22),
        start=Path("yolo26n.yaml"),
    )
    result = run_chain(small, "random", 0, tmp_path)[0]
    folder = tmp_path / "seed-0" / "start-0"
    assert len(result.labelled) == 2
    with np.load(folder / "answers.npz") as file:
        assert file["rows"].shape[::2] == (len(stock.val), 6)
        assert len(file["vectors"]) == len(stock.val)
    lines = (folder / "fit" / "results.csv").read_text().splitlines()
    assert len(lines) == 1 + 2
    assert "3/3" in (folder / "round.log").read_text()  # batches of an epoch; 2 photos make one


def test_failing_round_leaves_no_result_and_is_done_anew(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[Path] = []

    def fail(*_: object, **__: object) -> None:
        message = "killed"
        raise ModelError(message, remedy="")

    monkeypatch.setattr(rounds, "run_trainer", fail)
    with pytest.raises(ModelError, match="killed"):
        run_chain(stock, "random", 0, tmp_path)
    assert not (tmp_path / "seed-0" / "start-0" / rounds.RESULT).exists()
    monkeypatch.setattr(rounds, "run_trainer", pretend(stock, told))
    assert len(run_chain(stock, "random", 0, tmp_path)) == len(told) == 3
