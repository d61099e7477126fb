"""The cache of pictures stays below its limit, and gives up what nobody looked at longest."""

from __future__ import annotations

import os
from pathlib import Path

from serving.storage.cache_limit import note_use, shrink_cache
from serving.storage.derivatives import DerivativeCache
from tests.factories import draw_photo


def _fill(root: Path, sizes: list[int]) -> list[Path]:
    """Write files that were used one hour after the other, the first longest ago."""
    paths = []
    for number, size in enumerate(sizes):
        path = root / f"{number:02}" / "picture.jpg"
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(size))
        os.utime(path, (3600 * number, 3600 * number))
        paths.append(path)
    return paths


def test_nothing_goes_below_the_limit(tmp_path: Path) -> None:
    paths = _fill(tmp_path, [100, 100])
    assert shrink_cache(tmp_path, 200) == 0
    assert all(path.exists() for path in paths)


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    paths = _fill(tmp_path, [100, 100, 100, 100])
    assert shrink_cache(tmp_path, 300) == 200, "down to four fifths, so that it is not done often"
    assert [path.exists() for path in paths] == [False, False, True, True]


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    part = tmp_path / "tmpabc.part"
    part.write_bytes(bytes(1000))
    shrink_cache(tmp_path, 10)
    assert part.exists()


def test_use_is_noted_now_and_then_and_never_fails(tmp_path: Path) -> None:
    (path,) = _fill(tmp_path, [10])
    note_use(path, now_s=1.0)
    assert path.stat().st_mtime == 0
    note_use(path, now_s=7200.0)
    assert path.stat().st_mtime > 0
    path.unlink()
    note_use(path, now_s=7200.0)


def test_cache_sweeps_by_itself_and_makes_tiles_again(tmp_path: Path) -> None:
    one, other = (
        draw_photo(tmp_path / f"{seed}.jpg", size_px=(1300, 900), seed=seed) for seed in (1, 2)
    )
    cache = DerivativeCache(tmp_path / "cache", max_bytes=1)
    tile = cache.zoom_tile(one, "ab" * 32, 11, 0, 0)
    cache.zoom_tile(other, "cd" * 32, 11, 0, 0)
    kept = [path.parent.name for path in (tmp_path / "cache").rglob("*.tif")]
    assert kept == ["cd" * 32]
    assert cache.zoom_tile(one, "ab" * 32, 11, 0, 0) == tile
