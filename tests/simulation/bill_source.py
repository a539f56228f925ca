"""The source of a world's bills: the merchant's own program, which says over the API what became of a bill
outside of this server, also while a link for it is open or a charge under way.

What it is not told it says again, as it does where the server says "not now" (409); some words are overtaken
by a newer one, the last one is said until it is taken. Which words were taken, and in which order, is
overheard at their commit: one that is late or repeated on its way counts where it arrives.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from unittest import mock

import orjson
import sqlalchemy as sa

from ivr.bills import store
from ivr.bills.bill import BillChangeError, NewBill, Status
from ivr.payments.attempts.states import Method, State
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from tests.simulation.chance import Chance
from tests.simulation.database import AFTER_COMMIT
from tests.simulation.network import Network, Request
from tests.simulation.scheduler import Scheduler
from tests.simulation.trace import Trace
from tests.support import schema
from tests.support.phone import WEB

_NEXT_WORD_AFTER_S = (1.0, 10.0, 30.0, 90.0, 400.0, 2500.0)
_LOOKS_MAX = 150
PATIENCE_S = 10.0
SAYS_AGAIN_AFTER_S_MAX = 600.0
_OVERTAKEN_AFTER = 3


@dataclass(frozen=True, slots=True)
class BillUpdate:
    """What the server took the source's word for, and since when."""

    after_move: int
    """The payments' last move before it: theirs are numbered in the order of their commits."""
    at: datetime
    billed_minor: int
    elsewhere_minor: int
    withdrawn: bool

    def followed_by(self, new: NewBill, paid_here_minor: int, after_move: int, at: datetime) -> "BillUpdate":
        """A newer word; what it does not say stays."""
        said = self.elsewhere_minor if new.paid_elsewhere_minor is None else new.paid_elsewhere_minor
        if new.status is Status.PAID:  # it may have heard so from us
            said = max(said, new.billed_minor - paid_here_minor)
        withdrawn = self.withdrawn if new.status is None else new.status is Status.WITHDRAWN
        return BillUpdate(after_move, at, new.billed_minor, said, withdrawn)


