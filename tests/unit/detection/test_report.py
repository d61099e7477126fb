from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detection.domain.camera import CameraIntrinsics, CameraPose
from detection.domain.errors import InvalidInputError
from detection.domain.finding import (
    AreaMembership,
    BuildingPart,
    Candidate,
    Detection,
    GeoDetection,
    GroundPoint,
    OnBuilding,
    ViewVotes,
)
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from detection.domain.photo import FlightKind, IngestFailure, Photo
from detection.domain.reasons import REASONS, build_failure
from detection.report.content import FlightReport, ReportModel, rank_candidates
from detection.report.crops import draw_crop, write_crops
from detection.report.files import prepare_folder, write_atomic
from detection.report.geojson import build_candidates_geojson
from detection.report.messages import list_trouble, load_messages
from detection.report.page import render_page
from detection.report.progress import FILE_NAME, FinishedPhoto, ProgressLog
from detection.report.sketch import build_sketch
from detection.report.summary import summarize_report
from detection.report.writer import write_report

LON, LAT = 106.5507, 29.5647
POSE = CameraPose(LON, LAT, 60.0, 300.0, 90.0, -60.0, 0.0, 3.0, 5.0, 3.0, 1.0, 1.0, "test")
LENS = CameraIntrinsics(1000, 800, 900.0, 500.0, 400.0, "test")
GROUND = GroundPoint(LON + 0.0001, LAT, 4.0, 0.0, 1.0, "flat_ground")


def make_photo(photo_id: str = "a.jpg", *, pose: CameraPose | None = POSE) -> Photo:
    warnings = () if pose else ("no_position",)
    return Photo(photo_id, Path(photo_id), "ab" * 32, 1000, 800, None, None, LENS, pose, warnings)


def make_candidate(
    key: str = "0" * 20,
    hazard_class: HazardClass = HazardClass.MANHOLE_MISSING,
    score: float = 0.8,
    photo_ids: tuple[str, ...] = ("a.jpg",),
    ground: GroundPoint | None = GROUND,
) -> Candidate:
    reason = None if ground else "no_position"
    sightings = tuple(
        GeoDetection(
            Detection(name, hazard_class, score, BBox(100, 100, 140, 130), "m", "c" * 64),
            ground,
            reason,
        )
        for name in photo_ids
    )
    lon, lat, error_m = (ground.lon, ground.lat, 4.9) if ground else (None, None, None)
    return Candidate(key, hazard_class, score, lon, lat, error_m, ground, sightings)


def make_report(
    candidates: tuple[Candidate, ...] = (),
    photos: tuple[Photo, ...] = (),
    failures: tuple[IngestFailure, ...] = (),
    name: str = "flight",
) -> FlightReport:
    photos = photos or (make_photo(),)
    thresholds = {HazardClass.MANHOLE_MISSING: 0.37}
    return FlightReport(
        name=name,
        kind=FlightKind.DRONE,
        photos=photos,
        detections=tuple(one for candidate in candidates for one in candidate.sightings),
        candidates=candidates,
        failures=failures,
        models=(ReportModel("manhole", "cd" * 32, 640, thresholds, "2026-11-22T01:00:00Z"),),
        config={"overlap": 0.2},
        config_hash="ef" * 32,
        created_at=datetime(2026, 11, 22, 3, 0, tzinfo=UTC),
        seconds=2.0,
        tiles=12,
    )


def grey_pixels(_: Photo) -> NDArray[np.uint8]:
    return np.full((800, 1000, 3), 120, dtype=np.uint8)


def draw(pixels: NDArray[np.uint8], detection: Detection) -> NDArray[np.uint8]:
    crop = cv2.imdecode(np.frombuffer(draw_crop(pixels, detection), np.uint8), cv2.IMREAD_COLOR)
    assert crop is not None
    return np.asarray(crop, dtype=np.uint8)


