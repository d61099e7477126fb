"""Split a SubRip file into its cues, also where a recorder left parts out or broke off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TIMING = re.compile(
    r"(\d{1,4}):(\d\d):(\d\d)[,.](\d{1,3})\s*-->\s*(\d{1,4}):(\d\d):(\d\d)[,.](\d{1,3})[^\n]*"
)
_COUNTER = re.compile(r"\s*\d+\s*")
_MARKUP = re.compile(r"</?\w[^<>\n]*>")


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle: seconds of the video, None where the file gives no times, and its lines."""

    start_s: float | None
    end_s: float | None
    text: str


def split_cues(content: str) -> tuple[Cue, ...]:
    """Return the cues of a SubRip file in their order; markup such as ``<font>`` is taken out.

    A cue starts at a line with its number (or with its times, where the number is missing) and
    ends at an empty line. One that holds nothing else is left out.
    """
    text = content.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return tuple(cue for block in re.split(r"\n[ \t]*\n", text) if (cue := _read_block(block)))


def _read_block(block: str) -> Cue | None:
    lines = block.strip("\n").split("\n")
    if _COUNTER.fullmatch(lines[0]):
        lines = lines[1:]
    times: tuple[float | None, float | None] = (None, None)
    if lines and (match := _TIMING.fullmatch(lines[0].strip())):
        start_s, end_s = _iterate_seconds(match)
        times, lines = (start_s, end_s), lines[1:]
    text = _MARKUP.sub("", "\n".join(lines)).strip()
    return Cue(*times, text) if text else None


def _iterate_seconds(match: re.Match[str]) -> Iterator[float]:
    numbers = match.groups()
    for hours, minutes, seconds, fraction in (numbers[:4], numbers[4:]):
        whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        yield whole + int(fraction) / 10 ** len(fraction)
