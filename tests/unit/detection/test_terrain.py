from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import FloatArray
from detection.plane import LocalPlane
from detection.terrain import Terrain

LON, LAT = 106.55, 29.56
UTM = CRS.from_epsg(32648)
X, Y = Transformer.from_crs("EPSG:4326", UTM, always_xy=True).transform(LON, LAT)
PLANE = LocalPlane(LON, LAT)
DOWN = np.array([[0.0, 0.0, -1.0]])

Shape = Callable[[FloatArray, FloatArray], FloatArray]


def draw_heights(shape: Shape, half_m: float, cell_m: float) -> FloatArray:
    """Heights of a raster in UTM whose middle is LON, LAT."""
    steps = np.arange(-half_m + cell_m / 2, half_m, cell_m)
    return shape(steps[None, :] + 0 * steps[:, None], -steps[:, None] + 0 * steps[None, :])


def write_tiff(
    path: Path, heights: FloatArray, half_m: float, cell_m: float, **extra: object
) -> Path:
    transform = rasterio.transform.from_origin(X - half_m, Y + half_m, cell_m, cell_m)
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:32648", **extra}
    rows, columns = heights.shape
    with rasterio.open(
        path, "w", width=columns, height=rows, transform=transform, **profile
    ) as raster:
        raster.write(heights.astype(np.float32), 1)
    return path


def build_terrain(shape: Shape, half_m: float = 400.0, cell_m: float = 2.0) -> Terrain:
    cells = np.array([[1, 0, half_m - X], [0, -1, half_m + Y]]) / cell_m
    return Terrain(draw_heights(shape, half_m, cell_m), cells, UTM, takeoff_height_m=0.0)


def slope(east: FloatArray, north: FloatArray) -> FloatArray:
    return 0.2 * east - 0.1 * north + 250.0


def test_a_geotiff_is_read_with_heights_at_the_middles_of_its_cells(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "地形.tif", draw_heights(slope, 400.0, 2.0), 400.0, 2.0)
    terrain = Terrain.open(path).at_takeoff(LON, LAT)
    assert terrain.takeoff_height_m == pytest.approx(250.0, abs=1e-3)
    place = PLANE.to_metres(
        Transformer.from_crs(UTM, "EPSG:4326", always_xy=True).transform(X + 101.0, Y - 37.0)
    )
    found = terrain.view_from(LON, LAT).heights_at(place)
    assert float(found) == pytest.approx(0.2 * 101 + 0.1 * 37, abs=0.02)


def test_the_relief_round_the_takeoff_is_the_error_of_its_height() -> None:
    flat = build_terrain(lambda east, _: 0 * east + 80.0).at_takeoff(LON, LAT)
    steep = build_terrain(slope).at_takeoff(LON, LAT)
    assert flat.takeoff_std_m == pytest.approx(0.0, abs=1e-9)
    assert 2.0 < steep.takeoff_std_m < 5.0


def test_a_geographic_raster_gives_the_same_heights(tmp_path: Path) -> None:
    degrees = 0.0002
    lons = LON + (np.arange(80) - 39.5) * degrees
    lats = LAT - (np.arange(80) - 39.5) * degrees
    heights = 1000 * (lons[None, :] - LON) + 2000 * (lats[:, None] - LAT)
    transform = rasterio.transform.from_origin(
        LON - 40 * degrees, LAT + 40 * degrees, degrees, degrees
    )
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=80, height=80, count=1, dtype="float64",
        crs="EPSG:4490", transform=transform,
    ) as raster:  # fmt: skip
        raster.write(heights, 1)
    view = Terrain.open(tmp_path / "a.tif").at_takeoff(LON, LAT).view_from(LON, LAT)
    lonlat = np.array([[LON + 0.003, LAT - 0.004], [LON, LAT]])
    assert view.heights_at(PLANE.to_metres(lonlat)) == pytest.approx([3.0 - 8.0, 0.0], abs=1e-3)


