from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from detection.domain.errors import HazardLensError
from detection.domain.hazard import HazardClass
from tests.labelled_sets import BOX, save_photo, write_yolo_set
from training.cli.data import data
from training.data import audit as audit_module
from training.data.annotation import AnnotatedPhoto, Origin
from training.data.audit import AuditedSet, audit_set, find_leaks
from training.data.corrections import Correction
from training.data.errors import UnknownClassError
from training.data.findings import FAILURES, AuditReport, load_texts
from training.data.importers.class_names import read_class_names
from training.data.manifest import list_files
from training.data.sources import read_header

CLASSES = {0: HazardClass.MANHOLE_OK, 1: HazardClass.MANHOLE_MISSING}
SOUND = {"a": BOX, "b": "1 0.2 0.2 0.1 0.1\n", "c": "", "d": BOX, "e": "1" + BOX[1:], "f": ""}


def open_set(folder: Path, labels: Mapping[str, str | None]) -> AuditedSet:
    """Every photo alone in its group; the last three are val."""
    write_yolo_set(folder, labels)
    paths = sorted((folder / "images").glob("*"))
    photos = [
        read_header(path, dataset="drawn", split="train" if n < 3 else "val", group=path.stem)
        for n, path in enumerate(paths)
    ]
    return AuditedSet("drawn", tuple(photos), folder / "images", folder / "labels", CLASSES)


def audit(audited: AuditedSet) -> AuditReport:
    return audit_set(audited, look_for_overlaps=False)


def codes(report: AuditReport) -> set[str]:
    return {finding.code for finding in report.findings}


def test_sound_set_has_no_findings(tmp_path: Path) -> None:
    report = audit(open_set(tmp_path, SOUND))
    assert report.findings == ()
    assert report.photos == 6


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("0 1.5 0.5 0.1 0.1\n", "label_outside_photo"),
        ("0 0.95 0.5 0.3 0.1\n", "label_outside_photo"),
        ("7 0.5 0.5 0.1 0.1\n", "unknown_class"),
        (BOX + "1" + BOX[1:], "two_classes_one_box"),
        (BOX + "0 0.1 0.1 0.2 0.1 0.2 0.2\n", "mixed_labels"),
        ("0 0.5 0.5 0.001 0.1\n", "zero_area"),
        ("nonsense\n", "malformed_label"),
    ],
)
def test_label_that_cannot_be_right_is_a_failure(tmp_path: Path, label: str, code: str) -> None:
    report = audit(open_set(tmp_path, SOUND | {"b": label, "bb": SOUND["b"]}))
    found = [finding for finding in report.findings if finding.code == code]
    assert [finding.photos for finding in found] == [("b.png",)]
    assert report.failures


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"b": BOX + BOX}, "duplicate_label"),
        ({"c": None}, "missing_labels"),
        ({"b": BOX}, "empty_class"),
        ({"c": BOX}, "no_negatives"),
    ],
)
def test_what_may_be_meant_so_is_a_warning(
    tmp_path: Path, changes: dict[str, str | None], code: str
) -> None:
    report = audit(open_set(tmp_path, SOUND | changes))
    assert code in codes(report)
    assert report.failures == 0


def test_photo_that_breaks_off_is_a_failure_and_the_rest_is_audited(tmp_path: Path) -> None:
    audited = open_set(tmp_path, SOUND | {"d": BOX + BOX})
    path = audited.photos[0].path
    path.write_bytes(path.read_bytes()[:-300])
    assert {"corrupt_image", "duplicate_label"} <= codes(audit(audited))


def test_same_picture_on_both_sides_is_a_failure_on_one_a_warning(tmp_path: Path) -> None:
    audited = open_set(tmp_path, SOUND)
    save_photo(audited.photos[1].path, 0)  # a and b, both train
    assert audit(audited).failures == 0
    save_photo(audited.photos[5].path, 0)  # f, val
    report = audit(audited)
    assert {"near_duplicate", "leak_near_duplicate"} <= codes(report)
    leaks = [f.photos for f in report.findings if f.code == "leak_near_duplicate"]
    assert leaks == [("a.png", "f.png"), ("b.png", "f.png")]
    assert any("One has labels, the other none" in f.message for f in report.findings)


