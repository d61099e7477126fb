"""Cracks in walls: branching or stepped lines with exact outlines and a decal to draw."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from training.synthetic.camera import Array
from training.synthetic.lids import premultiply
from training.synthetic.rasterize import Face, FloatImage, Texture
from training.synthetic.textures import Rng, octave_noise

DRAW_SCALE = 2
FIXED_POINT_BITS = 4
HALO_MARGIN_M = 0.12


@dataclass(frozen=True, slots=True)
class CrackLine:
    """One branch: points ``(n, 2)`` in wall metres (x right, y up) and its widths ``(n,)``, m."""

    points: Array
    widths_m: Array


@dataclass(frozen=True, slots=True)
class Crack:
    """A crack on a wall in the world: its face, outline points (n, 3) and samples (m, 3)."""

    face: Face
    outline: Array
    samples: Array
    mean_width_m: float


def grow_crack(
    rng: Rng, start: Array, heading: float, length_m: float, width_m: float, *, depth: int = 2
) -> list[CrackLine]:
    """Grow a crack of ``length_m`` from ``start`` with persistent heading and side branches."""
    step_m = max(0.008, length_m / 400)
    count = max(8, int(length_m / step_m))
    wander = np.cumsum(rng.normal(0, 0.05, count))
    # Kinks keep the line near its heading, as a real crack follows the strain.
    kinks = np.repeat(rng.normal(0, 0.55, count // 9 + 1), 9)[:count]
    angle = heading + 0.6 * np.tanh(wander) + kinks + rng.normal(0, 0.25, count)
    steps = np.column_stack([np.cos(angle), np.sin(angle)]) * step_m
    points = start + np.cumsum(steps, axis=0)
    taper = np.interp(np.linspace(0, 1, count), [0, 0.1, 0.75, 1], [0.75, 1, 0.8, 0.2])
    swell = np.exp(0.35 * np.convolve(rng.normal(0, 1, count + 14), np.ones(15) / 4, "valid"))
    lines = [CrackLine(points, width_m * taper * np.clip(swell, 0.45, 2.2))]
    if depth > 0:
        for _ in range(int(rng.poisson(1.3))):
            at = int(rng.integers(count // 6, count - 2))
            turn = rng.choice([-1, 1]) * rng.uniform(0.4, 1.1)
            share = rng.uniform(0.12, 0.4)
            lines += grow_crack(
                rng, points[at], heading + turn, length_m * share, width_m * 0.6, depth=depth - 1
            )
    return lines


def step_crack(
    rng: Rng, start: Array, unit_m: tuple[float, float], length_m: float, width_m: float
) -> list[CrackLine]:
    """A crack along mortar joints: down a course, along half a brick, and so on."""
    direction = float(rng.choice([-1, 1]))
    corners = [start]
    travelled = 0.0
    while travelled < length_m:
        across = unit_m[0] / 2 * float(rng.choice([1, 1, 1, 2]))
        down = unit_m[1] * float(rng.choice([1, 1, 2]))
        corners.append(corners[-1] + np.array([0.0, -down]))
        corners.append(corners[-1] + np.array([direction * across, 0.0]))
        travelled += across + down
    knots = np.stack(corners)
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    along = np.arange(0, lengths[-1], 0.01)
    points = np.column_stack([np.interp(along, lengths, knots[:, axis]) for axis in (0, 1)])
    points += rng.normal(0, 0.0012, points.shape)
    swell = np.exp(0.3 * np.convolve(rng.normal(0, 1, len(points) + 14), np.ones(15) / 4, "valid"))
    taper = np.interp(np.linspace(0, 1, len(points)), [0, 0.1, 0.7, 1], [0.6, 1, 0.8, 0.3])
    return [CrackLine(points, width_m * taper * np.clip(swell, 0.5, 2))]


def trace_outline(lines: list[CrackLine]) -> Array:
    """Both edges of every branch, ``(n, 2)`` wall metres."""
    edges = []
    for line in lines:
        tangent = np.gradient(line.points, axis=0)
        tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
        normal = np.column_stack([-tangent[:, 1], tangent[:, 0]]) * line.widths_m[:, None] / 2
        edges += [line.points + normal, line.points - normal]
    return np.concatenate(edges)


def build_crack(rng: Rng, lines: list[CrackLine], wall: Face, texel_m: float) -> Crack:
    """Make the decal on ``wall`` (origin at its top left; edges in metres) and its truth."""
    outline = trace_outline(lines)
    low = outline.min(axis=0) - HALO_MARGIN_M
    high = outline.max(axis=0) + HALO_MARGIN_M
    size = np.ceil((high - low) / texel_m).astype(int)
    high = low + size * texel_m
    line = _draw_lines(lines, low, high, size, texel_m)
    pixels = premultiply(*_colour_crack(rng, line, texel_m))
    right = wall.edge_u / np.linalg.norm(wall.edge_u)
    up = -wall.edge_v / np.linalg.norm(wall.edge_v)
    base = wall.origin + wall.edge_v
    face = Face(
        base + right * low[0] + up * high[1],
        right * (high[0] - low[0]),
        -up * (high[1] - low[1]),
        Texture(pixels),
    )
    samples = np.concatenate([part.points[::4] for part in lines])
    widths = np.concatenate([part.widths_m for part in lines])
    return Crack(
        face,
        base + outline[:, :1] * right + outline[:, 1:] * up,
        base + samples[:, :1] * right + samples[:, 1:] * up,
        float(widths.mean()),
    )


def _draw_lines(
    lines: list[CrackLine], low: Array, high: Array, size: Array, texel_m: float
) -> FloatImage:
    """Coverage (h, w) of the crack: quads between successive edge points, supersampled."""
    canvas = np.zeros((size[1] * DRAW_SCALE, size[0] * DRAW_SCALE), dtype=np.uint8)
    factor = DRAW_SCALE / texel_m * 2**FIXED_POINT_BITS
    for line in lines:
        tangent = np.gradient(line.points, axis=0)
        tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
        half = np.column_stack([-tangent[:, 1], tangent[:, 0]]) * line.widths_m[:, None] / 2
        sides = [
            (np.column_stack([side[:, 0] - low[0], high[1] - side[:, 1]]) * factor).astype(np.int32)
            for side in (line.points + half, line.points - half)
        ]
        quads = np.stack([sides[0][:-1], sides[0][1:], sides[1][1:], sides[1][:-1]], axis=1)
        for quad in quads:
            cv2.fillConvexPoly(canvas, quad, 255, cv2.LINE_AA, FIXED_POINT_BITS)
    small = cv2.resize(canvas, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    return np.asarray(small / np.float32(255), dtype=np.float32)


def _colour_crack(rng: Rng, line: FloatImage, texel_m: float) -> tuple[FloatImage, FloatImage]:
    """Dark gap, one lit lip, a stained halo and crumbled edges."""
    noise = octave_noise(rng, line.shape, 0.15 / texel_m, 2.0)
    depth = np.clip(line * (0.94 + 0.1 * noise), 0, 1)
    lip_px = max(1, round(0.002 / texel_m))
    lip = np.roll(line, (lip_px, lip_px), (0, 1)) * (1 - line)
    halo = cv2.GaussianBlur(line, (0, 0), 0.018 / texel_m)
    halo = np.clip(halo * rng.uniform(0.3, 1.6) * (1 + 0.5 * noise), 0, 0.45)
    streak = cv2.blur(line, (1, max(3, int(0.18 / texel_m))), anchor=(0, int(0.17 / texel_m)))
    halo = np.maximum(halo, np.clip(streak * rng.uniform(0, 0.5) * (1 + noise), 0, 0.3))
    lip_alpha = lip * rng.uniform(0.1, 0.5)
    dark = rng.uniform(8, 55)
    colours = (
        (halo, np.array([78, 68, 58]) * rng.uniform(0.6, 1.3)),
        (lip_alpha, np.full(3, rng.uniform(160, 235))),
        (depth * rng.uniform(0.8, 0.98), np.array([dark, dark * 0.97, dark * 0.93])),
    )
    alpha = np.zeros(line.shape, dtype=np.float32)
    rgb = np.zeros((*line.shape, 3), dtype=np.float32)
    for layer, colour in colours:
        over = layer[..., None].astype(np.float32)
        rgb = rgb * (1 - over) + over * colour.astype(np.float32)
        alpha = np.asarray(alpha + layer * (1 - alpha), dtype=np.float32)
    straight = rgb / np.maximum(alpha, 1e-4)[..., None]
    return np.asarray(straight, dtype=np.float32), alpha
