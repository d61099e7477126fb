"""``audit.html``: the findings of an audit with the photos they are about, side by side.

One file with its pictures inside; it opens offline.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image, ImageDraw

from training.data.annotation import AnnotatedPhoto
from training.data.findings import AuditReport, Finding, load_texts

TEMPLATE_NAME = "audit.html.j2"
SHOWN = 200
"""More findings than this are counted, not shown: the page carries its pictures."""

_LONG_SIDE_PX = 360


@dataclass(frozen=True, slots=True)
class ShownPhoto:
    """A photo of a finding; ``picture`` is a data address, None where it cannot be read."""

    name: str
    split: str
    picture: str | None


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """A finding with its photos."""

    finding: Finding
    photos: tuple[ShownPhoto, ...]


def write_audit_page(path: Path, report: AuditReport, photos: Mapping[str, AnnotatedPhoto]) -> None:
    """Write the page; ``photos`` are those of the set by name, with labels where readable."""
    order = {"failure": 0, "warning": 1, "note": 2}
    findings = sorted(report.findings, key=lambda item: (order[item.severity], item.code))
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    text = environment.get_template(TEMPLATE_NAME).render(
        report=report,
        texts=load_texts(),
        counts=sorted(report.count_codes().items()),
        shown=[_show(finding, photos) for finding in findings[:SHOWN]],
        hidden=max(0, len(findings) - SHOWN),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _show(finding: Finding, photos: Mapping[str, AnnotatedPhoto]) -> ShownFinding:
    known = [photos[name] for name in finding.photos if name in photos]
    return ShownFinding(
        finding, tuple(ShownPhoto(photo.name, photo.split, _draw(photo)) for photo in known)
    )


def _draw(photo: AnnotatedPhoto) -> str | None:
    """Return the photo, shrunk, with its boxes or outlines, as a data address."""
    try:
        with Image.open(photo.path) as image:
            small = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # the finding says so
    scale = _LONG_SIDE_PX / max(small.size)
    small = small.resize((_shrink(small.width, scale), _shrink(small.height, scale)))
    pen = ImageDraw.Draw(small)
    for item in photo.annotations:
        if item.polygon:
            pen.polygon([(x * scale, y * scale) for x, y in item.polygon], outline="#e4002b")
        else:
            pen.rectangle([value * scale for value in item.box.xyxy], outline="#e4002b", width=2)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def _shrink(side_px: int, scale: float) -> int:
    return max(1, round(side_px * scale))
