"""Decisions to data versions: what is taught, what is greyed, and what is never trained on."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.tiling import PAD_VALUE
from hazardlens import cli
from tests.decisions_folder import SaidLabel, SaidPhoto, write_decisions
from training.data.annotation import AnnotatedPhoto
from training.data.decided import DISAGREE, DecidedLabel, DecidedPhoto, read_decisions
from training.data.decisions import (
    LOOKS_LIKE_HELD_OUT,
    DecisionRules,
    DecisionsBuilt,
    build_decisions,
)
from training.data.decisions_file import FlightFacts, LabelRow, PhotoRow
from training.data.decisions_sides import Shares, choose_sides
from training.data.decisions_tables import PROVENANCE_CSV, history_from_rows, read_photo_rows
from training.data.errors import DamagedVersionError, NoDecisionsError
from training.data.pixels import read_pixels
from training.data.versions import load_version

SIZE_PX = (400, 300)
CRACK, MISSING, OK = "facade_crack", "manhole_missing", "manhole_ok"
ALL_TRAIN = Shares(0.0, 0.0)
RULES = DecisionRules("drawn", crop_px=160, views=1, shares=ALL_TRAIN, fill_sides=False)


def draw(folder: Path, seed: int, size_px: tuple[int, int] = SIZE_PX) -> Path:
    """Draw a photo that is like no other."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
    path = folder / f"{seed}.jpg"
    Image.fromarray(coarse).resize(size_px, Image.Resampling.BICUBIC).save(path, quality=95)
    return path


def build(
    tmp_path: Path, photos: Sequence[SaidPhoto], rules: DecisionRules = RULES
) -> DecisionsBuilt:
    folder = write_decisions(tmp_path / "out", photos)
    return build_decisions([folder], tmp_path / "store", rules)


def read_provenance(built: DecisionsBuilt) -> list[dict[str, str]]:
    with (built.folder / PROVENANCE_CSV).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_decided_things_become_crops_that_lead_back_to_their_events(tmp_path: Path) -> None:
    photo = draw(tmp_path, 1)
    labels = [
        SaidLabel(CRACK, (50, 60, 90, 100), "confirmed", events=(7,)),
        SaidLabel(CRACK, (300, 200, 340, 220), "rejected", events=(8,)),
    ]
    built = build(tmp_path, [SaidPhoto(photo, labels=labels)])
    (shown,) = [item for item in load_version(built.folder) if item.annotations]
    row = next(row for row in read_photo_rows(built.folder) if row["photo"] == shown.name)
    (label,) = shown.annotations
    origin = np.array([int(row["x_min"]), int(row["y_min"])] * 2)
    assert np.allclose(np.array(label.box.xyxy) + origin, (50, 60, 90, 100), atol=0.1)
    told = {(row["verdict"], row["label"], row["event_ids"]) for row in read_provenance(built)}
    assert told == {("confirmed", "1", "7"), ("rejected", "0", "8")}
    x_min, y_min, x_max, y_max = (int(row[key]) for key in ("x_min", "y_min", "x_max", "y_max"))
    there = read_pixels(photo)[y_min:y_max, x_min:x_max].astype(int)
    assert np.abs(read_pixels(shown.path) - there).mean() < 3, "the crop is not the place"


@pytest.mark.parametrize("why", ["pending", "unsure", "duplicate", "disputed"])
def test_what_nobody_decided_is_greyed_and_never_a_label(tmp_path: Path, why: str) -> None:
    photo = SaidPhoto(
        draw(tmp_path, 2),
        labels=[SaidLabel(CRACK, (100, 100, 140, 140), "confirmed")],
        undecided=[(CRACK, (150, 90, 170, 110), why)],
    )
    built = build(tmp_path, [photo])
    (crop,) = load_version(built.folder)
    assert (len(crop.annotations), built.left_out) == (1, {why: 1})
    (row,) = read_photo_rows(built.folder)
    x, y = 160 - int(row["x_min"]), 100 - int(row["y_min"])
    pixels = read_pixels(crop.path).astype(int)
    assert np.abs(pixels[y - 8 : y + 8, x - 8 : x + 8] - PAD_VALUE).max() < 12
    inside = pixels[100 - int(row["y_min"]) :, 100 - int(row["x_min"]) :][:40, :40]
    assert np.abs(inside - PAD_VALUE).mean() > 12, "the labelled thing must stay"


