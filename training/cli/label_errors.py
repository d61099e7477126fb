"""``hazardlens data label-errors``: labels that held-out models disagree with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import click

from detection.detectors.manifest import MODELS_DIR, select_manifests
from detection.domain.errors import ConfigurationError, InvalidInputError
from training.cli.options import FOLDER, SHARED_OPTION
from training.cli.terminal import Count, Terminal
from training.data.annotation import AnnotatedPhoto
from training.data.following import showing
from training.data.label_errors import find_suspects
from training.data.label_numbers import leave_out_known, number_as_in_files
from training.data.label_sources import LabelSources, read_label_sources
from training.data.named_sets import is_catalogued, load_named
from training.data.sources import load_dataset, read_catalogue
from training.data.suspects import Prediction, Suspect
from training.data.suspects_file import (
    PREDICTIONS_JSON,
    read_predictions,
    write_predictions,
    write_suspects,
)
from training.data.versions import find_version
from training.evaluation.answers import SHIPPED_FLOOR
from training.evaluation.predictions import predict
from training.runs.folds import FoldPlan, predict_out_of_fold
from training.settings import (
    VERSIONS_DIR,
    TrainingSettings,
    find_shared_dir,
    load_training_settings,
)

TOP = 200
FOLDS = "folds"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FOLDER = click.Path(file_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class _Judges:
    """Who is asked about the labels: models of folds, a promoted one, or what was said before."""

    folds: int | None
    config: Path | None
    model: str | None
    predictions: Path | None
    models_dir: Path = MODELS_DIR

    def check(self) -> None:
        """Refuse none and several.

        Raises:
            ConfigurationError: says what to give.
        """
        given = [self.folds is not None, self.model is not None, self.predictions is not None]
        if sum(given) != 1 or (self.config is None) == (self.folds is not None):
            message = "The labels need models to be compared with that have not learnt them."
            remedy = "Give --folds K with --config FILE, or --model NAME, or --predictions FILE."
            raise ConfigurationError(message, remedy=remedy)

    @property
    def described(self) -> dict[str, Any]:
        """What the list says of them."""
        if self.config is not None:
            return {"kind": "folds", "folds": self.folds, "config": self.config.stem}
        return {"kind": "model", "model": self.model} if self.model else {"kind": "predictions"}


@click.command("label-errors")
@click.argument("name")
@click.option(
    "--out",
    required=True,
    type=_NEW_FOLDER,
    help="Folder for the list, the crops and the trainings.",
)
@click.option("--folds", type=click.IntRange(2, 20), help="Train so many models, each on the rest.")
@click.option(
    "--config",
    type=_FILE,
    help="How the models of the folds are trained; their data are those of NAME.",
)
@click.option("--model", help="Ask a promoted model instead: only about photos it never learnt.")
@click.option(
    "--predictions",
    type=_FILE,
    help="What was said before: predictions.json of an earlier list.",
)
@click.option(
    "--side",
    type=click.Choice(["all", "train", "val", "test"]),
    default="all",
    help="Only photos of one side of the split.",
)
@click.option("--top", type=click.IntRange(min=1), default=TOP, help="So many suspects at most.")
@click.option(
    "--store",
    type=_NEW_FOLDER,
    default=VERSIONS_DIR,
    help="Folder of the built versions [default: versions/].",
)
@SHARED_OPTION
@click.option("--models-dir", type=FOLDER, default=MODELS_DIR, hidden=True)
def label_errors(
    *,
    name: str,
    out: Path,
    folds: int | None,
    config: Path | None,
    model: str | None,
    predictions: Path | None,
    side: str,
    top: int,
    store: Path,
    shared_dir: Path | None,
    models_dir: Path,
) -> None:
    """Rank the labels of NAME that models which did not learn them disagree with.

    Nothing is changed: people look at the list (`hazardlens suspects import`) and what they put
    right comes back as corrections.csv. A training that was killed goes on with the same command.

    Exit codes: 0 done, 2 invalid input, 4 a training failed, 5 configuration error.
    """
    judges = _Judges(folds, config, model, predictions, models_dir)
    judges.check()
    terminal = Terminal(to_errors=True)

    def find_shared() -> Path:
        return find_shared_dir(shared_dir)

    with showing(Count(terminal).show):
        photos = load_named(name, store, find_shared)
        wanted = [photo for photo in photos if side in {"all", photo.split}]
        said = _ask(
            judges, photos, wanted, lambda s: FoldPlan(s, out / FOLDS, find_shared, terminal)
        )
        out.mkdir(parents=True, exist_ok=True)
        write_predictions(out / PREDICTIONS_JSON, said)
        suspects = _settle(name, find_suspects(wanted, said), find_shared)
        path = write_suspects(
            out,
            suspects[:top],
            name=name,
            photos=wanted,
            made_by=judges.described,
            sources=_read_sources(name, store),
        )
    for kind, count in sorted(Counter(one.kind.value for one in suspects[:top]).items()):
        click.echo(f"{kind}\t{count}")
    click.echo(f"{min(top, len(suspects))} of {len(suspects)} suspects: {path}")


def _ask(
    judges: _Judges,
    photos: Sequence[AnnotatedPhoto],
    wanted: Sequence[AnnotatedPhoto],
    plan: Callable[[TrainingSettings], FoldPlan],
) -> dict[str, list[Prediction]]:
    """Return what the judges say of the photos that are wanted."""
    names = {photo.name for photo in wanted}
    if judges.predictions is not None:
        said = read_predictions(judges.predictions)
    elif judges.model is not None:
        manifest = select_manifests((judges.model,), judges.models_dir)[0]
        said = predict(replace(manifest, score_floor=SHIPPED_FLOOR), wanted)
    else:
        settings = load_training_settings(cast("Path", judges.config))
        said = predict_out_of_fold(photos, cast("int", judges.folds), plan(settings))
    kept = {name: rows for name, rows in said.items() if name in names}
    if not kept:
        message = "Nothing was said of any of these photos."
        raise InvalidInputError(message, remedy="Check NAME and --side against --predictions.")
    return kept


def _settle(
    name: str, suspects: Sequence[Suspect], find_shared: Callable[[], Path]
) -> list[Suspect]:
    """Return the suspects numbered as in their files, without those listed as doubtful before."""
    if not is_catalogued(name):
        return list(suspects)
    entry = read_catalogue(name)
    stored = load_dataset(replace(entry, corrections=()), find_shared())
    return leave_out_known(number_as_in_files(suspects, stored), entry.corrections)


def _read_sources(name: str, store: Path) -> LabelSources:
    return LabelSources() if is_catalogued(name) else read_label_sources(find_version(name, store))
