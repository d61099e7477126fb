"""Draw a cover into a canvas; the well under an opening is cast ray by ray."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synthetic.camera import Array
from training.synthetic.covers import Cover, Shaft
from training.synthetic.rasterize import Canvas, view_face

SKY_FALLOFF_M = 0.9
SUN_GAIN = 1.5


def draw_cover(canvas: Canvas, cover: Cover) -> None:
    """Blend frame, well, pieces and what lies beside, in this order."""
    canvas.blend(cover.surround)
    if cover.shaft is None:
        for piece in cover.pieces:
            canvas.blend(piece)
        return
    opening = _draw_shaft(canvas, cover, cover.shaft)
    if opening is not None:
        for piece in cover.pieces:
            canvas.blend(piece, clip=opening)
    for face in cover.beside:
        canvas.blend(face)


def _draw_shaft(canvas: Canvas, cover: Cover, shaft: Shaft) -> NDArray[np.bool_] | None:
    """Paint the well through the opening; return the mask of the opening in the canvas."""
    view = view_face(canvas.camera, cover.surround)
    if view is None:
        return None
    x_min, y_min, x_max, y_max = view.window
    part = (slice(y_min, y_max), slice(x_min, x_max))
    visible = view.inside & (view.inverse_depth >= canvas.inverse_depth[part] * (1 - 2e-4))
    rows, columns = np.nonzero(visible)
    pixels = np.column_stack([columns + x_min + 0.5, rows + y_min + 0.5])
    directions = canvas.camera.rays(pixels) @ cover.axes.T
    eye = cover.axes @ (canvas.camera.position - cover.center)
    entry = eye[:2] - directions[:, :2] * (eye[2] / directions[:, 2])[:, None]
    radius = np.abs(entry).max(axis=1) if cover.is_square else np.hypot(*entry.T)
    opened = (radius < cover.opening_m) & (directions[:, 2] < 0)
    mask = np.zeros(canvas.inverse_depth.shape, dtype=np.bool_)
    rows, columns = rows[opened] + y_min, columns[opened] + x_min
    mask[rows, columns] = True
    if rows.size:
        slopes = directions[opened] / -directions[opened, 2:]
        canvas.rgb[rows, columns] = _cast(cover, shaft, entry[opened], slopes)
    return mask


def _cast(cover: Cover, shaft: Shaft, entry: Array, slopes: Array) -> NDArray[np.uint8]:
    """Colours (n, 3) of rays entering at ``entry`` (n, 2) that go ``slopes`` (n, 3) per metre."""
    depth = _find_wall(cover, entry, slopes[:, :2])
    on_floor = depth >= shaft.depth_m
    depth = np.minimum(depth, shaft.depth_m)
    hit = entry + slopes[:, :2] * depth[:, None]
    colour = np.where(on_floor[:, None], _sample_floor(shaft, hit), _sample_wall(shaft, hit, depth))
    to_sun = cover.axes @ cover.light.to_sun
    back = hit + to_sun[:2] / max(to_sun[2], 1e-3) * depth[:, None]
    reach = np.abs(back).max(axis=1) if cover.is_square else np.hypot(*back.T)
    soft = np.clip((cover.opening_m - reach) / 0.04 + 0.5, 0, 1) * cover.is_sunlit
    ambient = 0.75 * np.exp(-depth / SKY_FALLOFF_M) + 0.03
    share = cover.light.sky * ambient + (1 - cover.light.sky) * SUN_GAIN * 0.6 * soft
    lit = colour * np.clip(share, 0, 1.2)[:, None]
    return np.asarray(np.clip(lit + 2.0, 0, 255), dtype=np.uint8)


def _find_wall(cover: Cover, entry: Array, slope: Array) -> Array:
    """Depth at which each ray meets the wall of the well, ``inf`` where it never does."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if cover.is_square:
            steps = (np.sign(slope) * cover.opening_m - entry) / slope
            return np.asarray(np.nan_to_num(steps, nan=np.inf).min(axis=1), dtype=np.float64)
        a = (slope**2).sum(axis=1)
        b = (entry * slope).sum(axis=1)
        c = (entry**2).sum(axis=1) - cover.opening_m**2
        depth = (-b + np.sqrt(np.maximum(b * b - a * c, 0))) / a
    return np.asarray(np.nan_to_num(depth, nan=np.inf), dtype=np.float64)


def _sample_wall(shaft: Shaft, hit: Array, depth: Array) -> NDArray[np.float32]:
    height, width = shaft.wall.shape[:2]
    turn = (np.arctan2(hit[:, 1], hit[:, 0]) / (2 * math.pi) + 0.5) * (width - 1)
    return _look_up(shaft.wall, turn, depth / shaft.depth_m * (height - 1))


def _sample_floor(shaft: Shaft, hit: Array) -> NDArray[np.float32]:
    size = shaft.floor.shape[0]
    return _look_up(shaft.floor, (hit[:, 0] + 0.5) * size, (hit[:, 1] + 0.5) * size)


def _look_up(texture: NDArray[np.uint8], x: Array, y: Array) -> NDArray[np.float32]:
    # cv2.remap wants maps below 32768 rows; a two-dimensional layout keeps within that.
    columns = 256
    rows = -(-len(x) // columns)
    maps = np.zeros((2, rows * columns), dtype=np.float32)
    maps[0, : len(x)], maps[1, : len(x)] = x, y
    grids = maps.reshape(2, rows, columns)
    picked = cv2.remap(
        texture, grids[0], grids[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(picked.reshape(-1, 3)[: len(x)], dtype=np.float32)
