"""Structure from motion of one flight. The one importer of pycolmap."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

from detection.domain.camera import CameraIntrinsics
from detection.domain.errors import ConfigurationError
from detection.domain.geometry import FloatArray
from detection.domain.photo import Photo
from detection.plane import LocalPlane
from detection.refine.watch import Watch

if TYPE_CHECKING:
    import pycolmap

MAX_SIDE_PX = 1600
"""Longer side at which features are looked for: finer ones cost time and move poses little."""
MAX_FEATURES = 4000
NEIGHBOURS = 20
"""Nearest photos that each photo is matched with."""
REACH_M = 300.0
MIN_TRACK = 3
"""Photos that must show a point before it counts as surface."""
MAX_REPROJECTION_PX = 2.0

STAGES = ("features", "matches", "poses")


@dataclass(frozen=True, slots=True)
class SparseModel:
    """What structure from motion found, in metres east, north and up of the take-off plane.

    ``photo_ids`` names the photos that could be joined, ``centers_m`` ``(n, 3)`` their cameras,
    ``axes`` ``(n, 3, 3)`` right, down and forward of each, ``points_m`` ``(k, 3)`` the surface.
    ``reprojection_px`` is the mean over all points. ``intrinsics`` is the camera that fits, of
    the first photo's size.
    """

    photo_ids: tuple[str, ...]
    centers_m: FloatArray
    axes: FloatArray
    points_m: FloatArray
    reprojection_px: float
    intrinsics: CameraIntrinsics


def reconstruct(
    photos: Sequence[Photo],
    plane: LocalPlane,
    *,
    threads: int = 1,
    on_stage: Callable[[str], None] | None = None,
    watch: Watch | None = None,
) -> SparseModel | None:
    """Return the model of photos of one camera and size that all have a position and a height.

    None where fewer than three photos could be joined. The positions go in as priors with
    their standard deviations. A lens that the photos describe is kept; else focal length and one
    radial term are fitted. ``watch`` hears how far each stage is and may end the work.

    Raises:
        ConfigurationError: pycolmap is not installed.
        CancelledError: ``watch`` ended the work.
    """
    watch = watch or Watch()
    colmap = _import_library()
    report = on_stage or (lambda _: None)
    with tempfile.TemporaryDirectory(prefix="hazardlens-refine-") as folder:
        work = Path(folder)
        names = _link_photos(photos, work / "photos")
        database = work / "database.db"
        report(STAGES[0])
        # One connection of the library's own counts: another SQLite in this process breaks it.
        with colmap.Database.open(database) as opened:
            watch.run(
                STAGES[0],
                lambda token: _extract(
                    colmap,
                    database,
                    work / "photos",
                    names=list(names),
                    first=photos[0],
                    threads=threads,
                    token=token,
                ),
                token=colmap.CancellationToken(),
                count=opened.num_images,
                total=len(photos),
            )
            _write_priors(opened, colmap, photos, names, plane)
            report(STAGES[1])
            watch.run(
                STAGES[1],
                lambda token: _match(colmap, database, threads, token),
                token=colmap.CancellationToken(),
                count=opened.num_matched_image_pairs,
                total=_count_pairs(photos, plane),
            )
        report(STAGES[2])
        joined: list[None] = []
        found = watch.run(
            STAGES[2],
            lambda token: colmap.incremental_mapping(
                database,
                work / "photos",
                work,
                _mapping_options(colmap, photos[0], threads),
                next_image_callback=lambda: joined.append(None),
                cancellation_token=token,
            ),
            token=colmap.CancellationToken(),
            count=lambda: len(joined),
            total=len(photos),
        )
    if not found:
        return None
    largest = max(found.values(), key=lambda one: int(one.num_reg_images()))
    if largest.num_reg_images() < MIN_TRACK:
        return None
    return _read_model(largest, names, photos[0])


def _import_library() -> Any:  # noqa: ANN401  # an untyped library
    try:
        import pycolmap  # noqa: PLC0415  # an extra: only this command needs it
    except ImportError as error:
        message = "Refining poses needs pycolmap, which is not installed."
        remedy = 'Install it into the same environment: pip install "pycolmap>=4.2".'
        raise ConfigurationError(message, remedy=remedy) from error
    pycolmap.logging.minloglevel = pycolmap.logging.ERROR
    return pycolmap


def _link_photos(photos: Sequence[Photo], folder: Path) -> dict[str, str]:
    """Link the files under short names; return the photo's id by name.

    Photos keep their own suffix, because the library tells the format by it; a stored upload has
    none and is a JPEG or PNG that it recognises by content.
    """
    folder.mkdir()
    names = {}
    for number, photo in enumerate(photos):
        name = f"{number:06d}{photo.path.suffix.lower() or '.jpg'}"
        (folder / name).symlink_to(photo.path.resolve())
        names[name] = photo.photo_id
    return names


def _extract(
    colmap: Any,  # noqa: ANN401  # an untyped library
    database: Path,
    folder: Path,
    *,
    names: list[str],
    first: Photo,
    threads: int,
    token: Any,  # noqa: ANN401  # an untyped library
) -> None:
    reader = colmap.ImageReaderOptions()
    camera = first.intrinsics
    if camera is not None:
        model, parameters = _camera_parameters(camera)
        reader.camera_model = model
        reader.camera_params = ",".join(f"{value:.9g}" for value in parameters)
    options = colmap.FeatureExtractionOptions()
    options.num_threads = threads
    options.max_image_size = MAX_SIDE_PX
    options.sift.max_num_features = MAX_FEATURES
    colmap.extract_features(
        database,
        folder,
        image_names=names,
        camera_mode=colmap.CameraMode.SINGLE,
        reader_options=reader,
        extraction_options=options,
        device=colmap.Device.cpu,
        cancellation_token=token,
    )


def _camera_parameters(camera: CameraIntrinsics) -> tuple[str, list[float]]:
    """Return the library's model and its parameters; a known lens needs the one with k3."""
    focal, cx, cy = camera.focal_px, camera.cx_px, camera.cy_px
    if camera.distortion is None:
        return "SIMPLE_RADIAL", [focal, cx, cy, 0.0]
    k1, k2, p1, p2, k3 = camera.distortion
    return "FULL_OPENCV", [focal, focal, cx, cy, k1, k2, p1, p2, k3, 0.0, 0.0, 0.0]


