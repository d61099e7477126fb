"""What a run is told of flights and of photos that are made from others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MIN_TILE_PX = 32
MIN_COVER_PX = 8.0


class Strict(BaseModel):
    """Refuses unknown keys and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _check_order(photos: tuple[int, int]) -> tuple[int, int]:
    if photos[1] <= photos[0]:
        message = f"photos {list(photos)} is an empty range: give [start, stop], start below stop"
        raise ValueError(message)
    return photos


PhotoRange = Annotated[
    tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=1)]],
    AfterValidator(_check_order),
]
"""``[start, stop]``: photos of a folder in sorted order, counted from 0, ``stop`` left out."""


class FlightPart(Strict):
    """A flight below the folder of shared files, or a range of its photos.

    A plain path is read as the whole flight. ``known`` is a list of the things that its photos do
    show (``datasets/flights/<flight>.csv``, relative to the repository): where they are trained
    on, tiles keep those boxes.
    """

    flight: Path
    photos: PhotoRange | None = None
    known: Path | None = None

    @property
    def label(self) -> str:
        """Name for people: the flight without its first folder, and the range if there is one."""
        name = "/".join(self.flight.parts[1:]) or self.flight.name
        return name if self.photos is None else f"{name}[{self.photos[0]}:{self.photos[1]}]"

    def overlaps(self, other: FlightPart) -> bool:
        """Whether both may name the same photo."""
        if self.flight != other.flight:
            return False
        if self.photos is None or other.photos is None:
            return True
        return max(self.photos[0], other.photos[0]) < min(self.photos[1], other.photos[1])


def _read_part(value: object) -> object:
    return {"flight": value} if isinstance(value, (str, Path)) else value


AnyFlight = Annotated[FlightPart, BeforeValidator(_read_part)]
"""A path, or ``{flight: PATH, photos: [start, stop]}``."""


class FlightNegatives(FlightPart):
    """Tiles of a flight that shows none of the things, but for those ``known``; training only.

    ``flight`` is relative to the folder of shared files; every ``every``-th photo (of the range
    ``photos``) is cut into tiles of ``tile_px``.

    With ``mined_with`` only those tiles are kept that fool a model: a promoted model by name, a
    manifest, or the exported ``.onnx`` of a run, all relative to the repository. Tiles are then
    the deployed ones of that model (its own size, with overlap and overview), kept where a hazard
    class scores ``min_score`` or more, the ``max_tiles`` highest; ``quiet_share`` adds as many
    others per kept one, drawn by the seed of the run.
    """

    negatives: str
    tile_px: int = Field(default=0, ge=0, le=4096)
    every: int = Field(default=1, ge=1)
    mined_with: str | None = None
    min_score: float = Field(default=0.1, ge=0.01, le=1)
    max_tiles: int | None = Field(default=None, ge=1)
    quiet_share: float = Field(default=0.0, ge=0, le=10)

    @model_validator(mode="after")
    def _choose_tiles(self) -> FlightNegatives:
        """Check that the tile size has one owner and that mining is asked for where it is tuned."""
        if (self.tile_px < MIN_TILE_PX) == (self.mined_with is None):
            message = f"give either tile_px from {MIN_TILE_PX} upwards, or mined_with"
            raise ValueError(message)
        tuned = {"min_score", "max_tiles", "quiet_share"} & self.model_fields_set
        if self.mined_with is None and any(
            getattr(self, name) != type(self).model_fields[name].default for name in tuned
        ):
            message = f"{', '.join(sorted(tuned))} only with mined_with"
            raise ValueError(message)
        return self


class ComposedSource(Strict):
    """Scenes ``first_seed`` to ``first_seed + scenes - 1`` on ground of others.

    Ground are the train negatives of ``ground_sets``, crops of ``ground_flights`` and rendered
    streets. Covers are about ``cover_px`` wide.
    """

    scenes: int = Field(ge=1)
    first_seed: int = Field(ge=1000)
    size_px: int = Field(default=512, ge=128, le=1280)
    cover_px: tuple[float, float] = (20.0, 120.0)
    ground_sets: tuple[str, ...] = ("manhole",)
    ground_flights: tuple[AnyFlight, ...] = ()

    @property
    def seeds(self) -> range:
        """One seed a scene."""
        return range(self.first_seed, self.first_seed + self.scenes)

    @model_validator(mode="after")
    def _check_width(self) -> ComposedSource:
        """Check that covers fit."""
        if not MIN_COVER_PX <= self.cover_px[0] <= self.cover_px[1] <= self.size_px / 2:
            message = f"cover_px {self.cover_px} is not between {MIN_COVER_PX} and half of size_px"
            raise ValueError(message)
        return self


class PastedSource(ComposedSource):
    """Real covers cut out of a catalogue set and pasted onto other real ground; training only.

    ``pasted`` is the set whose ``datasets/<set>/pasting.yaml`` names the covers. Each scene also
    gets about ``confusers_per_scene`` things that are none; ``empty_share`` of them hold no cover.
    """

    pasted: str
    confusers_per_scene: float = Field(default=1.5, ge=0, le=10)
    empty_share: float = Field(default=0.15, ge=0, le=1)


class ShrunkSource(ComposedSource):
    """Close-ups of a catalogue set, made as small as a drone sees them and let into ground.

    ``shrunk`` is the set; covers become ``cover_px`` wide, never larger than they were. Of the val
    ``side`` they are what a model of drone scale is judged on: close-ups and ground are then those
    of val, and ``ground_flights`` must not be trained on.
    """

    shrunk: str
    side: Literal["train", "val"] = "train"
    cover_px: tuple[float, float] = (16.0, 90.0)


class Degradation(Strict):
    """How training photos are made worse while they are loaded; boxes and outlines stay.

    A share ``probability`` of the photos is changed in one way, a share ``second`` of those in
    two: ``haze`` (most light of the air, 0 to 1), ``exposure_stops`` up or down, ``motion_px`` of
    smear, ``noise`` in grey values, JPEG down to ``jpeg_quality``. 0 leaves one of them out.
    """

    probability: float = Field(default=0.3, ge=0, le=1)
    second: float = Field(default=0.3, ge=0, le=1)
    haze: float = Field(default=0.5, ge=0, le=0.9)
    exposure_stops: float = Field(default=1.0, ge=0, le=3)
    motion_px: float = Field(default=8.0, ge=0, le=40)
    noise: float = Field(default=10.0, ge=0, le=60)
    jpeg_quality: int = Field(default=35, ge=0, lt=90)