@dataclass
class BillSource:
    """Says things of bills with a key to the API; `taken` is what the server took, by reference."""

    scheduler: Scheduler
    clock: Clock
    chance: Chance
    network: Network
    trace: Trace
    engine: sa.Engine
    taken: dict[str, list[BillUpdate]] = field(default_factory=dict)
    refused: int = 0
    """How often it was told to come back later."""
    violations: list[str] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)
    """References of which it has something left to say."""
    _last: dict[str, NewBill] = field(default_factory=dict)

    @contextmanager
    def overheard(self) -> Iterator[None]:
        """For the length of a block, each word that the server commits is kept in `taken`."""
        real = store.upsert_all

        def upsert_all(
            tx: sa.Connection, bills: Sequence[NewBill], *given: Any, **more: Any
        ) -> list[store.Stored | BillChangeError]:
            results = real(tx, bills, *given, **more)
            for new, result in zip(bills, results, strict=True):
                if isinstance(result, store.Stored):
                    self._overhear(tx, new, result.change)
            return results

        with mock.patch.object(store, "upsert_all", upsert_all):
            yield

    def _overhear(self, tx: sa.Connection, new: NewBill, change: store.Change) -> None:
        paid_here_minor = store.find(tx, new.reference).paid_minor  # type: ignore[union-attr]
        after = tx.execute(sa.select(sa.func.max(schema.attempt_move.c.id))).scalar_one() or 0
        is_early = change is store.Change.CHANGED and new.status is Status.PAID and _is_being_charged(tx, new)

        def take() -> None:
            self._take(new, paid_here_minor, after, self.clock.now())
            if is_early:
                self.violations.append(f"{new.reference} became paid while a charge was under way")

        tx.info.setdefault(AFTER_COMMIT, []).append(take)

    def prefers_links(self) -> bool:
        """Whether the next caller is to be sent a link: there are few of them, and what a source says hurts
        most while one is open.
        """
        return self.chance.strikes(self.chance.rates.source / 2)

    def speak(self, due: Sequence[NewBill], api_key: str) -> None:
        """From now on it says things of some of these bills."""
        for new in due:
            if not self.chance.strikes(self.chance.rates.source):
                continue
            self.waiting.add(new.reference)
            self._last[new.reference] = new
            self.scheduler.spawn("source", lambda new=new: self._speak_of(new.reference, api_key))

    def _take(self, new: NewBill, paid_here_minor: int, after_move: int, at: datetime) -> None:
        words = self.taken.setdefault(new.reference, [])
        before = words[-1] if words else BillUpdate(0, at, 0, 0, withdrawn=False)
        words.append(before.followed_by(new, paid_here_minor, after_move, at))

    def _speak_of(self, reference: str, api_key: str) -> None:
        words = self.chance.whole(1, 4)
        for nth in range(1, words + 1):
            if self.chance.strikes(0.7):
                self._wait_until_held(reference)
            else:
                self.scheduler.sleep(self.chance.one_of(_NEXT_WORD_AFTER_S))
            self._say(self._word(reference), api_key, is_last=nth == words)
        self.waiting.discard(reference)

    def _wait_until_held(self, reference: str) -> None:
        """Until somebody pays, or has a link to pay by: when it hurts most. A look a second, for a while."""
        attempt, bill = schema.attempt.c, schema.bill.c
        query = sa.select(attempt.id).join(schema.bill, bill.id == attempt.bill_id)
        query = query.where(bill.reference == reference, attempt.settled_at.is_(None))
        if self.chance.strikes(0.7):
            query = query.where(attempt.state == State.LINK_OPEN)
        for _ in range(_LOOKS_MAX):
            with reading(self.engine) as tx:
                if tx.execute(query).first():
                    break
            self.scheduler.sleep(1.0)
        self.scheduler.sleep(self.chance.one_of([0.0, 0.0, 0.5, 5.0, 60.0]))

    def _word(self, reference: str) -> NewBill:
        last, chance = self._last[reference], self.chance
        said: dict[str, Any]
        match chance.one_of(["paid", "paid", "part", "part", "withdrawn", "open", "unpaid", "more"]):
            case "part":
                said = {"paid_elsewhere_minor": chance.whole(1, last.billed_minor)}
            case "unpaid":
                said = {"paid_elsewhere_minor": 0, "status": Status.OPEN}
            case "more":
                said = {"billed_minor": last.billed_minor + chance.whole(1, 5000)}
            case status:
                said = {"status": Status(status)}
        new = replace(last, **said)
        self._last[reference] = replace(last, billed_minor=new.billed_minor)
        return new

    def _say(self, new: NewBill, api_key: str, *, is_last: bool) -> None:
        said = {
            "reference": new.reference,
            "currency": new.currency,
            "amount_minor": new.billed_minor,
            "minimum_minor": new.minimum_minor,
            "phone": new.payer_phone,
            "status": new.status,
            "paid_elsewhere_minor": new.paid_elsewhere_minor,
        }
        headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        body = orjson.dumps({name: value for name, value in said.items() if value is not None})
        self.trace("source", f"says {body.decode()}")
        refused, again_s = 0, 2.0
        while is_last or refused < _OVERTAKEN_AFTER:
            answer = self.network.exchange(Request("POST", f"{WEB}/api/v1/bills", headers, body), PATIENCE_S)
            if answer is not None and answer.body.startswith(b"{") and answer.status < 500:
                if answer.status == 200:
                    return
                if answer.status != 409:
                    self.violations.append(f"the source of {new.reference} is told {answer.body.decode()}")
                    return
                refused += 1
                self.refused += 1
            self.scheduler.sleep(again_s)
            again_s = min(2 * again_s, SAYS_AGAIN_AFTER_S_MAX)


def _is_being_charged(tx: sa.Connection, new: NewBill) -> bool:
    """Whether somebody is paying it by card: what the source says now may be that very payment."""
    attempt, bill = schema.attempt.c, schema.bill.c
    query = sa.select(attempt.id).join(schema.bill, bill.id == attempt.bill_id)
    by_card = sa.and_(attempt.method != Method.LINK, attempt.settled_at.is_(None))
    return tx.execute(query.where(bill.reference == new.reference, by_card)).first() is not None