def _write_priors(
    opened: Any,  # noqa: ANN401  # an untyped library
    colmap: Any,  # noqa: ANN401  # an untyped library
    photos: Sequence[Photo],
    names: dict[str, str],
    plane: LocalPlane,
) -> None:
    by_id = {photo.photo_id: photo for photo in photos}
    opened.clear_pose_priors()  # those that the library read from EXIF, with GPS altitude
    for image in opened.read_all_images():
        pose = by_id[names[image.name]].pose
        if pose is None:  # the caller has left these out
            continue
        east, north = plane.to_metres((pose.lon, pose.lat))
        prior = colmap.PosePrior()
        prior.pose_prior_id = image.image_id
        prior.corr_data_id = image.data_id
        prior.position = np.array([east, north, pose.altitude_agl_m or 0.0])
        stds = np.array([pose.horizontal_std_m, pose.horizontal_std_m, pose.vertical_std_m])
        prior.position_covariance = np.diag(stds**2)
        prior.coordinate_system = colmap.PosePriorCoordinateSystem.CARTESIAN
        opened.write_pose_prior(prior)


def _match(
    colmap: Any,  # noqa: ANN401  # an untyped library
    database: Path,
    threads: int,
    token: Any,  # noqa: ANN401  # an untyped library
) -> None:
    matching = colmap.FeatureMatchingOptions()
    matching.num_threads = threads
    pairing = colmap.SpatialPairingOptions()
    pairing.max_num_neighbors = NEIGHBOURS
    pairing.max_distance = REACH_M
    pairing.ignore_z = True
    pairing.num_threads = threads
    colmap.match_spatial(
        database,
        matching_options=matching,
        pairing_options=pairing,
        device=colmap.Device.cpu,
        cancellation_token=token,
    )


def _count_pairs(photos: Sequence[Photo], plane: LocalPlane) -> int:
    """Return about how many pairs are matched: for the progress, not for the result."""
    placed = [(photo.pose.lon, photo.pose.lat) for photo in photos if photo.pose is not None]
    tree = cKDTree(plane.to_metres(placed))
    _, near = tree.query(tree.data, k=min(NEIGHBOURS, len(placed)))
    pairs = {
        (min(one, other), max(one, other))
        for one, row in enumerate(np.atleast_2d(near).tolist())
        for other in row
        if one != other
    }
    return max(1, len(pairs))


def _mapping_options(
    colmap: Any,  # noqa: ANN401  # an untyped library
    first: Photo,
    threads: int,
) -> pycolmap.IncrementalPipelineOptions:
    options = colmap.IncrementalPipelineOptions()
    options.use_prior_position = True
    options.num_threads = threads
    options.random_seed = 0
    options.extract_colors = False
    options.multiple_models = False
    is_known = first.intrinsics is not None and first.intrinsics.distortion is not None
    options.ba_refine_focal_length = not is_known
    options.ba_refine_extra_params = not is_known
    # Growth between two adjustments of everything: twice the default, half the time.
    options.ba_global_frames_ratio = 1.4
    options.ba_global_points_ratio = 1.4
    return options


def _read_model(found: Any, names: dict[str, str], first: Photo) -> SparseModel:  # noqa: ANN401  # an untyped library
    images = sorted(
        (image for image in found.images.values() if image.has_pose), key=lambda one: one.name
    )
    points = [
        point.xyz
        for point in found.points3D.values()
        if point.track.length() >= MIN_TRACK and point.error <= MAX_REPROJECTION_PX
    ]
    camera = next(iter(found.cameras.values()))
    return SparseModel(
        photo_ids=tuple(names[image.name] for image in images),
        centers_m=np.array([image.projection_center() for image in images]),
        axes=np.array([image.cam_from_world().rotation.matrix() for image in images]),
        points_m=np.array(points).reshape(-1, 3),
        reprojection_px=float(found.compute_mean_reprojection_error()),
        intrinsics=_fitted_intrinsics(camera, first),
    )


def _fitted_intrinsics(camera: Any, first: Photo) -> CameraIntrinsics:  # noqa: ANN401  # an untyped library
    given = first.intrinsics
    if given is not None and given.distortion is not None:
        return given
    focal, cx, cy, k1 = (float(value) for value in camera.params)
    return CameraIntrinsics(
        first.width_px, first.height_px, focal, cx, cy, "sfm", None, (k1, 0.0, 0.0, 0.0, 0.0)
    )
