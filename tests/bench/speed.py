"""How fast photos are looked at, beside the usual tools: same photos, same weights, one run.

    python -m tests.bench.speed [--set minsk:8 turin:32 mosaics:report:12] [--rounds 1] [--model M]

Every contender is a process of its own; for each group of photos all of them work in turn, so that
a slow minute of the machine meets all alike, and only one works at a time. SAHI is asked with the
shipped tile size and otherwise with its defaults: with the checkpoint (``sahi_default``), and with
the same network exported to OpenVINO (``sahi_openvino``), which computes in bfloat16 where the
processor does, because nobody tells it otherwise; ``sahi_fp32`` tells it. With a checkpoint,
ultralytics asks the network's other head (one to many, and suppression); so boxes are compared
with those of ``sahi_fp32``, which come from the head that is shipped, on SAHI's own tiles. Prints
one JSON object as its last line; seconds are wall seconds per photo, all models in force together.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from detection.detectors.manifest import ModelManifest, select_manifests
from detection.domain.geometry import FloatArray, compute_ios, compute_iou
from detection.settings import load_settings
from detection.tiling import tile_photo
from tests.bench.change_tables import say
from tests.bench.mosaics import find_mosaics, read_known
from tests.bench.speed_lines import Contender, Field
from tests.bench.speed_recall import MOSAICS, read_photos
from training.data.annotation import AnnotatedPhoto
from training.retraining.start import find_checkpoint, rebuild_start
from training.settings import REPOSITORY_DIR

PEERS_PYTHON = REPOSITORY_DIR / ".venv-peers" / "bin" / "python"
PEERS_DIR = REPOSITORY_DIR / "data" / "peers"
SETS = ("minsk:8", "turin:32", "mosaics:report:12")
GROUP = 32
"""Photos that a contender looks at in one go, as it would look at a flight."""
NEAR_MODELS = ("manhole", "facade_crack", "added_storey")
"""One for each thing, so that all contenders run the same weights over the same photos: the model
of far covers takes tiles from that of near ones, and is as large."""
LEAST_SCORE = 0.1
"""Below it SAHI changes its merging by itself."""

OURS: Mapping[str, Sequence[str]] = {
    "exhaustive": ("exhaustive=true",),
    "int8": ("precision=int8", "scale_by_gsd=false", "narrow_overlap=false"),
    "default": (),
}
TURNS = 3
"""How often our exhaustive run and the bare models are asked, for the share of their speed."""
BARE = "forward"
"""The models alone, on the exhaustive run's tiles ready in memory."""
IOU = 0.5
THINGS = ("manhole", "facade", "added")
"""How the names of the classes of one thing begin."""

Box = Sequence[Any]
"""Class, score, x_min, y_min, x_max, y_max."""
Boxes = Mapping[str, Sequence[Box]]
Measure = Callable[[FloatArray, FloatArray], FloatArray]
"""How much boxes ``(n, 4)`` and ``(m, 4)`` overlap, ``(n, m)``."""


@dataclass(frozen=True, slots=True)
class Group:
    """Some photos of one folder, with their sizes."""

    set_name: str
    folder: Path
    sizes_px: Mapping[str, tuple[int, int]]

    @property
    def photos(self) -> list[str]:
        """Their names."""
        return list(self.sizes_px)

    def take(self, count: int) -> Group:
        """Return the first of them alone."""
        return replace(self, sizes_px=dict(list(self.sizes_px.items())[:count]))

    @property
    def megapixels(self) -> float:
        """All of them together."""
        return sum(width * height for width, height in self.sizes_px.values()) / 1e6


def list_groups(sets: Sequence[str]) -> list[Group]:
    """Return the photos of ``name:count`` sets, the first of each, in groups."""
    groups = []
    for one in sets:
        name, _, count = one.rpartition(":")
        photos = read_photos(name).photos[: int(count)]
        for start in range(0, len(photos), GROUP):
            part = photos[start : start + GROUP]
            sizes = {photo.photo_id: (photo.width_px, photo.height_px) for photo in part}
            folder = photos[0].path.parents[len(Path(photos[0].photo_id).parts) - 1]
            groups.append(Group(name, folder, sizes))
    return groups