def test_geojson_is_longitude_first_with_seven_decimals_and_no_crs() -> None:
    report = make_report((make_candidate(),))
    document = json.loads(json.dumps(build_candidates_geojson(report, {("0" * 20, 0): "crops/x"})))
    assert "crs" not in document
    (feature,) = document["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [106.5508, 29.5647]}
    assert feature["id"] == "0" * 20
    properties = feature["properties"]
    assert properties["status"] == "candidate"
    assert properties["sightings"][0]["crop"] == "crops/x"
    assert properties["ellipse"]["semi_major_m"] == pytest.approx(math.sqrt(4 * 5.991), abs=0.01)
    assert properties["ellipse"]["angle_deg"] == 90.0
    assert properties["unplaced_reason"] is None
    assert (properties["on_building"], properties["areas"], properties["votes"]) == (None, [], None)


def make_known_candidate() -> Candidate:
    return replace(
        make_candidate(),
        on_building=OnBuilding("A-7", BuildingPart.FACADE, 9.876, 0.54, 0.9),
        areas=(AreaMembership("网格", "0203", "二组", near_border=True),),
        votes=ViewVotes(((HazardClass.MANHOLE_MISSING, 7), (HazardClass.MANHOLE_OK, 2)), 11),
        is_ambiguous=True,
    )


def test_geojson_names_building_areas_and_votes() -> None:
    report = make_report((make_known_candidate(),))
    (feature,) = json.loads(json.dumps(build_candidates_geojson(report, {})))["features"]
    properties = feature["properties"]
    assert properties["on_building"] == {
        "id": "A-7", "part": "facade", "height_m": 9.88, "height_std_m": 0.54, "probability": 0.9,
    }  # fmt: skip
    assert properties["areas"] == [
        {"level": "网格", "id": "0203", "name": "二组", "near_border": True}
    ]
    counts = {"manhole_missing": 7, "manhole_ok": 2}
    assert properties["votes"] == {"counts": counts, "views": 9, "covering": 11}
    assert properties["is_ambiguous"] is True


def test_the_page_names_building_areas_and_votes() -> None:
    page = re.sub("<[^>]*>", "", render_page(make_report((make_known_candidate(),)), {}))
    for words in ("A-7", "9.9 ± 0.5 m", "可能性", "90%", "网格二组 临界", "7/9", "2/9", "无法区分"):
        assert words in page, words
    bare = render_page(make_report((make_candidate(),)), {})
    assert not [words for words in ("可能性", "临界", "无法区分", "各视角") if words in bare]


@pytest.mark.parametrize(
    "method",
    ["flat_ground", "terrain", "surface", "building_facade", "building_roof", "camera_position"],
)
def test_every_way_to_a_place_has_words(method: str) -> None:
    assert f"method_{method}" in load_messages().page


def test_an_unplaced_candidate_has_null_geometry_and_its_reason() -> None:
    document = build_candidates_geojson(make_report((make_candidate(ground=None),)), {})
    feature = json.loads(json.dumps(document))["features"][0]
    assert feature["geometry"] is None
    assert feature["properties"]["unplaced_reason"] == "no_position"
    assert feature["properties"]["ellipse"] is None


def test_candidates_are_ranked_by_attention_then_score() -> None:
    crack = make_candidate("1" * 20, HazardClass.FACADE_CRACK, 0.9)
    broken = make_candidate("2" * 20, HazardClass.MANHOLE_BROKEN, 0.4)
    missing = make_candidate("3" * 20, HazardClass.MANHOLE_MISSING, 0.2)
    better = make_candidate("4" * 20, HazardClass.MANHOLE_MISSING, 0.3)
    ranked = rank_candidates([crack, broken, missing, better])
    assert ranked == [better, missing, broken, crack]


def test_every_reason_has_chinese_words() -> None:
    messages = load_messages()
    assert set(messages.reasons_zh) == set(REASONS)
    for code in REASONS:
        message, remedy = messages.explain(code)
        assert re.search("[\u4e00-\u9fff]", message.zh), code
        assert re.search("[\u4e00-\u9fff]", remedy.zh), code


def test_trouble_lists_failures_before_warnings_and_keeps_the_detail() -> None:
    failure = build_failure("z.jpg", "duplicate_photo", "same as a.jpg")
    rows = list_trouble([failure], [make_photo(pose=None)])
    assert [(row.photo_id, row.code, row.severity.value) for row in rows] == [
        ("z.jpg", "duplicate_photo", "failure"),
        ("a.jpg", "no_position", "warning"),
    ]
    assert "same as a.jpg" in rows[0].message.en
    assert "重复" in rows[0].message.zh
    assert "same as a.jpg" in rows[0].message.zh
    assert "(" not in rows[1].message.zh


def test_a_crop_shows_the_box_in_its_colour_without_painting_over_it() -> None:
    pixels = np.full((800, 1000, 3), 120, dtype=np.uint8)
    pixels[400:440, 500:540] = (0, 0, 250)
    box = BBox(500, 400, 540, 440)
    detection = Detection("a", HazardClass.MANHOLE_MISSING, 0.5, box, "m", "c")
    crop = draw(pixels, detection)
    assert max(crop.shape) == 480
    blue = (crop[:, :, 0] > 200) & (crop[:, :, 2] < 60)
    red = (crop[:, :, 2] > 180) & (crop[:, :, 0] < 90) & (crop[:, :, 1] < 90)
    assert blue.sum() > 0.9 * (40 * 480 / 200) ** 2
    assert red.sum() > 500


def test_a_crop_shows_the_outline_beside_the_crack_and_no_box() -> None:
    pixels = np.full((800, 1000, 3), 120, dtype=np.uint8)
    ring = np.array([[400, 300], [403, 300], [603, 500], [600, 500]])
    cv2.fillPoly(pixels, [ring.astype(np.int32)], (0, 250, 0))
    outline = (tuple((float(x), float(y)) for x, y in ring),)
    box = BBox(400, 300, 603, 500)
    crop = draw(pixels, Detection("a", HazardClass.FACADE_CRACK, 0.5, box, "m", "c", outline))
    violet = (crop[:, :, 0] > 180) & (crop[:, :, 1] < 140) & (crop[:, :, 2] > 90)
    green = (crop[:, :, 1] > 150) & (crop[:, :, 0] < 100) & (crop[:, :, 2] < 100)
    y, x = np.nonzero(violet)
    distance = np.abs((x - x.mean()) - (y - y.mean())) / np.sqrt(2)
    assert distance.max() < 12  # pixels of the crop; a box's corners lie 100 away
    assert distance[np.abs(x - x.mean()) < 40].min() > 1
    assert green.sum() > 0.5 * np.hypot(*np.ptp(np.argwhere(violet), axis=0))


@pytest.mark.parametrize("outlined", [False, True])
@pytest.mark.parametrize(
    "xyxy", [(0, 0, 5, 5), (990, 790, 1000, 800), (0, 0, 1000, 800), (400, 0, 410, 800)]
)
def test_a_crop_at_any_border_stays_inside_the_photo(
    xyxy: tuple[float, float, float, float], *, outlined: bool
) -> None:
    low, high = xyxy[:2], xyxy[2:]
    ring = (low, (xyxy[2], xyxy[1]), high)
    detection = Detection(
        "a", HazardClass.FACADE_CRACK, 0.5, BBox(*xyxy), "m", "c", (ring,) if outlined else ()
    )
    pixels = np.full((800, 1000, 3), 120, dtype=np.uint8)
    crop = draw(pixels, detection)
    assert max(crop.shape) == 480


def test_stale_crops_go_and_strange_files_stay(tmp_path: Path) -> None:
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops" / f"{'9' * 20}_1.jpg").write_bytes(b"old")
    (tmp_path / "crops" / "holiday.jpg").write_bytes(b"mine")
    candidate = make_candidate(photo_ids=("a.jpg", "b.jpg"))
    photos = {name: make_photo(name) for name in ("a.jpg", "b.jpg")}
    names = write_crops(
        tmp_path,
        [candidate],
        photos,
        lambda photo: grey_pixels(photo) if photo.photo_id == "a.jpg" else None,
    )
    assert names == {("0" * 20, 0): f"crops/{'0' * 20}_1.jpg"}
    assert sorted(path.name for path in (tmp_path / "crops").iterdir()) == [
        f"{'0' * 20}_1.jpg",
        "holiday.jpg",
    ]


def test_the_sketch_is_metric_and_north_is_up() -> None:
    north = replace(POSE, lat=LAT + 100 / 111_320)
    east = replace(POSE, lon=LON + 100 / (111_320 * math.cos(math.radians(LAT))))
    photos = [make_photo(str(i), pose=pose) for i, pose in enumerate((POSE, north, east))]
    sketch = build_sketch(photos, [])
    assert sketch is not None
    start, up, right = sketch.photos
    px_per_m = sketch.bar_px / sketch.bar_m
    assert (up.x - start.x, start.y - up.y) == pytest.approx((0, 100 * px_per_m), abs=0.3)
    assert (right.x - start.x, start.y - right.y) == pytest.approx((100 * px_per_m, 0), abs=0.3)
    assert str(sketch.bar_m).lstrip("0.")[0] in "125"
    inside = [0 < m.x < sketch.width and 0 < m.y < sketch.height for m in sketch.photos]
    assert all(inside)


def test_the_sketch_draws_ellipse_and_heading_as_they_lie() -> None:
    sketch = build_sketch([make_photo()], [make_candidate()])
    assert sketch is not None
    (mark,) = sketch.candidates
    assert mark.radius_x == pytest.approx(2 * mark.radius_y, rel=0.02)
    assert mark.rotate_deg == 0.0
    tips = [tuple(map(float, pair.split(","))) for pair in sketch.photos[0].wedge.split()[1:]]
    assert all(x > sketch.photos[0].x for x, _ in tips)


def test_without_positions_there_is_no_sketch() -> None:
    assert build_sketch([make_photo(pose=None)], [make_candidate(ground=None)]) is None


def test_the_page_is_whole_in_both_languages_and_asks_nothing_of_the_network() -> None:
    candidates = (make_candidate(), make_candidate("1" * 20, ground=None))
    failure = build_failure("broken.jpg", "truncated_image")
    photos = (make_photo(), make_photo("nowhere.jpg", pose=None))
    page = render_page(make_report(candidates, photos, (failure,)), {("0" * 20, 0): "crops/x.jpg"})
    for words in (
        "井盖缺失",
        "Missing manhole cover",
        "0.37",
        "cdcdcdcdcdcd",
        "crops/x.jpg",
        "broken.jpg",
        "不是隐患认定",
        "nowhere.jpg",
        'href="#c-1"',
        'id="c-1"',
        "照片文件不完整",
        "The photo breaks off",
    ):
        assert words in page, words
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page)
    assert addresses
    assert not [one for one in addresses if re.match(r"[a-z]+:|//", one)]
    assert "http" not in page.replace("http-equiv", "")
    assert page.count('class="zh"') == page.count('class="en"')


