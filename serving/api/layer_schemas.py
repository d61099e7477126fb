"""What goes out over HTTP about layers and about what a flight covers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from serving.api.schemas import Answer, FlightFailure
from serving.flights.layers import AreaLevel, LayerKind


class LayerWarningItem(Answer):
    """Something about a file that was noted when it was read: a code and how often."""

    code: str
    count: int
    detail: str


class LayerAnswer(Answer):
    """A layer. ``bounds`` is west, south, east, north in degrees."""

    id: int
    kind: LayerKind
    level: AreaLevel | None
    name: str
    crs: str = Field(description="as declared; everything that goes out is EPSG:4326")
    file_name: str
    sha256: str
    size_bytes: int
    feature_count: int
    fields: dict[str, str] = Field(description="what was read -> the field of the file")
    warnings: list[LayerWarningItem]
    bounds: tuple[float, float, float, float]
    created_by: str | None
    created_at: datetime


class LayerList(Answer):
    """The layers in use, newest first."""

    items: list[LayerAnswer]


class FeatureItem(Answer):
    """One feature, as RFC 7946 has it; ``geometry`` is lon, lat."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: dict[str, Any]
    properties: dict[str, Any]


class FeaturePage(Answer):
    """Features of a layer. ``complete`` is false where there are more than were asked for."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[FeatureItem]
    complete: bool


class TargetTally(Answer):
    """How many buildings or covers of the inventory were seen, and how the others were not."""

    total: int
    seen: int
    share: float
    states: dict[str, int]


class AreaItem(Answer):
    """One area that was to be flown: the part that good photos show, and its gaps."""

    area_id: str
    name: str
    area_m2: float
    share: float
    gaps: int


class NeedItem(Answer):
    """How many photos are fine enough for one purpose (``configs/coverage.yaml``)."""

    key: str
    max_gsd_m: float
    photos: int


class UnseenItem(Answer):
    """A building or cover that was not seen well enough."""

    kind: Literal["building", "cover"]
    id: str
    name: str
    state: str
    share: float
    gsd_m: float | None
    max_gsd_m: float


class CoverageSummary(Answer):
    """The figures of a coverage. ``unseen`` names the first of ``unseen_total``."""

    photos: int
    placed: int
    refused: dict[str, int] = Field(description="photos without a footprint, by reason code")
    flags: dict[str, int] = Field(description="photos with a fault, by reason code")
    gsd_m: float | None = Field(description="side of a pixel on the ground, the middle photo's")
    covered_m2: float
    buildings: TargetTally | None
    covers: TargetTally | None
    needs: list[NeedItem]
    areas: list[AreaItem]
    unseen: list[UnseenItem]
    unseen_total: int
    refly: int = Field(description="places to fly again")
    warnings: list[str]


class CoverageLayer(Answer):
    """A layer that a coverage was computed with."""

    id: int
    kind: LayerKind
    name: str


class CoverageAnswer(Answer):
    """What a flight covers. ``summary`` and ``files`` are those of ``computed_at``."""

    flight_id: int
    state: Literal["none", "queued", "done", "failed"]
    requested_at: datetime | None
    computed_at: datetime | None
    layers: list[CoverageLayer]
    summary: CoverageSummary | None
    files: dict[str, str] = Field(description="name -> address")
    failure: FlightFailure | None
