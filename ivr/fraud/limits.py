"""The caps on trying cards, as the settings have them.

A cap is met when that many were counted: the next card is not taken. Safe defaults stand beside the settings.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from ivr.platform.settings.fraud import FraudSettings


class Kind(StrEnum):
    """What a cap counts by, and so what is locked out."""

    CALL = "call"
    CALLER = "caller"
    BILL = "bill"
    BREAKER = "breaker"
    """Everybody: the breaker on the share of declines."""


@dataclass(frozen=True, slots=True)
class Cap:
    """How many declined cards, and how many cards in all, within the window."""

    declines_max: int
    tries_max: int


@dataclass(frozen=True, slots=True)
class BreakerCap:
    """At `charges_min` charges within `window`, more than `declines_percent` of them declined."""

    window: timedelta
    charges_min: int
    declines_percent: int
    pause: timedelta


@dataclass(frozen=True, slots=True)
class Caps:
    """Every cap. `shared` is that of all withheld or unproven numbers together."""

    call: Cap
    caller: Cap
    shared: Cap
    bill: Cap
    window: timedelta
    lock: timedelta
    """How long a lockout lasts."""
    doubtful_weight: int
    """What a card counts that is tried from a number in doubt."""
    breaker: BreakerCap

    @classmethod
    def from_settings(cls, settings: FraudSettings) -> "Caps":
        return cls(
            call=Cap(settings.declines_max_call, settings.tries_max_call),
            caller=Cap(settings.declines_max_caller, settings.tries_max_caller),
            shared=Cap(settings.declines_max_withheld, settings.tries_max_withheld),
            bill=Cap(settings.declines_max_bill, settings.tries_max_bill),
            window=timedelta(hours=settings.window_h),
            lock=timedelta(hours=settings.lockout_h),
            doubtful_weight=settings.doubtful_weight,
            breaker=BreakerCap(
                window=timedelta(minutes=settings.breaker_window_min),
                charges_min=settings.breaker_charges_min,
                declines_percent=settings.breaker_declines_percent,
                pause=timedelta(minutes=settings.breaker_pause_min),
            ),
        )
