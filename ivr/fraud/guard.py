"""The guard: says whether a card may be tried, counts each that is, and begins lockouts.

Everything is counted in the transaction in which it happens, so a crash forgets nothing and two processes
agree. A success takes nothing away from what was declined: whoever has one good card among many is still a
tester.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog

from gateways.declines import Decline
from ivr.customers import timeline
from ivr.events.payment_events import PaymentFacts
from ivr.fraud import lockouts
from ivr.fraud import velocity as tries
from ivr.fraud.breaker import Breaker
from ivr.fraud.identity import SHARED, Suspect
from ivr.fraud.limits import Cap, Caps, Kind
from ivr.fraud.lockouts import Lockout
from ivr.fraud.velocity import Sum, TryState
from ivr.jobs.job_list import REPORT_CARD_OUTCOME, Work
from ivr.payments.attempts.store import Attempt
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Guard:
    """Every method writes in the caller's transaction. Safe from any thread."""

    caps: Caps
    work: Work
    clock: Clock
    ids: Ids

    def refuses(self, tx: sa.Connection, suspect: Suspect) -> bool:
        """Whether no card of this suspect is taken now, whatever the cause; the cause is in the timeline.

        Nobody else lets a try of the same call, caller or bill through before the transaction ends.
        """
        now = self.clock.now()
        tries.hold(tx, suspect)
        causes = [kind for kind, subject in tries.names(suspect) if self._is_over(tx, kind, subject, suspect)]
        if self._breaker.refuses(tx, now):
            causes.append(Kind.BREAKER)
        if not causes:
            return False
        facts = {"because": [str(one) for one in causes]}
        timeline.add(tx, "card.not_taken", at=now, call_id=suspect.call_id, facts=facts)
        log.warning("card_not_taken", call_id=suspect.call_id, **facts)
        return True

    def let_through(self, tx: sa.Connection, suspect: Suspect, attempt: Attempt) -> None:
        """A try begins: an issuer may be asked about this attempt's card. After `refuses`, in the same
        transaction.
        """
        tries.add(tx, suspect, self.clock.now(), self.ids, attempt_id=attempt.id)

    def declined_at_entry(self, tx: sa.Connection, suspect: Suspect, decline: Decline) -> None:
        """The gateway refused to make a token of the card: no attempt was made."""
        if not tries.is_counted(decline):
            return
        tries.hold(tx, suspect)
        tries.add(tx, suspect, self.clock.now(), self.ids, decline=decline)
        self._begin_lockout_if_enough(tx, suspect)
        self._breaker.observe(tx, self.clock.now(), suspect.call_id)

    def approved(self, tx: sa.Connection, payment: PaymentFacts) -> None:
        suspect = tries.end(tx, payment.id, TryState.APPROVED, self.clock.now())
        if suspect is not None:
            tries.hold(tx, suspect)
            self._begin_lockout_if_enough(tx, suspect)
            self._breaker.observe(tx, self.clock.now(), suspect.call_id)
        self._report(tx, payment)

    def declined(self, tx: sa.Connection, payment: PaymentFacts) -> None:
        """The issuer said no. An attempt that was never counted (it came by another channel) counts now."""
        if not tries.is_counted(payment.decline):
            self.not_charged(tx, payment)
            return
        now = self.clock.now()
        suspect = tries.end(tx, payment.id, TryState.DECLINED, now, payment.decline)
        if suspect is None:
            suspect = Suspect(payment.bill_id, payment.call_id)
            decline = payment.decline or Decline.GENERIC
            tries.add(tx, suspect, now, self.ids, attempt_id=payment.id, decline=decline)
        tries.hold(tx, suspect)
        self._begin_lockout_if_enough(tx, suspect)
        self._breaker.observe(tx, now, suspect.call_id)
        self._report(tx, payment)

    def not_charged(self, tx: sa.Connection, payment: PaymentFacts) -> None:
        """No issuer said anything about the card."""
        tries.end(tx, payment.id, TryState.VOID, self.clock.now())
        self._report(tx, payment)

    # Behind them ------------------------------------------------------------------------------------------

    @property
    def _breaker(self) -> Breaker:
        return Breaker(self.caps.breaker, self.ids)

    def _report(self, tx: sa.Connection, payment: PaymentFacts) -> None:
        """The PCI process counts by card, and learns of the outcome by a job."""
        if payment.card_entry_id is not None:
            self.work.enqueue(tx, REPORT_CARD_OUTCOME, payment.id)

    def _cap(self, kind: Kind, subject: str) -> Cap:
        match kind:
            case Kind.CALL:
                return self.caps.call
            case Kind.BILL:
                return self.caps.bill
            case _:
                return self.caps.shared if subject in SHARED else self.caps.caller

    def _is_over(self, tx: sa.Connection, kind: Kind, subject: str, suspect: Suspect) -> bool:
        now = self.clock.now()
        last = lockouts.last(tx, kind, subject)
        if last is not None and last.stands(now):
            return True
        cap, found = self._cap(kind, subject), self._counted(tx, kind, subject, last)
        self._begin_lockout(tx, kind, subject, found, suspect)
        over = found.declined + found.under_way >= cap.declines_max
        return over or found.ended + found.under_way >= cap.tries_max

    def _counted(self, tx: sa.Connection, kind: Kind, subject: str, last: Lockout | None) -> Sum:
        last_end, now = last.ended_at if last else None, self.clock.now()
        return tries.counted(tx, kind, subject, window=self.caps.window, last_end=last_end, now=now)

    def _begin_lockout_if_enough(self, tx: sa.Connection, suspect: Suspect) -> None:
        for kind, subject in tries.names(suspect):
            found = self._counted(tx, kind, subject, lockouts.last(tx, kind, subject))
            self._begin_lockout(tx, kind, subject, found, suspect)

    def _begin_lockout(
        self, tx: sa.Connection, kind: Kind, subject: str, found: Sum, suspect: Suspect
    ) -> None:
        now, cap = self.clock.now(), self._cap(kind, subject)
        if found.declined < cap.declines_max and found.ended < cap.tries_max:
            return
        last = lockouts.last(tx, kind, subject)
        if last is not None and last.stands(now):
            return
        lockouts.begin(
            tx,
            kind,
            subject,
            number=last.number + 1 if last else 1,
            now=now,
            until=now + self.caps.lock,
            why=f"{found.declined} of {found.ended} cards were declined",
            call_id=suspect.call_id,
            ids=self.ids,
        )


def forget_tries(engine: sa.Engine, caps: Caps, now: datetime) -> int:
    """Forgets what counts no more, and lockouts that were over long ago; how many rows."""
    with engine.begin() as tx:
        return tries.forget(tx, now - max(caps.window, caps.breaker.window)) + lockouts.forget(tx, now)
