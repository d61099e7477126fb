from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from detection.domain.hazard import HazardClass
from tests.retraining_orders import draw_decisions, make_order
from training.composed_settings import FlightNegatives
from training.data.decisions_tables import list_stored, read_photo_rows
from training.data.errors import NoDecisionsError
from training.evaluation.labelled_folder import read_labelled_folder
from training.retraining.build import FROZEN, build_data, list_missing, read_built
from training.retraining.candidate import keep_thresholds
from training.retraining.errors import SeenFlightError, TooFewDecisionsError, UnknownModelError
from training.retraining.estimate import estimate_order, fit_epochs
from training.retraining.facts import name_units
from training.retraining.order import Order
from training.retraining.photo_sets import list_sets, read_flight, read_flights
from training.retraining.plan import find_against, find_running, plan_training, read_original
from training.retraining.replay import Replay, find_replay
from training.retraining.settings import load_retraining_settings
from training.settings import CatalogueSource, TrainingSettings, load_training_settings


def original_of(order: Order) -> TrainingSettings:
    return read_original(order, find_against(order))


def test_decisions_become_a_version_and_photos_to_judge_by(tmp_path: Path) -> None:
    draw_decisions(tmp_path / "decisions", 4)
    order = make_order(tmp_path)
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    built = build_data(order, run_dir, original_of(order), Replay())
    assert built == read_built(run_dir)
    assert all(built["counts"][side]["photos"] for side in ("train", "val", "test"))
    frozen = read_labelled_folder(
        run_dir / FROZEN / "images", run_dir / FROZEN / "labels", tuple(HazardClass)
    )
    assert len(frozen.photos) == built["counts"]["test"]["photos"]
    shown = {item.hazard_class for photo in frozen.photos for item in photo.annotations}
    assert shown == {HazardClass.MANHOLE_MISSING}


def test_too_few_flights_say_how_many_more_and_leave_nothing(tmp_path: Path) -> None:
    draw_decisions(tmp_path / "decisions", 1)
    order = make_order(tmp_path)
    with pytest.raises(TooFewDecisionsError, match="2 more flights") as caught:
        build_data(order, tmp_path, original_of(order), Replay())
    assert caught.value.code == "too_few_decisions"
    assert list_stored(order.store) == []  # else the flight would never be held out


def test_decisions_on_other_things_are_none(tmp_path: Path) -> None:
    draw_decisions(tmp_path / "decisions", 3)
    text = (tmp_path / "decisions" / "decisions.json").read_text(encoding="utf-8")
    changed = text.replace("manhole_missing", "facade_crack")
    (tmp_path / "decisions" / "decisions.json").write_text(changed, encoding="utf-8")
    order = make_order(tmp_path)
    with pytest.raises(NoDecisionsError):
        build_data(order, tmp_path, original_of(order), Replay())


def test_model_that_is_not_in_force_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="No model named roof") as caught:
        find_running("roof", tmp_path)
    assert caught.value.code == "model_unknown"


def test_original_data_judges_where_it_is_here() -> None:
    counts = {"train": {"photos": 3}, "val": {"photos": 0}}
    assert list_missing(counts, Replay()) == ["val", "test"]
    assert list_missing(counts, Replay((CatalogueSource(dataset="manhole"),))) == []
    assert list_missing({}, Replay((CatalogueSource(dataset="manhole"),))) == ["train"]


def test_without_shared_files_only_drawn_scenes_are_shown_again(tmp_path: Path) -> None:
    settings = load_training_settings(make_order(tmp_path).config)
    replay = find_replay(settings, None, load_retraining_settings().replay)
    assert [source.model_dump()["rendered"] for source in replay.sources] == ["manhole"]
    assert "dataset:manhole" in replay.missing
    assert not any(name.startswith("pasted") for name in replay.missing)  # not asked for


def test_run_goes_on_gently_and_keeps_more_of_the_old_without_replay(tmp_path: Path) -> None:
    order = make_order(tmp_path)
    original = original_of(order)
    alone = plan_training(order, original, Replay(), tmp_path / "v", tmp_path / "start.pt")
    source = CatalogueSource(dataset="manhole")
    again = plan_training(order, original, Replay((source,)), tmp_path / "v", tmp_path / "start.pt")
    assert alone.optimisation.start_share > again.optimisation.start_share > 0
    assert alone.thresholds == original.thresholds
    assert alone.promotion == original.promotion
    assert (alone.unseen_flights, alone.background_flights) == ((), ())
    assert alone.started_from == str(tmp_path / "start.pt")
    assert again.data[1] == source


def test_rare_classes_keep_the_threshold_in_force(tmp_path: Path) -> None:
    running = find_against(make_order(tmp_path))
    kept = keep_thresholds([], running, 20)
    assert kept == dict(running.thresholds)


def test_estimate_keeps_nothing_and_says_what_is_missing(tmp_path: Path) -> None:
    draw_decisions(tmp_path / "decisions", 2)
    order = make_order(tmp_path)
    told = estimate_order(order)
    assert not told["enough"]
    assert set(told["missing"]) <= {"train", "val", "test"}
    assert told["seconds"]["all"] == pytest.approx(
        sum(value for key, value in told["seconds"].items() if key != "all"), abs=5
    )
    assert not order.store.exists()