def test_the_same_decisions_give_the_same_version(tmp_path: Path) -> None:
    said = SaidPhoto(draw(tmp_path, 3), labels=[SaidLabel(CRACK, (50, 60, 90, 100), events=(1,))])
    first = build(tmp_path, [said])
    again = build(tmp_path, [said])
    assert (first.is_new, again.is_new, again.folder) == (True, False, first.folder)
    later = replace(said, labels=[replace(said.labels[0], events=(2,))])
    assert build(tmp_path, [later]).folder != first.folder, "the way back to the events is data"


def test_a_changed_table_is_noticed(tmp_path: Path) -> None:
    built = build(
        tmp_path, [SaidPhoto(draw(tmp_path, 3), labels=[SaidLabel(CRACK, (9, 9, 60, 60))])]
    )
    table = built.folder / PROVENANCE_CSV
    table.chmod(0o644)
    table.write_text(table.read_text().replace("rejected", "confirmed"))
    with pytest.raises(DamagedVersionError):
        load_version(built.folder)


def test_things_of_other_classes_say_nothing_about_a_model(tmp_path: Path) -> None:
    labels = [
        SaidLabel(CRACK, (20, 20, 60, 60), "confirmed"),
        SaidLabel("added_storey", (200, 100, 390, 290), "confirmed"),
    ]
    rules = replace(RULES, classes=(HazardClass.FACADE_CRACK,))
    built = build(tmp_path, [SaidPhoto(draw(tmp_path, 4), labels=labels)], rules)
    assert len(load_version(built.folder)) == 1, "no crop of the storey: nobody looked for cracks"
    assert built.left_out == {"other_class": 1}


def test_a_rejected_cover_may_be_a_whole_one(tmp_path: Path) -> None:
    labels = [
        SaidLabel(MISSING, (20, 20, 60, 60), "rejected"),
        SaidLabel(OK, (80, 20, 120, 60), "confirmed"),
    ]
    photo = SaidPhoto(draw(tmp_path, 5), labels=labels)
    built = build(tmp_path, [photo])
    assert built.left_out == {"may_be_a_whole_cover": 1}
    (crop,) = load_version(built.folder)
    (row,) = read_photo_rows(built.folder)
    x, y = 28 - int(row["x_min"]), 28 - int(row["y_min"])
    greyed = read_pixels(crop.path)[y : y + 20, x : x + 20].astype(int)
    assert np.abs(greyed - PAD_VALUE).max() < 12
    taught = build(tmp_path, [photo], replace(RULES, rejected_covers="background"))
    assert taught.left_out == {}
    alone = replace(RULES, classes=(HazardClass.MANHOLE_MISSING,))
    assert build(tmp_path, [photo], alone).left_out == {"other_class": 1}, "it learns hazards only"


def test_outlines_are_cut_with_their_crop_and_asked_for(tmp_path: Path) -> None:
    ring = [(50.0, 60.0), (90.0, 60.0), (90.0, 100.0)]
    labels = [
        SaidLabel(CRACK, (50, 60, 90, 100), "confirmed", outline=[ring]),
        SaidLabel(CRACK, (300, 200, 340, 220), "confirmed"),
    ]
    rules = replace(RULES, outlines=True, crop_px=96)
    built = build(tmp_path, [SaidPhoto(draw(tmp_path, 6), labels=labels)], rules)
    (crop,) = load_version(built.folder)
    (label,) = crop.annotations
    (row,) = read_photo_rows(built.folder)
    moved = {(round(x + int(row["x_min"])), round(y + int(row["y_min"]))) for x, y in label.polygon}
    assert moved == {(50, 60), (90, 60), (90, 100)}
    assert built.left_out == {"without_outline": 1}


def test_a_thing_larger_than_a_crop_is_shown_whole(tmp_path: Path) -> None:
    labels = [SaidLabel(CRACK, (10, 10, 290, 280), "confirmed")]
    photo = SaidPhoto(draw(tmp_path, 7), labels=labels, gsd_m=0.01)
    built = build(tmp_path, [photo])
    (crop,) = load_version(built.folder)
    (label,) = crop.annotations
    (row,) = read_photo_rows(built.folder)
    assert max(crop.width_px, crop.height_px) <= 160
    assert label.box.width_px == pytest.approx(280 * float(row["scale"]), abs=1)
    assert float(row["gsd_m"]) == pytest.approx(0.01 / float(row["scale"]), rel=1e-3)