def test_names_are_escaped() -> None:
    evil = "<script>alert(1)</script>.jpg"
    page = render_page(make_report(photos=(make_photo(evil, pose=None),), name=evil), {})
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_an_empty_flight_says_that_nothing_found_is_not_nothing_there() -> None:
    page = render_page(make_report(photos=(make_photo(pose=None),)), {})
    assert "没有候选不等于没有隐患" in page
    assert "<svg" not in page


def test_all_files_are_written_and_agree(tmp_path: Path) -> None:
    failure = build_failure("broken.jpg", "damaged_image")
    photos = (make_photo(), make_photo("broken.jpg"))
    report = make_report((make_candidate(),), photos, (failure,))
    assert write_report(tmp_path, report, grey_pixels) == tmp_path / "report.html"
    coco = json.loads((tmp_path / "detections.json").read_text(encoding="utf-8"))
    assert [image["file_name"] for image in coco["images"]] == ["a.jpg"]
    assert len(coco["annotations"]) == 1
    rows = json.loads((tmp_path / "failures.json").read_text(encoding="utf-8"))
    assert [(row["photo_id"], row["code"]) for row in rows] == [("broken.jpg", "damaged_image")]
    assert all(row["remedy"] and row["remedy_zh"] for row in rows)
    geo = json.loads((tmp_path / "candidates.geojson").read_text(encoding="utf-8"))
    crop = geo["features"][0]["properties"]["sightings"][0]["crop"]
    assert (tmp_path / crop).is_file()
    assert not list(tmp_path.rglob("*.part"))


