"""``hazardlens runs``: the experiments that were made, listed, shown and compared."""

from __future__ import annotations

import json
from pathlib import Path

import click

from detection.detectors.manifest import MODELS_DIR, select_manifests
from detection.domain.errors import ConfigurationError, HazardLensError
from training.cli.options import FOLDER, SHARED_OPTION
from training.data.collect import load_catalogue_photos
from training.evaluation.labelled_folder import read_labelled_folder
from training.fitting.average import average_runs
from training.fitting.plots import draw_learning_curve, overlay_runs
from training.retraining.rebuilt import rebuild_run
from training.runs.mlflow_export import export_run
from training.runs.overview import (
    Run,
    compare_runs,
    find_runs,
    flatten_config,
    format_table,
    load_run,
    plot_learning,
    shorten,
    summarise_run,
    table_from_runs,
)
from training.runs.page import write_comparison
from training.settings import (
    REPOSITORY_DIR,
    RUNS_DIR,
    find_shared_dir,
    load_training_settings,
)

_LINE = 100
_JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class ListByDefault(click.Group):
    """A group whose ``list`` may be left out: ``runs DIR`` is ``runs list DIR``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``list`` before anything that names no command."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ListByDefault, context_settings={"help_option_names": ["-h", "--help"]})
def runs() -> None:
    """List, show and compare trainings; `runs DIR` lists those in DIR.

    Exit codes: 0 done, 2 invalid input, 5 configuration error.
    """


@runs.command("list")
@click.argument("folder", type=FOLDER, required=False)
@_JSON_OPTION
def list_runs(folder: Path | None, *, as_json: bool) -> None:
    """List the runs in FOLDER [default: runs] with their state and best figures on val."""
    place = folder or RUNS_DIR
    rows = []
    for path in find_runs(place) if place.is_dir() else ():
        try:
            rows.append(summarise_run(load_run(path)))
        except (
            HazardLensError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:  # one broken record hides no other run
            click.echo(f"{path} is left out: {error}", err=True)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        click.echo(format_table(table_from_runs(rows)))
    else:
        click.echo(f"No run lies in {place}.")


@runs.command("show")
@click.argument("run_dir", type=FOLDER)
@_JSON_OPTION
def show_run(run_dir: Path, *, as_json: bool) -> None:
    """Show what RUN_DIR was made of, on what, and how it went."""
    run = load_run(run_dir.resolve())
    summary = summarise_run(run)
    if as_json:
        click.echo(json.dumps(summary | {"record": run.record, "epochs": run.epochs}, indent=2))
        return
    record = run.record
    sections = {
        "run": summary,
        "configuration": flatten_config(run.config),
        "data": record.get("data_counts", {}),
        "environment": record.get("environment", {}),
        "interruptions": {
            str(number): note
            for number, note in enumerate(record.get("interruptions", []), start=1)
        },
    }
    for title, values in sections.items():
        if values:
            click.echo(f"\n{title}")
            cells = [[f"  {name}", shorten(str(value), _LINE)] for name, value in values.items()]
            click.echo(format_table(cells))


@runs.command("compare")
@click.argument("run_dirs", type=FOLDER, nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the curves over each other: .svg, or .html with the table.",
)
@click.option(
    "--over",
    type=click.Choice(["epochs", "fraction"]),
    default="epochs",
    help="What the curves run over; fraction draws the learning curve [default: epochs].",
)
@_JSON_OPTION
def compare(run_dirs: tuple[Path, ...], out: Path | None, over: str, *, as_json: bool) -> None:
    """Compare RUN_DIRS: what differs in their configurations, and their best figures."""
    if out is not None and out.suffix not in {".svg", ".html"}:
        message = f"{out} is neither .svg nor .html."
        raise ConfigurationError(message, remedy="Give --out FILE.svg or FILE.html.")
    found = [load_run(path.resolve()) for path in run_dirs]
    labels = [str(run.record.get("run", run.label)) for run in found]
    if len(set(labels)) < len(labels):  # runs of one name in different places
        labels = [str(path) for path in run_dirs]
    rows = compare_runs(found)
    if as_json:
        columns = zip(*rows.values(), strict=True)
        document = {
            label: dict(zip(rows, column, strict=True))
            for label, column in zip(labels, columns, strict=True)
        }
        click.echo(json.dumps(document, indent=2))
    else:
        cells = [["", *labels], *([name, *map(shorten, values)] for name, values in rows.items())]
        click.echo(format_table(cells))
    if out is not None:
        drawing = _draw(found, labels, over)
        page = drawing if out.suffix == ".svg" else write_comparison(labels, rows, [drawing])
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8")
        click.echo(f"Written: {out}", err=True)


def _draw(found: list[Run], labels: list[str], over: str) -> str:
    if over == "fraction":
        title = f"Learning curve of {found[0].record['name']}"
        return draw_learning_curve(plot_learning(found), title)
    return overlay_runs({label: run.epochs for label, run in zip(labels, found, strict=True)})


class _Part(click.ParamType[tuple[Path, float]]):
    """``RUN=SHARE``."""

    name = "RUN=SHARE"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Path, float]:
        """Return the run folder and its share."""
        place, _, share = str(value).rpartition("=")
        try:
            return Path(place).resolve(strict=True), float(share)
        except (OSError, ValueError):
            self.fail(f"{value!r} is no RUN=SHARE: a run folder and a number", param, ctx)


@runs.command("average")
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.argument("parts", type=_Part(), nargs=-1, required=True)
def average(run_dir: Path, parts: tuple[tuple[Path, float], ...]) -> None:
    """Make RUN_DIR a run whose weights are the mean of trained runs: RUN=SHARE RUN=SHARE.

    RUN is a run folder, or a file of weights in one (RUN/fit/weights/last.pt).
    Runs that began with the same weights can be averaged; the mean often keeps what each learned.
    It is promoted, or started from, like any other run.
    """
    average_runs(run_dir.resolve(), parts)
    click.echo(f"The mean of {len(parts)} runs: {run_dir}")


@runs.command("rebuild")
@click.argument("model")
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What the model was trained by [default: configs/training/<name>.yaml].",
)
@click.option(
    "--images",
    type=FOLDER,
    help="Photos such as it was trained on [default: the labelled ones of the configuration].",
)
@click.option("--models-dir", type=FOLDER, default=MODELS_DIR, help="Shelf of promoted models.")
@SHARED_OPTION
def rebuild(
    *,
    model: str,
    run_dir: Path,
    config: Path | None,
    images: Path | None,
    models_dir: Path,
    shared_dir: Path | None,
) -> None:
    """Make RUN_DIR a run of a shipped MODEL (NAME or NAME@VERSION), out of its ONNX file.

    Trainings start from it, means are made of it, and it is promoted with other settings, where
    the folder of its training is gone. Nothing is trained; the answers stay the same.
    """
    (running,) = select_manifests((model,), models_dir)
    path = config or REPOSITORY_DIR / "configs" / "training" / f"{running.name}.yaml"
    settings = load_training_settings(path)
    if images is None:
        known = load_catalogue_photos(settings, find_shared_dir(shared_dir))
        photos = [photo for photo in known if photo.split == "train"]
    else:
        photos = list(read_labelled_folder(images, None, running.classes).photos)
    parity = rebuild_run(running, settings, photos, run_dir.resolve())
    click.echo(
        f"{running.name}@{running.version} is {run_dir}: {parity.boxes} boxes on {parity.tiles} "
        f"tiles, {parity.unmatched} unmatched, scores differ by {parity.max_score_difference:.1e}."
    )


@runs.command("export-mlflow")
@click.argument("run_dir", type=FOLDER)
@click.option("--uri", required=True, help="MLflow store, such as sqlite:///mlflow.db.")
@click.option("--experiment", help="Name of the experiment there [default: that of the model].")
def export_mlflow(run_dir: Path, uri: str, experiment: str | None) -> None:
    """Copy RUN_DIR into an MLflow store; needs MLflow, sends nothing anywhere else."""
    run = load_run(run_dir.resolve())
    made = export_run(run, uri, experiment or f"hazardlens/{run.record['name']}")
    click.echo(f"Exported as {made}.")
