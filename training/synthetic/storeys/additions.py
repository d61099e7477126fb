"""What was added on a roof: a steel-sheet storey or shed, fresh masonry, scaffolded works."""

from __future__ import annotations

from training.synthetic.storeys.draws import between, chance, numbered, one_of
from training.synthetic.storeys.furniture import Area
from training.synthetic.storeys.house import Body, make_window
from training.synthetic.storeys.solids import Solid, make_box, make_gable, make_pipe, make_slab
from training.synthetic.textures import Rng

LEAST_SIDE_M = 3.2
LEAST_FREE_M = 2.0
POLE_M = 0.035
LIFT_M = 1.8


def choose_part(rng: Rng, body: Body) -> Area:
    """The part of the roof that is built on: all of it, or a share at one end or corner."""
    inset = between(rng, 0.0, 0.5)
    west, south = -body.width_m / 2 + inset, -body.depth_m / 2 + inset
    east, north = -west, -south
    if chance(rng, 0.35):
        return west, south, east, north
    share_x = 1.0 if chance(rng, 0.5) else between(rng, 0.4, 0.85)
    share_y = 1.0 if share_x < 1.0 and chance(rng, 0.5) else between(rng, 0.4, 0.85)
    width = max(LEAST_SIDE_M, (east - west) * share_x)
    depth = max(LEAST_SIDE_M, (north - south) * share_y)
    x = west if chance(rng, 0.5) else east - width
    y = south if chance(rng, 0.5) else north - depth
    return x, y, x + width, y + depth


def list_free(body: Body, part: Area) -> Area | None:
    """The largest strip of the roof beside the built part, if furniture fits there."""
    x, y = body.width_m / 2 - 0.4, body.depth_m / 2 - 0.4
    west, south, east, north = part
    strips = [(-x, -y, west, y), (east, -y, x, y), (-x, -y, x, south), (-x, north, x, y)]
    best = max(strips, key=lambda strip: min(strip[2] - strip[0], strip[3] - strip[1]))
    return best if min(best[2] - best[0], best[3] - best[1]) > LEAST_FREE_M else None


def build_addition(rng: Rng, body: Body, part: Area, thing: int) -> list[Solid]:
    """One addition on ``part`` of a flat roof, all of its solids numbered ``thing``."""
    kinds = [_build_steel, _build_shed, _build_masonry, _build_works]
    weights = [0.42, 0.14, 0.0 if body.is_bare else 0.28, 0.16]
    total = sum(weights)
    kind = kinds[int(rng.choice(4, p=[weight / total for weight in weights]))]
    solids = kind(rng, body, part)
    return [Solid(solid.surface, solid.faces, thing) for solid in solids]


def _build_steel(rng: Rng, body: Body, part: Area) -> list[Solid]:
    """Sheet walls (or panels, or a masonry wall) under a roof of steel sheet."""
    west, south, east, north = part
    z, high = body.roof_m, between(rng, 2.2, 3.3)
    roof = numbered(rng, "steel", 4)
    wall = one_of(rng, (roof, "steel0", "steel1", "frame", body.wall))
    solids = [make_box(wall, (west, south, z), (east, north, z + high))]
    solids += _pierce(rng, part, z, high)
    return solids + _cover_with_steel(rng, roof, wall, part, z + high)


def _build_shed(rng: Rng, body: Body, part: Area) -> list[Solid]:
    """A steel roof on posts, open or closed on one side."""
    west, south, east, north = part
    z, high = body.roof_m, between(rng, 2.1, 3.0)
    roof = numbered(rng, "steel", 4)
    posts = [
        make_pipe("metal", (x, y, z), (x, y, z + high), 0.06, sides=6)
        for x in (west + 0.1, (west + east) / 2, east - 0.1)
        for y in (south + 0.1, north - 0.1)
    ]
    if chance(rng, 0.7):
        posts.append(make_box(roof, (west, north - 0.06, z), (east, north, z + high)))
    if chance(rng, 0.4):
        posts.append(make_box(roof, (west, south, z), (west + 0.06, north, z + high)))
    return posts + _cover_with_steel(rng, roof, roof, part, z + high)


def _cover_with_steel(rng: Rng, roof: str, wall: str, part: Area, z: float) -> list[Solid]:
    west, south, east, north = part
    eave = between(rng, 0.1, 0.9)
    if chance(rng, 0.4):
        ridge = z + between(rng, 0.6, 1.7)
        return make_gable(roof, wall, (west, south, z), (east, north, ridge), eave)
    rise = between(rng, 0.1, 1.1)
    lean = rise if chance(rng, 0.5) else 0.0
    corners = [
        (west - eave, south - eave, z + 0.06 + rise - lean),
        (east + eave, south - eave, z + 0.06 + rise - lean),
        (east + eave, north + eave, z + 0.06 + lean),
        (west - eave, north + eave, z + 0.06 + lean),
    ]
    filling = make_box(wall, (west, south, z), (east, north, z + min(0.05, rise)))
    return [make_slab(roof, corners, 0.06), filling]


