"""What a retraining is asked to do: read once, kept beside its result, the same on every resume."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from training.composed_settings import Strict
from training.retraining.settings import RetrainingSettings

Weights = Literal["auto", "onnx", "checkpoint"]
Language = Literal["zh", "en"]


class Order(Strict):
    """One retraining, every default resolved; paths are absolute.

    ``against`` is the version of the model in force when the order was given: the run is compared
    with that one, also where another comes into force meanwhile. ``shared_dir`` is None where no
    folder of shared files is in reach.
    """

    model: str
    against: str
    decisions: tuple[Path, ...]
    models_dir: Path
    store: Path
    config: Path
    shared_dir: Path | None = None
    report_flights: tuple[Path, ...] = ()
    epochs: int
    last_flights: int
    cores: int | None = None
    weights: Weights = "auto"
    replay: bool = True
    int8: bool = False
    lang: Language = "zh"
    settings: RetrainingSettings

    @property
    def sha256(self) -> str:
        """Hash of everything that decides the result."""
        text = self.model_dump_json(exclude={"lang", "cores"})
        return hashlib.sha256(text.encode()).hexdigest()
