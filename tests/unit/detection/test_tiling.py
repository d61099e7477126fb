from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.domain.errors import ConfigurationError
from detection.domain.geometry import Tile
from detection.tiling import (
    PAD_VALUE,
    cut_tile,
    find_seam_touches,
    photo_xyxy_from_tile,
    tile_photo,
    tile_xyxy_from_photo,
)

sides = st.integers(1, 5000)
tile_sides = st.sampled_from([320, 640, 1024])
overlaps = st.floats(0.0, 0.5)


@given(sides, sides, tile_sides, overlaps)
def test_native_tiles_cover_every_pixel_of_a_large_photo(
    width_px: int, height_px: int, tile_px: int, overlap: float
) -> None:
    tiles = tile_photo(
        width_px, height_px, tile_px=tile_px, overlap=overlap, include_overview=False
    )
    for axis, length in ((0, width_px), (1, height_px)):
        spans = sorted({((t.x_min, t.x_max), (t.y_min, t.y_max))[axis] for t in tiles})
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        assert all(low[1] >= high[0] for low, high in pairwise(spans))
    columns = {(t.x_min, t.x_max) for t in tiles}
    rows = {(t.y_min, t.y_max) for t in tiles}
    assert len(tiles) == len(columns) * len(rows)


@given(sides, sides, tile_sides, overlaps)
def test_tiles_are_inside_and_of_tile_size_where_the_photo_is(
    width_px: int, height_px: int, tile_px: int, overlap: float
) -> None:
    for tile in tile_photo(width_px, height_px, tile_px=tile_px, overlap=overlap):
        assert 0 <= tile.x_min < tile.x_max <= width_px
        assert 0 <= tile.y_min < tile.y_max <= height_px
        if tile.scale == 1.0 and max(width_px, height_px) > tile_px:
            assert tile.x_max - tile.x_min == min(tile_px, width_px)
            assert tile.y_max - tile.y_min == min(tile_px, height_px)
        else:
            assert (tile.x_max, tile.y_max) == (width_px, height_px)
            assert tile.scale * max(width_px, height_px) == pytest.approx(tile_px)


