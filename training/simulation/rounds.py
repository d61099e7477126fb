"""One round: train on what is labelled so far, answer, measure; done once, then read again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import numpy as np

from detection.domain.errors import ModelError
from training.data.annotation import AnnotatedPhoto
from training.data.yolo_export import write_yolo_dataset
from training.fitting.launch import run_trainer
from training.record import write_record
from training.settings import TrainingSettings
from training.simulation.answers import Answers, measure_ap50
from training.simulation.choice import count_labels
from training.simulation.stock import Stock, take_named

RESULT: Final = "result.json"
ANSWERS: Final = "answers.npz"
WEIGHTS: Final = Path("fit") / "weights" / "last.pt"


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What one round had and reached; ``ap50`` of each class on val, None without a box.

    ``mean_ap50`` is that of the classes that the plan measures.
    """

    dataset: str
    strategy: str
    seed: int
    fraction: float
    labelled: tuple[str, ...]
    labels: dict[str, int]
    ap50: dict[str, float | None]
    mean_ap50: float
    seconds: float

    @property
    def mean_of_all(self) -> float:
        """Mean AP50 of every class that val shows, however few boxes it has."""
        return float(np.mean([figure for figure in self.ap50.values() if figure is not None]))


def run_round(
    stock: Stock,
    folder: Path,
    labelled: Sequence[str],
    *,
    start: Path,
    settings: TrainingSettings,
    told: tuple[str, int, float],
    asks_pool: bool,
    threads: int,
) -> RoundResult:
    """Train one round in ``folder`` and measure it; a round that ended is only read.

    ``told`` is strategy, seed and fraction. Only the revealed labels are written there, so the
    trainer cannot see another. With ``asks_pool`` it also answers the training photos, for the
    choice of the next.

    Raises:
        ModelError: the trainer failed or was killed, and the next call does the round anew; or
            the starting weights are gone.
    """
    if is_finished(folder):
        return read_result(folder)
    if start.suffix != ".yaml":  # an architecture of the trainer; weights it would ask the net for
        _need(start)
    shutil.rmtree(folder, ignore_errors=True)
    began = monotonic()
    photos = take_named(stock.train, labelled)
    asked = _list_asked(stock, asks_pool=asks_pool)
    data_yaml = _write_data(folder, stock, photos)
    record = {
        "config": settings.model_dump(mode="json"),
        "start": str(start),
        "data_yaml": str(data_yaml),
        "tiles": str(stock.tiles),
        "answered": [stock.number_of[photo.name] for photo in asked],
        "images_per_epoch": stock.plan.images_per_epoch,
        "threads": threads,
    }
    write_record(folder, record)
    run_trainer(folder, "round", module="training.fitting.rounds")
    shutil.rmtree(folder / "data")
    answers = read_answers(stock, folder, asks_pool=asks_pool)
    result = _describe(stock, photos, answers, told, round(monotonic() - began, 1))
    _write_result(folder, result)
    return result


def _write_data(folder: Path, stock: Stock, photos: Sequence[AnnotatedPhoto]) -> Path:
    folder.mkdir(parents=True)
    return write_yolo_dataset(folder / "data", photos, stock.plan.classes, {}).data_yaml


def _describe(
    stock: Stock,
    photos: Sequence[AnnotatedPhoto],
    answers: Answers,
    told: tuple[str, int, float],
    seconds: float,
) -> RoundResult:
    """Return what the round is worth on val."""
    strategy, seed, fraction = told
    ap50 = measure_ap50(stock.plan, stock.val, answers)
    counts = count_labels(photos, stock.plan.classes)
    return RoundResult(
        dataset=stock.plan.dataset,
        strategy=strategy,
        seed=seed,
        fraction=fraction,
        labelled=tuple(photo.name for photo in photos),
        labels={key.value: count for key, count in counts.items()},
        ap50=ap50,
        mean_ap50=float(np.mean([ap50[key.value] or 0.0 for key in stock.plan.measured])),
        seconds=seconds,
    )


def read_answers(stock: Stock, folder: Path, *, asks_pool: bool) -> Answers:
    """Return what the network of a finished round said, with ``asks_pool`` of every photo.

    Raises:
        ModelError: only the figures of the round are left.
    """
    _need(folder / ANSWERS)
    with np.load(folder / ANSWERS) as file:
        names = tuple(photo.name for photo in _list_asked(stock, asks_pool=asks_pool))
        return Answers(names, file["rows"], file["vectors"])


def _need(path: Path) -> None:
    if not path.is_file():
        message = f"There is no {path} to go on from."
        remedy = f"Remove {RESULT} of that round, so that it is done anew, or bring the file back."
        raise ModelError(message, remedy=remedy)


def _list_asked(stock: Stock, *, asks_pool: bool) -> tuple[AnnotatedPhoto, ...]:
    return (*stock.train, *stock.val) if asks_pool else stock.val


def is_finished(folder: Path) -> bool:
    """Whether the round of this folder ended; its result is all that is needed of it then."""
    return (folder / RESULT).is_file()


def read_result(folder: Path) -> RoundResult:
    """Return the result of a finished round."""
    document = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    return RoundResult(**document | {"labelled": tuple(document["labelled"])})


def _write_result(folder: Path, result: RoundResult) -> None:
    part = folder / f"{RESULT}.part"
    part.write_text(json.dumps(asdict(result), indent=1), encoding="utf-8")
    part.replace(folder / RESULT)
