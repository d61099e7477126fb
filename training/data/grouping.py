"""Which photos are of one place, for a set whose maker did not say.

``column:NAME`` of the table of sources, ``folder`` of the photo, ``regex:PATTERN`` on its path
(the first group, else the whole match; a photo that does not match is alone), or ``photo``: each
alone, but for the suffix that export tools give to varied copies. Whatever was asked, photos that
are the same picture are joined into one group, or the split would part them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from detection.domain.errors import InvalidInputError
from training.data.annotation import AnnotatedPhoto
from training.data.near_duplicates import NearDuplicate

_COPY_SUFFIX = re.compile(r"(_(jpe?g|png|tiff?))?\.rf\.[0-9A-Za-z]+$", re.IGNORECASE)
_REMEDY = "Give column:NAME, folder, regex:PATTERN or photo."


def name_group(rule: str, name: str, facts: Mapping[str, str]) -> str:
    """Return the group of the photo ``name`` (its path in the set) by a rule.

    Raises:
        InvalidInputError: no such rule or column, or the pattern is none.
    """
    kind, _, argument = rule.partition(":")
    path = PurePosixPath(name)
    if kind == "photo" and not argument:
        return _COPY_SUFFIX.sub("", path.stem)
    if kind == "folder" and not argument:
        return str(path.parent)
    if kind == "column" and facts.get(argument):
        return facts[argument]
    if kind == "regex" and argument:
        return _match(argument, name) or path.stem
    message = f"{rule} does not give the group of {name}."
    raise InvalidInputError(message, remedy=_REMEDY)


def _match(pattern: str, name: str) -> str:
    try:
        found = re.search(pattern, name)
    except re.error as error:
        message = f"{pattern} is not a regular expression ({error})."
        raise InvalidInputError(message, remedy=_REMEDY) from error
    if found is None:
        return ""
    return str(found[1] if found.re.groups else found[0])


def join_groups(
    photos: Sequence[AnnotatedPhoto], pairs: Iterable[NearDuplicate]
) -> list[AnnotatedPhoto]:
    """Return the photos with the groups of each pair joined, under the first of their names."""
    parent = {photo.group: photo.group for photo in photos}

    def find(group: str) -> str:
        while parent[group] != group:
            group = parent[group]
        return group

    for pair in pairs:
        first, second = sorted((find(pair.first.group), find(pair.second.group)))
        parent[second] = first
    return [replace(photo, group=find(photo.group)) for photo in photos]
