"""What a run is told of finding the weights: steps, variation of the photos, balance."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from training.composed_settings import Degradation, Strict


class Optimisation(Strict):
    """How the weights are found; names and meanings are those of the trainer.

    ``mask_ratio`` and ``overlap_mask`` are read by segmentation only: the outlines to learn are
    drawn at ``image_px / mask_ratio``. A crack of 4 px is one pixel wide at 4 and lost beside it,
    so thin things want 2 or 1, at the price of time and memory. With a ``start_share`` the result
    is that mean of the starting weights and those of the last epoch, which keeps what the start
    knew of data that this run shows less of (WiSE-FT, Wortsman et al. 2022); without, the best
    epoch.
    """

    epochs: int = Field(ge=1, le=1000)
    image_px: int = Field(ge=64, le=1280, multiple_of=32)
    batch: int = Field(default=16, ge=1, le=256)
    optimizer: Literal["AdamW", "SGD", "MuSGD"] = "AdamW"
    lr0: float = Field(default=0.001, gt=0)
    lrf: float = Field(default=0.01, gt=0, le=1)
    warmup_epochs: float = Field(default=1.0, ge=0)
    weight_decay: float = Field(default=0.0005, ge=0)
    freeze: int = Field(default=0, ge=0)
    mask_ratio: Literal[1, 2, 4] = 4
    overlap_mask: bool = True
    start_share: float = Field(default=0.0, ge=0, lt=1)


class Augmentation(Strict):
    """How training photos are varied; names and meanings are those of the trainer.

    But for ``degrade``: haze, blur and the like are ours.
    """

    mosaic: float = Field(default=1.0, ge=0, le=1)
    close_mosaic: int = Field(default=2, ge=0)
    scale: float = Field(default=0.5, ge=0, lt=1)
    translate: float = Field(default=0.1, ge=0, lt=1)
    degrees: float = Field(default=0.0, ge=0, le=180)
    perspective: float = Field(default=0.0, ge=0, le=0.001)
    fliplr: float = Field(default=0.5, ge=0, le=1)
    flipud: float = Field(default=0.0, ge=0, le=1)
    hsv_h: float = Field(default=0.015, ge=0, le=1)
    hsv_s: float = Field(default=0.5, ge=0, le=1)
    hsv_v: float = Field(default=0.4, ge=0, le=1)
    degrade: Degradation | None = None


class Balance(Strict):
    """Rare classes are shown more often: repeat factor sampling (Gupta et al. 2019, LVIS).

    A class that a share ``f`` of the training photos show is repeated
    ``max(1, (t / f) ** power)`` times, at most ``max_repeat``; ``t`` is ``frequency``, or the
    share of the most frequent class where none is given.
    """

    power: float = Field(default=0.5, gt=0, le=1)
    max_repeat: float = Field(default=4.0, ge=1, le=100)
    frequency: float | None = Field(default=None, gt=0, le=1)
