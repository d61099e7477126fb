"""A self-built house before anything was added: storeys, windows, balconies, roof."""

from __future__ import annotations

from dataclasses import dataclass

from training.synthetic.storeys.draws import between, chance, numbered
from training.synthetic.storeys.solids import Solid, make_box, make_gable, make_slab
from training.synthetic.textures import Rng

PARAPET_M = 0.18
WINDOW_STEP_M = 3.0
PROUD_M = 0.03


@dataclass(frozen=True, slots=True)
class Body:
    """Outline of a house about its own middle: width along x, depth along y, height of its roof."""

    width_m: float
    depth_m: float
    storeys: int
    storey_m: float
    wall: str
    roof: str
    is_flat: bool

    @property
    def roof_m(self) -> float:
        """Height of the flat roof, or of the eaves."""
        return self.storeys * self.storey_m

    @property
    def is_bare(self) -> bool:
        """Whether the whole house is unplastered, so that fresh masonry would not stand out."""
        return self.wall.startswith("brick")


def draw_body(rng: Rng) -> Body:
    """Draw the measures and materials of a house of one to six storeys."""
    is_flat = chance(rng, 0.78)
    wall = numbered(rng, "brick", 2) if chance(rng, 0.12) else numbered(rng, "wall", 6)
    return Body(
        width_m=between(rng, 7.0, 15.0),
        depth_m=between(rng, 8.0, 14.0),
        storeys=int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.1, 0.25, 0.3, 0.2, 0.1, 0.05])),
        storey_m=between(rng, 2.8, 3.4),
        wall=wall,
        roof=numbered(rng, "roof", 4) if is_flat else numbered(rng, "tile", 2),
        is_flat=is_flat,
    )


def build_body(rng: Rng, body: Body) -> list[Solid]:
    """Walls with windows, balconies on some, and the roof."""
    x, y, top = body.width_m / 2, body.depth_m / 2, body.roof_m
    solids = [make_box(body.wall, (-x, -y, 0), (x, y, top))]
    solids += _open_windows(rng, body)
    if chance(rng, 0.4):
        solids += _hang_balconies(rng, body)
    if body.is_flat:
        return solids + _close_flat(rng, body)
    ridge = top + min(x, y) * between(rng, 0.35, 0.75)
    return solids + make_gable(
        body.roof, body.wall, (-x, -y, top), (x, y, ridge), between(rng, 0.2, 0.7)
    )


def make_window(x: float, y: float, z: float, size: tuple[float, float], side: int) -> list[Solid]:
    """A window in a wall: ``side`` -1 and 1 face along y, -2 and 2 along x."""
    half, height = size[0] / 2, size[1]
    solids = []
    for surface, grow, out in (("frame", 0.08, PROUD_M), ("glass", 0.0, 2 * PROUD_M)):
        if abs(side) == 1:
            y_min, y_max = sorted((y, y + side * out))
            low, high = (
                (x - half - grow, y_min, z - grow),
                (x + half + grow, y_max, z + height + grow),
            )
        else:
            x_min, x_max = sorted((x, x + side / 2 * out))
            low, high = (
                (x_min, y - half - grow, z - grow),
                (x_max, y + half + grow, z + height + grow),
            )
        solids.append(make_box(surface, low, high))
    return solids


def _open_windows(rng: Rng, body: Body) -> list[Solid]:
    size = (between(rng, 0.9, 2.0), between(rng, 1.1, 1.8))
    solids: list[Solid] = []
    for side in (-1, 1, -2, 2):
        if abs(side) > 1 and chance(rng, 0.5):
            continue  # blank gable walls are common
        length = body.width_m if abs(side) == 1 else body.depth_m
        count = max(1, int(length / WINDOW_STEP_M))
        for storey in range(body.storeys):
            z = storey * body.storey_m + 0.95
            for k in range(count):
                along = (k + 0.5) / count * length - length / 2
                edge_x, edge_y = body.width_m / 2, body.depth_m / 2
                place = (along, side * edge_y) if abs(side) == 1 else (side / 2 * edge_x, along)
                solids += make_window(*place, z, size, side)
    return solids


def _hang_balconies(rng: Rng, body: Body) -> list[Solid]:
    x, y = body.width_m / 2, body.depth_m / 2
    reach = between(rng, 0.8, 1.6)
    rail = "metal" if chance(rng, 0.5) else body.wall
    solids = []
    for storey in range(1, body.storeys):
        z = storey * body.storey_m
        solids.append(make_box("concrete", (-x, -y - reach, z - 0.15), (x, -y, z)))
        solids.append(make_box(rail, (-x, -y - reach, z), (x, -y - reach + 0.08, z + 1.0)))
    return solids


def _close_flat(rng: Rng, body: Body) -> list[Solid]:
    """The deck and a parapet round it; some decks jut out."""
    x, y, top = body.width_m / 2, body.depth_m / 2, body.roof_m
    jut = between(rng, 0.0, 0.5) if chance(rng, 0.4) else 0.0
    deck = [
        (-x - jut, -y - jut, top + 0.05),
        (x + jut, -y - jut, top + 0.05),
        (x + jut, y + jut, top + 0.05),
        (-x - jut, y + jut, top + 0.05),
    ]
    solids = [make_slab(body.roof, deck, 0.2)]
    if chance(rng, 0.85):
        high = top + between(rng, 0.3, 1.2)
        wall = body.wall if chance(rng, 0.7) else "concrete"
        solids += build_parapet(wall, (-x - jut, -y - jut), (x + jut, y + jut), top, high)
    return solids


def build_parapet(
    wall: str, low: tuple[float, float], high: tuple[float, float], foot: float, top: float
) -> list[Solid]:
    """Four low walls along the inside of a rectangle."""
    (x0, y0), (x1, y1), t = low, high, PARAPET_M
    return [
        make_box(wall, (x0, y0, foot), (x1, y0 + t, top)),
        make_box(wall, (x0, y1 - t, foot), (x1, y1, top)),
        make_box(wall, (x0, y0 + t, foot), (x0 + t, y1 - t, top)),
        make_box(wall, (x1 - t, y0 + t, foot), (x1, y1 - t, top)),
    ]
