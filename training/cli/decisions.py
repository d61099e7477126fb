"""``hazardlens data from-decisions``: what people decided, as a version to train on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detection.domain.errors import InvalidInputError
from detection.domain.hazard import HazardClass
from training.cli.options import FOLDER, SHARED_OPTION
from training.data.decisions import DecisionRules, DecisionsBuilt, build_decisions
from training.data.named_sets import is_catalogued, load_named
from training.data.versions import find_version
from training.settings import VERSIONS_DIR, find_shared_dir

if TYPE_CHECKING:
    from training.data.annotation import AnnotatedPhoto

REASONS = {
    "other_class": "of classes that this set does not learn",
    "without_outline": "without an outline, where the set learns outlines",
    "may_be_a_whole_cover": "rejected covers, which may be whole ones (--rejected-covers)",
    "pending": "nobody decided yet",
    "unsure": "people were unsure",
    "duplicate": "called a duplicate of another",
    "disputed": "two people disagree, and no arbiter decided",
    "drawn_disagree": "drawn by some of several annotators only",
    "flights_disagree": "decided otherwise on the same photo of another flight",
    "trained_on_and_tied_to_held_out": "photos trained on before, whose place is held out now",
    "chosen_on_and_tied_to_test": "photos of val, whose place turned out to be one of test",
    "looks_like_held_out": "crops that are the same picture as a held-out one",
}
"""What is said of each reason why something is not in the version."""


@click.command("from-decisions")
@click.argument("folders", nargs=-1, required=True, type=FOLDER, metavar="DIR...")
@click.option("--name", required=True, help="What the set is called in runs and reports.")
@click.option("--base", help="Set or version whose held-out photos must not be trained on.")
@click.option("--with-base", is_flag=True, help="Take the photos of --base into the version.")
@click.option("--classes", help="Classes to teach, a,b,c [default: all that were decided].")
@click.option("--outlines", is_flag=True, help="Only things with an outline (segment models).")
@click.option("--crop-px", type=click.IntRange(64, 2048), default=640, show_default=True)
@click.option(
    "--rejected-covers",
    type=click.Choice(["mask", "background"]),
    default="mask",
    show_default=True,
    help="A rejected cover may be a whole one: grey its place, or teach that nothing is there.",
)
@click.option("--test-flight", "test_flights", multiple=True, help="Flight to hold out for test.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the drawn split.")
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    default=VERSIONS_DIR,
    help="Folder of the built versions [default: versions/].",
)
@SHARED_OPTION
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the same as JSON.",
)
def from_decisions(
    folders: tuple[Path, ...],
    *,
    name: str,
    store: Path,
    base: str | None,
    with_base: bool,
    shared_dir: Path | None,
    json_path: Path | None,
    **given: Any,  # noqa: ANN401  # options as click hands them over
) -> None:
    """Make a version of what `hazardlens decisions export` wrote to DIR.

    Confirmed and drawn things become labels, rejected ones hard negatives. Photos of a place stay
    together; what an earlier version in the store held out stays held out. provenance.csv in the
    version names the events behind each label. The same decisions give the same version.

    Exit codes: 0 done, 2 invalid input, 5 configuration error.
    """
    rules = DecisionRules(
        name,
        classes=_read_classes(given["classes"]),
        outlines=given["outlines"],
        crop_px=given["crop_px"],
        rejected_covers=given["rejected_covers"],
        seed=given["seed"],
        test_flights=given["test_flights"],
    )
    photos: list[AnnotatedPhoto] = []
    earlier: list[Path] = []
    if base is not None:
        photos = load_named(base, store, lambda: find_shared_dir(shared_dir))
        earlier = [] if is_catalogued(base) else [find_version(base, store)]
    built = build_decisions(
        folders, store, rules, base=photos, include_base=with_base, earlier=earlier
    )
    _print_built(built)
    if json_path is not None:
        text = json.dumps(_describe(built), indent=1, ensure_ascii=False)
        json_path.write_text(text + "\n", encoding="utf-8")


def _read_classes(given: str | None) -> tuple[HazardClass, ...]:
    names = [item.strip() for item in (given or "").split(",") if item.strip()]
    try:
        return tuple(HazardClass(item) for item in names)
    except ValueError as error:
        message = f"--classes names a class that the taxonomy does not know ({error})."
        remedy = f"The classes are {', '.join(item.value for item in HazardClass)}."
        raise InvalidInputError(message, remedy=remedy) from error


def _print_built(built: DecisionsBuilt) -> None:
    click.echo(f"{'Built' if built.is_new else 'Already built, unchanged'}: {built.folder}")
    decided = built.decided
    click.echo(
        f"Decided: {decided['photos']} photos, {decided['confirmed']} confirmed, "
        f"{decided['rejected']} rejected, {decided['undecided']} undecided"
    )
    for side, counts in sorted(built.counts.items()):
        click.echo(f"{side}: {', '.join(f'{count} {what}' for what, count in counts.items())}")
    for reason, count in built.left_out.items():
        click.echo(f"left out: {count} {REASONS.get(reason, reason)}")


def _describe(built: DecisionsBuilt) -> dict[str, object]:
    return {
        "version": built.folder.name,
        "folder": str(built.folder),
        "is_new": built.is_new,
        "decided": dict(built.decided),
        "counts": {side: dict(counts) for side, counts in built.counts.items()},
        "left_out": dict(built.left_out),
    }