def test_changed_file_and_changed_list_are_failures(tmp_path: Path) -> None:
    audited = open_set(tmp_path, SOUND)
    rows = tuple(list_files(audited.photos, audited.labels))
    known = AuditedSet(
        "drawn", audited.photos, audited.images, audited.labels, CLASSES, manifest=rows
    )
    assert audit(known).findings == ()
    (tmp_path / "labels" / "d.txt").write_text("0 0.5 0.5 0.25 0.26\n", encoding="utf-8")
    fewer = AuditedSet(
        "drawn", audited.photos[:-1], audited.images, audited.labels, CLASSES, manifest=rows
    )
    found = [f.photos for f in audit(fewer).findings if f.code == "changed_file"]
    assert found == [("d.png",), ("f.png",)]


def test_corrections_are_applied_and_counted_and_doubts_are_listed(tmp_path: Path) -> None:
    audited = open_set(tmp_path, SOUND)
    save_photo(audited.photos[0].path, 5)  # the picture of f
    acts = (
        Correction("a.png", "drop_photo", 0, None, "copy of f"),
        Correction("d.png", "doubtful", 1, None, "hardly seen"),
    )
    corrected = AuditedSet(
        "drawn", audited.photos, audited.images, audited.labels, CLASSES, corrections=acts
    )
    assert "leak_near_duplicate" in codes(audit(audited))
    report = audit(corrected)
    assert "leak_near_duplicate" not in codes(report)
    assert report.corrections == {"drop_photo": 1, "doubtful": 1}
    assert [f.message for f in report.findings if f.code == "doubtful_label"] == ["hardly seen"]


def place(name: str, split: str, group: str, origin: Origin) -> AnnotatedPhoto:
    return AnnotatedPhoto(name, Path(name), 9, 9, split, group, "drawn", origin=origin)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("g", Origin()), ("g", Origin()), "leak_group"),
        (("g", Origin(site="s")), ("h", Origin(site="s")), "leak_site"),
        (("g", Origin(flight="f")), ("h", Origin(flight="f")), "leak_flight"),
        (("g", Origin(site="s")), ("h", Origin(site="t")), None),
        (("g", Origin()), ("h", Origin()), None),
    ],
)
def test_group_site_and_flight_on_both_sides_are_leaks(
    first: tuple[str, Origin], second: tuple[str, Origin], expected: str | None
) -> None:
    photos = [place("a", "train", *first), place("b", "val", *second)]
    assert [f.code for f in find_leaks(photos, {})] == ([expected] if expected else [])
    assert list(find_leaks([photos[0]] * 2, {})) == []


def test_known_site_is_a_warning_with_its_reason_a_known_group_never(tmp_path: Path) -> None:
    del tmp_path
    origin = Origin(site="s")
    photos = [place("a", "train", "s", origin), place("b", "val", "s", origin)]
    found = {f.code: f for f in find_leaks(photos, {"s": "given and frozen"})}
    assert found["known_site"].severity == "warning"
    assert "given and frozen" in found["known_site"].message
    assert found["leak_group"].severity == "failure"


def test_every_code_has_words_in_both_languages() -> None:
    source = (Path(audit_module.__file__)).read_text(encoding="utf-8")
    written = set(
        re.findall(
            r'"((?:leak|known|same|near|empty|missing|no|duplicate|changed|doubtful)_[a-z_]+)"',
            source,
        )
    )
    texts = load_texts()
    assert {"known_site", "same_scene", "no_negatives", "doubtful_label"} <= written
    assert (written | FAILURES) == set(texts)
    assert all(all(asdict(text).values()) for text in texts.values())


def invoke(arguments: Sequence[str | Path]) -> Result:
    return CliRunner().invoke(data, [str(argument) for argument in arguments])


@pytest.fixture
def built(tmp_path: Path) -> Path:
    labels: dict[str, str | None] = {
        f"{side}/{stem}": SOUND[stem]
        for side, stems in (("train", "abc"), ("val", "def"))
        for stem in stems
    }
    write_yolo_set(tmp_path / "set", labels)
    result = invoke(["build", tmp_path / "set", "--name", "lids", "--store", tmp_path / "store"])
    assert result.exit_code == 0, result.output
    (folder,) = [path.parent for path in (tmp_path / "store").glob("*/version.json")]
    assert folder.name in result.output
    return folder