def write_peers(models: Sequence[ModelManifest], groups: Sequence[Group]) -> None:
    """Write what the peers load: a checkpoint of each model and its lowest threshold."""
    rows = []
    for model in models:
        lowest = max(LEAST_SCORE, min(model.thresholds.values()))
        row = {
            "name": model.name,
            "weights": str(_find_weights(model, groups)),
            "tile_px": model.tile_px,
            "score": lowest,
            "classes": [key.value for key in model.classes],
            "task": model.task,
        }
        rows.append(row)
    PEERS_DIR.mkdir(parents=True, exist_ok=True)
    ways = {"torch": {}, "openvino": {"openvino": True}, "fp32": {"openvino": True, "fp32": True}}
    for name, more in ways.items():
        text = json.dumps([row | more for row in rows], indent=1)
        (PEERS_DIR / f"{name}.json").write_text(text)


def _find_weights(model: ModelManifest, groups: Sequence[Group]) -> Path:
    """Return a checkpoint of the shipped weights: rebuilt of them, once for each version."""
    path = PEERS_DIR / f"{model.name}-{model.weights_sha256[:12]}.pt"
    if path.is_file():
        return path
    made = find_checkpoint(model)
    if made is None:
        folder = PEERS_DIR / "rebuilt" / model.name
        photos = [
            AnnotatedPhoto(name, group.folder / name, *size, "train", name, "flight")
            for group in groups
            for name, size in group.sizes_px.items()
        ]
        rebuild_start(model, folder, photos)
        made = folder / "fit" / "weights" / "best.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.read_bytes())
    return path


def start_all(field: Field, models: Sequence[ModelManifest]) -> dict[str, Contender]:
    """Start every contender; they load their models when they begin."""
    names = f"models={','.join(model.name for model in models)}"
    ours = {
        name: field.start([sys.executable, "-m", "tests.bench.speed_ours", names, *changes])
        for name, changes in OURS.items()
    }
    script = Path(__file__).with_name("speed_peers.py")
    torch, openvino, fp32 = (
        field.start([PEERS_PYTHON, script, PEERS_DIR / f"{name}.json"])
        for name in ("torch", "openvino", "fp32")
    )
    # A process of its own: its tiles lie ready in memory, which no run of ours needs.
    bare = field.start([sys.executable, "-m", "tests.bench.speed_ours", names, "exhaustive=true"])
    return {
        **ours,
        BARE: bare,
        "sahi_default": torch,
        "sahi_openvino": openvino,
        "sahi_fp32": fp32,
        "ultralytics": openvino,
    }


@dataclass(slots=True)
class Tally:
    """Sums over all groups and rounds."""

    wall_s: defaultdict[str, float]
    cpu_s: defaultdict[str, float]
    peak_mb: defaultdict[str, float]
    boxes: dict[str, dict[tuple[str, str], Sequence[Box]]]
    turns_s: defaultdict[tuple[str, str, int], list[float]]
    """Seconds of each answer by contender, set and group."""
    photos: int = 0
    megapixels: float = 0.0

    @classmethod
    def empty(cls) -> Tally:
        """Return one in which nothing was counted."""
        return cls(
            wall_s=defaultdict(float),
            cpu_s=defaultdict(float),
            peak_mb=defaultdict(float),
            boxes=defaultdict(dict),
            turns_s=defaultdict(list),
        )

    def add(
        self, name: str, group: Group, place: int, answer: Mapping[str, Any], weight: float = 1.0
    ) -> None:
        """Count what one contender answered; ``weight`` 1/3 for each of three answers."""
        self.wall_s[name] += weight * answer["wall_s"]
        self.turns_s[name, group.set_name, place].append(answer["wall_s"])
        self.cpu_s[name] += weight * answer.get("cpu_s", 0.0)
        self.peak_mb[name] = max(self.peak_mb[name], answer["peak_mb"])
        for photo, boxes in answer.get("boxes", {}).items():
            self.boxes[name][group.set_name, photo] = boxes


