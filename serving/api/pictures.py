"""How pictures are sent: they never change under their address, but only for who may see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi.responses import FileResponse

CACHE_FOR_EVER = "private, max-age=31536000, immutable"
CACHE_SHORTLY = "private, max-age=60"
IMAGE_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"description": "a picture", "content": {"image/jpeg": {}}}
}


def answer_picture(path: Path, *, cache_control: str = CACHE_FOR_EVER) -> FileResponse:
    """Return a JPEG from the cache folder; FileResponse adds ETag and Last-Modified."""
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": cache_control})
