"""Detections of overlapping photos to candidates: one physical thing, one candidate."""

from detection.dedupe.constraints import Constraints, SightingId, identify_sighting
from detection.dedupe.grouping import group_candidates
from detection.dedupe.keys import KnownCandidate, carry_keys
from detection.dedupe.places import KnownPlace, match_places

__all__ = [
    "Constraints",
    "KnownCandidate",
    "KnownPlace",
    "SightingId",
    "carry_keys",
    "group_candidates",
    "identify_sighting",
    "match_places",
]
