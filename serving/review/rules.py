"""Read ``configs/review.yaml``: tiers, the order of risk, claims."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detection.domain.errors import ConfigurationError
from detection.domain.hazard import HazardClass

RULES_PATH = Path(__file__).resolve().parents[2] / "configs" / "review.yaml"
HASH_CHARS = 16

Positive = Annotated[float, Field(gt=0.0)]
Factor = Annotated[float, Field(ge=1.0, le=100.0)]
Score = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """Refuses unknown keys and never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class KeyPlaceRule(Section):
    """What a key place within ``near_m`` metres multiplies the risk by."""

    near_m: Annotated[float, Field(gt=0.0, le=2000.0)]
    factor: Factor


class StoreysRule(Section):
    """What a building of ``from_storeys`` or more multiplies the risk by."""

    from_storeys: Annotated[int, Field(ge=1)]
    factor: Factor


class CommercialRule(Section):
    """What commercial use multiplies the risk by, and how a layer of buildings tells it.

    A value says so that holds one of ``words`` and none of ``never``, whatever the case.
    """

    factor: Factor
    fields: tuple[str, ...]
    words: tuple[str, ...]
    never: tuple[str, ...] = ()


class ExposureRules(Section):
    """Who would be hurt."""

    key_place: KeyPlaceRule
    storeys: StoreysRule
    commercial: CommercialRule


class ProofRule(Section):
    """Models whose candidates stay low until people have decided so many of them."""

    models: tuple[str, ...]
    decisions: Annotated[int, Field(ge=1)]


class TierRules(Section):
    """Scores that part the tiers, by class: urgent from one on, low below one (0: never low).

    ``prove_first`` names the models that nobody could calibrate, by class.
    """

    urgent_from: Mapping[HazardClass, Score]
    low_below: Mapping[HazardClass, Score]
    prove_first: Mapping[HazardClass, ProofRule] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _keep_apart(self) -> TierRules:
        lows = self.low_below
        if any(score < lows.get(each, 0.0) for each, score in self.urgent_from.items()):
            message = "urgent_from lies below low_below"
            raise ValueError(message)
        return self


class ClaimRules(Section):
    """How long a claim lasts, minutes; how often it shows life, seconds; how many more to claim."""

    lease_min: Annotated[float, Field(gt=0.0, le=240.0)]
    heartbeat_s: Annotated[float, Field(ge=1.0)]
    prefetch: Annotated[int, Field(ge=0, le=19)]

    @property
    def lease_s(self) -> float:
        """The lease in seconds."""
        return self.lease_min * 60

    @model_validator(mode="after")
    def _beat_in_time(self) -> ClaimRules:
        if self.heartbeat_s * 2 > self.lease_s:
            message = "one lost heartbeat would end the lease: heartbeat_s is at most half of it"
            raise ValueError(message)
        return self


class SecondReviewRules(Section):
    """Who is looked at again: shares from 0 to 1, times in seconds."""

    share: Score
    check_rate: Score
    slip_s: Annotated[float, Field(ge=0.0, le=600.0)]
    pause_s: Annotated[float, Field(gt=0.0, le=7200.0)]
    bulk_s: Annotated[float, Field(ge=0.0, le=5.0)]


class ReviewRules(Section):
    """Everything in ``configs/review.yaml``."""

    class_weights: Mapping[HazardClass, Positive]
    exposure: ExposureRules
    days_to_double: Positive
    tiers: TierRules
    claims: ClaimRules
    second_review: SecondReviewRules

    @model_validator(mode="after")
    def _weigh_every_hazard(self) -> ReviewRules:
        missing = [each.value for each in HazardClass if each.is_hazard]
        missing = [key for key in missing if HazardClass(key) not in self.class_weights]
        if missing:
            message = f"class_weights lacks {', '.join(missing)}"
            raise ValueError(message)
        return self

    def weigh(self, hazard_class: HazardClass) -> float:
        """Return the weight of a class; what is no hazard counts as little as the least."""
        return self.class_weights.get(hazard_class, min(self.class_weights.values()))

    @property
    def order_hash(self) -> str:
        """What changes as soon as the queue has to be put in another order."""
        kept = {"class_weights", "exposure", "days_to_double", "tiers"}
        text = json.dumps(self.model_dump(mode="json", include=kept), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:HASH_CHARS]


@cache
def load_rules(path: Path = RULES_PATH) -> ReviewRules:
    """Return the rules of ``path``.

    Raises:
        ConfigurationError: the file cannot be read, or holds what it may not.
    """
    remedy = "Correct it; the shipped configs/review.yaml shows every key."
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return ReviewRules.model_validate(values)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"{path.name} cannot be read: {error}."
        raise ConfigurationError(message, remedy=remedy) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        message = f"{path.name}: {place}: {first['msg']}."
        raise ConfigurationError(message, remedy=remedy) from error
