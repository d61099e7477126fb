from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.detectors.base import TileDetections, TileImage
from detection.detectors.manifest import ModelManifest
from detection.domain.geometry import Tile
from detection.domain.hazard import HazardClass
from detection.domain.photo import Photo
from detection.looks import Look, PhotoLine, ReadyPhoto, answer_photos, cut_ahead, plan_looks
from detection.looks import line as photo_line
from detection.looks.plan import choose_overlap
from detection.settings import DetectionSettings
from detection.tiling import cut_tile
from tests.fakes import FakeDetector, build_manifest

MODEL = build_manifest(tile_px=64)


def factor(tile_factor: int, *, scale_by_gsd: bool = True) -> DetectionSettings:
    return DetectionSettings.model_construct(tile_factor=tile_factor, scale_by_gsd=scale_by_gsd)


def count_pixels(looks: Sequence[Look]) -> int:
    return sum(len(look.tiles) * look.size_px[0] * look.size_px[1] for look in looks)


@settings(max_examples=60)
@given(
    width_px=st.integers(1, 900),
    height_px=st.integers(1, 900),
    tile_factor=st.integers(1, 4),
    gsd_m=st.sampled_from((None, 0.02, 0.013)),
)
def test_looks_show_every_pixel_at_one_scale_and_no_more_pixels_than_trained_tiles(
    width_px: int, height_px: int, tile_factor: int, gsd_m: float | None
) -> None:
    manifest = replace(MODEL, finest_gsd_m=0.02)
    looks = plan_looks(width_px, height_px, manifest, factor(tile_factor), gsd_m=gsd_m)
    seen = np.zeros((height_px, width_px), dtype=np.bool_)
    for tile in looks[0].tiles:
        seen[tile.y_min : tile.y_max, tile.x_min : tile.x_max] = True
        assert tile.scale == looks[0].scale
    assert seen.all()
    trained = plan_looks(width_px, height_px, manifest, factor(1), gsd_m=gsd_m)
    if gsd_m != 0.013:  # multiples of the trained side fit less well
        assert count_pixels(looks) <= count_pixels(trained)
    for look in looks:
        assert all(side % 32 == 0 for side in look.size_px)
        assert all(64 <= side <= 64 * tile_factor for side in look.size_px)
        for tile in look.tiles:
            wide_px, high_px = tile.x_max - tile.x_min, tile.y_max - tile.y_min
            assert wide_px * tile.scale <= look.size_px[0] + 1
            assert high_px * tile.scale <= look.size_px[1] + 1
    if len(looks) == 2:
        assert looks[1].size_px == (64, 64)
        assert len(looks[1].tiles) == 1


@pytest.mark.parametrize("tile_factor", [1, 2, 3])
def test_wide_tiles_overlap_by_as_many_pixels_as_trained_ones(tile_factor: int) -> None:
    (look, _) = plan_looks(4000, 3000, build_manifest(tile_px=416), factor(tile_factor))
    for low, high in (("x_min", "x_max"), ("y_min", "y_max")):
        spans = sorted({(getattr(one, low), getattr(one, high)) for one in look.tiles})
        shared = [first[1] - second[0] for first, second in pairwise(spans)]
        assert min(shared) >= 84
    assert (max(look.size_px) > 416) == (tile_factor > 1)


def test_wide_tiles_are_fitted_to_the_photo() -> None:
    (look, _) = plan_looks(1600, 1300, build_manifest(tile_px=448), factor(2))
    assert (look.size_px, len(look.tiles)) == ((864, 704), 4)


def test_close_ups_are_looked_at_through_trained_tiles() -> None:
    close_up = plan_looks(1200, 900, build_manifest(tile_px=416), factor(3))
    assert close_up == plan_looks(1200, 900, build_manifest(tile_px=416), factor(1))