def _pierce(rng: Rng, part: Area, z: float, high: float) -> list[Solid]:
    """A few windows in the walls of an addition."""
    west, south, east, north = part
    size = (between(rng, 0.8, 2.2), min(between(rng, 0.7, 1.5), high - 1.2))
    solids: list[Solid] = []
    for side in (-1, 1, -2, 2):
        if chance(rng, 0.35):
            continue
        length = (east - west) if abs(side) == 1 else (north - south)
        for k in range(max(1, int(length / 3.5))):
            along = (k + 0.5) / max(1, int(length / 3.5)) * length
            if abs(side) == 1:
                place = (west + along, north if side > 0 else south)
            else:
                place = (east if side > 0 else west, south + along)
            solids += make_window(*place, z + 0.9, size, side)
    return solids


def _build_masonry(rng: Rng, body: Body, part: Area) -> list[Solid]:
    """Bare brick or block on a plastered house; roofed by a slab, or still open to the sky."""
    west, south, east, north = part
    z, high = body.roof_m, between(rng, 2.3, 3.3)
    brick = numbered(rng, "brick", 2)
    if chance(rng, 0.3):
        return _leave_open(rng, brick, part, z, between(rng, 1.4, 3.0))
    solids = [make_box(brick, (west, south, z), (east, north, z + high))]
    solids += _pierce(rng, part, z, high)
    solids += _stand_corners(rng, part, z, high + between(rng, 0.0, 0.9))
    jut, top = between(rng, 0.0, 0.5), z + high + 0.15
    slab = [
        (west - jut, south - jut, top),
        (east + jut, south - jut, top),
        (east + jut, north + jut, top),
        (west - jut, north + jut, top),
    ]
    if chance(rng, 0.25):
        return solids + _cover_with_steel(rng, numbered(rng, "steel", 4), brick, part, z + high)
    return [*solids, make_slab("concrete", slab, 0.15)]


def _leave_open(rng: Rng, brick: str, part: Area, z: float, high: float) -> list[Solid]:
    """Outer and inner walls without a roof."""
    west, south, east, north = part
    t = 0.24
    middle = between(rng, west + 1.2, east - 1.2)
    # The new floor belongs to the works: without it what is seen would be the old roof.
    walls = [
        make_box("concrete", (west, south, z + 0.04), (east, north, z + 0.1)),
        make_box(brick, (west, south, z), (east, south + t, z + high)),
        make_box(brick, (west, north - t, z), (east, north, z + high * between(rng, 0.6, 1))),
        make_box(brick, (west, south + t, z), (west + t, north - t, z + high)),
        make_box(brick, (east - t, south + t, z), (east, north - t, z + high)),
        make_box(brick, (middle, south + t, z), (middle + t, north - t, z + high * 0.9)),
    ]
    return walls + _stand_corners(rng, part, z, high + between(rng, 0.2, 1.0))


def _stand_corners(rng: Rng, part: Area, z: float, high: float) -> list[Solid]:
    """Concrete columns at the corners with reinforcement sticking out."""
    west, south, east, north = part
    solids = []
    for x in (west, east):
        for y in (south, north):
            reach = 0.17
            solids.append(
                make_box("concrete", (x - reach, y - reach, z), (x + reach, y + reach, z + high))
            )
            if chance(rng, 0.5):
                top = z + high
                solids.append(make_pipe("rubber", (x, y, top), (x, y, top + 0.8), 0.04, sides=4))
    return solids


def _build_works(rng: Rng, body: Body, part: Area) -> list[Solid]:
    """Walls going up behind poles, ledgers, boards and netting."""
    z = body.roof_m
    high = between(rng, 2.4, 4.2)
    core = _leave_open(rng, one_of(rng, ("brick0", "brick1", "concrete")), part, z, high * 0.6)
    west, south, east, north = part
    gap = between(rng, 0.3, 0.7)
    ring = (west - gap, south - gap, east + gap, north + gap)
    pole = "bamboo" if chance(rng, 0.35) else "metal"
    solids = core + _raise_poles(ring, pole, z, high)
    for side in range(4):
        if chance(rng, 0.45):
            solids.append(_hang_net(ring, side, z, high))
    return solids


def _raise_poles(ring: Area, pole: str, z: float, high: float) -> list[Solid]:
    west, south, east, north = ring
    corners = [(west, south), (east, south), (east, north), (west, north)]
    solids = []
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        count = max(2, int((abs(x1 - x0) + abs(y1 - y0)) / LIFT_M))
        for k in range(count):
            x, y = x0 + (x1 - x0) * k / count, y0 + (y1 - y0) * k / count
            solids.append(make_pipe(pole, (x, y, z), (x, y, z + high), POLE_M, sides=5))
        for level in (0.35, 0.7, 0.98):
            height = z + high * level
            solids.append(make_pipe(pole, (x0, y0, height), (x1, y1, height), POLE_M, sides=5))
    return solids


def _hang_net(ring: Area, side: int, z: float, high: float) -> Solid:
    west, south, east, north = ring
    t = 0.02
    edges = (
        ((west, south - t), (east, south)),
        ((west, north), (east, north + t)),
        ((west - t, south), (west, north)),
        ((east, south), (east + t, north)),
    )
    (x0, y0), (x1, y1) = edges[side]
    return make_box("netting", (x0, y0, z + 0.1), (x1, y1, z + high))
