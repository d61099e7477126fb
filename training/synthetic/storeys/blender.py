"""The only module that knows Blender: builds a scene, renders it and the numbers of things."""

from __future__ import annotations

import itertools
import operator
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy
import mathutils
import numpy as np
from numpy.typing import NDArray

from training.synthetic.camera import PinholeCamera
from training.synthetic.rasterize import Image
from training.synthetic.storeys.grounds import GROUND_NUMBER, read_rgb
from training.synthetic.storeys.solids import Solid, map_texture
from training.synthetic.storeys.street import Street
from training.synthetic.storeys.surfaces import Surface
from training.synthetic.storeys.view import Daylight

SENSOR_MM = 36.0
GLOSSY_BELOW = 0.5
GROUNDS = ("ground", "lane")


class Studio:
    """One Blender scene; a street is put up, then photographed from several places."""

    def __init__(self, street: Street, *, samples: int, threads: int) -> None:
        """Empty Blender and put up the street."""
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._scene: Any = bpy.context.scene
        self._materials = {
            name: _make_material(name, surface) for name, surface in street.surfaces.items()
        }
        self._world, self._sun = _make_lights(self._scene)
        self._camera: Any = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        self._scene.collection.objects.link(self._camera)
        self._scene.camera = self._camera
        self._numbers: Any = _make_number_material()
        self._build(street.solids)
        _configure(self._scene, samples, threads)
        self._samples = samples

    def photograph(self, camera: PinholeCamera, light: Daylight) -> tuple[Image, NDArray[np.uint8]]:
        """Return the photo ``(h, w, 3)`` and the number of the thing in each pixel, 0 for none."""
        self._aim(camera)
        self._light(light)
        photo = self._render()
        numbers = self._render_numbers()
        return photo, numbers

    def _build(self, solids: Iterable[Solid]) -> None:
        key = operator.attrgetter("thing", "surface")
        for (thing, surface), group in itertools.groupby(sorted(solids, key=key), key=key):
            faces = [face for solid in group for face in solid.faces]
            mesh = _make_mesh(faces, self._materials[surface])
            item: Any = bpy.data.objects.new(f"{surface}-{thing}", mesh)
            item.pass_index = GROUND_NUMBER if surface in GROUNDS else thing
            self._scene.collection.objects.link(item)

    def _aim(self, camera: PinholeCamera) -> None:
        # Blender's camera looks along its -z, its +y is up.
        axes = np.stack([camera.rotation[0], -camera.rotation[1], -camera.rotation[2]], axis=1)
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = axes, camera.position
        self._camera.matrix_world = mathutils.Matrix(matrix.tolist())
        data = self._camera.data
        data.sensor_width, data.clip_end = SENSOR_MM, 3000.0
        data.lens = camera.focal_px / camera.width_px * SENSOR_MM
        self._scene.render.resolution_x = camera.width_px
        self._scene.render.resolution_y = camera.height_px

    def _light(self, light: Daylight) -> None:
        self._sun.data.energy, self._sun.data.angle = light.strength, light.softness
        self._sun.rotation_euler = mathutils.Vector(light.sun).to_track_quat("Z", "Y").to_euler()
        background = self._world.node_tree.nodes["Background"]
        background.inputs["Color"].default_value = (*light.sky, 1.0)
        background.inputs["Strength"].default_value = light.sky_strength

    def _render_numbers(self) -> NDArray[np.uint8]:
        """Render once more with one sample through the pixel's middle, every thing its number."""
        scene, layer = self._scene, self._scene.view_layers[0]
        layer.material_override = self._numbers
        scene.cycles.samples, scene.cycles.use_denoising = 1, False
        scene.cycles.filter_width, scene.view_settings.view_transform = 0.01, "Raw"
        background = self._world.node_tree.nodes["Background"]
        background.inputs["Strength"].default_value = 0.0
        numbers = self._render()[..., 0].copy()
        layer.material_override = None
        scene.cycles.samples, scene.cycles.use_denoising = self._samples, True
        scene.cycles.filter_width, scene.view_settings.view_transform = 1.5, "Standard"
        return numbers

    def _render(self) -> Image:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "photo.png"
            self._scene.render.filepath = str(path)
            bpy.ops.render.render(write_still=True)
            return read_rgb(path)


