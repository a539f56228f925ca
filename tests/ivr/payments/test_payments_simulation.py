"""Random callers, workers, kills, lost answers and late ones, over a bank that tells the truth: the books
must be the bank's.

Every step is one thing that happens in the world; after each, what must hold at any moment is checked, and in
the end, when the bank answers again and nothing is under way, every attempt is over and the ledger is what
the bank holds, to the cent.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateways.declines import Decline
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.manual_review import Word
from ivr.payments.attempts.states import HOLDING, Event, State
from ivr.payments.refunds.service import RefundRefusedError
from tests.support import schema
from tests.support.fake_gateway import FakeGateway, Fate, KilledError, PreparingGateway
from tests.support.payment_services import PaymentServices, forget_everything
from tests.support.stored_jobs import StoredJob

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

FATES = st.lists(st.sampled_from(list(Fate)), max_size=3)
PICK = st.integers(min_value=0, max_value=50)


class World(RuleBasedStateMachine):
    """Two bills, some callers, one worker that is killed and comes back, and everything that can go wrong."""

    def __init__(self, engine: sa.Engine, bank: Callable[[], FakeGateway]) -> None:
        super().__init__()
        forget_everything(engine)
        self.services = PaymentServices(engine, bank=bank())
        self.bills = [self.services.add_bill(10_000), self.services.add_bill(10_000)]
        self.calls: list[str] = []
        self.attempts: list[str] = []

    # Callers ------------------------------------------------------------------------------------------------

    @rule(
        bill=st.integers(0, 1),
        amount_minor=st.sampled_from([3_000, 6_000, 10_000]),
        token=st.sampled_from(["tok_good", "tok_good", "tok_declined"]),
    )
    def a_caller_confirms(self, bill: int, amount_minor: int, token: str) -> None:
        attempt_id = self._make(bill, amount_minor)
        if attempt_id is not None:
            self.services.confirm(attempt_id, token)

    @rule(
        bill=st.integers(0, 1),
        amount_minor=st.sampled_from([3_000, 10_000]),
        issuer=st.sampled_from(["asked", "asked", "declines", "never asked"]),
        report=st.sampled_from(["heard", "heard", "lost", "withdrawn"]),
        confirms=st.booleans(),
    )
    def a_caller_keys_a_card_that_is_authorized(
        self, bill: int, amount_minor: int, issuer: str, report: str, confirms: bool
    ) -> None:
        attempt_id = self._make(bill, amount_minor)
        if attempt_id is None:
            return
        services = self.services
        with services.engine.begin() as tx:
            services.attempts.advance(tx, attempt_id, Event.CARD_WANTED)
        authorization = services.bank.authorize(attempt_id, amount_minor) if issuer == "asked" else None
        with services.engine.begin() as tx:
            if report == "lost":
                services.attempts.advance(tx, attempt_id, Event.MARK_UNKNOWN)
            elif report == "withdrawn":
                services.attempts.withdraw(tx, attempt_id, never_asked=issuer == "never asked")
            elif issuer == "declines":
                services.attempts.advance(tx, attempt_id, Event.DECLINE, decline=Decline.EXPIRED_CARD)
            elif authorization is not None:
                services.attempts.attach_card(tx, attempt_id, "visa", "4242", authorization=authorization)
                services.attempts.advance(tx, attempt_id, Event.AUTHORIZED)
            if confirms and report != "withdrawn":
                services.attempts.ask_charge(tx, attempt_id)

    def _make(self, bill: int, amount_minor: int) -> str | None:
        call_id = self.services.begin_call()
        self.calls.append(call_id)
        attempt_id = self.services.make(self.bills[bill], amount_minor, call_id=call_id)
        if attempt_id is not None:
            self.attempts.append(attempt_id)
        return attempt_id

    @precondition(lambda self: self.calls)
    @rule(pick=PICK)
    def a_caller_hangs_up(self, pick: int) -> None:
        self.services.hang_up(self.calls[pick % len(self.calls)])

    @precondition(lambda self: self.attempts)
    @rule(pick=PICK)
    def a_caller_gives_up(self, pick: int) -> None:
        with self.services.engine.begin() as tx:
            self.services.attempts.withdraw(tx, self.attempts[pick % len(self.attempts)])

    @precondition(lambda self: self.attempts)
    @rule(pick=PICK, amount_minor=st.sampled_from([None, 1_000]))
    def a_person_refunds(self, pick: int, amount_minor: int | None) -> None:
        with suppress(RefundRefusedError), self.services.engine.begin() as tx:
            attempt_id = self.attempts[pick % len(self.attempts)]
            self.services.payments.refunds.ask(tx, attempt_id, amount_minor, asked_by="ana")

    # Workers ------------------------------------------------------------------------------------------------

    def _due(self) -> list[StoredJob]:
        return [
            one for one in self.services.work.waiting() if one.due_at <= self.services.clock.now().timestamp()
        ]

    @rule(pick=PICK, fates=FATES)
    def a_job_runs(self, pick: int, fates: list[Fate]) -> None:
        if due := self._due():
            self._run(due[pick % len(due)], fates)

    @rule(pick=PICK, other=PICK, fates=FATES)
    def a_job_runs_while_another_waits_for_its_answer(self, pick: int, other: int, fates: list[Fate]) -> None:
        if not (due := self._due()):
            return

        def meanwhile() -> None:
            self.services.bank.before_answer = lambda: None
            known = due + self._due()
            self._run(known[other % len(known)], [])

        self.services.bank.before_answer = meanwhile
        self._run(due[pick % len(due)], fates)

    @rule(pick=PICK, fates=FATES)
    def a_job_that_ran_runs_again(self, pick: int, fates: list[Fate]) -> None:
        if ran := self.services.work.ran():
            self._run(ran[pick % len(ran)], fates)

    @rule(pick=PICK)
    def a_job_meets_a_bug_elsewhere(self, pick: int) -> None:
        if due := self._due():
            self.services.listeners.broken = True
            with suppress(RuntimeError):
                self._run(due[pick % len(due)], [])
            self.services.listeners.broken = False

    @rule(pick=PICK)
    def a_job_is_lost(self, pick: int) -> None:
        if due := self._due():
            self.services.work.mark_run(due[pick % len(due)])

    @rule()
    def the_sweep_runs(self) -> None:
        self.services.payments.sweep()

    def _run(self, one: StoredJob, fates: list[Fate]) -> None:
        self.services.bank.fates.extend(fates)
        with suppress(KilledError):
            self.services.run(one)
        self.services.bank.fates.clear()
        self.services.bank.before_answer = lambda: None

    # The world ----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.services.bank.under_way)
    @rule(pick=PICK)
    def a_request_arrives_late(self, pick: int) -> None:
        self.services.bank.deliver(pick % len(self.services.bank.under_way))

    @rule(duration_s=st.sampled_from([1, 3, 31, 130, 90_000]))
    def time_passes(self, duration_s: int) -> None:
        self.services.clock.advance(duration_s)

    @invariant()
    def the_books_hold(self) -> None:
        self.services.assert_books()

    def teardown(self) -> None:
        """The bank answers again, nobody calls any more, and a person decides what was left to them."""
        services = self.services
        for call_id in self.calls:
            services.hang_up(call_id)
        for _ in range(4):
            services.pass_time(700)
            services.payments.sweep()
        self._decide()
        with services.engine.begin() as tx:
            held = schema.attempt.c.state.in_(HOLDING)
            left = tx.execute(sa.select(schema.attempt.c.id, schema.attempt.c.state).where(held)).all()
            open_refunds = tx.execute(
                sa.select(schema.refund.c.id).where(schema.refund.c.settled_at.is_(None))
            ).all()
        assert (left, open_refunds) == ([], [])
        services.assert_settled()
        while services.bank.under_way:  # what was on its way all the time changes nothing any more
            services.bank.deliver()
        services.assert_settled()

    def _decide(self) -> None:
        with self.services.engine.begin() as tx:
            for attempt_id in self.attempts:
                if attempt_store.get(tx, attempt_id).state is State.NEEDS_REVIEW:
                    self.services.bank.held.pop(attempt_id, None)  # let go in the dashboard
                    charged = attempt_id in self.services.bank.charged
                    word = Word.APPROVED if charged else Word.NOT_CHARGED
                    self.services.review.decide(tx, attempt_id, word, who="ana")


def _hasten(engine: sa.Engine) -> None:
    """SQLite without waiting for the disk: this test kills no machine."""

    def hasten(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", hasten)
        engine.dispose()


@pytest.mark.parametrize("bank", [FakeGateway, PreparingGateway])
def test_whatever_happens_the_books_are_the_banks(engine: sa.Engine, bank: Callable[[], FakeGateway]) -> None:
    _hasten(engine)
    run_state_machine_as_test(
        partial(World, engine, bank),
        settings=settings(
            max_examples=20 if engine.dialect.name == "sqlite" else 8,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
