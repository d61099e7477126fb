"""A candidate as the review screen shows it: what is read, and what the scripts draw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from detection.domain.hazard import HazardClass
from detection.taxonomy import load_taxonomy
from serving.accounts.roles import Permission, Role, is_allowed
from serving.accounts.users import Person
from serving.api.correction_schemas import StandingCorrection
from serving.api.review_schemas import CandidateAnswer, EventItem, SightingDetail
from serving.review.best_view import rank_view
from serving.storage.derivatives import TILE_PX, top_zoom_level
from serving.web.candidate_facts import describe_facts
from serving.web.class_guide import choose_guide
from serving.web.correction_facts import list_corrections
from serving.web.i18n import N_
from serving.web.labels import STATE_OF_VERDICT, VERDICTS
from serving.web.rendering import Words

STRIP_THUMBNAIL_PX = 256
WEIGHTS_PREFIX = 12


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model that said something of a candidate; the threshold is that of the class it said."""

    name: str
    weights_sha256: str
    threshold: float | None
    calibration_id: int | None = None

    @property
    def weights_prefix(self) -> str:
        """Enough of the weights' hash to tell two versions of a model apart."""
        return self.weights_sha256[:WEIGHTS_PREFIX]


@dataclass(frozen=True, slots=True)
class DecisionView:
    """One decision in the history of a candidate."""

    id: int
    verdict: str
    label: str
    tag: str
    username: str
    created_at: datetime
    note: str | None
    duplicate_of: int | None
    is_undone: bool
    can_undo: bool


def build_case(
    candidate: CandidateAnswer, flight_name: str, person: Person, words: Words
) -> dict[str, object]:
    """Return the context of ``review_panel.html``."""
    reason = candidate.unplaced_reason or "no_position"
    message, remedy = words.explain(reason)
    return {
        "candidate": candidate,
        "candidate_data": describe_for_scripts(candidate, words),
        "flight_name": flight_name,
        "models": list_models(candidate),
        "unplaced": {"message": message, "remedy": remedy},
        "guide": choose_guide(load_taxonomy()[candidate.hazard_class], words.language),
        "history": list_decisions(candidate.history, person, words),
        "corrections": list_corrections(candidate, person, words),
        "may_group": is_allowed(person.role, Permission.DECIDE) and candidate.merged_into is None,
    } | describe_facts(candidate, person, words)


def list_models(candidate: CandidateAnswer) -> list[ModelView]:
    """Return the models, those that spoke for the candidate's class first, each version once."""
    views: dict[tuple[str, str], ModelView] = {}
    for each in _order_sightings(candidate):
        view = ModelView(each.model_name, each.weights_sha256, each.threshold, each.calibration_id)
        views.setdefault((view.name, view.weights_sha256), view)
    return list(views.values())


def list_decisions(history: list[EventItem], person: Person, words: Words) -> list[DecisionView]:
    """Return the decisions, latest first; only the last standing one can be undone."""
    decisions = [event for event in history if event.verdict is not None]
    standing = [e.id for e in decisions if not e.undone and e.kind == "decision"]
    may_decide = is_allowed(person.role, Permission.DECIDE)
    views = []
    for event in reversed(decisions):
        is_own = event.made_by == person.username or person.role is Role.ADMIN
        is_opinion = event.kind == "opinion"
        is_last = not event.undone if is_opinion else event.id in standing[-1:]
        verdict = str(event.verdict)
        label = words.label(VERDICTS, verdict)
        view = DecisionView(
            id=event.id,
            verdict=verdict,
            label=words.translate(N_("Second look: {verdict}"), verdict=label)
            if is_opinion
            else label,
            tag=STATE_OF_VERDICT[verdict],
            username=event.made_by,
            created_at=event.made_at,
            note=event.note,
            duplicate_of=event.duplicate_of,
            is_undone=event.undone,
            can_undo=may_decide and is_own and is_last,
        )
        views.append(view)
    return views


def describe_for_scripts(candidate: CandidateAnswer, words: Words) -> dict[str, object]:
    """Return what the viewer, the strip and the map need, as plain JSON values.

    Sightings that speak for the candidate's class come first, the best of them first of all.
    """
    sightings = [_describe_sighting(each, words) for each in _order_sightings(candidate)]
    kind = (candidate.model_class or candidate.hazard_class).thing
    has_camera = any(each.lon is not None for each in candidate.sightings)
    return {
        "id": candidate.id,
        "flight_id": candidate.flight_id,
        "hazard_class": candidate.hazard_class.value,
        "title": f"{words.proposed_name(candidate.hazard_class)} #{candidate.id}",
        "state": candidate.state.value,
        "lon": candidate.lon,
        "lat": candidate.lat,
        "ellipse": candidate.ellipse.model_dump() if candidate.ellipse else None,
        "revision": candidate.revision,
        "merged_into": candidate.merged_into,
        "class_correction": _describe_standing(candidate.class_correction),
        "kin_classes": [each.value for each in HazardClass if each.thing == kind],
        "has_map": candidate.lon is not None or has_camera,
        "sightings": sightings,
    }


def _describe_standing(standing: StandingCorrection | None) -> dict[str, object] | None:
    return None if standing is None else {"id": standing.id, "made_by": standing.made_by}


def _order_sightings(candidate: CandidateAnswer) -> list[SightingDetail]:
    return sorted(
        candidate.sightings,
        key=lambda each: rank_view(
            each.bbox_xyxy,
            (each.width_px, each.height_px),
            each.score,
            is_own_class=each.hazard_class is candidate.hazard_class,
        ),
    )


def _describe_sighting(sighting: SightingDetail, words: Words) -> dict[str, object]:
    return {
        "detection_id": sighting.detection_id,
        "class_name": words.proposed_name(sighting.hazard_class),
        "bbox_xyxy": sighting.bbox_xyxy,
        # The outline is the model's: beside a box that a person moved it would be wrong.
        "polygons": [] if sighting.box_correction else sighting.polygons,
        "score": sighting.score,
        "threshold": sighting.threshold,
        "hazard_class": sighting.hazard_class.value,
        "box_correction": _describe_standing(sighting.box_correction),
        "class_correction": _describe_standing(sighting.class_correction),
        "photo": {
            "id": sighting.photo_id,
            "name": sighting.photo_name,
            "lon": sighting.lon,
            "lat": sighting.lat,
            "yaw_deg": sighting.yaw_deg,
            "pitch_deg": sighting.pitch_deg,
            "focal_px": sighting.focal_px,
            "width_px": sighting.width_px,
            "height_px": sighting.height_px,
            "thumbnail_url": f"{sighting.thumbnail_url}?size={STRIP_THUMBNAIL_PX}",
            "tiles_url": f"{sighting.photo_url}/tiles/{{level}}/{{x}}_{{y}}.jpg",
            "tile_px": TILE_PX,
            "max_level": top_zoom_level(sighting.width_px, sighting.height_px),
        },
    }