def _configure(scene: Any, samples: int, threads: int) -> None:  # noqa: ANN401 - bpy has no types
    scene.render.engine = "CYCLES"
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.compression = 0
    scene.render.use_persistent_data = True
    scene.render.dither_intensity = 0.0
    scene.view_settings.view_transform = "Standard"
    cycles = scene.cycles
    cycles.device, cycles.samples, cycles.use_denoising = "CPU", samples, True
    cycles.use_adaptive_sampling = False
    cycles.denoising_quality, cycles.denoising_prefilter = "FAST", "NONE"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 1, 1, 1
    cycles.transparent_max_bounces = 4
    cycles.caustics_reflective = cycles.caustics_refractive = False


def _make_lights(scene: Any) -> tuple[Any, Any]:  # noqa: ANN401
    world: Any = bpy.data.worlds.new("sky")
    world.use_nodes = True
    scene.world = world
    sun: Any = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    scene.collection.objects.link(sun)
    return world, sun


def _make_material(name: str, surface: Surface) -> Any:  # noqa: ANN401
    rows, columns = surface.texture.shape[:2]
    picture: Any = bpy.data.images.new(name, columns, rows)
    rgba = np.ones((rows, columns, 4), dtype=np.float32)
    rgba[..., :3] = surface.texture[::-1] / np.float32(255)
    picture.pixels.foreach_set(rgba.ravel())
    picture.pack()
    material: Any = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    texture, out = nodes.new("ShaderNodeTexImage"), nodes.new("ShaderNodeOutputMaterial")
    scale, place = nodes.new("ShaderNodeMapping"), nodes.new("ShaderNodeUVMap")
    texture.image, texture.extension = picture, "MIRROR"
    scale.inputs["Scale"].default_value = (1 / surface.size_m, 1 / surface.size_m, 1.0)
    links.new(place.outputs["UV"], scale.inputs["Vector"])
    links.new(scale.outputs["Vector"], texture.inputs["Vector"])
    links.new(_shade(nodes, links, surface, texture.outputs["Color"]), out.inputs["Surface"])
    return material


def _shade(nodes: Any, links: Any, surface: Surface, colour: Any) -> Any:  # noqa: ANN401
    """Diffuse, with a share of gloss or of nothing: faster than the Principled shader."""
    shader = nodes.new("ShaderNodeBsdfDiffuse")
    links.new(colour, shader.inputs["Color"])
    light = shader.outputs["BSDF"]
    if surface.roughness < GLOSSY_BELOW:
        gloss = nodes.new("ShaderNodeBsdfGlossy")
        gloss.inputs["Roughness"].default_value = surface.roughness
        light = _mix(nodes, links, light, gloss.outputs["BSDF"], 0.08 + 0.4 * surface.metallic)
    if surface.opacity < 1:
        clear = nodes.new("ShaderNodeBsdfTransparent")
        light = _mix(nodes, links, clear.outputs["BSDF"], light, surface.opacity)
    return light


def _mix(nodes: Any, links: Any, first: Any, second: Any, share: float) -> Any:  # noqa: ANN401
    mixed = nodes.new("ShaderNodeMixShader")
    mixed.inputs[0].default_value = share
    links.new(first, mixed.inputs[1])
    links.new(second, mixed.inputs[2])
    return mixed.outputs[0]


def _make_number_material() -> Any:  # noqa: ANN401
    """A material that glows with the number of its object, as one grey value of 256."""
    material: Any = bpy.data.materials.new("numbers")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    glow, info = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeObjectInfo")
    divide, out = nodes.new("ShaderNodeMath"), nodes.new("ShaderNodeOutputMaterial")
    divide.operation, divide.inputs[1].default_value = "DIVIDE", 255.0
    links.new(info.outputs["Object Index"], divide.inputs[0])
    links.new(divide.outputs["Value"], glow.inputs["Color"])
    links.new(glow.outputs["Emission"], out.inputs["Surface"])
    return material


def _make_mesh(faces: list[NDArray[np.float64]], material: Any) -> Any:  # noqa: ANN401
    points = np.concatenate(faces)
    starts = np.cumsum([0, *(len(face) for face in faces)])
    loops = [tuple(range(a, b)) for a, b in itertools.pairwise(starts.tolist())]
    mesh: Any = bpy.data.meshes.new("mesh")
    mesh.from_pydata(points.tolist(), [], loops)
    layer = mesh.uv_layers.new(name="uv")
    flat = np.concatenate([map_texture(face) for face in faces]).astype(np.float32)
    layer.data.foreach_set("uv", flat.ravel())
    mesh.materials.append(material)
    return mesh