def race(
    contenders: Mapping[str, Contender],
    models: Sequence[ModelManifest],
    groups: Sequence[Group],
    rounds: int,
) -> Tally:
    """Let every contender look at every group, another one first each time.

    The bare models and our exhaustive run, whose time is given as a share of theirs, go three
    times in turns, one right after the other: the machine may work at half its speed some minutes
    later. Their means are their times; the share is that of the fastest turns.
    """
    tally = Tally.empty()
    names = [name for name in contenders if name != BARE]
    for number in range(rounds):
        for place, group in enumerate(groups):
            first = (number * len(groups) + place) % len(names)
            turns = _take_turns("exhaustive", BARE, names[first:] + names[:first])
            for name in turns:
                # Once unmeasured: models are compiled, files read, and memory that the system
                # took from a process which waited for its turn comes back.
                _ask(name, contenders, models, group.take(1))
                answer = _ask(name, contenders, models, group)
                tally.add(name, group, place, answer, 1 / turns.count(name))
                say(f"{group.set_name} {place}: {name} {answer['wall_s']:.2f} s")
            tally.photos += len(group.photos)
            tally.megapixels += group.megapixels
    return tally


def _take_turns(name: str, beside: str, names: Sequence[str]) -> list[str]:
    """Return the names with another before one of them, and both twice more."""
    at = names.index(name)
    return [*names[:at], *[beside, name] * TURNS, *names[at + 1 :]]


def _ask(
    name: str,
    contenders: Mapping[str, Contender],
    models: Sequence[ModelManifest],
    group: Group,
) -> dict[str, Any]:
    order = {"folder": str(group.folder), "photos": group.photos}
    if name == BARE:
        return contenders[name].ask(kind="forward", **order)
    if name in OURS:
        return contenders[name].ask(kind="detect", **order)
    if name == "ultralytics":
        tiles = {photo: _cut_up(models, size) for photo, size in group.sizes_px.items()}
        return contenders[name].ask(kind="tiles", tiles=tiles, **order)
    return contenders[name].ask(kind="sahi", **order)


def _cut_up(
    models: Sequence[ModelManifest], size_px: tuple[int, int]
) -> dict[str, list[tuple[int, int, int, int]]]:
    overlap = load_settings().overlap
    return {
        model.name: [
            (tile.x_min, tile.y_min, tile.x_max, tile.y_max)
            for tile in tile_photo(*size_px, tile_px=model.tile_px, overlap=overlap)
        ]
        for model in models
    }


def list_above(boxes: Boxes, models: Sequence[ModelManifest]) -> dict[str, list[Box]]:
    """Return the boxes at or above the shipped thresholds."""
    lowest = {key.value: at for model in models for key, at in model.thresholds.items()}
    return {
        photo: [box for box in rows if box[1] >= lowest.get(box[0], 2.0)]
        for photo, rows in boxes.items()
    }


def count_matched(
    reference: Boxes, found: Boxes, measure: Measure = compute_iou
) -> tuple[int, int]:
    """Return how many boxes of the reference lie on a found one of the same thing, and of how many.

    A thing is a cover in whatever state, a crack, a storey: SAHI shows one cover in two states
    where ours shows the better one.
    """
    matched = total = 0
    for photo, boxes in reference.items():
        for box in boxes:
            same = [one[2:] for one in found.get(photo, ()) if _thing(one) == _thing(box)]
            total += 1
            if same:
                overlap = measure(np.array([box[2:]], float), np.array(same, float))
                matched += bool(overlap.max() >= IOU)
    return matched, total


def _keep(boxes: Boxes, thing: str) -> dict[str, list[Box]]:
    return {photo: [box for box in rows if _thing(box) == thing] for photo, rows in boxes.items()}


def _thing(box: Box) -> str:
    return str(box[0]).partition("_")[0]