def test_tiles_that_can_hold_nothing_are_left_out_and_counted_but_never_the_overview() -> None:
    def hold_left(tiles: Sequence[Tile], manifest: ModelManifest) -> NDArray[np.bool_]:
        assert manifest is MODEL
        return np.array([tile.x_min == 0 for tile in tiles])

    (look, whole) = plan_looks(300, 200, MODEL, factor(1), can_hold=hold_left)
    everything = plan_looks(300, 200, MODEL, factor(1))[0].tiles
    assert {tile.x_min for tile in look.tiles} == {0}
    assert sorted((*look.tiles, *look.skipped), key=str) == sorted(everything, key=str)
    assert whole.tiles == (Tile(0, 0, 300, 200, 64 / 300),)


def test_a_photo_keeps_its_size_where_scaling_is_off() -> None:
    manifest = replace(MODEL, finest_gsd_m=0.02)
    (look, _) = plan_looks(300, 200, manifest, factor(1, scale_by_gsd=False), gsd_m=0.01)
    assert look.scale == 1.0


class Recorder(FakeDetector):
    """Answers behind the tiles, as a detector with requests in flight does, and counts calls."""

    def __init__(self, ahead: int, tile_px: int = 64) -> None:
        super().__init__(read_mark, build_manifest(tile_px=tile_px))
        self.ahead, self.calls, self.closed = ahead, 0, 0

    def detect_tiles(self, tiles: Iterable[TileImage]) -> Iterator[TileDetections]:
        self.calls += 1
        waiting: list[TileDetections] = []
        try:
            for tile in tiles:
                waiting.append(next(super().detect_tiles([tile])))
                if len(waiting) > self.ahead:
                    yield waiting.pop(0)
            yield from waiting
        finally:
            self.closed += 1


def read_mark(tile: TileImage) -> NDArray[np.float32]:
    """Return the number that the photo is painted with as a score."""
    return np.array([[0, 0, 9, 9, tile[0, 0, 0] / 255, 0]], dtype=np.float32)


def build_photos(count: int, size_px: tuple[int, int] = (130, 64)) -> list[Photo]:
    empty = Path("absent.jpg")
    return [
        Photo(str(number), empty, "", *size_px, None, None, None, None) for number in range(count)
    ]


def ready_maker(
    detectors: Sequence[FakeDetector], *, without: Sequence[int] = ()
) -> Callable[[Photo], ReadyPhoto]:
    def make_ready(photo: Photo) -> ReadyPhoto:
        number = int(photo.photo_id)
        if number in without:
            return ReadyPhoto(photo, None, ((),) * len(detectors))
        pixels = np.full((photo.height_px, photo.width_px, 3), number, dtype=np.uint8)
        looks = tuple(
            plan_looks(photo.width_px, photo.height_px, one.manifest, factor(1))
            for one in detectors
        )
        return ReadyPhoto(photo, pixels, looks, cut_ahead=cut_ahead(pixels, looks))

    return make_ready


@given(
    aheads=st.lists(st.integers(0, 9), max_size=3),
    without=st.sets(st.integers(0, 6)),
    room=st.sampled_from((1, 60_000, 10**9)),
)
def test_each_photo_gets_its_own_answers_whatever_is_under_way(
    aheads: list[int], without: set[int], room: int
) -> None:
    detectors = [Recorder(ahead, 64 if place else 96) for place, ahead in enumerate(aheads)]
    make_ready = ready_maker(detectors, without=sorted(without))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photo_line, "MAX_BYTES", room)
        with PhotoLine(build_photos(7), make_ready, threads=2) as line:
            for number, (ready, answer) in enumerate(answer_photos(line, detectors)):
                assert ready.photo.photo_id == str(number)
                for looks, tiles in zip(ready.looks, answer, strict=True):
                    assert [tile for tile, _ in tiles] == [t for one in looks for t in one.tiles]
                    scores = {float(found.rows[0, 4]) for _, found in tiles}
                    assert scores == (set() if number in without else {np.float32(number / 255)})
    assert number == 6


def test_a_stream_goes_on_over_photos_as_long_as_they_fit_into_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for room, calls in ((10**9, 1), (1, 5)):
        monkeypatch.setattr(photo_line, "MAX_BYTES", room)
        detectors = [Recorder(4), Recorder(4)]
        with PhotoLine(build_photos(5), ready_maker(detectors)) as line:
            assert len(list(answer_photos(line, detectors))) == 5
        assert [one.calls for one in detectors] == [calls, calls]


