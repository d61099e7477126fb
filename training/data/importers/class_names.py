"""The classes of a YOLO set in their order: ``--classes``, ``classes.txt`` or ``data.yaml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from training.data.errors import MalformedLabelError, UnknownClassError

CLASSES_TXT = "classes.txt"
DATA_YAML = "data.yaml"
_REMEDY = "Write one key a line into classes.txt, or names: [...] into data.yaml."


def read_class_names(folders: Sequence[Path], given: Sequence[str] = ()) -> list[str]:
    """Return the class names by their number, as given or from the first folder that tells.

    Raises:
        UnknownClassError: nothing tells them.
        MalformedLabelError: the file that should tell them does not.
    """
    if given:
        return list(given)
    for folder in folders:
        for name in (CLASSES_TXT, DATA_YAML):
            if (folder / name).is_file():
                return read_names(folder / name)
    message = f"Nothing tells the classes of {folders[0]}."
    raise UnknownClassError(message, remedy=f"{_REMEDY} Or give --classes.")


def read_names(path: Path) -> list[str]:
    """Read one name a line, or the ``names`` of a YAML file (a list, or numbers to names).

    Raises:
        MalformedLabelError: the file cannot be read, or a number has no name.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() not in {".yaml", ".yml"}:
            return strip_names(text.splitlines(), str(path))
        return strip_names(_list_names(yaml.safe_load(text)["names"]), str(path))
    except (
        OSError,
        UnicodeDecodeError,
        yaml.YAMLError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        message = f"{path} does not name the classes of the labels ({error})."
        raise MalformedLabelError(message, remedy=_REMEDY) from error


def strip_names(names: Sequence[str], where: str) -> list[str]:
    """Return the names without blanks around them and without empty ones at the end.

    Raises:
        MalformedLabelError: there is none, or one in between is empty.
    """
    found = [name.strip() for name in names]
    while found and not found[-1]:
        found.pop()
    if not found or not all(found):
        message = f"{where} holds an empty class name."
        raise MalformedLabelError(message, remedy="Give one key for each label number, from 0.")
    return found


def _list_names(names: Mapping[int, str] | Sequence[str]) -> list[str]:
    """Return the names in order of their numbers, which must not leave one out."""
    if not isinstance(names, Mapping):
        return [str(name) for name in names]
    by_number = {int(number): str(name) for number, name in names.items()}
    return [by_number[number] for number in range(len(by_number))]


def read_data_yaml(path: Path) -> dict[str, object]:
    """Return the mapping of a data YAML.

    Raises:
        MalformedLabelError: it is none.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"{path} cannot be read ({error})."
        raise MalformedLabelError(message, remedy="Give a YAML mapping.") from error
    if not isinstance(document, dict):
        message = f"{path} is not a mapping."
        raise MalformedLabelError(message, remedy="Give a YAML mapping.")
    return document
