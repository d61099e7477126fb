"""``coverage.html``: one page that a person opens offline, in Chinese with a switch to English."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Protocol

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from detection.coverage.coverage import Coverage, SeenState, TargetKind
from detection.coverage.refly import ReflySpot
from detection.coverage.sketch import build_sketch
from detection.layers.layer import LayerWarning

TEMPLATE_NAME = "page.html.j2"
SHOWN_ITEMS = 12
"""Targets of one spot that are named on the page."""

SHOWN_SPOTS = 200

STATE_COLORS: Mapping[SeenState, str] = {
    SeenState.SEEN: "#2c8a4b",
    SeenState.PARTLY_SEEN: "#c79a00",
    SeenState.TOO_COARSE: "#d9730d",
    SeenState.POOR_PHOTO: "#8250df",
    SeenState.NOT_SEEN: "#d1242f",
}


class Bilingual(Protocol):
    """One text in both languages."""

    @property
    def zh(self) -> str:
        """Chinese."""

    @property
    def en(self) -> str:
        """English."""


Explain = Callable[[str], tuple[Bilingual, Bilingual]]
"""From a reason code to what happened and what to do."""


@dataclass(frozen=True, slots=True)
class CoveragePage:
    """What the page is written from; ``layer_warnings`` pairs each with its file's name."""

    name: str
    coverage: Coverage
    spots: tuple[ReflySpot, ...]
    layer_warnings: tuple[tuple[str, LayerWarning], ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TroubleRow:
    """One reason with the photos or the layer it is about."""

    code: str
    message: Bilingual
    remedy: Bilingual
    places: tuple[str, ...]
    count: int | None = None


@dataclass(frozen=True, slots=True)
class ShareView:
    """One 覆盖率: its part and how many of how many; ``part`` is None where nothing was given."""

    part: float | None
    seen: int = 0
    total: int = 0


def render_page(page: CoveragePage, explain: Explain) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    coverage = page.coverage
    return environment.get_template(TEMPLATE_NAME).render(
        page=page,
        texts=_load_texts(),
        colors={state.value: color for state, color in STATE_COLORS.items()},
        buildings=_view_share(coverage, TargetKind.BUILDING),
        covers=_view_share(coverage, TargetKind.COVER),
        area_share=coverage.compute_area_share(),
        used_states=[state for state in SeenState if _count_states(coverage)[state]],
        walls=_count_walls(coverage),
        flagged=sum(bool(one.codes) for one in coverage.flags),
        is_measured=any(one.quality is not None for one in coverage.footprints),
        has_layers=bool(coverage.targets or coverage.areas),
        sketch=build_sketch(coverage, page.spots),
        shown_spots=page.spots[:SHOWN_SPOTS],
        shown_items=SHOWN_ITEMS,
        trouble=_list_trouble(page, explain),
    )


@cache
def _load_texts() -> dict[str, dict[str, object]]:
    path = Path(__file__).with_name("messages.yaml")
    texts: dict[str, dict[str, object]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return texts


def _view_share(coverage: Coverage, kind: TargetKind) -> ShareView:
    targets = coverage.list_targets(kind)
    seen = sum(one.state is SeenState.SEEN for one in targets)
    return ShareView(coverage.compute_share(kind), seen, len(targets))


def _count_states(coverage: Coverage) -> Counter[SeenState]:
    return Counter(one.state for one in coverage.targets)


def _count_walls(coverage: Coverage) -> ShareView:
    """Return the buildings of whose walls at least a half show cracks."""
    half = 0.5
    shares = [one.walls_share for one in coverage.targets if one.walls_share is not None]
    seen = sum(share >= half for share in shares)
    return ShareView(seen / len(shares) if shares else None, seen, len(shares))


def _list_trouble(page: CoveragePage, explain: Explain) -> list[TroubleRow]:
    """Return layers first, then photos without a footprint, then photos with a flaw."""
    rows = [
        TroubleRow(one.code, *explain(one.code), (_place(name, one.detail),), one.count)
        for name, one in page.layer_warnings
    ]
    photos: defaultdict[str, list[str]] = defaultdict(list)
    for footprint in page.coverage.footprints:
        if footprint.refused is not None:
            photos[footprint.refused].append(footprint.photo_id)
    for flags in page.coverage.flags:
        for code in flags.codes:
            photos[code].append(flags.photo_id)
    rows += [TroubleRow(code, *explain(code), tuple(ids)) for code, ids in photos.items()]
    return rows


def _place(name: str, detail: str) -> str:
    return f"{name} ({detail})" if detail else name
