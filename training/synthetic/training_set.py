"""Training photos with exact YOLO labels: ``images/*.jpg`` and ``labels/*.txt``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from detection.domain.hazard import HazardClass
from training.synthetic.rasterize import Image
from training.synthetic.sensor import encode_jpeg
from training.synthetic.textures import Rng
from training.synthetic.training_covers import build_cover_scene, photograph_covers
from training.synthetic.training_cracks import build_crack_scene, photograph_cracks
from training.synthetic.truth import LabelledBox

Task = Literal["manhole", "facade_crack"]
Shot = tuple[Image, list[LabelledBox], int]

CLASSES: dict[Task, tuple[HazardClass, ...]] = {
    "manhole": (
        HazardClass.MANHOLE_OK,
        HazardClass.MANHOLE_BROKEN,
        HazardClass.MANHOLE_MISSING,
    ),
    "facade_crack": (HazardClass.FACADE_CRACK,),
}
NEGATIVE_SHARE = 1 / 3
MIN_VISIBLE_FRACTION = 0.4
MIN_SIDE_PX = 8.0


def render_training_set(
    out_dir: Path,
    *,
    task: Task,
    seeds: Iterable[int],
    photos_per_seed: int = 6,
    size_px: int = 640,
) -> int:
    """Render ``photos_per_seed`` photos of one scene per seed; return how many were written.

    A third of the scenes hold only distractors (their label files are empty). The same seed gives
    the same files. Class indices follow ``CLASSES``; labels are ``class cx cy w h`` normalised to
    the photo. Things of which less than 0.4 is visible or that are under 8 px carry no label.
    """
    images, labels = out_dir / "images", out_dir / "labels"
    images.mkdir(parents=True, exist_ok=True)
    labels.mkdir(parents=True, exist_ok=True)
    written = 0
    for seed in seeds:
        for index, (photo, boxes, quality) in enumerate(
            _take_photos(task, seed, photos_per_seed, size_px)
        ):
            stem = f"render_{task}_{seed:06d}_{index:02d}"
            (images / f"{stem}.jpg").write_bytes(encode_jpeg(photo, quality))
            rows = write_label_rows(boxes, CLASSES[task], size_px)
            (labels / f"{stem}.txt").write_text(rows, encoding="utf-8")
            written += 1
    return written


def write_label_rows(
    boxes: Sequence[LabelledBox], classes: Sequence[HazardClass], size_px: int
) -> str:
    """YOLO text of the boxes that are visible and large enough."""
    rows = []
    for labelled in boxes:
        box = labelled.bbox
        is_small = min(box.width_px, box.height_px) < MIN_SIDE_PX
        if is_small or labelled.visible_fraction < MIN_VISIBLE_FRACTION:
            continue
        x, y = box.center
        numbers = (x, y, box.width_px, box.height_px)
        fields = " ".join(f"{value / size_px:.6f}" for value in numbers)
        rows.append(f"{classes.index(labelled.hazard_class)} {fields}\n")
    return "".join(rows)


def _take_photos(task: Task, seed: int, count: int, size_px: int) -> Iterator[Shot]:
    rng = np.random.default_rng((seed, list(CLASSES).index(task)))
    is_negative = bool(rng.random() < NEGATIVE_SHARE)
    take = _set_up(rng, task, is_negative=is_negative)
    for _ in range(count):
        yield take(size_px)


def _set_up(rng: Rng, task: Task, *, is_negative: bool) -> Callable[[int], Shot]:
    if task == "manhole":
        covers = build_cover_scene(rng, has_covers=not is_negative)
        return lambda size_px: photograph_covers(rng, covers, size_px)
    cracks = build_crack_scene(rng, has_cracks=not is_negative)
    return lambda size_px: photograph_cracks(rng, cracks, size_px)
