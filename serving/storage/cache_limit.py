"""Keep the cache of pictures below its limit: what nobody looked at longest goes first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LOW_WATER = 0.8
"""After a sweep the cache is this share of its limit, so that not every picture sweeps."""

_TOUCH_AFTER_S = 3600.0


def shrink_cache(root: Path, max_bytes: int) -> int:
    """Delete the pictures that were used longest ago until the limit holds; return how many bytes.

    Whoever reads one at this moment goes on: an open file stays until it is closed. Any picture
    can be made again from its photo.
    """
    files = sorted(_list_files(root))
    total = sum(size for _, size, _ in files)
    freed = 0
    if total <= max_bytes:
        return freed
    for _, size, path in files:
        if total - freed <= LOW_WATER * max_bytes:
            break
        path.unlink(missing_ok=True)
        freed += size
    return freed


def note_use(path: Path, now_s: float) -> None:
    """Write down that a picture was used, at most once an hour: a tile is read many times."""
    with suppress(FileNotFoundError):
        if now_s - path.stat().st_mtime > _TOUCH_AFTER_S:
            os.utime(path)


def _list_files(root: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield when each picture was used last, its bytes and its path."""
    for folder, _, names in os.walk(root):
        for name in names:
            if not name.endswith(".part"):
                path = Path(folder, name)
                with suppress(FileNotFoundError):  # another process swept it
                    stat = path.stat()
                    yield stat.st_mtime, stat.st_size, path