def test_a_photo_that_was_searched_whole_has_quiet_tiles_too(tmp_path: Path) -> None:
    labels = [SaidLabel(CRACK, (10, 10, 60, 60), "confirmed", "drawn")]
    searched = SaidPhoto(draw(tmp_path, 8), labels=labels, searched_for=[CRACK])
    built = build(tmp_path, [searched])
    sides = [bool(photo.annotations) for photo in load_version(built.folder)]
    assert True in sides
    assert False in sides


def test_flights_that_contradict_each_other_teach_nothing(tmp_path: Path) -> None:
    path = draw(tmp_path, 9)
    photos = [
        SaidPhoto(path, flight_id=1, labels=[SaidLabel(CRACK, (10, 10, 60, 60), "confirmed")]),
        SaidPhoto(path, flight_id=2, labels=[SaidLabel(CRACK, (12, 10, 62, 60), "rejected")]),
    ]
    (photo,) = read_decisions([write_decisions(tmp_path / "out", photos)])
    assert photo.labels == ()
    assert {box.why for box in photo.undecided} == {DISAGREE}


def test_the_newest_export_of_a_photo_counts(tmp_path: Path) -> None:
    path = draw(tmp_path, 10)
    before = [SaidPhoto(path, labels=[SaidLabel(CRACK, (10, 10, 60, 60), "confirmed")])]
    after = [SaidPhoto(path, labels=[SaidLabel(CRACK, (10, 10, 60, 60), "rejected")])]
    old = write_decisions(tmp_path / "a", before, exported_at="2026-01-01T00:00:00+00:00")
    new = write_decisions(tmp_path / "b", after, exported_at="2026-02-01T00:00:00+00:00")
    (photo,) = read_decisions([new, old])
    assert [label.is_there for label in photo.labels] == [False]


def test_a_crop_that_is_a_held_out_picture_is_left_out(tmp_path: Path) -> None:
    path = draw(tmp_path, 11, (160, 160))
    held_out = AnnotatedPhoto("held.jpg", path, 160, 160, "val", "g", "base")
    labels = [SaidLabel(CRACK, (10, 10, 60, 60), "confirmed")]
    other = SaidPhoto(draw(tmp_path, 12, (160, 160)), labels=labels)
    folder = write_decisions(tmp_path / "out", [SaidPhoto(path, labels=labels), other])
    built = build_decisions([folder], tmp_path / "store", RULES, base=[held_out])
    assert built.left_out == {LOOKS_LIKE_HELD_OUT: 1}
    assert len(built.photos) == 1
    together = build_decisions(
        [folder], tmp_path / "store", RULES, base=[held_out], include_base=True
    )
    assert {photo.split for photo in load_version(together.folder)} == {"train", "val"}


def test_what_one_version_held_out_no_later_one_trains_on(tmp_path: Path) -> None:
    """Flight 2 is held out; flight 3, which sees a place of it again, joins it."""
    labels = [SaidLabel(CRACK, (8, 8, 60, 60), "confirmed")]
    photos = [
        SaidPhoto(draw(tmp_path, 30 + number), number, f"flight {number}", labels=labels)
        for number in (1, 2)
    ]
    first = build(tmp_path, photos, replace(RULES, test_flights=("flight 2",)))
    assert {row["flight_id"]: row["side"] for row in read_photo_rows(first.folder)} == {
        "1": "train",
        "2": "test",
    }
    at_place = [replace(labels[0], place="corner")]
    again = [replace(photo, labels=at_place) for photo in photos[1:]]
    again.append(SaidPhoto(draw(tmp_path, 33), 3, "flight 3", labels=at_place))
    second = build(tmp_path, [photos[0], *again])
    assert {row["flight_id"]: row["side"] for row in read_photo_rows(second.folder)} == {
        "1": "train",
        "2": "test",
        "3": "test",
    }
    tied = [replace(photos[0], labels=at_place), *again]
    third = build(tmp_path, tied)
    assert {row["flight_id"] for row in read_photo_rows(third.folder)} == {"2", "3"}
    assert third.left_out == {"trained_on_and_tied_to_held_out": 1}


def test_val_that_turns_out_to_be_a_place_of_test_takes_no_part(tmp_path: Path) -> None:
    """Flights 1 (val) and 2 (test) are tied later: the test stays, nothing was chosen on it."""
    label = SaidLabel(CRACK, (8, 8, 60, 60), "confirmed")
    photos = [
        SaidPhoto(draw(tmp_path, 40 + number), number, f"flight {number}", labels=[label])
        for number in (1, 2, 3)
    ]
    build(tmp_path, photos[:1], replace(RULES, shares=Shares(1.0, 0.0)))
    build(tmp_path, photos[1:2], replace(RULES, test_flights=("flight 2",)))
    at_corner = [replace(label, place="corner")]
    tied = [replace(photo, labels=at_corner) for photo in photos[:2]]
    built = build(tmp_path, [*tied, photos[2]])
    assert {row["flight_id"]: row["side"] for row in read_photo_rows(built.folder)} == {
        "2": "test",
        "3": "train",
    }
    assert built.left_out == {"chosen_on_and_tied_to_test": 1}


