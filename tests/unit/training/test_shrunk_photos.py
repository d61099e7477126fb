from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.composed_settings import ShrunkSource
from training.data.annotation import AnnotatedPhoto, Annotation, hash_photos
from training.data.composed.grounds import Ground, GroundMaker
from training.data.composed.make import make_photos
from training.data.composed.scenes import write_scenes
from training.data.composed.shrunk import compose_shrunk, list_close_ups
from training.fitting_settings import Optimisation
from training.settings import TrainingSettings

MISSING = HazardClass.MANHOLE_MISSING
BOX = BBox(150, 110, 250, 190)


def draw_close_up(
    folder: Path, name: str = "near.png", split: str = "train", box: BBox = BOX
) -> AnnotatedPhoto:
    """A grey road of 400 x 300 px with one black box."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(2).integers(120, 140, (300, 400, 3), dtype=np.uint8)
    left, top, right, bottom = (int(side) for side in box.xyxy)
    pixels[top:bottom, left:right] = 5
    cv2.imwrite(str(folder / name), pixels)
    item = Annotation(MISSING, box)
    return AnnotatedPhoto(name, folder / name, 400, 300, split, name, "drawn", (item,))


def plain_maker(tone: float = 130.0) -> GroundMaker:
    pixels = np.full((256, 256, 3), tone, dtype=np.float32)
    ground = Ground(pixels, (1.0, 1.0), 0.0, (20.0, 40.0), "plain")
    return GroundMaker(1.0, lambda _: replace(ground, pixels=pixels.copy()))


def source_of(**changes: object) -> ShrunkSource:
    fields = {"shrunk": "drawn", "scenes": 2, "first_seed": 3000, "cover_px": (20, 30)}
    return ShrunkSource.model_validate(fields | {"size_px": 256} | changes)


def test_labels_follow_what_was_shrunk(tmp_path: Path) -> None:
    close_ups = list_close_ups([draw_close_up(tmp_path)])
    for seed in range(6):
        rng = np.random.default_rng(seed)
        scene = compose_shrunk(rng, close_ups, [plain_maker()], source_of())
        assert scene.annotations
        dark = scene.pixels.mean(axis=2) < 60
        for item in scene.annotations:
            left, top, right, bottom = (round(side) for side in item.box.xyxy)
            assert dark[top + 1 : bottom - 1, left + 1 : right - 1].mean() > 0.9
            assert max(item.box.width_px, item.box.height_px) < 40
            assert item.box.width_px / item.box.height_px == pytest.approx(1.25, rel=0.1)
            dark[top - 1 : bottom + 1, left - 1 : right + 1] = False
        assert not dark.any()


def test_no_seam_shows_around_it(tmp_path: Path) -> None:
    close_ups = list_close_ups([draw_close_up(tmp_path)])
    for tone in (90.0, 200.0):
        rng = np.random.default_rng(1)
        scene = compose_shrunk(rng, close_ups, [plain_maker(tone)], source_of())
        changed = abs(scene.pixels.mean(axis=2) - tone) > 15
        for item in scene.annotations:
            left, top, right, bottom = (round(side) for side in item.box.xyxy)
            changed[top - 3 : bottom + 3, left - 3 : right + 3] = False
        assert changed.mean() < 0.002


def test_close_up_is_never_enlarged(tmp_path: Path) -> None:
    small = BBox(190, 140, 202, 152)
    close_ups = list_close_ups([draw_close_up(tmp_path, box=small)])
    source = source_of(cover_px=(60, 80))
    scene = compose_shrunk(np.random.default_rng(0), close_ups, [plain_maker()], source)
    assert all(item.box.width_px <= 12.5 for item in scene.annotations)


def test_photo_without_ground_around_its_box_is_left_out(tmp_path: Path) -> None:
    at_the_edge = draw_close_up(tmp_path, "edge.png", box=BBox(0, 100, 100, 200))
    assert list_close_ups([at_the_edge]) == []


def test_val_photo_is_never_shrunk(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"near\.png is on the val side"):
        list_close_ups([draw_close_up(tmp_path, split="val")])


def test_source_takes_the_train_side_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.data.composed.make.list_makers", lambda *_, **__: [plain_maker()])
    photos = [draw_close_up(tmp_path), draw_close_up(tmp_path, "held_out.png", "val")]
    made = make_photos(source_of(scenes=6), lambda _: photos, [], tmp_path / "made")
    note = (tmp_path / "made" / "shrunk_drawn_3000" / "made.json").read_text()
    assert len(made) == 6
    assert "near.png" in note
    assert "held_out" not in note


def test_val_source_takes_the_val_side_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.data.composed.make.list_makers", lambda *_, **__: [plain_maker()])
    photos = [draw_close_up(tmp_path), draw_close_up(tmp_path, "held_out.png", "val")]
    source = source_of(scenes=6, side="val")
    made = make_photos(source, lambda _: photos, [], tmp_path / "made")
    note = (tmp_path / "made" / "shrunk_drawn_3000" / "made.json").read_text()
    assert {photo.split for photo in made} == {"val"}
    assert "held_out.png" in note
    assert "near.png" not in note


def test_ground_of_a_val_source_is_no_flight_that_is_trained_on() -> None:
    trained = source_of(ground_flights=["flights/park"])
    judged = source_of(first_seed=4000, side="val", ground_flights=["flights/town"])
    settings = TrainingSettings(
        name="far",
        classes=(MISSING,),
        started_from="yolo26n.pt",
        data=(trained, judged),
        optimisation=Optimisation(epochs=1, image_px=64),
    )
    assert [part.label for part in settings.trained_flights()] == ["park"]


def test_same_seed_gives_the_same_photos(tmp_path: Path) -> None:
    close_ups = list_close_ups([draw_close_up(tmp_path)])
    source = source_of()
    compose = partial(compose_shrunk, close_ups=close_ups, makers=[plain_maker()], source=source)
    hashes = [
        hash_photos(write_scenes(compose, seeds, tmp_path / name, dataset="shrunk"))
        for name, seeds in (("one", source.seeds), ("two", source.seeds), ("other", [9, 10]))
    ]
    assert hashes[0] == hashes[1] != hashes[2]
