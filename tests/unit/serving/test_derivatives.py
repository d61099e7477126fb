"""Thumbnails, deep-zoom tiles and crops show the photo upright and in the right place."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from serving.storage.derivatives import TILE_PX, DerivativeCache, TileNotFoundError, top_zoom_level
from tests.factories import build_exif, draw_photo

SHA = "ab" * 32
WIDTH, HEIGHT = 1300, 900


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo whose colour says where a pixel lies: red grows with x, green with y."""
    x = np.linspace(0, 255, WIDTH)[None, :].repeat(HEIGHT, 0)
    y = np.linspace(0, 255, HEIGHT)[:, None].repeat(WIDTH, 1)
    pixels = np.stack([x, y, np.full_like(x, 40)], axis=-1).astype(np.uint8)
    return draw_photo(tmp_path / "a.jpg", pixels=pixels, quality=95)


@pytest.fixture
def cache(tmp_path: Path) -> DerivativeCache:
    return DerivativeCache(tmp_path / "cache")


def open_image(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def test_thumbnail_keeps_the_shape_and_is_made_once(cache: DerivativeCache, photo: Path) -> None:
    path = cache.thumbnail(photo, SHA, 256)
    with Image.open(path) as image:
        assert image.size == (256, round(256 * HEIGHT / WIDTH))
    photo.unlink()
    assert cache.thumbnail(photo, SHA, 256) == path


def test_small_photo_is_not_enlarged(cache: DerivativeCache, tmp_path: Path) -> None:
    small = draw_photo(tmp_path / "small.jpg", size_px=(100, 80))
    with Image.open(cache.thumbnail(small, SHA, 512)) as image:
        assert image.size == (100, 80)


@pytest.mark.parametrize("level", range(12))
def test_tiles_of_every_level_cover_the_photo_without_gap(
    level: int, cache: DerivativeCache, photo: Path
) -> None:
    shrink = 2 ** (top_zoom_level(WIDTH, HEIGHT) - level)
    width, height = math.ceil(WIDTH / shrink), math.ceil(HEIGHT / shrink)
    total = 0
    for row in range(math.ceil(height / TILE_PX)):
        for column in range(math.ceil(width / TILE_PX)):
            tile = open_image(cache.zoom_tile(photo, SHA, level, column, row))
            total += tile.width * tile.height
            left, top = column * TILE_PX, row * TILE_PX
            red, green, _ = tile.getpixel((tile.width // 2, tile.height // 2))  # type: ignore[misc]
            assert red == pytest.approx(255 * (left + tile.width / 2) / width, abs=12 + shrink)
            assert green == pytest.approx(255 * (top + tile.height / 2) / height, abs=12 + shrink)
    assert total == width * height


@pytest.mark.parametrize(
    ("level", "column", "row"), [(12, 0, 0), (-1, 0, 0), (11, 3, 0), (11, 0, 2), (0, 1, 0)]
)
def test_tiles_outside_do_not_exist(
    level: int, column: int, row: int, cache: DerivativeCache, photo: Path
) -> None:
    with pytest.raises(TileNotFoundError):
        cache.zoom_tile(photo, SHA, level, column, row)


def test_pictures_are_upright(cache: DerivativeCache, tmp_path: Path) -> None:
    turned = draw_photo(
        tmp_path / "turned.jpg", size_px=(400, 200), exif=build_exif(None, orientation=6)
    )
    with Image.open(cache.thumbnail(turned, SHA, 128)) as image:
        assert image.height > image.width
    top = open_image(cache.zoom_tile(turned, SHA, top_zoom_level(200, 400), 0, 0))
    assert top.size == (200, 400)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_large_turned_photo_has_tiles(
    orientation: int, cache: DerivativeCache, tmp_path: Path
) -> None:
    """Larger than what a stream keeps of the rows that have passed."""
    exif = build_exif(None, orientation=orientation)
    turned = draw_photo(tmp_path / "turned.jpg", size_px=(2000, 3000), exif=exif)
    level = top_zoom_level(2000, 3000)
    assert open_image(cache.zoom_tile(turned, SHA, level, 0, 0)).size == (TILE_PX, TILE_PX)


def test_crop_shows_the_box_with_its_surroundings(cache: DerivativeCache, photo: Path) -> None:
    with Image.open(cache.crop(photo, SHA, (600.0, 400.0, 700.0, 500.0))) as image:
        assert image.size == (400, 400)
        # The box: 100 px wide in the middle of 400; its line is reddish and not of the gradient.
        edge = image.convert("RGB").getpixel((150, 200))
        inside = image.convert("RGB").getpixel((200, 200))
    assert edge[0] > 200  # type: ignore[index]
    assert inside[0] == pytest.approx(255 * 650 / WIDTH, abs=10)  # type: ignore[index]


def test_crop_at_the_border_stays_inside(cache: DerivativeCache, photo: Path) -> None:
    with Image.open(cache.crop(photo, SHA, (1280.0, 880.0, 1300.0, 900.0))) as image:
        assert image.size == (320, 320)