def test_copy_of_what_an_earlier_version_held_out_is_not_trained_on(tmp_path: Path) -> None:
    """The held-out photo itself is not in the later export; its copy came in as another flight."""
    labels = [SaidLabel(CRACK, (10, 10, 60, 60), "confirmed")]
    held = SaidPhoto(draw(tmp_path, 50, (160, 160)), 1, "flight 1", labels=labels)
    build(tmp_path, [held], replace(RULES, test_flights=("flight 1",)))
    copy = tmp_path / "copy.jpg"
    with Image.open(held.path) as image:
        image.save(copy, quality=80)
    other = SaidPhoto(draw(tmp_path, 51, (160, 160)), 3, "flight 3", labels=labels)
    built = build(tmp_path, [SaidPhoto(copy, 2, "flight 2", labels=labels), other])
    assert {row["flight_id"] for row in read_photo_rows(built.folder)} == {"3"}
    assert built.left_out == {LOOKS_LIKE_HELD_OUT: 1}


@given(
    rounds=st.lists(
        st.lists(
            st.tuples(st.integers(0, 5), st.integers(0, 3), st.sampled_from(["", "p", "q", "r"])),
            min_size=1,
            max_size=8,
        ),
        min_size=2,
        max_size=5,
    ),
    seed=st.integers(0, 9),
    wanted=st.sets(st.sampled_from([f"flight {number}" for number in range(6)]), max_size=2),
)
def test_held_out_stays_held_out_and_no_place_is_split(
    rounds: list[list[tuple[int, int, str]]], seed: int, wanted: set[str]
) -> None:
    """Whatever comes in whatever order: flights grow, places turn up again, versions follow."""
    told: list[Mapping[str, str]] = []
    places: dict[tuple[int, int], str] = {}
    for number, added in enumerate(rounds):
        places |= {(flight, photo): place for flight, photo, place in added}
        photos = [_decided(*key, place) for key, place in sorted(places.items())]
        shares = Shares(0.3, 0.3)
        # Another seed each time, as a person who tries other settings makes versions.
        sides = choose_sides(
            photos,
            history_from_rows(told),
            shares=shares,
            seed=seed + number,
            test_flights=wanted,
            fill=bool(seed % 2),
        )
        rows = [
            {
                "photo_sha256": photo.facts.sha256,
                "side": sides.side[photo.facts.sha256],
                "flights": photo.flights[0],
                "places": "|".join(photo.places),
            }
            for photo in photos
            if photo.facts.sha256 in sides.side
        ]
        assert len(rows) + len(sides.left_out) == len(photos)
        _check_round(rows, told)
        told += rows


def _decided(flight: int, photo: int, place: str) -> DecidedPhoto:
    sha256 = f"{10 * flight + photo:064x}"
    facts = PhotoRow(
        sha256=sha256,
        file="",
        file_sha256=sha256,
        width_px=9,
        height_px=9,
        flight=FlightFacts(id=flight, name=f"flight {flight}"),
    )
    said = LabelRow(
        photo_sha256=sha256,
        flight_id=flight,
        origin="decision",
        verdict="confirmed",
        hazard_class=HazardClass.FACADE_CRACK,
        bbox_xyxy=(1, 1, 5, 5),
        place_key=place or None,
    )
    label = DecidedLabel(
        said.hazard_class, is_there=True, box=BBox(1, 1, 5, 5), rings=(), said=said
    )
    return DecidedPhoto(Path("none.jpg"), facts, (f"flight {flight}",), (label,))


def _check_round(rows: Sequence[Mapping[str, str]], told: Sequence[Mapping[str, str]]) -> None:
    held = {row["photo_sha256"]: row["side"] for row in told if row["side"] != "train"}
    trained = {row["photo_sha256"] for row in told if row["side"] == "train"}
    for row in rows:
        side, sha256 = row["side"], row["photo_sha256"]
        assert side == held.get(sha256, side), "a held-out photo has changed its side"
        assert side == "train" or sha256 not in trained, "what was trained on is held out"
    for key in ("flights", "places"):
        sides: dict[str, set[str]] = {}
        for row in rows:
            if row[key]:
                sides.setdefault(row[key], set()).add(row["side"])
        assert all(len(found) == 1 for found in sides.values()), f"one of {key} on two sides"