def test_the_summary_names_counts_codes_and_remedies() -> None:
    failure = build_failure("broken.jpg", "truncated_image")
    photos = (make_photo(), make_photo("broken.jpg"), make_photo("n.jpg", pose=None))
    report = make_report((make_candidate(),), photos, (failure,))
    text = "\n".join(summarize_report(report, Path("report.html"), photos_new=1))
    for words in (
        "2 photos through 12 tiles in 2.0 s (0.50 photos/s)",
        "1 of them in an earlier run",
        "manhole_missing",
        "1 candidates",
        "truncated_image (1): broken.jpg",
        "Copy it from the card again",
        "no_position (1): n.jpg",
        "report.html",
    ):
        assert words in text, words


def test_a_detail_of_one_file_is_not_said_of_all() -> None:
    failures = tuple(build_failure(f"{n}.jpg", "duplicate_photo", f"same as {n}") for n in "ab")
    text = "\n".join(summarize_report(make_report((), (), failures), Path("r"), photos_new=1))
    assert "duplicate_photo (2): a.jpg, b.jpg" in text
    assert "same as" not in text
    text = "\n".join(summarize_report(make_report((), (), failures[:1]), Path("r"), photos_new=1))
    assert "same as a" in text


def test_what_was_left_out_is_counted_in_summary_and_page() -> None:
    report = replace(make_report(), implausible=7, other_files=3)
    text = "\n".join(summarize_report(report, Path("r"), photos_new=1))
    assert "7 boxes were left out" in text
    assert "take-off point" in text
    assert "3 other files were passed over" in text
    page = render_page(report, {})
    assert re.search(r"7 <span class=\"zh\">个检测框未列入", page)
    quiet = make_report()
    assert "left out" not in render_page(quiet, {})
    assert "passed over" not in "\n".join(summarize_report(quiet, Path("r"), photos_new=1))


