"""The guard: says whether a card may be tried, counts each attempt, and begins lockouts.

Everything is counted in the transaction in which it happens, so a crash forgets nothing and all processes
agree. An approved card takes nothing away from what was declined: whoever has one good card among many may
still be testing cards.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from gateways.declines import Decline
from ivr.customers import timeline
from ivr.events.payment_events import PaymentApproved, PaymentDeclined, PaymentEvent, PaymentFacts
from ivr.fraud import lockouts, velocity
from ivr.fraud.breaker import Breaker, BreakerLimit
from ivr.fraud.identity import SHARED, PayerIdentity
from ivr.fraud.velocity import CardAttemptCounts, CardAttemptState
from ivr.jobs.job_list import REPORT_CARD_OUTCOME, Work
from ivr.payments.attempts.store import Attempt
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids
from ivr.platform.lockout import Lockout, LockoutKind, is_counted
from ivr.platform.settings.fraud import FraudSettings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class VelocityLimit:
    """How many declined cards, and how many cards in all, within the window: then the next is not taken."""

    declines_max: int
    tries_max: int


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


@dataclass(frozen=True, slots=True)
class Guard:
    """Every method writes in the caller's transaction. Safe from any thread."""

    limits: FraudLimits
    work: Work
    clock: Clock
    ids: Ids

    def refuses(self, tx: sa.Connection, identity: PayerIdentity) -> bool:
        """Whether no card of this payer is taken now. The timeline says why; the caller is not told.

        Nobody else lets an attempt of the same call, caller or bill through before the transaction ends.
        """
        velocity.hold(tx, identity)
        now = self.clock.now()
        causes = [
            kind
            for kind, subject in velocity.subjects_of(identity)
            if self._is_refused(tx, kind, subject, identity, now)
        ]
        if self._breaker.refuses(tx, now):
            causes.append(LockoutKind.BREAKER)
        if not causes:
            return False
        facts = {"because": [str(one) for one in causes]}
        timeline.add(tx, "card.not_taken", at=now, call_id=identity.call_id, facts=facts)
        log.warning("card_not_taken", call_id=identity.call_id, **facts)
        return True

    def let_through(self, tx: sa.Connection, identity: PayerIdentity, attempt: Attempt) -> None:
        """An issuer may be asked about this payment's card. After `refuses`, in the same transaction."""
        velocity.add(tx, identity, self.clock.now(), self.ids, attempt_id=attempt.id)

    def declined_at_entry(self, tx: sa.Connection, identity: PayerIdentity, decline: Decline) -> None:
        """The gateway refused to make a token of the card, so there is no payment."""
        if not is_counted(decline):
            return
        velocity.hold(tx, identity)
        now = self.clock.now()
        velocity.add(tx, identity, now, self.ids, decline=decline)
        self._look_for_lockouts(tx, identity)

    # Listeners: how each card that was tried ended ----------------------------------------------------------

    def approved(self, tx: sa.Connection, event: PaymentApproved) -> None:
        payment = event.payment
        identity = velocity.end(tx, payment.id, CardAttemptState.APPROVED, self.clock.now())
        if identity is not None:
            velocity.hold(tx, identity)
            self._look_for_lockouts(tx, identity)
        self._report(tx, payment)

    def declined(self, tx: sa.Connection, event: PaymentDeclined) -> None:
        """The issuer said no. A payment by another channel was not counted yet, and is counted now."""
        payment = event.payment
        if not is_counted(payment.decline):
            self.not_charged(tx, event)
            return
        now = self.clock.now()
        identity = velocity.end(tx, payment.id, CardAttemptState.DECLINED, now, payment.decline)
        if identity is None:
            identity = PayerIdentity(payment.bill_id, payment.call_id)
            decline = payment.decline or Decline.GENERIC
            velocity.add(tx, identity, now, self.ids, attempt_id=payment.id, decline=decline)
        velocity.hold(tx, identity)
        self._look_for_lockouts(tx, identity)
        self._report(tx, payment)

    def not_charged(self, tx: sa.Connection, event: PaymentEvent) -> None:
        """No issuer said anything about the card."""
        velocity.end(tx, event.payment.id, CardAttemptState.VOID, self.clock.now())
        self._report(tx, event.payment)

    @property
    def _breaker(self) -> Breaker:
        return Breaker(self.limits.breaker, self.ids)

    def _report(self, tx: sa.Connection, payment: PaymentFacts) -> None:
        """The PCI process counts by card, and learns the outcome from a job."""
        if payment.card_entry_id is not None:
            self.work.enqueue(tx, REPORT_CARD_OUTCOME, payment.id)

    def _limit(self, kind: LockoutKind, subject: str) -> VelocityLimit:
        match kind:
            case LockoutKind.CALL:
                return self.limits.call
            case LockoutKind.BILL:
                return self.limits.bill
            case _:
                return self.limits.shared if subject in SHARED else self.limits.caller

    def _is_refused(
        self, tx: sa.Connection, kind: LockoutKind, subject: str, identity: PayerIdentity, now: datetime
    ) -> bool:
        last = lockouts.last(tx, kind, subject)
        if last is not None and last.is_active(now):
            return True
        limit, found = self._limit(kind, subject), self._counted(tx, kind, subject, last, now)
        self._begin_lockout(tx, kind, subject, found, call_id=identity.call_id, now=now)
        too_many_declines = found.declined + found.under_way >= limit.declines_max
        return too_many_declines or found.ended + found.under_way >= limit.tries_max

    def _counted(
        self, tx: sa.Connection, kind: LockoutKind, subject: str, last: Lockout | None, now: datetime
    ) -> CardAttemptCounts:
        last_end = last.ended_at if last else None
        return velocity.counted(tx, kind, subject, window=self.limits.window, last_end=last_end, now=now)

    def _look_for_lockouts(self, tx: sa.Connection, identity: PayerIdentity) -> None:
        """A card attempt has ended: begins the lockouts that follow, and tells the breaker. After `hold`,
        which may wait: so the clock is read here.
        """
        now = self.clock.now()
        for kind, subject in velocity.subjects_of(identity):
            found = self._counted(tx, kind, subject, lockouts.last(tx, kind, subject), now)
            self._begin_lockout(tx, kind, subject, found, call_id=identity.call_id, now=now)
        self._breaker.observe(tx, now, identity.call_id)

    def _begin_lockout(
        self,
        tx: sa.Connection,
        kind: LockoutKind,
        subject: str,
        found: CardAttemptCounts,
        *,
        call_id: str | None,
        now: datetime,
    ) -> None:
        limit = self._limit(kind, subject)
        if found.declined < limit.declines_max and found.ended < limit.tries_max:
            return
        last = lockouts.last(tx, kind, subject)
        if last is not None and last.is_active(now):
            return
        lockouts.begin(
            tx,
            kind,
            subject,
            number=last.number + 1 if last else 1,
            now=now,
            until=now + self.limits.lockout,
            why=f"{found.declined} of {found.ended} cards were declined",
            call_id=call_id,
            ids=self.ids,
        )


def forget_card_attempts(engine: sa.Engine, limits: FraudLimits, now: datetime) -> int:
    """Deletes attempts that count no more, and lockouts that were over long ago; returns how many rows."""
    longest = max(limits.window, limits.breaker.window)
    with engine.begin() as tx:
        return velocity.forget(tx, now - longest) + lockouts.forget(tx, now)
