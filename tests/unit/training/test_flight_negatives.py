from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from detection.detectors.base import TileImage
from detection.domain.errors import ConfigurationError, InvalidInputError, ModelError
from detection.domain.hazard import HazardClass
from tests.fakes import COVER_CLASSES, FakeDetector, build_manifest, find_red, write_channel_model
from training.composed_settings import FlightNegatives, FlightPart
from training.data.annotation import AnnotatedPhoto
from training.data.collect import collect_photos
from training.data.mined import find_mining_model, mine_negatives
from training.data.negatives import list_flight
from training.data.notes import read_notes
from training.promotion.measure import describe_acquaintance
from training.record import list_earlier_flights
from training.settings import TrainingSettings

FLIGHT = Path("flights/park")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Four photos of 128 x 96 px, the red patch of ``find_red`` at the left in photos 0 and 2."""
    folder = tmp_path / FLIGHT
    folder.mkdir(parents=True)
    for index in range(4):
        pixels = np.full((96, 128, 3), 30 + 20 * index, dtype=np.uint8)
        if index % 2 == 0:
            pixels[10:20, 10:20] = (0, 0, 255)
        cv2.imwrite(str(folder / f"{index}.png"), pixels)
    return tmp_path


def settings_with(*data: dict[str, object], **changes: object) -> TrainingSettings:
    return TrainingSettings.model_validate(
        {
            "name": "manhole",
            "classes": [key.value for key in COVER_CLASSES],
            "started_from": "yolo26n.yaml",
            "data": data,
            "optimisation": {"epochs": 1, "image_px": 64},
            **changes,
        }
    )


def plain(**changes: object) -> dict[str, object]:
    return {"negatives": "park", "flight": str(FLIGHT), "tile_px": 64, **changes}


def mined(**changes: Any) -> FlightNegatives:  # noqa: ANN401 - any field of the model
    fields = {"negatives": "park", "flight": FLIGHT, "mined_with": "any", "min_score": 0.5}
    return FlightNegatives.model_validate(fields | changes)


def mine(shared: Path, source: FlightNegatives, detector: FakeDetector) -> list[AnnotatedPhoto]:
    photos = list_flight(shared / FLIGHT, dataset="park", split="train", photos=source.photos)
    return mine_negatives(source, photos, detector, shared / "made" / "park", seed=3)


def build_detector() -> FakeDetector:
    return FakeDetector(find_red, build_manifest(tile_px=64))


def test_range_takes_photos_by_name_and_every_counts_inside_it(shared: Path) -> None:
    found = list_flight(shared / FLIGHT, dataset="park", split="val", photos=(1, 3))
    assert [photo.name for photo in found] == ["1.png", "2.png"]
    settings = settings_with(plain(photos=[1, 4], every=2))
    tiles = collect_photos(settings, shared, shared / "made")
    assert {tile.name[0] for tile in tiles} == {"1", "3"}


def test_range_beyond_the_flight_is_refused(shared: Path) -> None:
    with pytest.raises(InvalidInputError, match="holds 4 photos, the range ends at 5"):
        list_flight(shared / FLIGHT, dataset="park", split="val", photos=(2, 5))


@pytest.mark.parametrize(
    ("trained", "measured", "clash"),
    [
        ([0, 2], [2, 4], False),
        ([0, 3], [2, 4], True),
        (None, [2, 4], True),
        ([0, 2], None, True),
    ],
)
def test_photos_are_never_both_trained_on_and_measured(
    trained: list[int] | None, measured: list[int] | None, *, clash: bool
) -> None:
    flight = {"flight": str(FLIGHT), "photos": measured}
    if not clash:
        settings = settings_with(plain(photos=trained), unseen_flights=[flight])
        text = describe_acquaintance(settings.trained_flights(), settings.unseen_flights[0])
        assert text == "other photos of it: park[0:2]"
        return
    for field in ("unseen_flights", "background_flights"):
        with pytest.raises(ValidationError, match="trained on and measured"):
            settings_with(plain(photos=trained), **{field: [flight]})


def test_shipping_part_may_not_measure_what_was_trained_on() -> None:
    trained = settings_with(plain(photos=[0, 2]))
    measuring = settings_with(plain(flight="flights/other"), unseen_flights=[str(FLIGHT)])
    with pytest.raises(ConfigurationError, match="was trained on photos of park"):
        trained.with_shipping_of(measuring)


def test_plain_path_is_the_whole_flight_and_survives_the_record() -> None:
    settings = settings_with(plain(flight="flights/other"), unseen_flights=[str(FLIGHT)])
    assert settings.unseen_flights == (FlightPart(flight=FLIGHT),)
    assert TrainingSettings.model_validate(settings.model_dump(mode="json")) == settings
    assert describe_acquaintance(settings.trained_flights(), settings.unseen_flights[0]) == "no"


def test_flights_of_earlier_stages_are_remembered_and_told() -> None:
    first = settings_with(plain(photos=[0, 2])).trained_flights()
    ancestor = {"trained_flights": [part.model_dump(mode="json") for part in first]}
    record = {"ancestor": {"trained_flights": [], "ancestor": ancestor}}
    earlier = list_earlier_flights(record)
    assert [part.label for part in earlier] == ["park[0:2]"]
    assert list_earlier_flights({"ancestor": None}) == ()
    other, same = FlightPart(flight=FLIGHT, photos=(2, 4)), FlightPart(flight=FLIGHT)
    assert describe_acquaintance(earlier, other) == "other photos of it: park[0:2]"
    assert describe_acquaintance(earlier, same) == "yes, in an earlier stage: park[0:2]"


@pytest.mark.parametrize(
    "change",
    [
        {"photos": [2, 2]},
        {"photos": [-1, 2]},
        {"mined_with": "manhole"},
        {"tile_px": 0},
        {"min_score": 0.4},
        {"max_tiles": 3},
    ],
)
def test_contradicting_source_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings_with(plain(**change))


def test_mining_keeps_the_tiles_that_fire(shared: Path) -> None:
    tiles = mine(shared, mined(), build_detector())
    # The patch lies in one native tile of photos 0 and 2, and in the overview of each.
    assert {tile.name for tile in tiles} == {
        f"{index}_0_0{scale}.jpg" for index in (0, 2) for scale in ("", "_overview")
    }
    assert all(tile.is_negative and tile.split == "train" for tile in tiles)
    # An overview carries no grey: 128 x 96 px at half scale.
    sizes = {tile.name: (tile.width_px, tile.height_px) for tile in tiles}
    assert sizes["0_0_0.jpg"] == (64, 64)
    assert sizes["0_0_0_overview.jpg"] == (64, 48)


def test_mining_says_what_it_did(shared: Path) -> None:
    mine(shared, mined(photos=[0, 2]), build_detector())
    note = read_notes(shared / "made")["park"]
    assert note["flight"] == "park[0:2]"
    assert note["weights_sha256"] == "0" * 64
    assert note["tiles_kept"] == 2
    assert note["scores"]["0_0_0.jpg"] == pytest.approx(0.9)


def test_mining_stops_at_the_cap_and_adds_quiet_tiles_by_seed(shared: Path) -> None:
    source = mined(max_tiles=2, quiet_share=1.5)
    tiles = mine(shared, source, build_detector())
    assert len(tiles) == 2 + 3
    assert [tile.name for tile in mine(shared, source, build_detector())] == [
        tile.name for tile in tiles
    ]


def test_intact_cover_is_no_false_alarm(shared: Path) -> None:
    def find_ok(tile: TileImage) -> NDArray[np.float32]:
        rows = find_red(tile)
        rows[:, 5] = COVER_CLASSES.index(HazardClass.MANHOLE_OK)
        return rows

    assert mine(shared, mined(), FakeDetector(find_ok, build_manifest(tile_px=64))) == []


def test_faint_answers_do_not_fire(shared: Path) -> None:
    assert mine(shared, mined(min_score=0.95), build_detector()) == []


def test_exported_model_needs_no_manifest(tmp_path: Path) -> None:
    write_channel_model(tmp_path, "manhole", tile_px=64)
    by_file = find_mining_model("manhole.onnx", COVER_CLASSES, tmp_path)
    by_manifest = find_mining_model("manhole.yaml", COVER_CLASSES, tmp_path)
    assert by_file.tile_px == by_manifest.tile_px == 64
    assert by_file.weights_sha256 == by_manifest.weights_sha256
    assert by_file.classes == COVER_CLASSES


def test_mining_runs_from_the_configuration(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_channel_model(shared, "manhole", tile_px=64)
    monkeypatch.setattr("training.data.collect.REPOSITORY_DIR", shared)
    source: dict[str, object] = {
        "negatives": "hard",
        "flight": str(FLIGHT),
        "mined_with": "manhole.onnx",
    }
    tiles = collect_photos(settings_with(source), shared, shared / "made")
    # The model scores a class with the brightness of a channel: everything above 0.1 fires.
    note = read_notes(shared / "made")["hard"]
    assert len(tiles) == note["tiles_firing"] > 0


def test_model_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no exported model"):
        find_mining_model("absent.onnx", COVER_CLASSES, tmp_path)
    (tmp_path / "text.onnx").write_text("not a model", encoding="utf-8")
    with pytest.raises(ModelError, match=r"text\.onnx is not a model"):
        find_mining_model("text.onnx", COVER_CLASSES, tmp_path)
    with pytest.raises(ModelError, match="no model named"):
        find_mining_model("nothing_of_that_name", COVER_CLASSES, tmp_path)
