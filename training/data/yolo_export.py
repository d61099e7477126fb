"""YOLO text labels: the only place that speaks ``bbox_cxcywhn`` (centre, size, 0 to 1)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from detection.domain.errors import InvalidInputError
from detection.domain.geometry import BBox
from detection.domain.hazard import HazardClass
from training.data.annotation import AnnotatedPhoto, Annotation

_COLUMNS = 5
_REMEDY = "Each line is: class_index cx cy w h, the last four between 0 and 1."


@dataclass(frozen=True, slots=True)
class YoloDataset:
    """What was written: the data YAML and the number of training images after repetition."""

    data_yaml: Path
    train_images: int
    val_images: int


def xyxy_from_cxcywhn(bbox_cxcywhn: Sequence[float], width_px: int, height_px: int) -> BBox:
    """Return the box in pixels of a photo of the given size, clipped to the photo."""
    center_x, center_y, width, height = bbox_cxcywhn
    return BBox(
        (center_x - width / 2) * width_px,
        (center_y - height / 2) * height_px,
        (center_x + width / 2) * width_px,
        (center_y + height / 2) * height_px,
    ).clip(width_px, height_px)


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

    Raises:
        InvalidInputError: a line that is not five numbers, or a class without a mapping.
    """
    if not path.exists():
        return ()
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            where = f"{path}:{number}"
            found.append(_parse_line(line.split(), classes, (width_px, height_px), where))
    return tuple(found)


def _parse_line(
    cells: list[str],
    classes: Mapping[int, HazardClass],
    size_px: tuple[int, int],
    where: str,
) -> Annotation:
    try:
        class_index, *bbox = int(cells[0]), *map(float, cells[1:])
        hazard_class = classes[class_index]
    except (ValueError, KeyError, IndexError) as error:
        message = f"{where} is not a label of this data set ({error})."
        raise InvalidInputError(message, remedy=_REMEDY) from error
    if len(cells) != _COLUMNS or not all(0.0 <= value <= 1.0 for value in bbox):
        message = f"{where} is not a YOLO box."
        raise InvalidInputError(message, remedy=_REMEDY)
    return Annotation(hazard_class, xyxy_from_cxcywhn(bbox, *size_px))


def write_yolo_dataset(
    out_dir: Path,
    photos: Sequence[AnnotatedPhoto],
    classes: Sequence[HazardClass],
    repeat: Mapping[HazardClass, int],
) -> YoloDataset:
    """Write images, labels, list files and the data YAML that the trainer reads.

    Pixels are copied, not linked: the trainer repairs damaged JPEGs in place and writes caches
    beside the labels, which must never reach the original data. Photos that show a class of
    ``repeat`` are listed that many times in the training list.
    """
    index = {hazard_class: number for number, hazard_class in enumerate(classes)}
    lists: dict[str, list[str]] = {"train": [], "val": []}
    for photo in photos:
        image = _write_photo(out_dir, photo, index)
        times = 1
        if photo.split == "train":
            times = max([1, *(repeat.get(item.hazard_class, 1) for item in photo.annotations)])
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
    shutil.copyfile(photo.path, image)
    lines = []
    for item in photo.annotations:
        bbox = cxcywhn_from_xyxy(item.box, photo.width_px, photo.height_px)
        lines.append(f"{index[item.hazard_class]} " + " ".join(f"{value:.6f}" for value in bbox))
    label.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return image
