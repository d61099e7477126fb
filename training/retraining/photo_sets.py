"""On which photos models are compared: frozen test, held-out places, last and named flights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from detection.domain.errors import InvalidInputError
from detection.report.messages import Text
from training.data.annotation import AnnotatedPhoto
from training.data.decisions import DecisionRules, build_decisions
from training.data.decisions_file import FILE_NAME as DECISIONS_FILE
from training.data.decisions_sides import Shares
from training.data.decisions_tables import list_stored, read_history
from training.data.manifest import hash_bytes
from training.data.negatives import list_flight
from training.data.versions import load_version, read_version
from training.retraining.compare import PhotoSet
from training.retraining.errors import SeenFlightError
from training.retraining.facts import (
    PhotoFacts,
    facts_of_photo,
    find_last_flights,
    read_facts,
)
from training.retraining.order import Order
from training.retraining.replay import Replay, hash_trained_flights, load_stored
from training.retraining.verdict import load_texts
from training.settings import TrainingSettings

TRAINED_ON = "train"
JUDGED = "test"


def list_sets(
    order: Order, run_dir: Path, version: Path, original: TrainingSettings, replay: Replay
) -> list[PhotoSet]:
    """Return the sets of photos in the order of the report; those without a photo are left out.

    Raises:
        SeenFlightError: a named flight was trained on.
        InvalidInputError: a named flight cannot be used.
    """
    held = [p for p in load_stored(replay, original, order.shared_dir) if p.split != TRAINED_ON]
    photos, facts = load_version(version), read_facts(version)
    frozen = _make("frozen", held, [facts_of_photo(photo) for photo in held])
    sets = [
        frozen,
        _choose("held_out", photos, facts, [name for name, f in facts.items() if f.side == JUDGED]),
        _choose_last(photos, facts, order.last_flights),
        *read_flights(order, version, original, run_dir),
    ]
    return [one for one in sets if one.photos or one.key == "last_flights"]


def _make(
    key: str, photos: Sequence[AnnotatedPhoto], facts: Sequence[PhotoFacts], **filled: object
) -> PhotoSet:
    title = fill(load_texts()["titles"][key], **filled)
    return PhotoSet(key, title, tuple(photos), tuple(facts), note=load_texts()["notes"].get(key))


def fill(text: Text, **values: object) -> Text:
    """Return a text with its places filled."""
    return Text(text.zh.format(**values), text.en.format(**values))


def _choose(
    key: str,
    photos: Sequence[AnnotatedPhoto],
    facts: Mapping[str, PhotoFacts],
    names: Sequence[str],
    **filled: object,
) -> PhotoSet:
    wanted = set(names)
    chosen = [photo for photo in photos if photo.name in wanted]
    return _make(key, chosen, [facts[photo.name] for photo in chosen], **filled)


def _choose_last(
    photos: Sequence[AnnotatedPhoto], facts: Mapping[str, PhotoFacts], count: int
) -> PhotoSet:
    """Return the held-out photos of the newest flights, and say how many others there are."""
    newest = find_last_flights(facts, count)
    of_them = [name for name, one in facts.items() if one.flight_id in newest]
    held = [name for name in of_them if facts[name].side == JUDGED]
    found = _choose("last_flights", photos, facts, held, count=len(newest))
    note = load_texts()["notes"]["left_out"]
    told = fill(note, all=len(of_them), seen=len(of_them) - len(held))
    return PhotoSet(found.key, found.title, found.photos, found.facts, note=told)


def read_flights(
    order: Order, version: Path, original: TrainingSettings, run_dir: Path
) -> list[PhotoSet]:
    """Return the photos of every named flight; the errors are those of :func:`read_flight`."""
    if not order.report_flights:
        return []
    trained = hash_trained_flights(original, order.shared_dir)
    return [read_flight(path, version, original, run_dir, trained) for path in order.report_flights]


def read_flight(
    folder: Path,
    version: Path,
    original: TrainingSettings,
    run_dir: Path,
    trained: frozenset[str] = frozenset(),
) -> PhotoSet:
    """Return the photos of a named flight: an export of decisions, or a plain folder of photos.

    ``trained`` are hashes of photos that the model learnt from besides versions of decisions.

    Raises:
        SeenFlightError: a photo, flight or place of it was trained or chosen on.
        InvalidInputError: it cannot be read.
    """
    learnt = list_learnt(version) | trained
    title = fill(load_texts()["titles"]["report"], name=folder.name)
    key = f"report:{folder.name}"
    if not (folder / DECISIONS_FILE).is_file():
        photos = list_flight(folder, dataset=folder.name, split=JUDGED)
        _check_unseen(folder, {hash_bytes(photo.path) for photo in photos} & learnt)
        facts = tuple(PhotoFacts(photo.name) for photo in photos)
        return PhotoSet(key, title, tuple(photos), facts, has_truth=False)
    rules = DecisionRules(
        name=f"report-{folder.name}",
        classes=original.classes,
        outlines=original.task == "segment",
        crop_px=original.tile_px,
        shares=Shares(val=0.0, test=1.0),
        fill_sides=False,
    )
    built = build_decisions([folder], run_dir / "report-flights", rules)
    known = read_facts(built.folder)
    _check_unseen(folder, read_history([built.folder]).held.keys() & learnt)
    facts = tuple(known[photo.name] for photo in built.photos)
    return PhotoSet(key, title, built.photos, facts, note=load_texts()["notes"]["held_out"])


def list_learnt(version: Path) -> frozenset[str]:
    """Return the photos, flights and places that this model was trained or chosen on.

    By this version or by any other of its name beside it: the model in force may come of that one.
    """
    name = read_version(version)["name"]
    beside = list_stored(version.parent)
    history = read_history(one for one in beside if read_version(one)["name"] == name)
    return history.trained | {key for key, side in history.held.items() if side != JUDGED}


def _check_unseen(folder: Path, both: Collection[str]) -> None:
    if both:
        message = f"{len(both)} photos, flights or places of {folder} were learnt from by this run "
        message += "or an earlier one."
        remedy = "Name a flight that nothing was learnt from, or leave its decisions out."
        raise SeenFlightError(message, remedy=remedy)


def check_readable(folder: Path) -> None:
    """Refuse a folder of a named flight that is not there, before hours of work.

    Raises:
        InvalidInputError: there is no such folder.
    """
    if not folder.is_dir():
        message = f"There is no folder {folder}."
        raise InvalidInputError(message, remedy="Give --report-flights a folder of photos.")