def _break_json(document: dict[str, Any], folder: Path) -> None:
    del document
    (folder / "decisions.json").write_text('{"schema": 1,')


def _remove_list(document: dict[str, Any], folder: Path) -> None:
    del document
    (folder / "decisions.json").unlink()


def _set_schema(document: dict[str, Any], folder: Path) -> None:
    del folder
    document["schema"] = 2


def _lose_photo(document: dict[str, Any], folder: Path) -> None:
    (folder / document["photos"][0]["file"]).unlink()


def _change_photo(document: dict[str, Any], folder: Path) -> None:
    draw(folder, 99).replace(folder / document["photos"][0]["file"])


def _lead_outside(document: dict[str, Any], folder: Path) -> None:
    draw(folder.parent, 98)
    document["photos"][0]["file"] = "../98.jpg"


def _name_no_class(document: dict[str, Any], folder: Path) -> None:
    del folder
    document["labels"][0]["hazard_class"] = "pothole"


def _move_box(document: dict[str, Any], folder: Path) -> None:
    del folder
    document["labels"][0]["bbox_xyxy"] = [380, 280, 450, 330]


def _turn_box(document: dict[str, Any], folder: Path) -> None:
    del folder
    document["labels"][0]["bbox_xyxy"] = [60, 60, 10, 10]


def _name_no_photo(document: dict[str, Any], folder: Path) -> None:
    del folder
    document["labels"][0]["photo_sha256"] = "0" * 64


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (_break_json, "damaged_decisions", "JSON"),
        (_remove_list, "damaged_decisions", "no decisions.json"),
        (_set_schema, "decisions_schema", "schema 2"),
        (_lose_photo, "missing_photo", "is not in"),
        (_change_photo, "damaged_decisions", "changed"),
        (_lead_outside, "damaged_decisions", "outside itself"),
        (_name_no_class, "unknown_class", "pothole"),
        (_move_box, "label_outside_photo", "outside the photo"),
        (_turn_box, "damaged_decisions", "no area"),
        (_name_no_photo, "damaged_decisions", "no such photo"),
    ],
)
def test_what_cannot_be_used_is_named_and_leaves_nothing_behind(
    tmp_path: Path, spoil: Callable[[dict[str, Any], Path], None], code: str, said: str
) -> None:
    photo = SaidPhoto(draw(tmp_path, 20), labels=[SaidLabel(CRACK, (10, 10, 60, 60))])
    folder = write_decisions(tmp_path / "out", [photo])
    document = json.loads((folder / "decisions.json").read_text())
    spoil(document, folder)
    if (folder / "decisions.json").is_file() and spoil is not _break_json:
        (folder / "decisions.json").write_text(json.dumps(document))
    with pytest.raises(InvalidInputError) as caught:
        build_decisions([folder], tmp_path / "store", RULES)
    assert (caught.value.code, said in caught.value.message) == (code, True), caught.value
    assert caught.value.remedy
    assert not list((tmp_path / "store").glob("*"))


def test_nothing_to_learn_says_what_there_is(tmp_path: Path) -> None:
    photo = SaidPhoto(draw(tmp_path, 21), undecided=[(CRACK, (10, 10, 60, 60), "unsure")])
    for classes in ((), (HazardClass.FACADE_CRACK,)):
        with pytest.raises(NoDecisionsError, match="0 confirmed, 0 rejected and 1 undecided"):
            build(tmp_path, [photo], replace(RULES, classes=classes))


def test_command_tells_what_it_made(tmp_path: Path) -> None:
    labels = [SaidLabel(CRACK, (10, 10, 60, 60)), SaidLabel(MISSING, (100, 100, 140, 140))]
    folder = write_decisions(tmp_path / "out", [SaidPhoto(draw(tmp_path, 22), labels=labels)])
    arguments = ["data", "from-decisions", str(folder), "--name", "mine"]
    arguments += ["--store", str(tmp_path / "store"), "--json", str(tmp_path / "made.json")]
    result = CliRunner().invoke(cli, [*arguments, "--classes", CRACK])
    assert result.exit_code == 0, result.output
    made = json.loads((tmp_path / "made.json").read_text())
    assert made["left_out"] == {"other_class": 1}
    assert "of classes that this set does not learn" in result.output
    assert Path(made["folder"]).name == made["version"]