def test_budget_of_time_chooses_the_epochs() -> None:
    seconds = {"train": 20.0 + 4 * 60.0, "compare": 40.0, "all": 300.0}
    assert fit_epochs(seconds, 60, 4) == 4
    assert fit_epochs(seconds, 3.5, 4) == 2
    assert fit_epochs(seconds, 1, 4) == 1


def test_sets_hold_only_what_was_never_trained_on(tmp_path: Path) -> None:
    draw_decisions(tmp_path / "decisions", 4)
    order = make_order(tmp_path)
    original = original_of(order)
    version = Path(build_data(order, tmp_path, original, Replay())["folder"])
    sets = {one.key: one for one in list_sets(order, tmp_path, version, original, Replay())}
    assert set(sets) == {"held_out", "last_flights"}
    assert {facts.side for one in sets.values() for facts in one.facts} == {"test"}
    note = sets["last_flights"].note
    assert note is not None
    assert "6" in note.en  # pictures of the three newest flights
    assert sets["last_flights"].title.zh == "最近 3 个架次"


def test_named_flight_that_was_learnt_from_is_refused(tmp_path: Path) -> None:
    folder = draw_decisions(tmp_path / "decisions", 4)
    order = make_order(tmp_path)
    original = original_of(order)
    version = Path(build_data(order, tmp_path, original, Replay())["folder"])
    with pytest.raises(SeenFlightError) as caught:
        read_flight(folder, version, original, tmp_path)
    assert caught.value.code == "flight_was_trained_on"
    with pytest.raises(SeenFlightError):
        read_flight(folder / "photos", version, original, tmp_path)


def test_named_flight_that_an_earlier_version_learnt_from_is_refused(tmp_path: Path) -> None:
    """The model in force may come of that version, so its figures there would flatter."""
    draw_decisions(tmp_path / "decisions", 4)
    order = make_order(tmp_path)
    original = original_of(order)
    build_data(order, tmp_path, original, Replay())
    draw_decisions(tmp_path / "later" / "export", 3, first=20)
    later = order.model_copy(update={"decisions": (tmp_path / "later" / "export",)})
    version = Path(build_data(later, tmp_path, original, Replay())["folder"])
    again = draw_decisions(tmp_path / "again" / "export", 5)  # other photos of the same flights
    with pytest.raises(SeenFlightError, match="earlier"):
        read_flight(again, version, original, tmp_path)


def test_decided_flight_that_the_original_data_hold_never_judges(tmp_path: Path) -> None:
    """The newest flights would be held out; the newest of all was trained on as ground."""
    folder = draw_decisions(tmp_path / "decisions", 5)
    shared = tmp_path / "shared"
    (shared / "flights" / "known").mkdir(parents=True)
    for index in (0, 1):
        shutil.copyfile(tmp_path / f"5-{index}.jpg", shared / "flights" / "known" / f"{index}.jpg")
    order = make_order(tmp_path, shared_dir=shared, decisions=(folder,))
    part = FlightNegatives(negatives="known", flight=Path("flights/known"), tile_px=416)
    original = original_of(order)
    original = original.model_copy(update={"data": (*original.data, part)})
    version = Path(build_data(order, tmp_path, original, Replay())["folder"])
    side_of = {row["flight_id"]: row["side"] for row in read_photo_rows(version)}
    assert side_of["5"] == "train"
    assert set(side_of.values()) == {"train", "val", "test"}
    named = order.model_copy(update={"report_flights": (shared / "flights" / "known",)})
    draw_decisions(tmp_path / "others" / "export", 4, first=20)
    others = order.model_copy(
        update={"decisions": (tmp_path / "others" / "export",), "store": tmp_path / "empty"}
    )
    version = Path(build_data(others, tmp_path, original, Replay())["folder"])
    with pytest.raises(SeenFlightError, match="2 photos"):
        read_flights(named, version, original, tmp_path)


def test_photos_tied_by_places_count_as_one() -> None:
    rows = [
        {"photo_sha256": "1", "places": "p|q"},
        {"photo_sha256": "2", "places": "r"},
        {"photo_sha256": "3", "places": ""},
        {"photo_sha256": "4", "places": "q|r"},
    ]
    units = name_units(rows)
    assert units["1"] == units["2"] == units["4"] != units["3"]


def test_named_flight_may_be_photos_or_decisions(tmp_path: Path) -> None:
    draw_decisions(tmp_path / "decisions", 4)
    order = make_order(tmp_path)
    original = original_of(order)
    version = Path(build_data(order, tmp_path, original, Replay())["folder"])
    other = draw_decisions(tmp_path / "other" / "export", 7, first=20)
    labelled = read_flight(other, version, original, tmp_path)
    assert labelled.has_truth
    assert labelled.key == "report:export"
    plain = read_flight(other / "photos", version, original, tmp_path)
    assert not plain.has_truth
    assert len(plain.photos) == 14
