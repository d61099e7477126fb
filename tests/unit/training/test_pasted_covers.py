from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from detection.domain.errors import ConfigurationError, InvalidInputError
from detection.domain.geometry import BBox, Tile
from detection.domain.hazard import HazardClass
from training.composed_settings import PastedSource
from training.data.annotation import AnnotatedPhoto, Annotation, hash_photos
from training.data.composed.blend import Spot, paste_cover
from training.data.composed.confusers import KINDS, paste_confuser
from training.data.composed.covers import CoverCut, cut_covers
from training.data.composed.grounds import Ground, GroundMaker, list_makers
from training.data.composed.make import make_photos
from training.data.composed.pasted import compose_pasted
from training.data.composed.scenes import find_spot, write_scenes
from training.data.known import add_known, boxes_in_tile
from training.data.negatives import list_flight
from training.data.notes import read_notes
from training.data.sources import load_dataset, read_catalogue
from training.settings import REPOSITORY_DIR, TrainingSettings

OK, BROKEN, MISSING = (
    HazardClass.MANHOLE_OK,
    HazardClass.MANHOLE_BROKEN,
    HazardClass.MANHOLE_MISSING,
)


def draw_photo(folder: Path, name: str, split: str = "train", *, boxed: bool) -> AnnotatedPhoto:
    """A grey road of 200 x 160 px with a black disc of 60 px at (100, 80)."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(name))
    pixels = rng.integers(110, 130, (160, 200, 3), dtype=np.uint8)
    if boxed:
        cv2.circle(pixels, (100, 80), 30, (10, 10, 10), -1)
    cv2.imwrite(str(folder / name), pixels)
    annotations = (Annotation(MISSING, BBox(70, 50, 130, 110)),) if boxed else ()
    return AnnotatedPhoto(name, folder / name, 200, 160, split, name, "drawn", annotations)


def write_list(folder: Path, **shapes: dict[str, list[int]]) -> Path:
    (folder / "drawn").mkdir(parents=True, exist_ok=True)
    document: dict[str, dict[str, list[int]]] = {"round": {}, "square": {}, **shapes}
    (folder / "drawn" / "pasting.yaml").write_text(yaml.safe_dump(document))
    return folder


@pytest.fixture
def cut(tmp_path: Path) -> CoverCut:
    photo = draw_photo(tmp_path / "covers", "hole.png", boxed=True)
    catalogue = write_list(tmp_path / "catalogue", round={"hole.png": [0]})
    return cut_covers([photo], "drawn", catalogue)[0]


def source_of(**changes: object) -> PastedSource:
    fields = {"pasted": "drawn", "scenes": 3, "first_seed": 4000, "size_px": 160}
    return PastedSource.model_validate(fields | {"cover_px": (20, 40)} | changes)


def makers_of(photos: Iterable[AnnotatedPhoto]) -> list[GroundMaker]:
    """The makers without rendered ground, which takes a second a scene."""
    makers = list_makers(list(photos), [], size_px=160, width_px=(20, 40))
    return [replace(maker, share=0.0) if maker.share < 0.2 else maker for maker in makers]


def plain_ground(size_px: int = 200, tone: float = 120.0) -> Ground:
    pixels = np.full((size_px, size_px, 3), tone, dtype=np.float32)
    return Ground(pixels, (1.0, 1.0), 0.0, (20.0, 40.0), "plain")


def test_cut_knows_the_ground_that_it_lay_in(cut: CoverCut) -> None:
    assert cut.hazard_class is MISSING
    assert cut.pixels.shape == (200, 200, 3)
    assert cut.ground_rgb == pytest.approx([120, 120, 120], abs=3)
    assert cut.pixels[100, 100].mean() < 20


@pytest.mark.parametrize("tilt", [1.0, 0.4])
def test_box_bounds_what_was_pasted(cut: CoverCut, tilt: float) -> None:
    canvas = plain_ground().pixels
    box = paste_cover(np.random.default_rng(1), canvas, cut, Spot(90.0, 110.0, 48.0, tilt))
    dark = canvas.mean(axis=2) < 80
    rows, columns = np.nonzero(dark)
    found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert box.xyxy == pytest.approx(found, abs=2.5)
    assert box.height_px == pytest.approx(box.width_px * tilt)


def test_cover_keeps_its_darkness_relative_to_the_road(cut: CoverCut) -> None:
    tones = []
    for tone in (60.0, 200.0):
        canvas = plain_ground(tone=tone).pixels
        paste_cover(np.random.default_rng(1), canvas, cut, Spot(100.0, 100.0, 60.0, 1.0))
        tones.append(float(canvas[95:105, 95:105].mean()) / tone)
        # Its rim has taken the tone of the road: no halo.
        assert canvas[100, 64:68].mean() == pytest.approx(tone, rel=0.12)
    assert tones[0] == pytest.approx(tones[1], abs=0.05)


def test_patch_over_the_border_is_cut_not_wrapped(cut: CoverCut) -> None:
    canvas = plain_ground().pixels
    paste_cover(np.random.default_rng(1), canvas, cut, Spot(2.0, 198.0, 40.0, 1.0))
    assert canvas[:150].mean() == pytest.approx(120.0)
    assert canvas[:, 50:].mean() == pytest.approx(120.0)
    assert canvas[190:, :10].mean() < 60


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_confuser_changes_the_ground_and_stays_in_its_place(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.data.composed.confusers.KINDS", {kind: KINDS[kind]})
    canvas = plain_ground().pixels
    name = paste_confuser(np.random.default_rng(5), canvas, Spot(100.0, 100.0, 50.0, 1.0))
    assert name == kind
    changed = abs(canvas - 120.0).max(axis=2) > 4
    assert changed[60:140, 60:140].mean() > 0.02
    changed[40:160, 40:160] = False
    assert not changed.any()


def test_no_confuser_is_as_dark_as_an_open_shaft() -> None:
    for seed in range(60):
        canvas = plain_ground().pixels
        name = paste_confuser(np.random.default_rng(seed), canvas, Spot(100.0, 100.0, 60.0, 1.0))
        if name not in {"planter", "figure"}:  # a rim of light stone, a long shape
            assert np.percentile(canvas.mean(axis=2), 1) > 25, name


def test_spot_avoids_what_lies_there_and_what_is_no_paving() -> None:
    ground = plain_ground()
    ground.pixels[:, 100:] = (40, 160, 30)  # grass
    rng = np.random.default_rng(0)
    taken = [BBox(0, 0, 100, 90)]
    for _ in range(20):
        spot = find_spot(rng, ground, ground.pixels, 30.0, taken)
        assert spot is not None
        assert spot.box.x_max < 110
        assert spot.box.y_min > 90
    ground.pixels[:] = (40, 160, 30)
    assert find_spot(rng, ground, ground.pixels, 30.0, []) is None


def test_scene_keeps_known_things_and_boxes_lie_inside(cut: CoverCut) -> None:
    known = Annotation(OK, BBox(20, 20, 50, 50))
    maker = GroundMaker(1.0, lambda _: replace(plain_ground(), annotations=(known,)))
    scenes = [
        compose_pasted(np.random.default_rng(seed), [cut], [maker], source_of(empty_share=0.0))
        for seed in range(12)
    ]
    assert all(scene.annotations[0] == known for scene in scenes)
    boxes = [item.box for scene in scenes for item in scene.annotations[1:]]
    assert len(boxes) >= 12
    assert all(box.clip(200, 200) == box and box.width_px > 10 for box in boxes)
    for scene in scenes:
        assert all(not overlap(known.box, item.box) for item in scene.annotations[1:])


def overlap(one: BBox, other: BBox) -> bool:
    return min(one.x_max, other.x_max) > max(one.x_min, other.x_min) and min(
        one.y_max, other.y_max
    ) > max(one.y_min, other.y_min)


def test_empty_scenes_hold_confusers_only(cut: CoverCut) -> None:
    maker = GroundMaker(1.0, lambda _: plain_ground())
    source = source_of(empty_share=1.0, confusers_per_scene=4.0)
    scene = compose_pasted(np.random.default_rng(2), [cut], [maker], source)
    assert scene.annotations == ()
    assert scene.confusers


def test_broken_covers_are_never_made_tiny(cut: CoverCut) -> None:
    broken = replace(cut, hazard_class=BROKEN)
    maker = GroundMaker(1.0, lambda _: replace(plain_ground(), width_px=(12.0, 14.0)))
    for seed in range(8):
        source = source_of(empty_share=0.0, confusers_per_scene=0.0)
        scene = compose_pasted(np.random.default_rng(seed), [broken], [maker], source)
        assert all(item.box.width_px >= 30 for item in scene.annotations)


def test_same_seed_gives_the_same_photos(cut: CoverCut, tmp_path: Path) -> None:
    roads = [draw_photo(tmp_path / "roads", f"{k}.png", boxed=False) for k in "abc"]
    hashes = []
    for name, first_seed in (("one", 4000), ("two", 4000), ("other", 5000)):
        source = source_of(first_seed=first_seed)
        compose = partial(compose_pasted, cuts=[cut], makers=makers_of(roads), source=source)
        made = write_scenes(compose, source.seeds, tmp_path / name, dataset="pasted")
        assert len(made) == 3
        assert {photo.split for photo in made} == {"train"}
        hashes.append(hash_photos(made))
    assert hashes[0] == hashes[1] != hashes[2]


def test_note_names_every_photo_that_was_used(cut: CoverCut, tmp_path: Path) -> None:
    roads = [draw_photo(tmp_path / "roads", "a.png", boxed=False)]
    source = source_of(empty_share=0.0)
    compose = partial(compose_pasted, cuts=[cut], makers=makers_of(roads), source=source)
    write_scenes(compose, source.seeds, tmp_path / "made" / "p", dataset="pasted")
    note = read_notes(tmp_path / "made")["p"]
    assert set(note["covers_from"]) == {"hole.png"}
    assert set(note["grounds_from"]) == {"a.png"}
    assert note["boxes"]["manhole_missing"] >= 3


def test_val_photo_is_never_cut(tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "covers", "hole.png", "val", boxed=True)
    catalogue = write_list(tmp_path, round={"hole.png": [0]})
    with pytest.raises(InvalidInputError, match=r"hole\.png, which is on the val side"):
        cut_covers([photo], "drawn", catalogue)


def test_val_photo_is_never_pasted_onto(tmp_path: Path) -> None:
    photo = draw_photo(tmp_path / "roads", "road.png", "val", boxed=False)
    for negatives, flights in (([photo], []), ([], [[photo]])):
        with pytest.raises(InvalidInputError, match=r"road\.png is on the val side"):
            list_makers(negatives, flights, size_px=160, width_px=(20, 40))


@pytest.mark.shared
def test_listed_covers_and_grounds_are_train_photos(shared_dir: Path) -> None:
    photos = load_dataset(read_catalogue("manhole"), shared_dir)
    val = {photo.name for photo in photos if photo.split == "val"}
    cuts = cut_covers(photos, "manhole")
    assert {cut.photo_name for cut in cuts}.isdisjoint(val)
    counts = [sum(cut.hazard_class is key for cut in cuts) for key in (OK, BROKEN, MISSING)]
    assert all(count >= 15 for count in counts)


@pytest.mark.shared
def test_scenes_of_the_real_set_use_train_photos_alone(shared_dir: Path, tmp_path: Path) -> None:
    photos = load_dataset(read_catalogue("manhole"), shared_dir)
    train = {photo.name for photo in photos if photo.split == "train"}
    source = source_of(pasted="manhole", ground_sets=("manhole",), scenes=5, size_px=128)
    made = make_photos(source, lambda _: photos, [], tmp_path)
    (note,) = read_notes(tmp_path).values()
    assert set(note["covers_from"]) <= train
    assert set(note["grounds_from"]) <= train | {"rendered"}
    for photo in made:
        for item in photo.annotations:
            assert item.box.clip(photo.width_px, photo.height_px) == item.box
            assert min(item.box.width_px, item.box.height_px) > 3


@pytest.mark.parametrize("field", ["unseen_flights", "background_flights"])
def test_ground_that_is_measured_is_refused(field: str) -> None:
    ground = {"flight": "flights/park", "photos": [0, 4]}
    config = {
        "name": "manhole",
        "classes": ["manhole_ok"],
        "started_from": "yolo26n.yaml",
        "data": [{"pasted": "drawn", "scenes": 1, "first_seed": 4000, "ground_flights": [ground]}],
        "optimisation": {"epochs": 1, "image_px": 64},
    }
    other = {"flight": "flights/park", "photos": [4, 8]}
    assert TrainingSettings.model_validate(config | {field: [other]})
    with pytest.raises(ValidationError, match=r"park\[3:8\] are trained on and measured"):
        TrainingSettings.model_validate(config | {field: [other | {"photos": [3, 8]}]})


@pytest.mark.parametrize(
    ("listed", "message"),
    [({"absent.png": [0]}, "does not have"), ({"hole.png": [1]}, "does not have")],
)
def test_list_that_names_what_is_not_there_is_refused(
    tmp_path: Path, listed: dict[str, list[int]], message: str
) -> None:
    photo = draw_photo(tmp_path / "covers", "hole.png", boxed=True)
    with pytest.raises(ConfigurationError, match=message):
        cut_covers([photo], "drawn", write_list(tmp_path, round=listed))


def test_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"pasting\.yaml"):
        cut_covers([], "drawn", tmp_path)


@pytest.mark.parametrize("change", [{"cover_px": (20, 100)}, {"cover_px": (4, 40)}, {"scenes": 0}])
def test_covers_must_fit_the_scene(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        source_of(**change)


def test_known_things_move_with_their_tile(tmp_path: Path) -> None:
    photo = draw_photo(tmp_path, "road.png", boxed=False)
    (tmp_path / "road.csv").write_text(
        "photo,class,x_min,y_min,x_max,y_max\n"
        "road.png,manhole_ok,90,40,110,60\n"
        "road.png,facade_crack,0,0,20,20\n"
        "other.png,manhole_ok,0,0,20,20\n"
    )
    known = add_known([photo], tmp_path / "road.csv", {OK, MISSING})[0]
    assert [item.hazard_class for item in known.annotations] == [OK]
    whole = boxes_in_tile(known, Tile(80, 30, 160, 110, 2.0))
    assert [item.box for item in whole] == [BBox(20, 20, 60, 60)]
    # Half of it is kept, cut by the border; a sliver of it is left out, and so is a speck.
    assert [item.box for item in boxes_in_tile(known, Tile(100, 30, 180, 110, 1.0))] == [
        BBox(0, 10, 10, 30)
    ]
    assert boxes_in_tile(known, Tile(104, 30, 184, 110, 1.0)) == ()
    assert boxes_in_tile(known, Tile(0, 0, 200, 160, 0.3)) == ()


@pytest.mark.parametrize(
    "row", ["road.png,lid,0,0,9,9", "road.png,manhole_ok,0,0,9", "road.png,manhole_ok,0,0,900,9"]
)
def test_malformed_list_of_known_things_is_refused(tmp_path: Path, row: str) -> None:
    photo = draw_photo(tmp_path, "road.png", boxed=False)
    (tmp_path / "bad.csv").write_text(f"photo,class,x_min,y_min,x_max,y_max\n{row}\n")
    with pytest.raises(InvalidInputError, match=r"bad\.csv"):
        add_known([photo], tmp_path / "bad.csv", {OK})


@pytest.mark.shared
def test_known_things_of_the_flights_lie_in_their_photos(shared_dir: Path) -> None:
    part = shared_dir / "flights" / "minsk_oblique_fc220"
    photos = list_flight(part, dataset="minsk", split="train")
    path = REPOSITORY_DIR / "datasets" / "flights" / "minsk_oblique_fc220.csv"
    known = add_known(photos, path, {OK})
    counts = {photo.name: len(photo.annotations) for photo in known if photo.annotations}
    assert counts == {"DJI_0010.JPG": 46, "DJI_0012.JPG": 34, "DJI_0022.JPG": 56}
    assert all(photo.split == "train" for photo in known)