def test_on_the_antimeridian_east_is_east() -> None:
    crs = CRS.from_epsg(4326)
    cells = np.array([[10000.0, 0.0, -179.99 * 10000], [0.0, -10000.0, 10000.01]])
    heights = np.arange(200.0)[None, :] + np.zeros((200, 1))
    view = Terrain(heights, cells, crs, takeoff_height_m=0.0).view_from(179.9999, 0.99)
    west, east = view.heights_at(np.array([[-50.0, 0.0], [50.0, 0.0]]))
    assert east - west == pytest.approx(100.0 / 11.13, rel=0.01)


@given(
    direction=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    height_m=st.floats(20, 80),
    tilt=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
)
def test_a_ray_ends_on_a_slope_where_geometry_says(
    direction: tuple[float, float], height_m: float, tilt: tuple[float, float]
) -> None:
    view = build_terrain(
        lambda east, north: tilt[0] * east + tilt[1] * north, cell_m=8.0
    ).view_from(LON, LAT)
    ray = np.array([*direction, -1.0])
    (met,) = view.meet_rays(np.array([[0.0, 0.0, height_m]]), ray[None], 2000.0)
    assert met[2] == pytest.approx(float(view.heights_at(met[:2])), abs=0.01)
    assert np.cross(met - [0.0, 0.0, height_m], ray) == pytest.approx(np.zeros(3), abs=1e-3)


def test_a_ray_ends_on_the_near_side_of_a_hill() -> None:
    hill = build_terrain(lambda east, _: np.where(np.abs(east - 100.0) < 20, 50.0, 0.0))
    view = hill.view_from(LON, LAT)
    ((east, _, up),) = view.meet_rays(
        np.array([[0.0, 0.0, 60.0]]), np.array([[1.0, 0.0, -0.3]]), 2000.0
    )
    assert east == pytest.approx(80.0, abs=3.0)
    assert up == pytest.approx(60 - 0.3 * east, abs=1e-6)


def test_what_leaves_the_model_does_not_end() -> None:
    view = build_terrain(lambda east, _: 0 * east).view_from(LON, LAT)
    origins = np.tile([[0.0, 0.0, 60.0]], (4, 1))
    rays = np.array([[1.0, 0, -0.1], [0, 0, 1.0], [np.nan] * 3, [0, 0, -1.0]])
    met = view.meet_rays(origins, rays, 2000.0)
    assert np.isnan(met[:3]).all()
    assert met[3] == pytest.approx([0, 0, 0], abs=1e-4)
    assert np.isnan(view.meet_rays(origins[3:], rays[3:], 50.0)).all()


def test_a_camera_below_the_ground_ends_where_it_is() -> None:
    view = build_terrain(lambda east, _: 0 * east + 10.0).view_from(LON, LAT)
    assert view.meet_rays(np.array([[0.0, 0, 5.0]]), DOWN, 500.0) == pytest.approx(
        np.array([[0, 0, 5.0]])
    )


def test_a_hole_in_the_model_has_no_height_and_no_end(tmp_path: Path) -> None:
    heights = draw_heights(lambda east, _: 0 * east + 30.0, 100.0, 2.0)
    heights[45:55, 45:55] = -9999
    path = write_tiff(tmp_path / "a.tif", heights, 100.0, 2.0, nodata=-9999)
    terrain = Terrain.open(path)
    with pytest.raises(InvalidInputError, match="no height at the flight"):
        terrain.at_takeoff(LON, LAT)
    view = terrain.at_takeoff(LON + 0.0005, LAT).view_from(LON, LAT)
    assert np.isnan(view.heights_at(np.zeros(2)))
    assert np.isnan(view.meet_rays(np.array([[0.0, 0, 5.0]]), DOWN, 500.0)).all()