def test_whoever_stops_early_leaves_nothing_open() -> None:
    detectors = [Recorder(3), Recorder(3)]
    with PhotoLine(build_photos(9), ready_maker(detectors)) as line:
        answers = answer_photos(line, detectors)
        next(answers)
        answers.close()
    assert [one.closed for one in detectors] == [1, 1]


def test_a_detector_that_keeps_an_answer_back_is_named() -> None:
    class Forgetful(FakeDetector):
        def detect_tiles(self, tiles: Iterable[TileImage]) -> Iterator[TileDetections]:
            return iter(list(super().detect_tiles(tiles))[1:])

    detector = Forgetful(read_mark, MODEL)
    with (
        PhotoLine(build_photos(1), ready_maker([detector])) as line,
        pytest.raises(RuntimeError, match="manhole did not answer every tile"),
    ):
        list(answer_photos(line, [detector]))


def test_photos_are_held_up_to_a_bound_in_bytes_but_one_always(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = 130 * 64 * 3
    monkeypatch.setattr(photo_line, "MAX_BYTES", 3 * size)
    begun: list[str] = []

    def make_ready(photo: Photo) -> str:
        begun.append(photo.photo_id)
        return photo.photo_id

    with PhotoLine(build_photos(9), make_ready, threads=8) as line:
        assert line.get(0) == "0"
        assert line.has_room(2)
        assert not line.has_room(3)
        line.drop()
        assert line.get(1) == "1"
        assert line.has_room(3)
        assert not line.has_room(4)
        assert {"0", "1"} <= set(begun) <= {"0", "1", "2", "3"}
    monkeypatch.setattr(photo_line, "MAX_BYTES", 1)
    with PhotoLine(build_photos(2), make_ready) as line:
        assert line.get(0) == "0"
        assert not line.has_room(1)
        line.drop()
        assert line.get(1) == "1"
        assert line.get(2) is None


def test_an_overview_is_cut_once_and_as_any_tile() -> None:
    pixels = np.arange(200 * 300 * 3, dtype=np.uint8).reshape(200, 300, 3)
    looks = (plan_looks(300, 200, MODEL, factor(1)),) * 2
    ((look, (tile,)),) = cut_ahead(pixels, looks).items()
    assert look is looks[0][1]
    assert np.array_equal(tile, cut_tile(pixels, look.tiles[0], 64))


def test_tiles_share_what_is_sought_needs_and_no_more() -> None:
    settings = DetectionSettings.model_construct()
    covers, far_m = build_manifest(tile_px=416), 0.9 / 0.02 / 416
    cracks = replace(covers, task="segment", classes=(HazardClass.FACADE_CRACK,))
    storeys = replace(covers, classes=(HazardClass.ADDED_STOREY,))
    assert choose_overlap(covers, settings, 0.02) == pytest.approx(far_m)
    assert choose_overlap(covers, settings, 0.001) == settings.overlap, "never more"
    assert choose_overlap(covers, settings, None) == settings.overlap, "its size is not known"
    assert choose_overlap(cracks, settings, None) == 0.1
    assert choose_overlap(storeys, settings, 0.02) == settings.overlap
    whole = DetectionSettings.model_construct(narrow_overlap=False)
    assert {choose_overlap(one, whole, 0.02) for one in (covers, cracks, storeys)} == {0.2}


@given(gsd_m=st.floats(0.005, 0.1), lid_m=st.floats(0.1, 0.9), x=st.floats(0, 1), y=st.floats(0, 1))
def test_every_lid_is_whole_in_a_tile(gsd_m: float, lid_m: float, x: float, y: float) -> None:
    side_px = lid_m / gsd_m
    if side_px > 0.2 * 416:
        return
    (look, _) = plan_looks(
        3000, 2000, build_manifest(tile_px=416), DetectionSettings.model_construct(), gsd_m=gsd_m
    )
    left, top = x * (3000 - side_px), y * (2000 - side_px)
    assert any(
        tile.x_min <= left
        and tile.y_min <= top
        and left + side_px <= tile.x_max
        and top + side_px <= tile.y_max
        for tile in look.tiles
    )
