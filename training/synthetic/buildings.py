"""Houses along the street: walls, flat roof with parapet and tanks, air conditioners, additions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from training.synthetic.boxes import NORMALS, Body, light_pixels, make_plain_faces
from training.synthetic.cracks import Crack, build_crack
from training.synthetic.facades import STOREY_M, Wall, draw_style, make_wall
from training.synthetic.light import Light
from training.synthetic.rasterize import Face, Image, Texture
from training.synthetic.shadows import cast_box_shadow, darken
from training.synthetic.textures import Colour, Rng, make_concrete, octave_noise, shade
from training.synthetic.training_cracks import draw_crack_lines
from training.synthetic.windows import draw_window

STREET_TEXEL_M = 0.008
BACK_TEXEL_M = 0.025
ROOF_TEXEL_M = 0.02
SHADOW_STEP = 4
STEEL_COLOURS: tuple[Colour, ...] = ((62, 104, 160), (200, 204, 206), (70, 122, 158))


@dataclass(frozen=True, slots=True)
class Building:
    """A house: its body, everything on it that throws shadows, and its faces.

    ``addition`` is the body of a storey added on the roof, or None.
    """

    body: Body
    casters: tuple[Body, ...]
    faces: tuple[Face, ...]
    cracks: tuple[Crack, ...]
    addition: Body | None
    storeys: int


def build_building(
    rng: Rng,
    body: Body,
    street_side: str,
    light: Light,
    neighbours: Iterable[Body],
    *,
    crack_count: int = 0,
    has_addition: bool = False,
) -> Building:
    """Build a house on the given body; ``street_side`` is "front" (-y) or "back" (+y)."""
    style = draw_style(rng)
    addition = _place_addition(rng, body) if has_addition else None
    roof_things = _furnish_roof(rng, body, addition)
    parapets = _raise_parapets(body)
    around = [*neighbours, *roof_things, *parapets, *([addition] if addition else [])]
    faces: list[Face] = []
    cracks: list[Crack] = []
    coolers: list[Body] = []
    for side in ("front", "back", "left", "right"):
        is_street = side == street_side
        wall = make_wall(
            rng,
            body.size_of(side),
            STREET_TEXEL_M if is_street else BACK_TEXEL_M,
            style,
            has_windows=side in {"front", "back"},
            is_street_side=is_street,
        )
        if is_street:
            coolers = _hang_coolers(rng, wall, body, side)
        wall.pixels[...] = light_pixels(wall.pixels, side, light)
        face = body.face(side, Texture(wall.pixels))
        _shade_face(face, NORMALS[side], light, [*around, *coolers] if is_street else around)
        if is_street:
            cracks = _crack_front(rng, wall, face, crack_count)
        faces.append(face)
    faces.append(_make_roof(rng, body, light, around))
    tone = float(rng.uniform(130, 190))
    for thing in parapets:
        faces += make_plain_faces(rng, thing, (tone, tone * 0.98, tone * 0.95), light)
    for thing in roof_things:
        grey = float(rng.uniform(120, 215))
        faces += make_plain_faces(rng, thing, (grey, grey * 0.99, grey * 0.96), light)
    for cooler in coolers:
        faces += _make_cooler(rng, cooler, light)
    if addition is not None:
        faces += _make_steel_storey(rng, addition, light)
    casters = (body, *roof_things, *parapets, *([addition] if addition else []))
    storeys = round(float(body.high[2]) / STOREY_M)
    return Building(body, casters, tuple(faces), tuple(cracks), addition, storeys)


def build_backdrop(rng: Rng, body: Body, light: Light) -> list[Face]:
    """A coarse house in the second row: gables without windows and a plain roof."""
    style = draw_style(rng)
    faces = []
    for side in ("front", "back", "left", "right"):
        wall = make_wall(
            rng,
            body.size_of(side),
            0.06,
            style,
            has_windows=side in {"front", "back"},
            is_street_side=False,
        )
        faces.append(body.face(side, Texture(light_pixels(wall.pixels, side, light))))
    width, depth = body.size_of("top")
    roof = make_concrete(rng, (int(depth / 0.06), int(width / 0.06)), 0.06, (136, 132, 126))
    return [*faces, body.face("top", Texture(roof))]


def _crack_front(rng: Rng, wall: Wall, face: Face, count: int) -> list[Crack]:
    """Cracks between the windows of the upper floors, wide enough to be seen from 10 m."""
    area = (0.4, STOREY_M + 0.2, wall.width_m - 0.4, min(wall.height_m - 0.4, 11.0))
    cracks: list[Crack] = []
    for attempt in range(120):
        if len(cracks) == count:
            break
        width_m = float(rng.uniform(0.012, 0.026))
        lines = draw_crack_lines(rng, area, wall.style, width_m, wall.windows)
        length_m = sum(float(np.ptp(line.points, axis=0).max()) for line in lines[:1])
        # Long ones first; what the windows leave room for after many tries.
        if length_m < (1.7 if attempt < 80 else 0.7):  # noqa: PLR2004
            continue
        crack = build_crack(rng, lines, face, 0.003)
        middle = crack.samples.mean(axis=0)
        if all(np.linalg.norm(middle - other.samples.mean(axis=0)) > 3 for other in cracks):  # noqa: PLR2004
            cracks.append(crack)
    return cracks


def _shade_face(
    face: Face, normal: tuple[float, float, float], light: Light, casters: Iterable[Body]
) -> None:
    pixels = face.texture.pixels
    cover = np.zeros(
        (max(2, pixels.shape[0] // SHADOW_STEP), max(2, pixels.shape[1] // SHADOW_STEP)),
        dtype=np.float32,
    )
    for caster in casters:
        cast_box_shadow(face, caster.corners, light, cover)
    if cover.any():
        cover = cv2.GaussianBlur(cover, (0, 0), 1.5)
        darken(pixels, cover, light.compute_shadow(np.array(normal)))


def _make_roof(rng: Rng, body: Body, light: Light, casters: Iterable[Body]) -> Face:
    width, depth = body.size_of("top")
    shape = (round(depth / ROOF_TEXEL_M), round(width / ROOF_TEXEL_M))
    tone = rng.uniform(95, 165)
    warmth = rng.uniform(-0.06, 0.12)
    pixels = make_concrete(rng, shape, ROOF_TEXEL_M, (tone * (1 + warmth), tone, tone * 0.95))
    puddles = octave_noise(rng, shape, 3.0 / ROOF_TEXEL_M, 6.0)
    shade(pixels, 1 - np.float32(0.3) * np.clip(puddles - 0.4, 0, 1))
    for x in np.arange(0, shape[1], round(rng.uniform(1.5, 4.0) / ROOF_TEXEL_M)):
        seam = pixels[:, int(x) : int(x) + 2]
        shade(seam, np.full(seam.shape[:2], 0.75, dtype=np.float32))
    face = body.face("top", Texture(pixels))
    _shade_face(face, NORMALS["top"], light, casters)
    return face


def _raise_parapets(body: Body) -> list[Body]:
    (x_low, y_low, _), (x_high, y_high, top) = body.low, body.high
    thick, rise = 0.2, 0.7
    plans = (
        (x_low, y_low, x_high, y_low + thick),
        (x_low, y_high - thick, x_high, y_high),
        (x_low, y_low + thick, x_low + thick, y_high - thick),
        (x_high - thick, y_low + thick, x_high, y_high - thick),
    )
    return [Body(np.array([a, b, top]), np.array([c, d, top + rise])) for a, b, c, d in plans]


def _place_addition(rng: Rng, body: Body) -> Body:
    inset = rng.uniform(0.5, 1.2, 2)
    low = np.array([body.low[0] + inset[0], body.low[1] + inset[1], body.high[2]])
    share = rng.uniform(0.6, 0.8)
    x_high = body.low[0] + share * (body.high[0] - body.low[0])
    return Body(low, np.array([x_high, body.high[1] - inset[1], body.high[2] + 2.8]))


def _furnish_roof(rng: Rng, body: Body, addition: Body | None) -> list[Body]:
    """A stairwell and some tanks, clear of the addition and of each other."""
    x_free = body.low[0] + 0.6 if addition is None else addition.high[0] + 0.3
    things: list[Body] = []
    sizes = [(2.4, 3.2, 2.4)] + [(1.3, 1.3, 1.2)] * int(rng.integers(1, 4))
    for width, depth, height in sizes:
        for _ in range(20):
            room = np.array([body.high[0] - 0.5 - width - x_free, 0.0])
            if room[0] <= 0:
                break
            x = x_free + rng.uniform(0, room[0])
            y = rng.uniform(body.low[1] + 0.5, body.high[1] - 0.5 - depth)
            new = Body(
                np.array([x, y, body.high[2]]),
                np.array([x + width, y + depth, body.high[2] + height]),
            )
            if not any(_overlap(new, other) for other in things):
                things.append(new)
                break
    return things


def _overlap(a: Body, b: Body) -> bool:
    return bool((a.low[:2] < b.high[:2]).all() and (b.low[:2] < a.high[:2]).all())


def _hang_coolers(rng: Rng, wall: Wall, body: Body, side: str) -> list[Body]:
    """Outdoor units of air conditioners below or beside windows of the street front."""
    coolers = []
    for rect in wall.windows:
        if rect[1] < STOREY_M or rng.random() < 0.55:  # noqa: PLR2004 - not every flat has one
            continue
        along = rect[0] + rng.uniform(0, 0.5)
        low_z = rect[1] - 0.8
        if side == "front":
            x, y = body.low[0] + along, body.low[1] - 0.35
        else:
            x, y = body.high[0] - along - 0.8, body.high[1]
        coolers.append(Body(np.array([x, y, low_z]), np.array([x + 0.8, y + 0.35, low_z + 0.55])))
    return coolers


def _make_cooler(rng: Rng, body: Body, light: Light) -> list[Face]:
    tone = float(rng.uniform(170, 215))
    faces = make_plain_faces(rng, body, (tone, tone, tone * 0.96), light, texel_m=0.012)
    for face in faces[:2]:
        pixels = face.texture.pixels
        centre = (round(pixels.shape[1] * 0.4), pixels.shape[0] // 2)
        radius = round(pixels.shape[0] * 0.4)
        dark = tuple(float(value) * 0.35 for value in pixels[0, 0])
        for reach in range(radius, 2, -3):
            cv2.circle(pixels, centre, reach, dark, 1, cv2.LINE_AA)
    return faces


def _make_steel_storey(rng: Rng, body: Body, light: Light) -> list[Face]:
    """Walls and roof of ribbed coated sheet with a few windows."""
    roof_colour = STEEL_COLOURS[int(rng.integers(len(STEEL_COLOURS)))]
    faces = []
    for side in ("front", "back", "left", "right", "top"):
        colour: Colour = roof_colour if side == "top" else (206, 208, 206)
        width, height = body.size_of(side)
        pixels = _make_sheet(rng, (round(height / 0.015), round(width / 0.015)), colour)
        if side != "top":
            _cut_windows(rng, pixels, width)
        faces.append(body.face(side, Texture(light_pixels(pixels, side, light))))
    return faces


def _make_sheet(rng: Rng, shape: tuple[int, int], colour: Colour) -> Image:
    pixels = make_concrete(rng, shape, 0.015, colour)
    phase = np.arange(shape[1]) * 0.015 / 0.2 % 1
    rib = 1.0 + 0.16 * np.sin(phase * 2 * np.pi) - 0.25 * (phase < 0.08)  # noqa: PLR2004
    shade(pixels, np.repeat(rib[None, :], shape[0], axis=0).astype(np.float32))
    rust = octave_noise(rng, shape, 1.2 / 0.015, 4.0, stretch=3.0)
    shade(pixels, 1 - np.float32(0.35) * np.clip(rust - 1.2, 0, 1), (0.4, 1.0, 1.4))
    return pixels


def _cut_windows(rng: Rng, pixels: Image, width_m: float) -> None:
    for middle in np.arange(1.5, width_m - 1.0, 2.6):
        left = round((middle - 0.55) / 0.015)
        part = pixels[round(0.7 / 0.015) : round(1.7 / 0.015), left : left + round(1.1 / 0.015)]
        draw_window(rng, part, 0.015, (210, 212, 212), has_grille=False)
