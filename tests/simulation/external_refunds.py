"""Somebody of the merchant's with the gateway's dashboard open, who gives payments back there and tells
nobody.

They do so at moments that hurt: before the server knows that the payment was approved, or while its own
refund of the same payment is under way. What the gateway tells of it goes the way of all its news: late,
twice, or lost.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ivr.platform.clock import Clock
from tests.simulation.chance import Chance
from tests.simulation.scheduler import Scheduler
from tests.simulation.simulated_gateway import SimulatedGateway
from tests.simulation.trace import Trace

_AFTER_S = (0.0, 0.0, 0.3, 2.0, 20.0, 120.0, 900.0)
_TRIES_MAX = 3


@dataclass
class DashboardUser:
    """Gives back by hand; `done_at` says when, by the gateway's reference."""

    scheduler: Scheduler
    clock: Clock
    chance: Chance
    trace: Trace
    bank: SimulatedGateway
    tell: Callable[[], None]
    """The gateway did something."""
    rate: float
    done_at: dict[str, datetime] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def look(self) -> None:
        """The gateway did something: of a payment, or a refund of the server's, that is new some are given
        back, once or twice.
        """
        if not self.rate:
            return
        truth = self.bank.truth()
        keys = {one.key: one.key for one in truth.taken} | {
            one.key: one.charge_key for one in truth.given_back
        }
        amounts = {one.key: one.amount_minor for one in truth.taken}
        fresh = [of for key, of in keys.items() if key not in self._seen]
        self._seen |= keys.keys()
        for charge_key in fresh:
            for _ in range(self.chance.one_of([1, 1, 2]) if self.chance.strikes(self.rate) else 0):
                self._give_back_in(self.chance.one_of(_AFTER_S), charge_key, amounts[charge_key])

    def _give_back_in(self, delay_s: float, key: str, amount_minor: int) -> None:
        part = None if self.chance.strikes(0.4) else self.chance.whole(1, amount_minor)
        is_slow = self.chance.strikes(0.2)
        self.scheduler.spawn("clerk", lambda: self._give_back(key, part, is_slow=is_slow), delay_s=delay_s)

    def _give_back(self, key: str, amount_minor: int | None, *, is_slow: bool) -> None:
        for _ in range(_TRIES_MAX):
            reference = self.bank.give_back(key, amount_minor, is_slow=is_slow)
            if reference is not None:
                self.done_at[reference] = self.clock.now()
                self.trace("clerk", f"gives {amount_minor or 'all that is left'} of {key} back by hand")
                self.tell()
                return
            self.scheduler.sleep(1.0)
