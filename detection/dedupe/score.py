"""The scores of many views to one score: the probability that the thing is a hazard.

Every view gives evidence as log-odds: a sighting of a hazard class those of its score, a sighting
as intact those of its score turned round, a photo that holds the place and shows nothing a
constant. The views of one flight share light and look, so that n of them are not worth n
independent ones: the sum is divided by n to the power of `SHARED`. One view alone keeps its score.

Both constants were fitted by maximum likelihood, as no flights exist yet that people reviewed
whole, to 40,000 drawn candidates: things that models see in nine views of ten (with things of
their own that are hard), and false alarms, half of them seen once, half of them drains and
shadows that come back in a third of the views. On those, the mean difference between what the
score says and what is true is 0.01 (Brier score 0.08); the mean of the scores, the rule before,
is 0.19 off (0.24), because one false alarm among nine photos that show nothing kept its score.
``test_dedupe_score`` repeats the measurement. To be fitted again on decisions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from detection.dedupe.views import pick_voices
from detection.domain.finding import GeoDetection

UNSEEN_LOG_ODDS = -0.87
"""What a photo says that holds the place and shows nothing there."""

SHARED = 0.4
"""How much views have in common: 0 independent, 1 all the same."""

_LEAST_SCORE = 0.02


def fuse_scores(sightings: Sequence[GeoDetection], covering: int | None) -> float:
    """Return the probability that sightings of one thing are of a hazard, in (0, 1).

    ``covering`` photos hold the place, those of the sightings included; None where not known.
    """
    voices = pick_voices(sightings)
    views = max(len(voices), covering or 0)
    evidence = math.fsum(_weigh(seen) for seen in voices)
    evidence += UNSEEN_LOG_ODDS * (views - len(voices))
    return 1 / (1 + math.exp(-evidence / views**SHARED))


def _weigh(seen: GeoDetection) -> float:
    """Return the log-odds for a hazard that one sighting gives."""
    score = min(max(seen.detection.score, _LEAST_SCORE), 1 - _LEAST_SCORE)
    log_odds = math.log(score / (1 - score))
    return log_odds if seen.detection.hazard_class.is_hazard else -log_odds
