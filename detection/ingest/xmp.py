"""An XMP packet to the tags that drone makers put into it, by family and name.

Makers write attributes and elements, flat and nested, and lists. Names are lower-case here; a
tag inside another is written ``cameraorientationned.yaw``, the entries of a list are joined by
commas.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_FAMILIES = {
    "dji.com/drone-dji": "dji",
    "autel": "autel",
    "skydio.com/drone-skydio": "skydio",
    "parrot.com/drone-parrot": "parrot",
    "pix4d.com/camera": "camera",
    "sensefly.com/camera": "camera",
}
"""Families by a part of their namespace, in lower case. Newer Autel cameras write DJI's."""

_PREFIXES = {
    "drone-dji": "dji", "drone": "dji", "drone-autel": "autel", "drone-skydio": "skydio",
    "drone-parrot": "parrot", "camera": "camera",
}  # fmt: skip
"""Families by usual prefix, for packets that are no valid XML."""

_LOOSE_TAG = re.compile(r"(?<![\w-])([\w-]+):(\w+)\s*(?:=\s*\"([^\"]*)\"|>([^<]*)<)")
_ABOUT = re.compile(r"about\s*=\s*[\"']([^\"']*)")
_MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class XmpPacket:
    """Tags by family and lower-case name.

    ``about`` is what the packet says it describes (``DJI Meta Data``). ``is_broken`` tells that
    it was no valid XML and was only searched for the usual prefixes.
    """

    families: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    about: str = ""
    is_broken: bool = False


def read_xmp(packet: bytes | str | None) -> XmpPacket:
    """Return the makers' tags of an XMP packet; an empty result where it has none."""
    if not packet:
        return XmpPacket()
    text = packet if isinstance(packet, str) else packet.decode("utf-8", "replace")
    text = text.lstrip("\ufeff").strip("\x00 \r\n\t")
    about = _ABOUT.search(text)
    try:
        found = list(_iterate_tags(fromstring(text)))
        is_broken = False
    except (ParseError, DefusedXmlException, ValueError):
        found = list(_search_tags(text))
        is_broken = True
    families: dict[str, dict[str, str]] = defaultdict(dict)
    for family, name, value in found:
        families[family][name] = value
    return XmpPacket(dict(families), about[1] if about else "", is_broken)


def _iterate_tags(
    element: Element, inside: str = "", depth: int = 0
) -> Iterator[tuple[str, str, str]]:
    """Yield (family, name, value) of an element and everything in it, to a fixed depth."""
    if depth > _MAX_DEPTH:
        return
    family, local = _split_name(str(element.tag))
    if family is not None:
        name = inside + local
        yield family, name, _read_text(element)
        inside = f"{name}."
    for key, value in element.attrib.items():
        family, local = _split_name(key)
        if family is not None:
            yield family, inside + local, value
    for child in element:
        yield from _iterate_tags(child, inside, depth + 1)


def _split_name(name: str) -> tuple[str | None, str]:
    """Return the family of an XML name, None for a namespace of no maker, and its local part."""
    namespace, _, local = name.rpartition("}")
    folded = namespace.lower()
    family = next((found for part, found in _FAMILIES.items() if part in folded), None)
    return family, local.lower()


def _read_text(element: Element) -> str:
    entries = [entry.text or "" for entry in element.iterfind(f".//{{{_RDF}}}li")]
    return ",".join(entries) if entries else (element.text or "").strip()


def _search_tags(text: str) -> Iterator[tuple[str, str, str]]:
    for match in _LOOSE_TAG.finditer(text):
        family = _PREFIXES.get(match[1].lower())
        if family is not None:
            yield family, match[2].lower(), match[3] or match[4] or ""
