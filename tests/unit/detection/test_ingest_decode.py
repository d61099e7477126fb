from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from detection.domain.photo import Photo
from detection.ingest.decode import PhotoUnreadableError, decode_photo
from detection.ingest.flight import read_photo
from tests.factories import DrawnPose, build_exif, draw_photo


def read(path: Path) -> Photo:
    photo = read_photo(path, path.name)
    assert isinstance(photo, Photo), photo
    return photo


def mean_difference(pixels: NDArray[np.uint8], path: Path) -> float:
    """Compare with what Pillow shows."""
    with Image.open(path) as image:
        shown = np.asarray(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.float64)
    assert pixels.shape == shown.shape
    return float(np.abs(pixels - shown).mean())


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = build_exif(DrawnPose(), orientation=orientation)
    path = draw_photo(tmp_path / f"a.{suffix}", exif=exif, size_px=(160, 96))
    pixels = decode_photo(read(path))
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert mean_difference(pixels, path) < 1.0


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1"])
def test_png_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    with Image.open(draw_photo(tmp_path / "rgb.png")) as image:
        image.convert(mode).save(tmp_path / "a.png")
    pixels = decode_photo(read(tmp_path / "a.png"))
    assert pixels.shape == (240, 320, 3)
    assert pixels.std() > 10


@pytest.mark.parametrize("mode", ["L", "CMYK", "YCbCr"])
def test_jpeg_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    with Image.open(draw_photo(tmp_path / "rgb.png")) as image:
        image.convert(mode).save(tmp_path / "a.jpg", quality=95)
    assert mean_difference(decode_photo(read(tmp_path / "a.jpg")), tmp_path / "a.jpg") < 1.0


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_samples_keep_their_high_byte(tmp_path: Path, suffix: str) -> None:
    ramp = np.linspace(0, 65535, 100 * 100).reshape(100, 100).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / f"a.{suffix}")
    pixels = decode_photo(read(tmp_path / f"a.{suffix}"))
    assert np.array_equal(pixels[:, :, 1], (ramp >> 8).astype(np.uint8))


@pytest.mark.parametrize("share", [0.5, 0.8, 0.99])
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_a_photo_that_breaks_off_is_named(tmp_path: Path, suffix: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    path = draw_photo(tmp_path / f"a.{suffix}", pixels=noise)
    photo = read(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(PhotoUnreadableError) as caught:
        decode_photo(photo)
    assert caught.value.code == "truncated_image"
    assert caught.value.failure.photo_id == path.name
    assert caught.value.remedy


def test_a_zero_filled_tail_is_no_photo(tmp_path: Path) -> None:
    path = draw_photo(tmp_path / "a.jpg")
    photo, data = read(path), path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) // 2))
    with pytest.raises(PhotoUnreadableError, match=r"a\.jpg") as caught:
        decode_photo(photo)
    assert caught.value.code == "truncated_image"


def test_garbage_in_the_middle_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    path = draw_photo(tmp_path / "a.jpg", pixels=noise)
    photo, data = read(path), bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    with pytest.raises(PhotoUnreadableError) as caught:
        decode_photo(photo)
    assert caught.value.code == "damaged_image"


def test_padding_before_the_end_is_forgiven(tmp_path: Path) -> None:
    path = draw_photo(tmp_path / "a.jpg")
    photo, data = read(path), path.read_bytes()
    whole = decode_photo(photo)
    path.write_bytes(data[:-2] + bytes(16) + data[-2:])
    assert np.array_equal(decode_photo(photo), whole)


def test_bytes_after_the_end_do_no_harm(tmp_path: Path) -> None:
    path = draw_photo(tmp_path / "a.jpg")
    photo = read(path)
    whole = decode_photo(photo)
    path.write_bytes(path.read_bytes() + b"trailer of a phone" * 10)
    assert np.array_equal(decode_photo(photo), whole)


def test_a_file_that_changed_or_went_is_named(tmp_path: Path) -> None:
    path = draw_photo(tmp_path / "a.jpg")
    photo = read(path)
    with pytest.raises(PhotoUnreadableError) as caught:
        decode_photo(replace(photo, width_px=321))
    assert caught.value.code == "damaged_image"
    path.write_bytes(b"")
    with pytest.raises(PhotoUnreadableError) as caught:
        decode_photo(photo)
    assert caught.value.code == "empty_file"
    path.write_text("text now")
    with pytest.raises(PhotoUnreadableError) as caught:
        decode_photo(photo)
    assert caught.value.code == "not_an_image"
    path.unlink()
    with pytest.raises(PhotoUnreadableError) as caught:
        decode_photo(photo)
    assert caught.value.code == "unreadable_file"
    assert caught.value.message


def test_samples_without_agreed_brightness_are_named(tmp_path: Path) -> None:
    path = draw_photo(tmp_path / "a.tif", size_px=(100, 100))
    photo = read(path)
    Image.fromarray(np.zeros((100, 100), np.float32)).save(path)
    with pytest.raises(PhotoUnreadableError) as caught:
        decode_photo(photo)
    assert caught.value.code == "unsupported_format"
