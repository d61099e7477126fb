"""The street surface as one texture: strips of material and everything painted or spilt on it.

The street runs along x; strips lie at distances |y| from its middle. Rows of the texture run
towards -y.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from training.synthetic.camera import Array
from training.synthetic.rasterize import Face, FloatImage, Image, Texture
from training.synthetic.textures import (
    Colour,
    Rng,
    make_asphalt,
    make_concrete,
    make_courses,
    make_grass,
    octave_noise,
    paint,
    shade,
)

PAVER_COLOURS: tuple[tuple[Colour, ...], ...] = (
    ((150, 146, 138), (140, 136, 130)),
    ((168, 160, 148), (158, 152, 142), (176, 168, 156)),
    ((150, 92, 78), (160, 104, 86), (140, 88, 76)),
    ((120, 118, 116), (150, 100, 86)),
    ((176, 166, 130), (150, 146, 138)),
)


# In coarser textures scraps of a few centimetres would come out far too large.
FINEST_LITTER_M = 0.03
YARD_DEPTH_M = 14.0


@dataclass(frozen=True, slots=True)
class StreetLayout:
    """Half widths of road, then pavement, then verge, in metres from the middle line."""

    road_half_m: float = 4.2
    pavement_end_m: float = 7.6
    verge_end_m: float = 9.0
    road_material: str = "asphalt"
    road_tone: float = 98.0
    pavement_material: str = "pavers"
    material_seed: int = 0


class Ground:
    """A texture over the rectangle ``x_min..x_max`` by ``y_min..y_max`` metres at ``texel_m``."""

    def __init__(self, bounds_m: tuple[float, float, float, float], texel_m: float) -> None:
        """Start black; ``bounds_m`` is (x_min, y_min, x_max, y_max)."""
        self.bounds_m = bounds_m
        self.texel_m = texel_m
        x_min, y_min, x_max, y_max = bounds_m
        shape = (round((y_max - y_min) / texel_m), round((x_max - x_min) / texel_m), 3)
        self.pixels: Image = np.zeros(shape, dtype=np.uint8)

    def to_px(self, points: Array) -> Array:
        """Metres ``(n, 2)`` to texel coordinates ``(n, 2)``."""
        corner = np.array([self.bounds_m[0], self.bounds_m[3]])
        texels = (points - corner) * np.array([1.0, -1.0]) / self.texel_m
        return np.asarray(texels, dtype=np.float64)

    def region(self, x: float, y: float, half_m: float) -> tuple[slice, slice]:
        """Rows and columns of the square around a point; may be empty at the border."""
        column, row = self.to_px(np.array([[x, y]]))[0]
        half = half_m / self.texel_m
        height, width = self.pixels.shape[:2]
        rows = slice(int(np.clip(row - half, 0, height)), int(np.clip(row + half, 0, height)))
        return rows, slice(
            int(np.clip(column - half, 0, width)), int(np.clip(column + half, 0, width))
        )

    def face(self) -> Face:
        """The texture as a horizontal face at height 0."""
        x_min, y_min, x_max, y_max = self.bounds_m
        return Face(
            np.array([x_min, y_max, 0.0]),
            np.array([x_max - x_min, 0.0, 0.0]),
            np.array([0.0, y_min - y_max, 0.0]),
            Texture(self.pixels),
        )

    def fill_polygon(self, points: Array, alpha: float, colour: Colour, wear: FloatImage) -> None:
        """Blend a worn polygon (paint, patch) into the texture; ``points`` are metres (n, 2)."""
        outline = self.to_px(points)
        low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 2, 0)
        size = np.array(self.pixels.shape[1::-1])
        high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 3, size)
        if (high <= low).any():
            return
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), dtype=np.uint8)
        cv2.fillPoly(mask, [np.round((outline - low) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        part = cv2.resize(wear, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
        window = self.pixels[low[1] : high[1], low[0] : high[0]]
        paint(window, (mask / np.float32(255)) * part * np.float32(alpha), colour)


def bake_ground(
    rng: Rng, bounds_m: tuple[float, float, float, float], texel_m: float, layout: StreetLayout
) -> Ground:
    """Lay the strips and draw the markings, repairs and stains of a street."""
    ground = Ground(bounds_m, texel_m)
    strips = (
        (0.0, layout.road_half_m, layout.road_material),
        (layout.road_half_m, layout.pavement_end_m, layout.pavement_material),
        (layout.pavement_end_m, layout.verge_end_m, "grass"),
        (layout.verge_end_m, np.inf, "yard"),
    )
    for index, (low, high, kind) in enumerate(strips):
        # Seeded by the layout, so that near and far textures of one street agree in colour.
        material_rng = np.random.default_rng((layout.material_seed, index))
        _lay_strip(material_rng, ground, (low, high), kind, layout)
    _wear_lanes(rng, ground, layout)
    _patch_road(rng, ground, layout)
    _mark_lanes(rng, ground, layout)
    _spill(rng, ground, layout)
    if texel_m <= FINEST_LITTER_M:
        _litter(rng, ground)
    else:
        _plant_yards(rng, ground, layout)
    return ground


def make_material(
    rng: Rng, kind: str, shape: tuple[int, int], texel_m: float, tone: float
) -> Image:
    """Draw one of asphalt, concrete, pavers, slabs, grass, soil or yard."""
    if kind == "asphalt":
        return make_asphalt(rng, shape, texel_m, tone)
    if kind == "grass":
        return make_grass(rng, shape, texel_m)
    if kind in {"pavers", "slabs"}:
        width = rng.uniform(0.45, 0.9) if kind == "slabs" else rng.uniform(0.18, 0.4)
        colours = PAVER_COLOURS[int(rng.integers(len(PAVER_COLOURS)))]
        return make_courses(
            rng,
            shape,
            texel_m,
            unit_m=(width, width * float(rng.choice([0.5, 1.0]))),
            joint_m=float(rng.uniform(0.004, 0.012)),
            colours=colours,
            joint_colour=tuple(np.multiply(colours[0], rng.uniform(0.45, 0.8)).tolist()),
            is_staggered=bool(rng.random() < 0.6),  # noqa: PLR2004 - a share of designs
            variation=float(rng.uniform(0.03, 0.1)),
        )
    if kind == "soil":
        return make_asphalt(rng, shape, texel_m, 120.0)
    colour = tone * rng.uniform(1.15, 1.6)
    return make_concrete(rng, shape, texel_m, (colour, colour * 0.98, colour * 0.94))


def _lay_strip(
    rng: Rng, ground: Ground, reach_m: tuple[float, float], kind: str, layout: StreetLayout
) -> None:
    low, high = reach_m
    height, width = ground.pixels.shape[:2]
    for near, far in ((low, high), (-high, -low)) if low > 0 else ((-high, high),):
        top = 0 if far == np.inf else round((ground.bounds_m[3] - far) / ground.texel_m)
        bottom = height if near == -np.inf else round((ground.bounds_m[3] - near) / ground.texel_m)
        top, bottom = int(np.clip(top, 0, height)), int(np.clip(bottom, 0, height))
        if bottom > top:
            shape = (bottom - top, width)
            pixels = make_material(rng, kind, shape, ground.texel_m, layout.road_tone)
            ground.pixels[top:bottom] = pixels


def _wear_lanes(rng: Rng, ground: Ground, layout: StreetLayout) -> None:
    """Wheel tracks are a little darker or lighter than the rest of the lane."""
    height = ground.pixels.shape[0]
    y = ground.bounds_m[3] - (np.arange(height) + 0.5) * ground.texel_m
    track = np.zeros(height, dtype=np.float32)
    for middle in (0.3, 0.72):
        distance = np.abs(np.abs(y) - middle * layout.road_half_m)
        track += np.exp(-((distance / 0.35) ** 2)).astype(np.float32)
    rows = np.flatnonzero(np.abs(y) < layout.road_half_m)
    if rows.size:
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        strength = np.float32(rng.uniform(-0.12, 0.06))
        shade(ground.pixels[part], 1.0 + strength * track[part, None])


def _mark_lanes(rng: Rng, ground: Ground, layout: StreetLayout) -> None:
    if rng.random() < 0.15:  # noqa: PLR2004 - some streets have no paint
        return
    x_min, _, x_max, _ = ground.bounds_m
    noise = octave_noise(rng, (64, 512), 40.0)
    wear = np.clip(rng.uniform(0.6, 1.1) + 0.35 * noise, 0.05, 0.95)
    colour: Colour = (216, 214, 206) if rng.random() < 0.7 else (204, 168, 74)  # noqa: PLR2004
    half = 0.075
    for start in np.arange(x_min + rng.uniform(0, 6), x_max, 6.0).tolist():
        _paint_rectangle(ground, (start, -half, start + 3.0, half), colour, wear)
    edge = layout.road_half_m - 0.35
    for side in (edge, -edge):
        _paint_rectangle(ground, (x_min, side - half, x_max, side + half), (216, 214, 206), wear)
    if rng.random() < 0.7:  # noqa: PLR2004 - most streets have a crossing
        left = rng.uniform(x_min, x_max - 3.0)
        for y in np.arange(-edge + 0.3, edge - 0.4, 0.9).tolist():
            _paint_rectangle(ground, (left, y, left + 3.5, y + 0.45), (218, 216, 210), wear)


def _paint_rectangle(
    ground: Ground, box_m: tuple[float, float, float, float], colour: Colour, wear: FloatImage
) -> None:
    x_min, y_min, x_max, y_max = box_m
    corners = np.array([[x_min, y_min], [x_max, y_min], [x_max, y_max], [x_min, y_max]])
    ground.fill_polygon(corners, 0.95, colour, wear)


def _patch_road(rng: Rng, ground: Ground, layout: StreetLayout) -> None:
    """Rectangular repairs, sealed cracks and transverse joints."""
    x_min, _, x_max, _ = ground.bounds_m
    area = (x_max - x_min) * 2 * layout.road_half_m
    flat = np.ones((8, 8), dtype=np.float32)
    for _ in range(int(rng.poisson(area / 130))):
        x, y = rng.uniform(x_min, x_max), rng.uniform(-layout.road_half_m, layout.road_half_m)
        width, height = rng.uniform(0.5, 4.0), rng.uniform(0.4, 1.8)
        tone = layout.road_tone * rng.uniform(0.55, 1.25)
        wear = np.clip(0.8 + 0.15 * octave_noise(rng, (64, 64), 16.0), 0, 1)
        jitter = rng.normal(0, 0.05, (4, 2))
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) + jitter
        ground.fill_polygon(corners + np.array([x, y]), 0.85, (tone, tone, tone * 0.98), wear)
    for _ in range(int(rng.poisson(area / 110))):
        start = np.array([rng.uniform(x_min, x_max), rng.uniform(-4, 4)])
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.16, 40))
        steps = np.column_stack([np.cos(heading), np.sin(heading)]) * 0.12
        line = start + np.cumsum(steps, axis=0)
        normal = np.column_stack([-steps[:, 1], steps[:, 0]]) / 0.12 * rng.uniform(0.008, 0.03)
        outline = np.concatenate([line + normal, (line - normal)[::-1]])
        ground.fill_polygon(outline, 0.7, (38, 38, 40), flat)


def _spill(rng: Rng, ground: Ground, layout: StreetLayout) -> None:
    """Oil and water stains, potholes and gully gratings: things that are no covers."""
    x_min, y_min, x_max, y_max = ground.bounds_m
    area = (x_max - x_min) * (y_max - y_min)
    for _ in range(int(rng.poisson(area / 45))):
        half_m = rng.uniform(0.15, 1.1)
        rows, columns = ground.region(rng.uniform(x_min, x_max), rng.uniform(-7, 7), half_m)
        _stain(rng, ground.pixels[rows, columns], is_pothole=bool(rng.random() < 0.2))  # noqa: PLR2004
    for _ in range(int(rng.poisson((x_max - x_min) / 18))):
        side = rng.choice([-1, 1]) * (layout.road_half_m - 0.3)
        _draw_gully(ground, rng.uniform(x_min, x_max), float(side), float(rng.uniform(0.2, 0.3)))


def _stain(rng: Rng, window: Image, *, is_pothole: bool) -> None:
    height, width = window.shape[:2]
    if min(height, width) < 4:  # noqa: PLR2004 - cut off by the border
        return
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    ragged = octave_noise(rng, (height, width), width / 3, 2.0)
    reach = np.hypot(x * rng.uniform(1, 1.8), y * rng.uniform(1, 1.8)) + 0.16 * ragged
    if is_pothole:
        alpha = np.clip((0.6 - reach) * 12, 0, 1).astype(np.float32)
        inside = np.clip(0.78 + 0.3 * ragged - 0.3 * (0.6 - reach), 0.3, 1.3)
        shade(window, (1 + alpha * (inside - 1)).astype(np.float32))
        return
    alpha = np.clip((0.85 - reach) * rng.uniform(0.8, 3.0), 0, 1) * rng.uniform(0.15, 0.7)
    paint(window, alpha.astype(np.float32), (34, 33, 32))


def _draw_gully(ground: Ground, x: float, y: float, half_m: float) -> None:
    wear = np.ones((4, 4), dtype=np.float32)
    _paint_rectangle(
        ground, (x - 1.4 * half_m, y - half_m, x + 1.4 * half_m, y + half_m), (92, 90, 88), wear
    )
    for offset in np.linspace(-1.2, 1.1, 9):
        start = x + offset * half_m
        bar = (start, y - 0.82 * half_m, start + 0.14 * half_m, y + 0.82 * half_m)
        _paint_rectangle(ground, bar, (20, 20, 20), wear)


def _plant_yards(rng: Rng, ground: Ground, layout: StreetLayout) -> None:
    """Green in the yards behind the houses, seen from far away only."""
    height, width = ground.pixels.shape[:2]
    y = ground.bounds_m[3] - (np.arange(height) + 0.5) * ground.texel_m
    behind = (np.abs(y) > layout.verge_end_m + YARD_DEPTH_M).astype(np.float32)[:, None]
    patches = octave_noise(rng, (height, width), 25.0 / ground.texel_m, 3.0)
    tufts = octave_noise(rng, (height, width), 1.2 / ground.texel_m, 2.0, falloff=0.8)
    green = np.clip((patches + 0.1) * 6, 0, 1) * behind
    paint(ground.pixels, green.astype(np.float32) * 0.95, (84.0, 94.0, 60.0))
    shade(ground.pixels, 1 + np.float32(0.25) * tufts * green)


def _litter(rng: Rng, ground: Ground) -> None:
    """Leaves and scraps of a few centimetres."""
    height, width = ground.pixels.shape[:2]
    count = int(rng.poisson(height * width * ground.texel_m**2 * rng.uniform(0.02, 0.5)))
    axes_px = np.maximum(rng.uniform(0.01, 0.05, (count, 2)) / ground.texel_m * 16, 8)
    for axes, point in zip(axes_px, rng.uniform(0, 1, (count, 2)), strict=True):
        centre = (int(point[0] * width * 16), int(point[1] * height * 16))
        tone = rng.uniform(40, 190)
        colour = (tone, tone * rng.uniform(0.6, 1.0), tone * rng.uniform(0.3, 0.9))
        arc = cv2.ellipse2Poly((0, 0), (100, 60), int(rng.integers(180)), 0, 360, 40)
        outline = (np.array(centre) + arc * axes / 100).astype(np.int32)
        cv2.fillPoly(ground.pixels, [outline], colour, cv2.LINE_AA, 4)
