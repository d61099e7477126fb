"""The ground: a raster of heights, and where rays meet it."""

from detection.terrain.model import DEFAULT_STD_M, Terrain
from detection.terrain.view import TerrainView

__all__ = ["DEFAULT_STD_M", "Terrain", "TerrainView"]