def test_commands_build_audit_show_and_compare(tmp_path: Path, built: Path) -> None:
    store: list[str | Path] = ["--store", built.parent]
    again = invoke(["build", tmp_path / "set", "--name", "other", *store])
    assert "Already built" in again.output
    page, figures = tmp_path / "audit.html", tmp_path / "audit.json"
    sound = invoke(["audit", built.name[:6], *store, "--html", page, "--json", figures])
    assert sound.exit_code == 0, sound.output
    assert json.loads(figures.read_text())["failures"] == 0
    assert "未发现问题" in page.read_text(encoding="utf-8")
    shown = invoke(["show", built, "--json", figures])
    assert shown.exit_code == 0
    sides = json.loads(figures.read_text())["sides"]
    assert sides["val"] == {"photos": 3, "negatives": 1, "manhole_ok": 1, "manhole_missing": 1}
    same = invoke(["diff", built, built.name, *store, "--json", figures])
    assert same.exit_code == 0
    assert not any(json.loads(figures.read_text()).values())


def test_audit_of_a_damaged_version_fails_and_shows_the_pair(tmp_path: Path, built: Path) -> None:
    for name in ("images--train--a.png", "images--val--d.png"):
        path = built / "images" / name
        path.unlink()
        save_photo(path, 77)
    page = tmp_path / "audit.html"
    result = invoke(["audit", built, "--html", page])
    assert isinstance(result.exception, HazardLensError)
    assert (result.exception.code, result.exception.exit_code) == ("audit_failed", 4)
    text = page.read_text(encoding="utf-8")
    assert "leak_near_duplicate" in text
    assert "changed_file" in text
    assert text.count("data:image/jpeg;base64,") >= 2
    assert "http" not in text


def test_audit_goes_on_after_photos_that_are_gone_or_no_photos(tmp_path: Path, built: Path) -> None:
    first, second = sorted((built / "images").iterdir())[:2]
    first.unlink()
    second.unlink()
    second.write_bytes(b"no picture")
    out, page = tmp_path / "audit.json", tmp_path / "audit.html"
    result = invoke(["audit", built, "--json", out, "--html", page])
    assert isinstance(result.exception, HazardLensError)
    assert result.exception.code == "audit_failed"
    found = json.loads(out.read_text(encoding="utf-8"))["findings"]
    corrupt = {name for row in found if row["code"] == "corrupt_image" for name in row["photos"]}
    assert corrupt == {first.name, second.name}
    assert page.is_file()


def test_name_of_nothing_is_refused_with_the_names_that_there_are(tmp_path: Path) -> None:
    result = invoke(["show", "no_such_set", "--store", tmp_path])
    assert isinstance(result.exception, HazardLensError)
    assert "manhole_nadir" in str(result.exception)


def test_set_of_the_catalogue_takes_no_rules_of_an_import(tmp_path: Path) -> None:
    result = invoke(["build", "manhole", "--split", "draw", "--store", tmp_path])
    assert isinstance(result.exception, HazardLensError)
    assert "its own split" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_names_in_brackets_are_printed_as_they_are(tmp_path: Path) -> None:
    store = tmp_path / "store"
    for name in ("a", "b"):
        write_yolo_set(tmp_path / name, {f"train/[{name}]": BOX, "val/c": BOX})
        assert invoke(["build", tmp_path / name, "--store", store]).exception is None
    versions = [path.parent for path in store.glob("*/version.json")]
    text = invoke(["diff", *versions]).output
    assert "[a].png" in text
    assert "[b].png" in text


def test_class_map_that_is_none_is_refused(tmp_path: Path) -> None:
    write_yolo_set(tmp_path, {"a": BOX})
    result = invoke(["build", tmp_path, "--map", "open=hole", "--store", tmp_path / "store"])
    assert isinstance(result.exception, HazardLensError)
    assert "open=hole" in str(result.exception)


def test_class_names_come_from_the_nearest_file(tmp_path: Path) -> None:
    labels, above = tmp_path / "labels", tmp_path
    labels.mkdir()
    with pytest.raises(UnknownClassError, match="Nothing tells"):
        read_class_names([labels, above])
    (above / "data.yaml").write_text("names: {0: a, 1: b}\n", encoding="utf-8")
    assert read_class_names([labels, above]) == ["a", "b"]
    (labels / "classes.txt").write_text("c\n\n", encoding="utf-8")
    assert read_class_names([labels, above]) == ["c"]
    assert read_class_names([labels, above], ["d"]) == ["d"]
