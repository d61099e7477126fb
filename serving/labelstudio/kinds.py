"""The projects as ``configs/label_studio`` describes them: one for boxes, one for outlines."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from defusedxml import ElementTree

from detection.domain.errors import ConfigurationError
from detection.domain.hazard import HazardClass

CONFIG_DIR = Path(__file__).resolve().parent.parent.parent / "configs" / "label_studio"
BOXES, OUTLINES = "boxes", "outlines"
GEOMETRIES = (BOXES, OUTLINES)
MAX_ANNOTATORS = 10


@dataclass(frozen=True, slots=True)
class ProjectKind:
    """What a project asks for. ``classes`` are the keys of the taxonomy that may be drawn."""

    geometry: str
    title: str
    labels_xml: str
    classes: tuple[str, ...]
    annotators_per_task: int

    @property
    def settings_sha256(self) -> str:
        """What changes when the project has to be set up again."""
        text = f"{self.title}\n{self.annotators_per_task}\n{self.labels_xml}"
        return hashlib.sha256(text.encode()).hexdigest()


@cache
def load_kinds(folder: Path = CONFIG_DIR) -> dict[str, ProjectKind]:
    """Return the projects by geometry.

    Raises:
        ConfigurationError: a file cannot be read, or names a class that the taxonomy has not.
    """
    try:
        document = yaml.safe_load((folder / "projects.yaml").read_text(encoding="utf-8"))
        return {geometry: _kind(folder, geometry, document[geometry]) for geometry in GEOMETRIES}
    except (
        OSError,
        yaml.YAMLError,
        ElementTree.ParseError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        message = f"The projects of Label Studio in {folder} cannot be read: {error}."
        raise ConfigurationError(message, remedy="Restore the files from the release.") from error


def geometries_of(hazard_class: str | None) -> tuple[str, ...]:
    """Return in which projects a class is drawn; both where nobody knows what is in the photo."""
    if hazard_class is None:
        return GEOMETRIES
    return tuple(name for name, kind in load_kinds().items() if hazard_class in kind.classes)


def _kind(folder: Path, geometry: str, row: dict[str, object]) -> ProjectKind:
    text = (folder / str(row["labels"])).read_text(encoding="utf-8")
    labels = [str(label.attrib["alias"]) for label in ElementTree.fromstring(text).iter("Label")]
    annotators = int(str(row.get("annotators_per_task", 1)))
    if not labels or not 1 <= annotators <= MAX_ANNOTATORS:
        message = f"{geometry}: no labels, or not 1 to {MAX_ANNOTATORS} annotators"
        raise ValueError(message)
    classes = tuple(HazardClass(label).value for label in labels)
    return ProjectKind(geometry, str(row["title"]), text, classes, annotators)
