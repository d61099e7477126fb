"""YOLO text labels: the only place that speaks ``bbox_cxcywhn`` (centre, size, 0 to 1)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation
from training.data.balance import count_showings
from training.data.errors import LabelOutsideError, MalformedLabelError, UnknownClassError
from training.data.following import follow
from training.data.label_checks import EDGE_SHARE, check_annotations, check_inside
from training.data.pixels import check_decodable

_BOX_NUMBERS = 4
_MIN_POLYGON_NUMBERS = 6
_REMEDY = (
    "Each line is: class_index cx cy w h, or class_index x1 y1 x2 y2 x3 y3 ...; "
    "numbers between 0 and 1."
)


@dataclass(frozen=True, slots=True)
class YoloDataset:
    """What was written: the data YAML and the number of training images after repetition."""

    data_yaml: Path
    train_images: int
    val_images: int


def xyxy_from_cxcywhn(bbox_cxcywhn: Sequence[float], width_px: int, height_px: int) -> BBox:
    """Return the box in pixels of a photo of the given size, clipped to the photo."""
    return _unclipped_box(bbox_cxcywhn, width_px, height_px).clip(width_px, height_px)


def _unclipped_box(bbox_cxcywhn: Sequence[float], width_px: int, height_px: int) -> BBox:
    center_x, center_y, width, height = bbox_cxcywhn
    return BBox(
        (center_x - width / 2) * width_px,
        (center_y - height / 2) * height_px,
        (center_x + width / 2) * width_px,
        (center_y + height / 2) * height_px,
    )


def cxcywhn_from_xyxy(
    box: BBox, width_px: int, height_px: int
) -> tuple[float, float, float, float]:
    """Return centre and size as fractions of the photo."""
    center_x, center_y = box.center
    return (
        center_x / width_px,
        center_y / height_px,
        box.width_px / width_px,
        box.height_px / height_px,
    )


def read_yolo_labels(
    path: Path, classes: Mapping[int, HazardClass], width_px: int, height_px: int
) -> tuple[Annotation, ...]:
    """Read a label file; a missing or empty one is a negative, unmapped classes are refused.

    A line of five numbers is a box, a longer one a polygon; a file holds one kind of them. What
    reaches a little over the edge of the photo (``EDGE_SHARE``) is clipped.

    Raises:
        MalformedLabelError: the file is no text, or a line is neither.
        UnknownClassError: a class without a mapping.
        LabelOutsideError: a label outside the photo.
        MixedLabelsError: boxes and polygons in one file.
        ClassConflictError: two classes for one box.
    """
    if not path.exists():
        return ()
    found = []
    for number, line in enumerate(_read_lines(path), start=1):
        if line.strip():
            where = f"{path}:{number}"
            found.append(_parse_line(line.split(), classes, (width_px, height_px), where))
    check_annotations(found, str(path))
    return tuple(found)


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read as labels ({error})."
        raise MalformedLabelError(message, remedy=_REMEDY) from error


def _parse_line(
    cells: list[str],
    classes: Mapping[int, HazardClass],
    size_px: tuple[int, int],
    where: str,
) -> Annotation:
    try:
        class_index, *numbers = int(cells[0]), *map(float, cells[1:])
    except ValueError as error:
        message = f"{where} is not a label of this data set ({error})."
        raise MalformedLabelError(message, remedy=_REMEDY) from error
    hazard_class = classes.get(class_index)
    if hazard_class is None:
        message = f"{where} names class {class_index}; there are {sorted(classes)}."
        raise UnknownClassError(message, remedy="Check the class map against the labels.")
    is_box = len(numbers) == _BOX_NUMBERS
    is_polygon = len(numbers) >= _MIN_POLYGON_NUMBERS and len(numbers) % 2 == 0
    if not is_box and not is_polygon:
        message = f"{where} is neither a YOLO box nor a polygon."
        raise MalformedLabelError(message, remedy=_REMEDY)
    if not all(-EDGE_SHARE <= value <= 1 + EDGE_SHARE for value in numbers) or (
        is_box and min(numbers[2:]) < 0
    ):
        message = f"{where} lies outside the photo: its numbers are not between 0 and 1."
        raise LabelOutsideError(message, remedy=_REMEDY)
    if is_box:
        check_inside(_unclipped_box(numbers, *size_px), size_px, where)
        return Annotation(hazard_class, xyxy_from_cxcywhn(numbers, *size_px))
    xs, ys = (
        [min(max(value, 0.0), 1.0) * side for value in numbers[k::2]]
        for k, side in enumerate(size_px)
    )
    box = BBox(min(xs), min(ys), max(xs), max(ys))
    return Annotation(hazard_class, box, tuple(zip(xs, ys, strict=True)))


def write_yolo_dataset(
    out_dir: Path,
    photos: Sequence[AnnotatedPhoto],
    classes: Sequence[HazardClass],
    repeat: Mapping[HazardClass, float],
) -> YoloDataset:
    """Write images, labels, list files and the data YAML that the trainer reads.

    Pixels are copied, not linked: the trainer repairs damaged JPEGs in place and writes caches
    beside the labels, which must never reach the original data. Photos that show a class of
    ``repeat`` are listed that many times in the training list (``count_showings``).
    """
    index = {hazard_class: number for number, hazard_class in enumerate(classes)}
    lists: dict[str, list[str]] = {"train": [], "val": []}
    for photo in follow(photos, "Copying photos"):
        image = _write_photo(out_dir, photo, index)
        times = count_showings(photo, repeat) if photo.split == "train" else 1
        lists[photo.split].extend([str(image)] * times)
    for split, lines in lists.items():
        (out_dir / f"{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    data_yaml = out_dir / "data.yaml"
    document = {
        "path": str(out_dir),
        "train": "train.txt",
        "val": "val.txt",
        "names": {number: item.value for item, number in index.items()},
    }
    data_yaml.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return YoloDataset(data_yaml, len(lists["train"]), len(lists["val"]))


def _write_photo(out_dir: Path, photo: AnnotatedPhoto, index: Mapping[HazardClass, int]) -> Path:
    stem = f"{photo.dataset}--{Path(photo.name).stem}"
    image = out_dir / "images" / photo.split / f"{stem}{photo.path.suffix.lower()}"
    label = out_dir / "labels" / photo.split / f"{stem}.txt"
    image.parent.mkdir(parents=True, exist_ok=True)
    label.parent.mkdir(parents=True, exist_ok=True)
    check_decodable(photo.path)  # the trainer leaves a damaged one out and goes on
    shutil.copyfile(photo.path, image)
    label.write_text(format_yolo_labels(photo, index), encoding="utf-8")
    return image


def format_yolo_labels(photo: AnnotatedPhoto, index: Mapping[HazardClass, int]) -> str:
    """Return the text of a label file, one line an annotation, six decimals."""
    lines = []
    for item in photo.annotations:
        numbers = _label_numbers(item, photo.width_px, photo.height_px)
        lines.append(f"{index[item.hazard_class]} " + " ".join(f"{value:.6f}" for value in numbers))
    return "".join(f"{line}\n" for line in lines)


def _label_numbers(item: Annotation, width_px: int, height_px: int) -> list[float]:
    """Return the polygon where one was drawn, else the box, as fractions of the photo."""
    if not item.polygon:
        return list(cxcywhn_from_xyxy(item.box, width_px, height_px))
    return [value for x, y in item.polygon for value in (x / width_px, y / height_px)]
