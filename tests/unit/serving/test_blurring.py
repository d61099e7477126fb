"""People in photos that leave: a face is made unrecognisable, a labelled thing stays sharp."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from serving.learning.decisions import blurring
from serving.learning.decisions.blurring import blur_people
from serving.learning.decisions.errors import BlurringMissingError

PORTRAIT = Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg"
FACE = (110, 60, 415, 370)
"""Round the face of the portrait (a public photo that comes with matplotlib)."""


@pytest.fixture(scope="module")
def portrait() -> NDArray[np.uint8]:
    with Image.open(PORTRAIT) as image:
        return np.asarray(image.convert("RGB"), dtype=np.uint8)


def roughness(pixels: NDArray[np.uint8]) -> float:
    """Return how much neighbours differ: features of a face are edges."""
    return float(np.abs(np.diff(pixels.astype(int), axis=1)).mean())


def test_a_face_is_found_and_made_unrecognisable(portrait: NDArray[np.uint8]) -> None:
    blurred = blur_people(portrait, [])
    assert blurred.faces == 1
    x_min, y_min, x_max, y_max = (165, 120, 360, 320)
    inside = (slice(y_min, y_max), slice(x_min, x_max))
    assert roughness(blurred.pixels[inside]) < roughness(portrait[inside]) / 4
    left, top, right, bottom = FACE
    outside = np.ones(portrait.shape[:2], dtype=np.bool_)
    outside[top:bottom, left:right] = False
    assert np.array_equal(blurred.pixels[outside], portrait[outside]), "only the face changes"


def test_a_labelled_thing_stays_sharp_and_is_counted(portrait: NDArray[np.uint8]) -> None:
    tight = blur_people(portrait, [FACE])
    assert (tight.faces, tight.spared) == (0, 1)
    assert np.array_equal(tight.pixels, portrait)


def test_a_small_face_in_a_large_labelled_thing_is_blurred(
    portrait: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The box of a house does not spare who stands in front of it."""
    found = {"faces": [(10, 10, 40, 40)], "plates": [(100, 100, 160, 120)]}
    monkeypatch.setattr(blurring, "_find_all", lambda _: found)
    blurred = blur_people(portrait, [(0, 0, 500, 590)])
    assert blurred.counts() == {"faces": 1, "plates": 1, "spared": 0}


def test_nothing_leaves_unblurred_where_the_cascades_are_missing(
    portrait: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blurring, "PLATES", ("no_such_cascade.xml",))
    with pytest.raises(BlurringMissingError, match="no_such_cascade"):
        blur_people(portrait, [])
