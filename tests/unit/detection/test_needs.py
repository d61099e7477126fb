from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from detection.domain.errors import ConfigurationError
from detection.needs import NEEDS_PATH, load_needs


def test_the_shipped_needs_are_those_of_the_domain() -> None:
    """A lid of 700 mm takes 40 px, a width of 1 mm three pixels."""
    needs = load_needs()
    assert needs.manhole.max_gsd_m() == pytest.approx(0.0175)
    assert needs.manhole.max_gsd_m(0.5) == pytest.approx(0.0125)
    assert needs.facade_crack.max_gsd_mm == pytest.approx(1.0 / 3.0, abs=0.01)


@pytest.mark.parametrize(
    ("section", "key", "value", "named"),
    [
        ("manhole", "min_px", 0, "manhole.min_px"),
        ("target", "min_share", 1.5, "target.min_share"),
        ("photo", "max_blur_px", "sharp", "photo.max_blur_px"),
        ("photo", "max_noise", 1, "photo.max_noise"),
    ],
)
def test_what_is_out_of_range_or_unknown_is_named(
    tmp_path: Path, section: str, key: str, value: object, named: str
) -> None:
    document = yaml.safe_load(NEEDS_PATH.read_text(encoding="utf-8"))
    document[section][key] = value
    path = tmp_path / "needs.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=named):
        load_needs(path)


@pytest.mark.parametrize("text", ["", "a: [", "[]", "manhole: {}"])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "needs.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError):
        load_needs(path)
    with pytest.raises(ConfigurationError):
        load_needs(tmp_path / "none.yaml")
