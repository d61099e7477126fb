"""Every address that the application answers. Import as ``from tests.routes import list_paths``."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts


def list_paths(app: FastAPI, method: str) -> list[str]:
    """Return the templates of all addresses that take ``method``, of interface and pages."""
    found = iter_route_contexts(app.routes)
    return sorted({each.path for each in found if each.path and method in (each.methods or ())})
