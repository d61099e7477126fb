"""Why a photo was chosen, in sentences with the figures that were known at the choice."""

from __future__ import annotations

from serving.api.selection_schemas import PickItem
from serving.web.figures import show_score
from serving.web.i18n import N_
from serving.web.learning_labels_selection import SAID
from serving.web.rendering import Words
from serving.web.slice_words import name_value

WORTH_SAYING = 0.3
"""Parts below this do little; they have a bar, but no sentence."""


def explain_pick(pick: PickItem, words: Words) -> list[str]:
    """Return a sentence for each part that speaks for a photo, the strongest first."""
    parts = pick.parts.model_dump()
    sentences = {
        "uncertainty": _say_uncertain(pick, words),
        "diversity": words.translate(N_("It looks unlike everything that has a label so far.")),
        "rarity": _say_rare(pick, words),
        "disagreement": words.label(SAID, str(pick.evidence.get("said") or "")),
        "novelty": _say_new(pick, words),
    }
    ordered = sorted(parts, key=lambda part: -parts[part])
    said = [sentences[part] for part in ordered if parts[part] >= WORTH_SAYING and sentences[part]]
    if pick.kind == "photo":
        first = N_("The models found nothing in this photo: only such photos show what they miss.")
        return [words.translate(first), *said]
    return said


def _say_uncertain(pick: PickItem, words: Words) -> str:
    doubtful = pick.evidence.get("doubtful")
    if not doubtful:
        return ""
    score, threshold = doubtful
    text = N_("The model is not sure: score {score}, threshold {threshold}.")
    if score != pick.evidence.get("score"):
        text = N_("Of another candidate here it is not sure: score {score}, threshold {threshold}.")
    return words.translate(text, score=show_score(score), threshold=f"{threshold:.2f}")


def _say_rare(pick: PickItem, words: Words) -> str:
    if pick.hazard_class is None:
        return ""
    text = N_("Few labels show this class: {name}.")
    return words.translate(text, name=words.class_name(pick.hazard_class))


def _say_new(pick: PickItem, words: Words) -> str:
    dimension = pick.evidence.get("new")
    if not dimension:
        return ""
    name = name_value(dimension, str(pick.evidence.get(dimension, "")), words)
    count = pick.evidence.get("new_labelled", 0)
    if not count:
        return words.translate(
            N_("No label was made under these conditions yet: {name}."), name=name
        )
    text = N_("Only {count} labelled photos share these conditions: {name}.")
    return words.translate(text, count=count, name=name)
