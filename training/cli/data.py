"""``hazardlens data``: labelled sets in, immutable versions out; what is in them and wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import click

from detection.domain.errors import InvalidInputError
from detection.domain.hazard import HazardClass
from training.cli.correct import correct
from training.cli.data_tables import (
    print_audit,
    print_comparison,
    print_statistics,
)
from training.cli.decisions import from_decisions
from training.cli.label_errors import label_errors
from training.cli.options import FOLDER, SHARED_OPTION
from training.cli.terminal import Count, Terminal
from training.data.annotation import AnnotatedPhoto
from training.data.audit import audit_set, check_report
from training.data.audit_page import write_audit_page
from training.data.build import (
    FACTS_NAME,
    BuildRules,
    Format,
    SplitRule,
    Unlabelled,
    import_set,
    prepare_photos,
)
from training.data.comparison import compare_sets, json_from_comparison
from training.data.findings import json_from_report
from training.data.following import showing
from training.data.importers.imported import ClassNames
from training.data.licences import LicenceFilter, keep_licensed
from training.data.named_sets import (
    WAIVED_KEY,
    is_catalogued,
    list_waived,
    load_named,
    open_for_audit,
)
from training.data.statistics import compute_statistics, json_from_statistics
from training.data.versions import build_version
from training.settings import VERSIONS_DIR, find_shared_dir

_OF_IMPORTS = {
    "given_format": "format",
    "images": "photos",
    "classes": "classes",
    "mapped": "class map",
    "split": "split",
    "group_by": "groups",
    "facts": "table of sources",
    "origin": "sources",
    "source_licence": "licences",
}
"""Options that only a set from elsewhere takes, and what they say of it."""

_FILE = click.Path(dir_okay=False, path_type=Path)
_STORE_OPTION = click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    default=VERSIONS_DIR,
    help="Folder of the built versions [default: versions/].",
)
_LICENCE_OPTION = click.option(
    "--licence",
    type=click.Choice(["any", "permissive"]),
    default="any",
    help="Only photos of sources under a permissive licence.",
)
_JSON_OPTION = click.option("--json", "json_path", type=_FILE, help="File for the same as JSON.")


@click.group()
@click.pass_context
def data(context: click.Context) -> None:
    """Build, audit, show and compare labelled data sets.

    NAME is a set of the catalogue (datasets/), the folder of a built version, or the beginning of
    its hash.
    """
    context.with_resource(showing(Count(Terminal(to_errors=True)).show))


data.add_command(from_decisions)
data.add_command(label_errors)
data.add_command(correct)


@data.command()
@click.argument("source")
@click.option("--name", help="What the set is called in runs [default: name of SOURCE].")
@click.option(
    "--format",
    "given_format",
    type=click.Choice(["yolo", "coco", "voc", "label-studio"]),
    help="Format of SOURCE [default: by what lies there].",
)
@click.option("--images", type=FOLDER, help="Folder of photos, where SOURCE is a file of labels.")
@click.option("--classes", help="Class names of a YOLO set in their order, a,b,c.")
@click.option("--map", "mapped", multiple=True, metavar="NAME=KEY", help="Class of a foreign name.")
@click.option(
    "--split",
    type=click.Choice(["given", "draw", "train"]),
    help="Keep the given split, draw one by group, or all for training "
    "[default: given where there is one, else draw].",
)
@click.option(
    "--group-by",
    metavar="RULE",
    help="column:NAME, folder, regex:PATTERN or photo [default: column group, else photo]; "
    "the same picture is always one group.",
)
@click.option("--val-fraction", type=click.FloatRange(0, 1, max_open=True), default=0.2)
@click.option("--seed", type=int, default=0, help="Of the drawn split.")
@click.option(
    "--unlabelled",
    type=click.Choice(["refuse", "negative", "skip"]),
    default="refuse",
    help="Photos that nobody labelled: refuse the set, take them as negatives, or leave them out.",
)
@click.option(
    "--facts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"CSV with a row a photo: image, split, group, site, flight, source, licence, view, "
    f"surface [default: {FACTS_NAME} in SOURCE].",
)
@click.option("--from", "origin", default="", help="Source of photos that the CSV does not name.")
@click.option("--source-licence", default="", help="SPDX name of their licence, such as CC-BY-4.0.")
@_LICENCE_OPTION
@_STORE_OPTION
@SHARED_OPTION
def build(source: str, shared_dir: Path | None, store: Path, **given: Any) -> None:  # noqa: ANN401  # options as click hands them over
    """Import SOURCE (YOLO, COCO, Pascal VOC, Label Studio, or a set of the catalogue) as a version.

    A version is a folder that never changes, named by the hash of its images, labels and split.
    The same data gives the same version.

    Exit codes: 0 done, 2 invalid input, 5 configuration error.
    """
    known: Mapping[str, str] = {}
    if is_catalogued(source) and not Path(source).exists():
        _check_own_rules(source, given)
        known = list_waived(source)
        photos = load_named(source, store, lambda: find_shared_dir(shared_dir))
    else:
        photos = _import(Path(source), given)
    photos = keep_licensed(photos, cast("LicenceFilter", given["licence"]))
    note: dict[str, Any] = {
        key: str(value) for key, value in given.items() if value not in {None, "", ()}
    }
    name = given["name"] or Path(source).resolve().stem
    note |= {"source": Path(source).name, WAIVED_KEY: dict(known)}
    built = build_version(photos, store, name=name, note=note)
    click.echo(f"{'Built' if built.is_new else 'Already built, unchanged'}: {built.folder}")
    print_statistics(built.folder.name, compute_statistics(photos))


def _check_own_rules(name: str, given: Mapping[str, Any]) -> None:
    """Refuse options of an import for a set of the catalogue, whose entry says all that."""
    unfit = [what for key, what in _OF_IMPORTS.items() if given[key]]
    if unfit:
        message = f"{name} is a set of the catalogue, which has its own {', '.join(unfit)}."
        raise InvalidInputError(message, remedy="Leave the options out, or give a path as SOURCE.")


def _import(source: Path, given: Mapping[str, Any]) -> list[AnnotatedPhoto]:
    if not source.exists():
        message = f"{source} is neither a set of the catalogue nor a path."
        raise InvalidInputError(message, remedy="Give a folder, a JSON file, or a name.")
    names = [name.strip() for name in (given["classes"] or "").split(",") if name.strip()]
    imported = import_set(
        source,
        cast("Format | None", given["given_format"]),
        given["images"],
        ClassNames(parse_class_map(given["mapped"])),
        names,
    )
    beside = source / FACTS_NAME
    rules = BuildRules(
        name=given["name"] or source.resolve().stem,
        split=cast("SplitRule | None", given["split"]),
        group_by=given["group_by"],
        val_fraction=given["val_fraction"],
        seed=given["seed"],
        unlabelled=cast("Unlabelled", given["unlabelled"]),
        facts=given["facts"] or (beside if beside.is_file() else None),
        source=given["origin"],
        licence=given["source_licence"],
    )
    return prepare_photos(imported, rules)


def parse_class_map(given: tuple[str, ...]) -> Mapping[str, HazardClass]:
    """Return ``NAME=KEY`` arguments by name.

    Raises:
        InvalidInputError: a key that the taxonomy does not know.
    """
    found = {}
    for item in given:
        name, _, key = item.rpartition("=")
        try:
            found[name] = HazardClass(key)
        except ValueError as error:
            message = f"{item} does not map a name to a class ({error})."
            raise InvalidInputError(
                message, remedy="Write Manhole-Open=manhole_missing."
            ) from error
    return found


@data.command()
@click.argument("name")
@_LICENCE_OPTION
@_STORE_OPTION
@SHARED_OPTION
@_JSON_OPTION
@click.option("--html", "html_path", type=_FILE, help="File for a page with the photos.")
@click.option("--scenes", is_flag=True, help="Also look for one scene on both sides (slow).")
def audit(
    name: str,
    *,
    licence: LicenceFilter,
    store: Path,
    shared_dir: Path | None,
    json_path: Path | None,
    html_path: Path | None,
    scenes: bool,
) -> None:
    """Look NAME over: leaks across the split, labels that cannot be right, changed files.

    Exit codes: 0 no failure, 2 invalid input, 4 failures were found, 5 configuration error.
    """
    audited = open_for_audit(name, store, lambda: find_shared_dir(shared_dir))
    report = audit_set(audited.with_licence(licence), look_for_overlaps=scenes)
    print_audit(report)
    if json_path is not None:
        _write_json(json_path, json_from_report(report))
    if html_path is not None:
        shown = {photo for finding in report.findings for photo in finding.photos}
        photos = [audited.label(photo) for photo in audited.photos if photo.name in shown]
        write_audit_page(html_path, report, {photo.name: photo for photo in photos})
    check_report(report)


@data.command()
@click.argument("name")
@_LICENCE_OPTION
@_STORE_OPTION
@SHARED_OPTION
@_JSON_OPTION
def show(
    name: str,
    licence: LicenceFilter,
    store: Path,
    shared_dir: Path | None,
    json_path: Path | None,
) -> None:
    """Count what NAME holds: by class and side, source, licence and size of the things.

    Exit codes: 0 done, 2 invalid input, 5 configuration error.
    """
    photos = load_named(name, store, lambda: find_shared_dir(shared_dir))
    statistics = compute_statistics(keep_licensed(photos, licence))
    print_statistics(name, statistics)
    if json_path is not None:
        _write_json(json_path, json_from_statistics(statistics))


@data.command()
@click.argument("before")
@click.argument("after")
@_STORE_OPTION
@SHARED_OPTION
@_JSON_OPTION
def diff(
    before: str, after: str, store: Path, shared_dir: Path | None, json_path: Path | None
) -> None:
    """Say what AFTER added, removed, relabelled or moved across the split of BEFORE.

    Exit codes: 0 done, 2 invalid input, 5 configuration error.
    """
    sets = [
        load_named(name, store, lambda: find_shared_dir(shared_dir)) for name in (before, after)
    ]
    comparison = compare_sets(*sets)
    print_comparison(comparison)
    if json_path is not None:
        _write_json(json_path, json_from_comparison(comparison))


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
