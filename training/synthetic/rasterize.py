"""Textured planar faces into a supersampled photo with a depth buffer.

For a plane ``P(u, v)`` the homography from pixels to texels also gives the inverse depth: its
third row applied to a pixel *is* 1/depth, so the depth test is exact and costs one affine map.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synthetic.camera import Array, PinholeCamera

Image = NDArray[np.uint8]
FloatImage = NDArray[np.float32]

NEAR_M = 0.05
OPAQUE_ALPHA = 127
RGBA_CHANNELS = 4
# Coplanar faces (a decal on its wall) differ in depth by rounding only.
DEPTH_BIAS = 2e-4
# Below this spread of detail levels one mip level serves the whole face.
SINGLE_LEVEL_SPREAD = 0.6
SMALLEST_LEVEL_PX = 4


@dataclass(slots=True)
class Texture:
    """An RGB or (alpha-premultiplied) RGBA picture and its mip levels, built on first use."""

    pixels: Image
    levels: list[Image] = field(default_factory=list)

    def level(self, index: int) -> Image:
        """Return the picture halved ``index`` times, at least 4 px a side."""
        if not self.levels:
            self.levels.append(self.pixels)
        while len(self.levels) <= index and min(self.levels[-1].shape[:2]) > SMALLEST_LEVEL_PX:
            last = self.levels[-1]
            size = (max(1, last.shape[1] // 2), max(1, last.shape[0] // 2))
            self.levels.append(cv2.resize(last, size, interpolation=cv2.INTER_AREA))
        return self.levels[min(index, len(self.levels) - 1)]


@dataclass(frozen=True, slots=True)
class Face:
    """A parallelogram: texture columns run along ``edge_u``, rows along ``edge_v`` (metres).

    ``is_cutout`` faces write only where their alpha is at least one half.
    """

    origin: Array
    edge_u: Array
    edge_v: Array
    texture: Texture
    is_cutout: bool = False

    @property
    def corners(self) -> Array:
        """The four corners ``(4, 3)`` in order around the face."""
        far = self.origin + self.edge_u + self.edge_v
        return np.stack([self.origin, self.origin + self.edge_u, far, self.origin + self.edge_v])


@dataclass(frozen=True, slots=True)
class FaceView:
    """Where a face lies in a photo: the pixel window and the pixel-to-texel homography."""

    window: tuple[int, int, int, int]
    texel_from_pixel: Array
    inverse_depth: FloatImage
    inside: NDArray[np.bool_]
    detail: tuple[float, float]


class Canvas:
    """Colour ``(H, W, 3)`` and inverse depth ``(H, W)`` of one supersampled view."""

    def __init__(self, camera: PinholeCamera, supersampling: int, background: Image) -> None:
        """Start from ``background``, resized to the supersampled view, infinitely far away."""
        self.camera = camera.scaled(supersampling)
        self.supersampling = supersampling
        size = (self.camera.width_px, self.camera.height_px)
        self.rgb: Image = cv2.resize(background, size, interpolation=cv2.INTER_LINEAR)
        self.inverse_depth: FloatImage = np.zeros((size[1], size[0]), dtype=np.float32)

    def draw(self, face: Face) -> None:
        """Draw an opaque or cut-out face through the depth test."""
        view = view_face(self.camera, face)
        if view is None:
            return
        rows, columns = _slices(view.window)
        buffer = self.inverse_depth[rows, columns]
        visible = view.inside & (view.inverse_depth > buffer)
        if not visible.any():
            return
        colour = sample_face(face, view)
        if face.is_cutout:
            visible &= colour[..., 3] > OPAQUE_ALPHA
        mask = visible.view(np.uint8)
        cv2.copyTo(np.ascontiguousarray(colour[..., :3]), mask, self.rgb[rows, columns])
        cv2.copyTo(view.inverse_depth, mask, buffer)

    def blend(self, face: Face, clip: NDArray[np.bool_] | None = None) -> None:
        """Blend a premultiplied RGBA decal over what is there; the depth stays as it is.

        ``clip`` is an optional mask of the whole canvas; where it is given it replaces the depth
        test (pieces below an opening lie behind the ground's own depth).
        """
        view = view_face(self.camera, face)
        if view is None:
            return
        rows, columns = _slices(view.window)
        nearest = self.inverse_depth[rows, columns]
        visible = view.inside & (
            view.inverse_depth >= nearest * (1 - DEPTH_BIAS)
            if clip is None
            else clip[rows, columns]
        )
        if not visible.any():
            return
        colour = sample_face(face, view).astype(np.float32)
        colour[~visible] = 0.0
        target = self.rgb[rows, columns]
        kept = target * (1.0 - colour[..., 3:] / 255.0)
        target[...] = np.clip(kept + colour[..., :3] + 0.5, 0, 255).astype(np.uint8)

    def resolve(self) -> Image:
        """Average the samples of every pixel: the anti-aliased ``(h, w, 3)`` photo."""
        size = (
            self.camera.width_px // self.supersampling,
            self.camera.height_px // self.supersampling,
        )
        return np.asarray(cv2.resize(self.rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def sees(self, points: Array, tolerance: float = 2e-3) -> NDArray[np.bool_]:
        """Which world points ``(n, 3)`` lie in the photo with nothing in front of them."""
        xy, depth = self.camera.project(points)
        height, width = self.inverse_depth.shape
        with np.errstate(invalid="ignore"):
            within = (depth > NEAR_M) & (xy[:, 0] >= 0) & (xy[:, 1] >= 0)
            within &= (xy[:, 0] < width) & (xy[:, 1] < height)
        seen = np.zeros(len(points), dtype=np.bool_)
        cells = np.floor(xy[within]).astype(np.intp)
        nearest = self.inverse_depth[cells[:, 1], cells[:, 0]]
        seen[within] = 1.0 / depth[within] >= nearest * (1 - tolerance)
        return seen


def view_face(camera: PinholeCamera, face: Face) -> FaceView | None:
    """Find the face in the photo; None where it is outside or turned away.

    The front of a face is where its columns run to the right and its rows downwards.
    """
    if float(np.cross(face.edge_v, face.edge_u) @ (camera.position - face.origin)) <= 0:
        return None
    outline = project_polygon(camera, face.corners)
    window = _find_window(outline, camera.width_px, camera.height_px)
    if window is None:
        return None
    height, width = face.texture.pixels.shape[:2]
    plane = np.stack([face.edge_u / width, face.edge_v / height, face.origin - camera.position], 1)
    pixel_from_texel = camera.matrix @ camera.rotation @ plane
    determinant = float(np.linalg.det(pixel_from_texel))
    if abs(determinant) < np.finfo(float).tiny:
        return None
    texel_from_pixel = np.asarray(np.linalg.inv(pixel_from_texel), dtype=np.float64)
    u, v, w = _affine_maps(texel_from_pixel, window)
    inside = (w > 0) & (u >= 0) & (v >= 0) & (u <= w * width) & (v <= w * height)
    rows = np.column_stack([outline, np.ones(len(outline))]) @ texel_from_pixel[2]
    rows = np.clip(rows, np.finfo(np.float32).tiny, None)
    # |det J| of the homography is det / w^3: texels per pixel depend on the depth alone.
    detail = 0.5 * np.log2(np.abs(np.linalg.det(texel_from_pixel)) / rows**3)
    return FaceView(window, texel_from_pixel, w, inside, (float(detail.min()), float(detail.max())))


def project_polygon(camera: PinholeCamera, corners: Array) -> Array:
    """Project a convex polygon, cut at the near plane; ``(n, 2)`` pixels, empty when behind."""
    local = camera.to_camera(corners)
    kept: list[Array] = []
    for index, point in enumerate(local):
        previous = local[index - 1]
        if (point[2] >= NEAR_M) != (previous[2] >= NEAR_M):
            share = (NEAR_M - previous[2]) / (point[2] - previous[2])
            kept.append(previous + share * (point - previous))
        if point[2] >= NEAR_M:
            kept.append(point)
    if not kept:
        return np.zeros((0, 2))
    cut = np.stack(kept)
    centre = np.array([camera.width_px / 2, camera.height_px / 2])
    return np.asarray(cut[:, :2] / cut[:, 2:] * camera.focal_px + centre, dtype=np.float64)


def sample_face(face: Face, view: FaceView) -> Image:
    """Trilinear look-up of the face's texture over its window."""
    low, high = max(0.0, view.detail[0]), max(0.0, view.detail[1])
    if high - low < SINGLE_LEVEL_SPREAD:
        return _warp_level(face.texture, round((low + high) / 2), view)
    first, last = math.floor(low), math.ceil(high)
    scale = abs(float(np.linalg.det(view.texel_from_pixel)))
    detail = np.clip(view.inverse_depth, np.finfo(np.float32).tiny, None)
    detail = np.clip(0.5 * (math.log2(scale) - 3 * np.log2(detail)), first, last)
    blended = _warp_level(face.texture, first, view)
    for level in range(first + 1, last + 1):
        touched = np.flatnonzero((detail > level - 1).any(axis=1))
        if touched.size == 0:
            break
        rows = slice(int(touched[0]), int(touched[-1]) + 1)
        coarser = _warp_level(face.texture, level, view, rows)
        share = np.clip((detail[rows] - (level - 1)) * 256, 0, 256).astype(np.uint16)[..., None]
        mixed = (blended[rows] * (256 - share) + coarser * share) >> 8
        blended[rows] = mixed.astype(np.uint8)
    return blended


def _warp_level(texture: Texture, index: int, view: FaceView, rows: slice | None = None) -> Image:
    pixels = texture.level(index)
    height, width = texture.pixels.shape[:2]
    scale = np.diag([pixels.shape[1] / width, pixels.shape[0] / height, 1.0])
    x_min, y_min, x_max, y_max = view.window
    if rows is not None:
        y_min, y_max = y_min + rows.start, y_min + rows.stop
    # Pixel and texel centres sit half a step from the corner in our convention, not in cv2's.
    to_centre = np.array([[1, 0, x_min + 0.5], [0, 1, y_min + 0.5], [0, 0, 1.0]])
    from_centre = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])
    matrix = from_centre @ scale @ view.texel_from_pixel @ to_centre
    warped = cv2.warpPerspective(
        pixels,
        matrix,
        (x_max - x_min, y_max - y_min),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, dtype=np.uint8)


def _find_window(outline: Array, width_px: int, height_px: int) -> tuple[int, int, int, int] | None:
    if len(outline) == 0:
        return None
    low, high = outline.min(axis=0), outline.max(axis=0)
    x_min, y_min = max(0, math.floor(low[0])), max(0, math.floor(low[1]))
    x_max, y_max = min(width_px, math.ceil(high[0])), min(height_px, math.ceil(high[1]))
    return (x_min, y_min, x_max, y_max) if x_max > x_min and y_max > y_min else None


def _affine_maps(
    matrix: Array, window: tuple[int, int, int, int]
) -> tuple[FloatImage, FloatImage, FloatImage]:
    x = np.arange(window[0], window[2]) + 0.5
    y = np.arange(window[1], window[3]) + 0.5
    maps = [
        (row[0] * x).astype(np.float32)[None, :] + (row[1] * y + row[2]).astype(np.float32)[:, None]
        for row in matrix
    ]
    return maps[0], maps[1], maps[2]


def _slices(window: tuple[int, int, int, int]) -> tuple[slice, slice]:
    return slice(window[1], window[3]), slice(window[0], window[2])
