"""How well each flight sees each roof: counted in the photos as they are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from training.synthetic.boxes import Body
from training.synthetic.camera import Array, PinholeCamera
from training.synthetic.rasterize import Canvas
from training.synthetic.village.changes import House
from training.synthetic.village.houses import place_house
from training.synthetic.village.things import Block

SAMPLES, LEAST_SHARE = 6, 0.6
LEAST_PHOTOS, LEAST_ANGLE_DEG = 5, 12.0
ABOVE_ROOF_M = 0.03


@dataclass(slots=True)
class RoofViews:
    """Directions (3,) from which photos of one flight show most of one roof."""

    samples: Array
    directions: list[Array] = field(default_factory=list)

    @property
    def is_well_covered(self) -> bool:
        """At least five photos see the roof, and two of them from angles 12 degrees apart.

        Five is what photogrammetry programs ask for in their quality reports.
        """
        if len(self.directions) < LEAST_PHOTOS:
            return False
        rays = np.stack(self.directions)
        return math.degrees(math.acos(float(np.clip((rays @ rays.T).min(), -1, 1)))) >= (
            LEAST_ANGLE_DEG
        )


def sample_roofs(houses: Sequence[House], day: int) -> list[RoofViews]:
    """Spread points over the part of each house that counts: what changed, else the main roof."""
    return [RoofViews(_spread(house, _choose_body(house, day))) for house in houses]


def note_views(roofs: Sequence[RoofViews], canvas: Canvas, camera: PinholeCamera) -> None:
    """Add to every roof the photo that was just drawn, if it shows enough of it."""
    for roof in roofs:
        if float(np.mean(canvas.sees(roof.samples, 4e-3))) >= LEAST_SHARE:
            ray = roof.samples.mean(axis=0) - camera.position
            roof.directions.append(ray / np.linalg.norm(ray))


def _choose_body(house: House, day: int) -> tuple[Body, float]:
    main = house.plot.structure.blocks[0].body
    if house.part is None:
        return main, float(main.high[2])
    if day == 0:
        return house.part, float(main.high[2])
    return house.part, 0.0 if house.after is None else float(house.part.high[2])


def _spread(house: House, body_and_top: tuple[Body, float]) -> Array:
    body, top = body_and_top
    share = np.linspace(0.1, 0.9, SAMPLES)
    x, y = np.meshgrid(share, share)
    low, high = body.low[:2], body.high[:2]
    ridge = max((one.ridge_m for one in _blocks(house) if one.body is body), default=0.0)
    across = y if (high - low)[0] >= (high - low)[1] else x
    z = top + ABOVE_ROOF_M + ridge * (1 - np.abs(2 * across - 1))
    points = np.column_stack(
        [
            low[0] + x.ravel() * (high - low)[0],
            low[1] + y.ravel() * (high - low)[1],
            z.ravel(),
        ]
    )
    return place_house(house.plot).points(points)


def _blocks(house: House) -> tuple[Block, ...]:
    return (*house.plot.structure.blocks, *(house.after.blocks if house.after else ()))