@given(sides, sides, tile_sides, overlaps, st.floats(0.05, 1.0))
def test_scaled_tiles_cover_the_photo_and_keep_their_scale(
    width_px: int, height_px: int, tile_px: int, overlap: float, scale: float
) -> None:
    tiles = tile_photo(width_px, height_px, tile_px=tile_px, overlap=overlap, scale=scale)
    covered = np.zeros((height_px // 50 + 1, width_px // 50 + 1), dtype=np.bool_)
    for tile in tiles:
        side_px = max(tile.x_max - tile.x_min, tile.y_max - tile.y_min)
        assert side_px * tile.scale <= tile_px + 0.51
        if scale < 1.0:
            assert tile.scale <= scale * 1.01 + 1 / tile_px
        covered[
            tile.y_min // 50 : tile.y_max // 50 + 1, tile.x_min // 50 : tile.x_max // 50 + 1
        ] = 1
    assert covered.all()
    if scale < 0.9 and max(width_px, height_px) > 2 * tile_px:
        assert len(tiles) <= len(tile_photo(width_px, height_px, tile_px=tile_px, overlap=overlap))


@pytest.mark.parametrize("scale", [0.0, -1.0, 1.5])
def test_a_scale_that_enlarges_or_loses_the_photo_is_refused(scale: float) -> None:
    with pytest.raises(ConfigurationError, match="scale"):
        tile_photo(2000, 1000, scale=scale)


@given(st.integers(641, 9000), overlaps)
def test_neighbours_share_at_least_the_overlap(width_px: int, overlap: float) -> None:
    tiles = tile_photo(width_px, 10, overlap=overlap, include_overview=False)
    shared = [a.x_max - b.x_min for a, b in pairwise(tiles)]
    assert min(shared) >= overlap * 640


def test_twelve_megapixels_give_48_tiles_and_an_overview() -> None:
    tiles = tile_photo(4000, 3000)
    assert len(tiles) == 49
    assert tiles[-1] == Tile(0, 0, 4000, 3000, 0.16)


@pytest.mark.parametrize(("size", "scale"), [((640, 640), 1.0), ((320, 200), 2.0), ((64, 640), 1)])
def test_a_photo_that_fits_gives_one_enlarged_tile(size: tuple[int, int], scale: float) -> None:
    assert tile_photo(*size) == [Tile(0, 0, *size, scale)]


@pytest.mark.parametrize(
    ("size", "overlap"), [((0, 10), 0.2), ((10, -1), 0.2), ((10, 10), 0.55), ((10, 10), -0.1)]
)
def test_impossible_sizes_and_overlaps_are_refused(size: tuple[int, int], overlap: float) -> None:
    with pytest.raises(ConfigurationError, match=r"tiles|overlap"):
        tile_photo(*size, overlap=overlap)


def test_a_cut_tile_holds_the_photo_at_its_origin_and_grey_elsewhere() -> None:
    pixels = np.arange(700 * 800 * 3, dtype=np.uint32).reshape(700, 800, 3).astype(np.uint8)
    tile = tile_photo(800, 700, overlap=0.0)[-2]
    assert np.array_equal(cut_tile(pixels, tile), pixels[60:700, 160:800])
    narrow = cut_tile(pixels[:500], Tile(0, 0, 640, 500, 1.0))
    assert narrow.shape == (640, 640, 3)
    assert np.array_equal(narrow[:500], pixels[:500, :640])
    assert (narrow[500:] == PAD_VALUE).all()


@pytest.mark.parametrize("size", [(4000, 3000), (3000, 4000), (100, 3), (641, 641), (5000, 1)])
def test_every_tile_of_any_photo_is_a_full_square(size: tuple[int, int]) -> None:
    pixels = np.full((size[1], size[0], 3), 255, dtype=np.uint8)
    for tile in tile_photo(*size):
        assert cut_tile(pixels, tile).shape == (640, 640, 3)


def test_an_overview_shows_a_mark_where_the_scale_says() -> None:
    pixels = np.zeros((3000, 4000, 3), dtype=np.uint8)
    pixels[1000:1200, 3000:3400] = 255
    tile = tile_photo(4000, 3000)[-1]
    y, x = np.nonzero(cut_tile(pixels, tile)[:480, :, 0] > 127)
    seen = np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]], dtype=np.float64)
    assert photo_xyxy_from_tile(seen, tile)[0] == pytest.approx([3000, 1000, 3400, 1200], abs=7)


@pytest.mark.parametrize(
    ("size", "apart"), [((4000, 3000), 8), ((1280, 960), 8), ((1504, 1003), 0), ((800, 600), 0)]
)
def test_an_overview_by_halves_looks_like_areas_at_once(
    size: tuple[int, int], apart: float
) -> None:
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    pixels = np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    scale = 640 / max(size) * 0.999
    shown = tuple(round(side * scale) for side in size)
    tile = Tile(0, 0, *size, scale)
    cut = cut_tile(pixels, tile)[: shown[1], : shown[0]].astype(int)
    at_once = cv2.resize(pixels, shown, interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(cut - at_once).max() <= apart


@given(
    st.tuples(*[st.floats(-1e4, 1e4)] * 4),
    st.integers(0, 5000),
    st.integers(0, 5000),
    st.floats(0.05, 20),
)
def test_shifting_and_unshifting_is_the_identity(
    box: tuple[float, ...], x_min: int, y_min: int, scale: float
) -> None:
    tile = Tile(x_min, y_min, x_min + 640, y_min + 640, scale)
    boxes = np.array([box])
    there = tile_xyxy_from_photo(photo_xyxy_from_tile(boxes, tile), tile)
    assert there == pytest.approx(boxes, abs=1e-6)


def test_only_borders_inside_the_photo_are_seams() -> None:
    boxes = np.array([[0, 0, 50, 50], [600, 10, 639.5, 60], [300, 590, 340, 640], [9, 9, 20, 20]])
    first = Tile(0, 0, 640, 640, 1.0)
    assert find_seam_touches(boxes, first, 1000, 640).tolist() == [False, True, False, False]
    last = Tile(360, 0, 1000, 640, 1.0)
    moved = np.array([[360.5, 5, 400, 40], [900, 5, 1000, 40]])
    assert find_seam_touches(moved, last, 1000, 640).tolist() == [True, False]
