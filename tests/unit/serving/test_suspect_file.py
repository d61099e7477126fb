"""A list of suspected labels is checked to the last crop before a row is made of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.learning.suspect_errors import SuspectsFileError
from serving.learning.suspect_file import read_suspect_list
from tests.suspect_lists import write_list


def test_what_the_training_side_writes_is_read(tmp_path: Path) -> None:
    found = read_suspect_list(write_list(tmp_path))
    assert (found.name, len(found.suspects)) == ("covers", 4)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rows: rows[0].pop("label"), "label"),
        (lambda rows: rows[0].update(label=None), "do not fit"),
        (lambda rows: rows[3].update(model=rows[0]["model"]), "do not fit"),
        (lambda rows: rows[1].update(crop="crops/../../etc/passwd.jpg"), "crop"),
        (lambda rows: rows[1].update(crop="crops/" + "0" * 24 + ".jpg"), "missing"),
        (lambda rows: rows[2]["model"].update(hazard_class="lid"), "hazard_class"),
        (lambda rows: rows[2].update(suspicion=1.5), "suspicion"),
    ],
)
def test_what_is_wrong_with_a_list_is_named(
    tmp_path: Path, spoil: Callable[[list[dict[str, Any]]], object], said: str
) -> None:
    path = write_list(tmp_path) / "suspects.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    spoil(document["suspects"])
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(SuspectsFileError, match=said):
        read_suspect_list(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2}', '{"schema": 1, "name": "a"}'])
def test_what_is_no_list_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "suspects.json").write_text(text, encoding="utf-8")
    with pytest.raises(SuspectsFileError, match=r"suspects\.json"):
        read_suspect_list(tmp_path)
