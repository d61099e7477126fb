"""What height difference, register and photo say together of one building.

The result is the probability that something on the building is worth a person's look: that its
roof rose since the earlier flight, or that it has more storeys than permitted. It orders the
queue; it is no grade and no accusation.

Signals are weighed as log odds above what is to be expected of any building (``prior``):

- Height difference and register stand for themselves: each alone gives back its own probability
  where that is above the prior.
- Both use the height of the same roof, so where both speak, the lesser of the two counts only by
  the part ``1 - shared`` that the greater has not said already.
- A roof that did not rise speaks only against a *new* storey, and a photo without a find speaks
  against nothing; so both count for an addition but never against one. A register that permits
  what is there speaks against, as far as ``register_floor``: a permitted storey comes later in
  the queue, it does not vanish.
- A photo's score counts by ``photo_weight``. Of several signals of one kind the strongest counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from detection.domain.building_change import Evidence, EvidenceKind
from detection.storeys.settings import FusionSettings, StoreySettings, load_storey_settings

SURE = 0.999
"""No signal is believed more than this, nor less than one minus this."""


def fuse_evidence(evidence: Sequence[Evidence], settings: StoreySettings | None = None) -> float:
    """Return the probability in (0, 1) that the building is worth a look.

    It rises with the probability of every signal, and does not depend on their order. Without
    any evidence it is the prior.
    """
    fusion = (settings or load_storey_settings()).fusion
    change = _weigh(evidence, EvidenceKind.CHANGE, 0.0, fusion)
    register = _weigh(evidence, EvidenceKind.REGISTER, fusion.register_floor, fusion)
    photo = _weigh(evidence, EvidenceKind.PHOTO, 0.0, fusion)
    heights = max(change, register) + (1 - fusion.shared) * min(change, register)
    total = log_odds(fusion.prior) + heights + fusion.photo_weight * photo
    return 1 / (1 + math.exp(-total))


def log_odds(probability: float) -> float:
    """Return ln(p / (1 - p)), kept within what a signal can say at most."""
    kept = min(max(probability, 1 - SURE), SURE)
    return math.log(kept / (1 - kept))


def _weigh(
    evidence: Sequence[Evidence], kind: EvidenceKind, floor: float, fusion: FusionSettings
) -> float:
    """Return the log odds above the prior of the strongest signal of a kind; 0 without one."""
    odds = [log_odds(one.probability) for one in evidence if one.kind is kind]
    return max(floor, max(odds) - log_odds(fusion.prior)) if odds else 0.0
