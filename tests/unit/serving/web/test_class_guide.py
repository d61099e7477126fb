"""Every line of the class guide has a drawing, and every drawing a line."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from serving.web.class_guide import ClassGuide, list_guides
from serving.web.i18n import WEB_DIR

GUIDES = list_guides("zh_CN")
SYMBOL = "{http://www.w3.org/2000/svg}symbol"


def _names(guide: ClassGuide) -> list[str]:
    return [each.drawing.rpartition("#")[2] for each in (*guide.include, *guide.exclude)]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.hazard_class.value)
def test_lines_and_drawings_belong_together(guide: ClassGuide) -> None:
    path = WEB_DIR / "static" / "guide" / f"{guide.hazard_class.value}.svg"
    drawn = [each.get("id") for each in ET.parse(path).iter(SYMBOL)]  # noqa: S314 - our own file
    assert drawn == _names(guide)


def test_guides_say_what_a_class_is_not() -> None:
    assert all(guide.include and guide.exclude for guide in GUIDES)
    assert [guide.is_hazard for guide in GUIDES] == [True, True, True, True, True, False]
