"""Serve our scripts, styles and the copied third-party files."""

from __future__ import annotations

from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope


class RevalidatedStaticFiles(StaticFiles):
    """Static files that a browser asks about on each use.

    After an update no page may run with half of the old scripts; an unchanged file costs one
    short "not modified".
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file with a header that makes browsers ask again."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
