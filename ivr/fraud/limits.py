"""The velocity limits on trying cards, as the settings have them.

A limit is met when that many were counted: the next card is not taken. The settings have safe defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class VelocityLimit:
    """How many declined cards, and how many cards in all, within the window."""

    declines_max: int
    tries_max: int


@dataclass(frozen=True, slots=True)
class BreakerLimit:
    """At `charges_min` charges within `window`, more than `declines_percent` of them declined."""

    window: timedelta
    charges_min: int
    declines_percent: int
    pause: timedelta


@dataclass(frozen=True, slots=True)
class FraudLimits:
    """Every limit. `shared` is that of all withheld or unproven numbers together."""

    call: VelocityLimit
    caller: VelocityLimit
    shared: VelocityLimit
    bill: VelocityLimit
    window: timedelta
    lockout: timedelta
    """How long a lockout lasts."""
    doubtful_weight: int
    """How much an attempt counts if the caller's number is in doubt."""
    breaker: BreakerLimit

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> "FraudLimits":
        """Out of `ivr.platform.settings.listed.DEFENCES`, by name."""

        def limit(whose: str) -> VelocityLimit:
            return VelocityLimit(values[f"CARD_DECLINES_MAX_{whose}"], values[f"CARD_TRIES_MAX_{whose}"])

        return cls(
            call=limit("CALL"),
            caller=limit("CALLER"),
            shared=limit("WITHHELD"),
            bill=limit("BILL"),
            window=timedelta(hours=values["CARD_WINDOW_H"]),
            lockout=timedelta(hours=values["CARD_LOCK_OUT_H"]),
            doubtful_weight=values["CARD_DOUBTFUL_WEIGHT"],
            breaker=BreakerLimit(
                window=timedelta(minutes=values["CARD_BREAKER_WINDOW_MIN"]),
                charges_min=values["CARD_BREAKER_CHARGES_MIN"],
                declines_percent=values["CARD_BREAKER_DECLINES_PERCENT"],
                pause=timedelta(minutes=values["CARD_BREAKER_PAUSE_MIN"]),
            ),
        )
