"""What the numbers in a folder of labels mean: class keys from a file, an option or the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from detection.domain.errors import InvalidInputError
from detection.domain.hazard import HazardClass
from training.data.errors import UnknownClassError
from training.data.importers.class_names import CLASSES_TXT, read_names, strip_names

ALIASES: Final = {
    "crack": HazardClass.FACADE_CRACK,
    "cracks": HazardClass.FACADE_CRACK,
    "wall_crack": HazardClass.FACADE_CRACK,
}
"""Other names for our keys that labelled sets use."""

DATA_NAMES = ("data.yaml", "data.yml")


@dataclass(frozen=True, slots=True)
class ClassKeys:
    """The names of the label numbers, and where they were read."""

    names: tuple[str, ...]
    where: str

    def resolve(self) -> dict[int, HazardClass]:
        """Return the taxonomy class of each number; names that it does not know are left out."""
        known = {number: find_class(name) for number, name in enumerate(self.names)}
        return {number: key for number, key in known.items() if key is not None}

    def explain_unknown(self, number: int, where: str) -> UnknownClassError:
        """Return the error for a label number that means no class of the taxonomy."""
        if 0 <= number < len(self.names):
            message = f"{where} is of class {self.names[number]!r}, which the taxonomy lacks."
        else:
            message = f"{where} names class {number}; {self.where} names {len(self.names)}."
        known = ", ".join(key.value for key in HazardClass)
        remedy = f"Name the classes with --classes or {CLASSES_TXT}; known are {known}."
        return UnknownClassError(message, remedy=remedy)


def find_class(name: str) -> HazardClass | None:
    """Return the class of a key or one of its aliases, whatever its case; None where unknown."""
    key = name.strip().lower().replace("-", "_").replace(" ", "_")
    try:
        return HazardClass(key)
    except ValueError:
        return ALIASES.get(key)


def find_class_keys(
    given: str | None, folders: Sequence[Path], model_classes: Sequence[HazardClass]
) -> ClassKeys:
    """Return the class keys of a label folder.

    ``given`` is a file or a comma list. Without it the first ``classes.txt``, then the first
    ``data.yaml`` of ``folders`` is read; without any the model's own order is taken.

    Raises:
        InvalidInputError: a file cannot be read or names no class.
    """
    if given is not None:
        path = Path(given)
        if path.is_file():
            return read_class_keys(path)
        if path.suffix:
            message = f"The class file {given} does not exist."
            raise InvalidInputError(message, remedy="Give a file, or keys separated by commas.")
        return ClassKeys(tuple(strip_names(given.split(","), "--classes")), "--classes")
    for name in (CLASSES_TXT, *DATA_NAMES):
        for folder in folders:
            if (folder / name).is_file():
                return read_class_keys(folder / name)
    return ClassKeys(tuple(key.value for key in model_classes), "the model")


def read_class_keys(path: Path) -> ClassKeys:
    """Read one key a line, or the ``names`` of a YAML file (a list, or numbers to names).

    Raises:
        InvalidInputError: the file cannot be read or names no class.
    """
    return ClassKeys(tuple(read_names(path)), str(path))