def compare_boxes(
    contenders: Mapping[str, Contender],
    models: Sequence[ModelManifest],
    groups: Sequence[Group],
    tally: Tally,
) -> dict[str, Any]:
    """Return which boxes of SAHI and of the exhaustive run were found again.

    ``matched`` counts a box of SAHI that lies on one of ours or on a piece of one: merging joins
    the pieces of a crack, which SAHI boxes one by one, and gives up a box that a seam cut for the
    whole one. ``matched_merged`` counts those alone that lie on what merging leaves.
    ``recall_vs_exhaustive`` is about things that are known to be there: what the default finds of
    them over what the exhaustive run finds. ``agreement_vs_exhaustive`` counts boxes of the
    exhaustive run; it falls as soon as tiles lie elsewhere, whether or not anything is lost.
    ``matched_raw`` seeks SAHI's boxes among ours before thresholds and merging: it tells whether
    the same tiles get the same answers.
    ``matched_within`` holds what merging leaves against SAHI's boxes and counts one that lies with
    its larger part in one of ours, or one of ours in it. ``matched_known`` counts, of the known
    things that SAHI finds, those that ours finds through the same tiles.

    Both sides compute in FP32: one model in bfloat16, made in two ways, answers in two ways.
    """
    flat = {
        name: {"/".join(key): boxes for key, boxes in rows.items()}
        for name, rows in tally.boxes.items()
    }
    given = _list_given(contenders, groups, "given")
    parts = _list_given(contenders, groups, "parts")
    either = {photo: [*boxes, *parts[photo]] for photo, boxes in given.items()}
    raw = _list_given(contenders, groups, "raw")
    sahi = list_above(flat["sahi_fp32"], models)
    other_head = list_above(flat["sahi_default"], models)
    ours = {name: flat[name] for name in OURS}
    known = find_known(groups, {**ours, "sahi_fp32": sahi, "given": given})
    of_sahi = known["sahi_fp32"]
    return {
        "matched": _share(*count_matched(sahi, either)),
        "matched_merged": _share(*count_matched(sahi, given)),
        "matched_by_thing": {
            thing: {
                "matched": count_matched(_keep(sahi, thing), either),
                "merged": count_matched(_keep(sahi, thing), given),
            }
            for thing in THINGS
        },
        "matched_raw": _share(*count_matched(sahi, raw)),
        "matched_own_tiles": _share(*count_matched(sahi, flat["exhaustive"])),
        "matched_sahi_default": _share(*count_matched(other_head, given)),
        "matched_within": _share(*count_matched(sahi, given, compute_ios)),
        "matched_known": _share(len(of_sahi & known["given"]), len(of_sahi)),
        "recall_vs_exhaustive": _share(len(known["default"]), len(known["exhaustive"])),
        "known": {name: len(found) for name, found in known.items()},
        "agreement_vs_exhaustive": _share(*count_matched(flat["exhaustive"], flat["default"])),
        "int8_vs_exhaustive_at_threshold": _share(*count_matched(flat["exhaustive"], flat["int8"])),
        "boxes": {name: sum(map(len, rows.values())) for name, rows in flat.items()},
        "intervals": {
            "matched": _interval(*count_matched(sahi, either)),
            "matched_merged": _interval(*count_matched(sahi, given)),
            "agreement_vs_exhaustive": _interval(
                *count_matched(flat["exhaustive"], flat["default"])
            ),
        },
    }


def _list_given(contenders: Mapping[str, Contender], groups: Sequence[Group], kind: str) -> Boxes:
    """Return our boxes of SAHI's tiles, ``given`` or ``raw``; untimed."""
    found: dict[str, Sequence[Box]] = {}
    for group in groups:
        order = {"folder": str(group.folder), "photos": group.photos}
        tiles = contenders["sahi_default"].ask(kind="slices", **order)["slices"]
        answer = contenders["exhaustive"].ask(kind=kind, tiles=tiles, **order)
        found |= {f"{group.set_name}/{photo}": boxes for photo, boxes in answer["boxes"].items()}
    return found


def find_known(
    groups: Sequence[Group], runs: Mapping[str, Boxes]
) -> dict[str, set[tuple[str, int]]]:
    """Return which boxes that were put into mosaics each run found: their photos and numbers.

    Under ``boxes`` are all of them.
    """
    known: dict[str, list[Box]] = {}
    for group in groups:
        if group.set_name in MOSAICS:
            boxes = read_known(find_mosaics("dev" if group.set_name.endswith("dev") else "report"))
            for photo in group.photos:
                rows: list[Box] = [
                    (one.hazard_class.value, 1.0, *one.box.xyxy) for one in boxes[photo]
                ]
                known[f"{group.set_name}/{photo}"] = rows
    every = {(photo, number) for photo, rows in known.items() for number in range(len(rows))}
    found = {
        name: {
            (photo, number)
            for photo, number in every
            if count_matched({photo: [known[photo][number]]}, boxes)[0]
        }
        for name, boxes in runs.items()
    }
    return {**found, "boxes": every}


