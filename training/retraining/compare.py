"""Two models on the same photos, both as deployed: figures, differences, slices, verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from detection.detectors.manifest import ModelManifest
from detection.detectors.registry import load_detector
from detection.domain.hazard import HazardClass
from detection.report.messages import Text
from detection.taxonomy import load_taxonomy
from training.data.annotation import AnnotatedPhoto
from training.evaluation.answers import PhotoAnswer, answer_photos, show_boxes
from training.evaluation.metrics import measure_ranking
from training.evaluation.sweep import CANDIDATE_SCORES
from training.evaluation.tally import ClassTally, tally_class
from training.retraining.counts import (
    Counted,
    Pair,
    Tallies,
    find_differences,
    mean_per_photo,
    pair_tallies,
    round_figure,
    write_difference,
    write_figures,
)
from training.retraining.facts import PhotoFacts, group_by_facet
from training.retraining.paired import (
    Difference,
    compare_ranking,
    compare_rates,
    correct_holm,
)
from training.retraining.settings import RetrainingSettings
from training.retraining.verdict import (
    Verdict,
    join_classes,
    judge,
    judge_unlabelled,
)


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """Photos that both models are shown, with what is known of them; ``facts`` in their order."""

    key: str
    title: Text
    photos: tuple[AnnotatedPhoto, ...]
    facts: tuple[PhotoFacts, ...]
    has_truth: bool = True
    note: Text | None = None


def answer_set(
    manifest: ModelManifest, photos: Sequence[AnnotatedPhoto], on_photo: Callable[[], None]
) -> Tallies:
    """Return the tallies of a model on photos, tiled and merged as deployed."""
    floor = min(float(CANDIDATE_SCORES[0]), manifest.score_floor)
    detector = load_detector(replace(manifest, score_floor=floor))
    answers = answer_photos(detector, photos, tiled=True, on_photo=on_photo)
    return tally_answers(manifest, answers)


def tally_answers(manifest: ModelManifest, answers: Sequence[PhotoAnswer]) -> Tallies:
    """Return what is counted of each class at the model's own thresholds."""
    shown = [show_boxes(answer, manifest, manifest.thresholds) for answer in answers]
    return {
        key: tally_class(key, answers, manifest, shown, with_outlines=False)
        for key in manifest.classes
    }


def compare_set(
    one: PhotoSet,
    running: Tallies,
    candidate: Tallies,
    manifests: tuple[ModelManifest, ModelManifest],
    told: RetrainingSettings,
) -> dict[str, Any]:
    """Return the figures of one set as plain values, as ``report.json`` holds them."""
    units = tuple(item.unit for item in one.facts)
    hazards = [key for key in running if key.is_hazard]
    whole = pair_tallies(running, candidate, hazards, units)
    described = _describe(one, whole)
    if not one.has_truth:
        return described | _compare_found(whole)
    classes, verdicts = [], []
    for key in running:
        row, verdict = _compare_class(key, (running[key], candidate[key]), manifests, units, told)
        classes.append(row)
        if key.is_hazard:
            verdicts.append(verdict)
    differences = find_differences(whole, told)
    joined = join_classes(_judge(whole, differences, told), verdicts)
    return described | {
        "whole": write_figures(whole, differences),
        "verdict": write_verdict(joined),
        "classes": classes,
        "slices": _compare_slices(whole, one.facts, told),
    }


def compare_nothing(one: PhotoSet) -> dict[str, Any]:
    """Return what is said of a set without a photo: its note, and that nobody can tell."""
    nought = np.zeros(0, dtype=np.float64)
    counted = Counted(nought, nought, nought)
    differences = dict.fromkeys(("recall", "false_alarms_per_photo"), Difference())
    verdict = judge(*differences.values(), boxes=0, enough=False)
    return _describe(one, Pair(counted, counted, ())) | {
        "whole": write_figures(Pair(counted, counted, ()), differences),
        "verdict": write_verdict(verdict),
        "classes": [],
        "slices": [],
    }


def _describe(one: PhotoSet, whole: Pair) -> dict[str, Any]:
    return {
        "key": one.key,
        "title": asdict(one.title),
        "photos": len(one.photos),
        "groups": whole.groups,
        "boxes": whole.boxes,
        "negatives": sum(photo.is_negative for photo in one.photos),
        "has_truth": one.has_truth,
        "note": None if one.note is None else asdict(one.note),
    }


def write_verdict(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain values."""
    return {"code": verdict.code, "reason": verdict.reason, "sentence": asdict(verdict.sentence)}


def _judge(pair: Pair, differences: Mapping[str, Difference], told: RetrainingSettings) -> Verdict:
    return judge(
        differences["recall"],
        differences["false_alarms_per_photo"],
        boxes=pair.boxes,
        enough=pair.has_enough(told),
    )


def _compare_class(
    key: HazardClass,
    tallies: tuple[ClassTally, ClassTally],
    manifests: tuple[ModelManifest, ModelManifest],
    units: tuple[str, ...],
    told: RetrainingSettings,
) -> tuple[dict[str, Any], Verdict]:
    pair = pair_tallies({key: tallies[0]}, {key: tallies[1]}, [key], units)
    differences = find_differences(pair, told)
    verdict = _judge(pair, differences, told)
    ranking = compare_ranking(tallies[0].ranked, tallies[1].ranked, units)
    differences["ap50"] = ranking if pair.has_enough(told) else ranking.without_error()
    row = write_figures(pair, differences)
    for side, tally, manifest in zip(("running", "candidate"), tallies, manifests, strict=True):
        ap50 = measure_ranking(tally.ranked).ap50
        row[side] |= {"threshold": manifest.thresholds[key], "ap50": round_figure(ap50)}
    entry = load_taxonomy()[key]
    named = {"class": key.value, "name": {"zh": entry.name_zh, "en": entry.name_en}}
    return named | row | {"verdict": write_verdict(verdict)}, verdict


def _compare_slices(
    whole: Pair, facts: Sequence[PhotoFacts], told: RetrainingSettings
) -> list[dict[str, Any]]:
    """Return each part of the photos; p is corrected for there being many parts."""
    parts = group_by_facet(facts)
    pairs = [whole.part(chosen) for chosen in parts.values()]
    plain = [find_differences(pair, told) for pair in pairs]
    corrected = {
        name: correct_holm([row[name] for row in plain])
        for name in ("recall", "false_alarms_per_photo")
    }
    rows = []
    for index, ((facet, value), pair) in enumerate(zip(parts, pairs, strict=True)):
        differences = {name: column[index] for name, column in corrected.items()}
        verdict = _judge(pair, differences, told)
        row = {"facet": facet, "value": value, "photos": len(pair.units)}
        rows.append(row | write_figures(pair, differences) | {"verdict": write_verdict(verdict)})
    return rows


def _compare_found(pair: Pair) -> dict[str, Any]:
    """Return how many boxes both models show on photos of which nobody said what they show."""
    each = np.ones(len(pair.units), dtype=np.float64)
    change = compare_rates(pair.running.found, pair.candidate.found, each, pair.units)
    verdict = judge_unlabelled(change)
    rows = {
        side: {"found": int(counted.found.sum()), "found_per_photo": mean_per_photo(counted.found)}
        for side, counted in (("running", pair.running), ("candidate", pair.candidate))
    }
    return {
        "whole": {**rows, "difference": {"found_per_photo": write_difference(change)}},
        "verdict": write_verdict(verdict),
        "classes": [],
        "slices": [],
    }