def test_only_what_lies_near_is_read(tmp_path: Path) -> None:
    heights = draw_heights(slope, 400.0, 2.0)
    path = write_tiff(tmp_path / "a.tif", heights, 400.0, 2.0)
    whole = Terrain.open(path).at_takeoff(LON, LAT)
    part = Terrain.open(path, near=(LON - 0.001, LAT - 0.001, LON + 0.009, LAT + 0.001))
    assert part.heights.size < whole.heights.size / 4
    places = np.array([[50.0, -60.0], [-70.0, 80.0], [300.0, 0.0]])
    found = part.at_takeoff(LON, LAT).view_from(LON, LAT).heights_at(places)
    assert found == pytest.approx(whole.view_from(LON, LAT).heights_at(places))
    with pytest.raises(InvalidInputError, match="holds no height"):
        Terrain.open(path, near=(LON + 1.0, LAT, LON + 1.1, LAT + 0.1))


def test_too_large_a_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tiff(tmp_path / "a.tif", draw_heights(slope, 40.0, 2.0), 40.0, 2.0)
    monkeypatch.setattr("detection.terrain.raster.MAX_CELLS", 100)
    with pytest.raises(InvalidInputError, match="over 100 cells"):
        Terrain.open(path)


def test_no_rays_have_no_ends() -> None:
    view = build_terrain(slope).view_from(LON, LAT)
    assert view.meet_rays(np.empty((0, 3)), np.empty((0, 3)), 100.0).shape == (0, 3)


def test_a_terrain_without_a_takeoff_is_a_mistake_of_ours() -> None:
    terrain = build_terrain(slope)
    bare = Terrain(terrain.heights, terrain.cell_from_crs, UTM)
    with pytest.raises(ValueError, match="take-off"):
        bare.view_from(LON, LAT)


def test_files_that_are_no_ground_model_are_named(tmp_path: Path) -> None:
    heights = draw_heights(slope, 20.0, 2.0)
    text = tmp_path / "text.tif"
    text.write_text("not a raster")
    bare = write_tiff(tmp_path / "bare.tif", heights, 20.0, 2.0, crs=None)
    site = 'LOCAL_CS["site",UNIT["metre",1]]'
    local = write_tiff(tmp_path / "local.tif", heights, 20.0, 2.0, crs=site)
    empty = write_tiff(tmp_path / "empty.tif", 0 * heights - 1, 20.0, 2.0, nodata=-1)
    for path, words in (
        (text, "cannot be read"),
        (tmp_path / "missing.tif", "is not a file"),
        (Path("/vsicurl/https://127.0.0.1:9/a.tif"), "is not a file"),
        (bare, "coordinate system"),
        (local, "places on Earth"),
        (empty, "holds no height"),
    ):
        with pytest.raises(InvalidInputError, match=words) as caught:
            Terrain.open(path)
        assert caught.value.remedy
    with pytest.raises(InvalidInputError, match=r"local\.tif"):
        Terrain.open(local, near=(LON, LAT, LON + 0.01, LAT + 0.01))


def test_a_raster_whose_cells_have_no_size_is_named(tmp_path: Path) -> None:
    path = tmp_path / "flat.tif"
    nowhere = rasterio.Affine(0.0, 0.0, X, 0.0, 0.0, Y)
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", width=2, height=2, transform=nowhere, **profile) as raster:
        raster.write(np.ones((2, 2), dtype=np.float32), 1)
    for near in (None, (LON, LAT, LON + 0.01, LAT + 0.01)):
        with pytest.raises(InvalidInputError, match="where its cells lie"):
            Terrain.open(path, near=near)


def test_marks_for_cells_without_a_height_are_no_heights(tmp_path: Path) -> None:
    heights = draw_heights(slope, 20.0, 2.0)
    heights[0, 0], heights[0, 1] = -9999.0, -32768.0
    terrain = Terrain.open(write_tiff(tmp_path / "a.tif", heights, 20.0, 2.0))
    assert np.isnan(terrain.heights).sum() == 2
    assert terrain.bounds_m[0] > 200.0