def test_the_page_names_the_zone_of_its_time() -> None:
    assert "2026-11-22 03:00+00:00" in render_page(make_report(), {})


FOUND = Detection("a.jpg", HazardClass.MANHOLE_OK, 0.123456789, BBox(1.5, 2, 3, 4), "m", "c" * 64)
OUTLINE = (((1.5, 2.0), (3.0, 2.0), (3.0, 4.0)), ((1.5, 3.0), (1.9, 3.0), (1.9, 4.0)))
HUGE = replace(FOUND, bbox_xyxy=BBox(0, 0, 900, 800), polygons=OUTLINE)
DONE = FinishedPhoto("a.jpg", "ab" * 32, (FOUND,), 12, 0.5, (HUGE,))


def test_progress_is_read_back_exactly(tmp_path: Path) -> None:
    with ProgressLog(tmp_path, "hash") as log:
        log.append(DONE)
        log.append(replace(DONE, photo_id="线\u2028路.jpg", detections=()))
    photos = [make_photo(), make_photo("线\u2028路.jpg")]
    finished = ProgressLog(tmp_path, "hash").read(photos)
    assert finished["a.jpg"] == DONE
    assert set(finished) == {"a.jpg", "线\u2028路.jpg"}


def test_another_configuration_or_file_content_does_not_count(tmp_path: Path) -> None:
    with ProgressLog(tmp_path, "hash") as log:
        log.append(DONE)
    assert ProgressLog(tmp_path, "other").read([make_photo()]) == {}
    assert ProgressLog(tmp_path, "hash").read([replace(make_photo(), sha256="00" * 32)]) == {}
    assert ProgressLog(tmp_path, "hash").read([make_photo("b.jpg")]) == {}


@pytest.mark.parametrize("torn", ['{"photo_id": "b', "[]", "null", '{"photo_id": "b"}', "\x00\x00"])
def test_a_torn_last_line_is_dropped_and_appending_goes_on(tmp_path: Path, torn: str) -> None:
    with ProgressLog(tmp_path, "hash") as log:
        log.append(DONE)
    with (tmp_path / FILE_NAME).open("a", encoding="utf-8") as stream:
        stream.write(torn)
    with ProgressLog(tmp_path, "hash") as log:
        log.append(replace(DONE, photo_id="b.jpg"))
    finished = ProgressLog(tmp_path, "hash").read([make_photo(), make_photo("b.jpg")])
    assert set(finished) == {"a.jpg", "b.jpg"}


def test_a_file_is_whole_or_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    write_atomic(path, b"first")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"second")
    assert path.read_bytes() == b"first"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InvalidInputError, match="file/out") as caught:
        prepare_folder(tmp_path / "file" / "out")
    assert "--out" in caught.value.remedy
