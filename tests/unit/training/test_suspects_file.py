"""The list of suspects on disk: what stands in it, what is read back, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from tests.suspect_lists import SIDE_PX, make_suspects, write_list
from training.data.label_sources import LabelSource, read_label_sources
from training.data.suspects import Prediction
from training.data.suspects_file import read_predictions, write_predictions


def test_the_list_holds_what_a_person_needs_to_judge(tmp_path: Path) -> None:
    source = LabelSource((7, 8), (), "key")
    folder = write_list(tmp_path, decided=source)
    document = json.loads((folder / "suspects.json").read_text(encoding="utf-8"))
    assert (document["schema"], document["name"], document["photos"]) == (1, "covers", 4)
    one = document["suspects"][0]
    assert one["kind"] == "wrong_class"
    assert one["label"]["number"] == 1
    assert one["model"]["hazard_class"] == "manhole_missing"
    assert (one["event_ids"], one["candidate_key"]) == ([7, 8], "key")
    assert document["suspects"][1]["label"] is None
    assert document["suspects"][3]["model"] is None
    x_min, y_min, x_max, y_max = one["window_xyxy"]
    assert 0 <= x_min <= 100
    assert 200 <= x_max <= SIDE_PX
    with Image.open(folder / one["crop"]) as crop:
        assert crop.size == (x_max - x_min, y_max - y_min)
        assert not crop.getexif()


def test_the_same_photos_give_the_same_names(tmp_path: Path) -> None:
    names = [
        [
            row["id"]
            for row in json.loads((write_list(folder) / "suspects.json").read_text())["suspects"]
        ]
        for folder in (tmp_path / "a", tmp_path / "b")
    ]
    assert names[0] == names[1]
    assert len(set(names[0])) == len(make_suspects(tmp_path / "c"))


def test_predictions_come_back_as_they_were(tmp_path: Path) -> None:
    outline = ((1.0, 2.0), (3.5, 2.0), (3.5, 9.25))
    said = {
        "a.jpg": [Prediction(HazardClass.FACADE_CRACK, 0.25, BBox(1, 2, 3.5, 9.25), (outline,))],
        "裂缝.jpg": [],
    }
    write_predictions(tmp_path / "p.json", said)
    assert read_predictions(tmp_path / "p.json") == said


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": 2, "photos": {}}', '{"schema": 1, "photos": {"a": [{}]}}']
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"p\.json"):
        read_predictions(path)


def test_whose_decision_a_label_is_stands_in_the_provenance(tmp_path: Path) -> None:
    assert read_label_sources(tmp_path).by_label == {}
    columns = "photo,label,event_ids,annotation_ids,candidate_key\n"
    rows = "a.jpg,1,4 5,,k1\na.jpg,2,,9,\n"
    (tmp_path / "provenance.csv").write_text(columns + rows, encoding="utf-8")
    found = read_label_sources(tmp_path).by_label
    assert found["a.jpg", 1] == LabelSource((4, 5), (), "k1")
    assert found["a.jpg", 2] == LabelSource((), (9,), "")
    (tmp_path / "provenance.csv").write_text(columns + "a.jpg,x,,,\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="provenance"):
        read_label_sources(tmp_path)
