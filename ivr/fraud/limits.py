"""The velocity limits on trying cards, as the settings have them.

A limit is met when that many were counted: the next card is not taken. The settings have safe defaults.
"""

from dataclasses import dataclass
from datetime import timedelta

from ivr.platform.settings.fraud import FraudSettings


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
    def from_settings(cls, settings: FraudSettings) -> "FraudLimits":
        return cls(
            call=VelocityLimit(settings.declines_max_call, settings.tries_max_call),
            caller=VelocityLimit(settings.declines_max_caller, settings.tries_max_caller),
            shared=VelocityLimit(settings.declines_max_withheld, settings.tries_max_withheld),
            bill=VelocityLimit(settings.declines_max_bill, settings.tries_max_bill),
            window=timedelta(hours=settings.window_h),
            lockout=timedelta(hours=settings.lockout_h),
            doubtful_weight=settings.doubtful_weight,
            breaker=BreakerLimit(
                window=timedelta(minutes=settings.breaker_window_min),
                charges_min=settings.breaker_charges_min,
                declines_percent=settings.breaker_declines_percent,
                pause=timedelta(minutes=settings.breaker_pause_min),
            ),
        )
