"""The caps on trying cards, as the settings have them.

A cap is met when that many were counted: the next card is not taken. Safe defaults stand beside the settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any


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
    def from_settings(cls, values: Mapping[str, Any]) -> "Caps":
        """Out of `ivr.platform.settings.listed.DEFENCES`, by name."""

        def cap(whose: str) -> Cap:
            return Cap(values[f"CARD_DECLINES_MAX_{whose}"], values[f"CARD_TRIES_MAX_{whose}"])

        return cls(
            call=cap("CALL"),
            caller=cap("CALLER"),
            shared=cap("WITHHELD"),
            bill=cap("BILL"),
            window=timedelta(hours=values["CARD_WINDOW_H"]),
            lock=timedelta(hours=values["CARD_LOCK_OUT_H"]),
            doubtful_weight=values["CARD_DOUBTFUL_WEIGHT"],
            breaker=BreakerCap(
                window=timedelta(minutes=values["CARD_BREAKER_WINDOW_MIN"]),
                charges_min=values["CARD_BREAKER_CHARGES_MIN"],
                declines_percent=values["CARD_BREAKER_DECLINES_PERCENT"],
                pause=timedelta(minutes=values["CARD_BREAKER_PAUSE_MIN"]),
            ),
        )
