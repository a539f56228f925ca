"""The guard against card testing: the limits as they are by default, changed by name, and
people who try cards in calls that are only rows.
"""

from dataclasses import dataclass, field

import sqlalchemy as sa

from gateways.declines import Decline
from gateways.settings import settings_of, with_values
from ivr.bills import store
from ivr.bills.bill import NewBill
from ivr.events.listeners.subscriptions import build_events
from ivr.fraud import lockouts
from ivr.fraud.guard import FraudLimits, Guard
from ivr.fraud.identity import PayerIdentity
from ivr.payments.attempts.service import AttemptService, NewAttempt
from ivr.payments.attempts.states import Event
from ivr.payments.attempts.transitions import Transitions
from ivr.platform.database.engine import reading
from ivr.platform.ids import Ids
from ivr.platform.lockout import Lockout, LockoutKind
from ivr.platform.settings.fraud import FraudSettings
from ivr.platform.settings.reading import read_all
from tests.support import schema
from tests.support.recorded_jobs import RecordedJobs
from tests.support.time_and_ids import ManualClock, SequentialIds

ANNA = "+34600111222"


def usual_limits(**changes: int) -> FraudLimits:
    """The limits of the default settings; `changes` are settings, by their names."""
    usual = read_all(settings_of(FraudSettings), {})
    return FraudLimits.from_settings(with_values(FraudSettings, {**usual, **changes}))


@dataclass
class FraudHarness:
    """Where cards are tried: everything a charge goes through, without telephone and gateway."""

    engine: sa.Engine
    clock: ManualClock
    limits: FraudLimits
    ids: Ids = field(default_factory=SequentialIds)
    work: RecordedJobs = field(default_factory=RecordedJobs)
    calls: int = 0

    @property
    def guard(self) -> Guard:
        """A new one each time, as another process has it: nothing is remembered but in the database."""
        return Guard(self.limits, self.work, self.clock, self.ids)

    @property
    def attempts(self) -> AttemptService:
        events = build_events(
            work=self.work,
            clock=self.clock,
            ids=self.ids,
            guard=self.guard,
            merchant_name="Town",
            channel="sms",
            sends_webhooks=False,
            gateway="bank",
            dashboard_url=lambda _: None,
        )
        return AttemptService("bank", Transitions(self.work, self.clock, self.ids, events))

    def bill(self, reference: str = "10203040", billed_minor: int = 1_000_000) -> str:
        new = NewBill(reference=reference, currency="EUR", billed_minor=billed_minor, minimum_minor=1)
        with self.engine.begin() as tx:
            store.upsert(tx, new, "cli", clock=self.clock, ids=self.ids)
            found = store.find(tx, reference)
        assert found is not None
        return found.id

    def call(self) -> str:
        self.calls += 1
        call_id = f"call_{self.calls}"
        with self.engine.begin() as tx:
            tx.execute(
                schema.call.insert().values(
                    id=call_id,
                    call_sid=f"CA{self.calls}",
                    account_sid="AC1",
                    to_number="+34910000000",
                    flow="pay_bill",
                    turn=0,
                    session={},
                    status="active",
                    started_at=self.clock.now(),
                )
            )
        return call_id

    def begin(self, identity: PayerIdentity, entry_id: str | None = None) -> str | None:
        """As a turn does it: asks, and lets through; None where it is refused."""
        with self.engine.begin() as tx:
            if self.guard.refuses(tx, identity):
                return None
            made = self.attempts.make(
                tx,
                NewAttempt(
                    made_for=self.ids.new("turn"),
                    bill_id=identity.bill_id,
                    amount_minor=1,
                    currency="EUR",
                    language="en",
                    call_id=identity.call_id,
                    card_entry_id=entry_id,
                ),
            )
            assert made is not None
            self.guard.let_through(tx, identity, made)
            return made.id

    def end(self, attempt_id: str, event: Event, decline: Decline | None = None) -> None:
        """The worker claims it, and this comes of it."""
        with self.engine.begin() as tx:
            self.attempts.advance(tx, attempt_id, Event.CLAIM)
        with self.engine.begin() as tx:
            self.attempts.advance(tx, attempt_id, event, decline=decline)

    def try_card(self, identity: PayerIdentity, decline: Decline | None = Decline.GENERIC) -> bool:
        """One card, from the question to the issuer's answer, a second later; False where it is refused."""
        attempt_id = self.begin(identity)
        if attempt_id is None:
            return False
        self.clock.advance(1)
        self.end(attempt_id, Event.APPROVE if decline is None else Event.DECLINE, decline)
        return True

    def lockouts(self, kind: LockoutKind | None = None) -> list[Lockout]:
        """Those that stand."""
        with reading(self.engine) as tx:
            found = lockouts.listed(tx, self.clock.now())
        return [one for one in found if kind in {None, one.kind}]

    def lift(self, lockout_id: str) -> None:
        with self.engine.begin() as tx:
            assert lockouts.lift(tx, lockout_id, by="me", now=self.clock.now())