def _share(matched: int, total: int) -> float | None:
    return round(matched / total, 4) if total else None


def _interval(matched: int, total: int) -> list[float] | None:
    """Return the exact 95 % interval (Clopper and Pearson 1934) of a share, and its count."""
    if not total:
        return None
    found = binomtest(matched, total).proportion_ci()
    return [round(float(found.low), 4), round(float(found.high), 4), total]


def tell(tally: Tally, compared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures under their names."""
    each = {name: wall_s / tally.photos for name, wall_s in tally.wall_s.items()}
    ratio = {name: each["sahi_default"] / seconds for name, seconds in each.items()}
    return {
        "photos": tally.photos,
        "megapixels_per_photo": round(tally.megapixels / tally.photos, 2),
        **{f"{name}_s": round(seconds, 3) for name, seconds in each.items()},
        "ratio_exhaustive": round(ratio["exhaustive"], 2),
        "ratio_same_model": round(each["sahi_openvino"] / each["exhaustive"], 2),
        "ratio_same_model_fp32": round(each["sahi_fp32"] / each["exhaustive"], 2),
        "ratio_int8": round(ratio["int8"], 2),
        "ratio_default": round(ratio["default"], 2),
        "share_of_limit": _share_of_limit(tally),
        "share_of_limit_of_means": round(each[BARE] / each["exhaustive"], 3),
        "share_of_limit_of_processor": round(tally.cpu_s[BARE] / tally.cpu_s["exhaustive"], 3),
        "share_of_limit_by_set": _share_by_set(tally),
        **compared,
        "peak_mb": round(max(tally.peak_mb[name] for name in OURS)),
        "peak_mb_of": {name: round(value) for name, value in tally.peak_mb.items()},
        "cpu_s": {name: round(value / tally.photos, 3) for name, value in tally.cpu_s.items()},
    }


def _share_of_limit(tally: Tally) -> float:
    """Return how much of the bare models' speed the exhaustive run reaches."""
    bare_s, whole_s = (sum(_list_fastest(tally, name).values()) for name in (BARE, "exhaustive"))
    return round(bare_s / whole_s, 3)


def _share_by_set(tally: Tally) -> dict[str, float]:
    """Return the share of the limit of each set: photos of one set are of one size."""
    bare_s, whole_s = (_list_fastest(tally, name) for name in (BARE, "exhaustive"))
    return {name: round(bare_s[name] / whole_s[name], 3) for name in bare_s}


def _list_fastest(tally: Tally, contender: str) -> dict[str, float]:
    """Return the seconds of each set: of each of its groups those of the fastest turn.

    Whatever else the machine does only adds to a time, so the least is the nearest to the truth.
    """
    fastest: defaultdict[str, float] = defaultdict(float)
    for (name, set_name, _), turns_s in tally.turns_s.items():
        if name == contender:
            fastest[set_name] += min(turns_s)
    return fastest


def measure_speed(sets: Sequence[str], rounds: int, names: Sequence[str]) -> dict[str, Any]:
    """Race all contenders over the sets and return the figures.

    Raises:
        SystemExit: the environment of the peers is missing.
    """
    if not PEERS_PYTHON.is_file():
        sys.exit("The environment of the peers is missing: make bench sets it up.")
    models = select_manifests(tuple(names) or NEAR_MODELS)
    groups = list_groups(sets)
    write_peers(models, groups)
    with Field() as field:
        contenders = start_all(field, models)
        tally = race(contenders, models, groups, rounds)
        compared = compare_boxes(contenders, models, groups, tally)
    return tell(tally, compared)


def _read_arguments() -> Iterator[Any]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", nargs="+", default=SETS, dest="sets", help="name:count")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--model", action="append", default=[], help="one model alone; repeatable")
    given = parser.parse_args()
    yield from (given.sets, given.rounds, given.model)


def main() -> None:
    """Measure and write the figures to standard output."""
    sets, rounds, names = _read_arguments()
    sys.stdout.write(json.dumps(measure_speed(sets, rounds, names)) + "\n")


if __name__ == "__main__":
    main()
