"""A server's payments over a fake gateway and a table of jobs, and what a caller does with them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from gateways.events import EventData, GatewayEvent, PaymentUpdated
from ivr.jobs.job_list import CHARGE_ATTEMPT
from ivr.payments import timeouts
from ivr.payments.attempts import store as records
from ivr.payments.attempts.manual_review import ManualReview
from ivr.payments.attempts.service import Attempt, AttemptService, NewAttempt
from ivr.payments.attempts.states import HOLDING, Method, State
from ivr.payments.links.store import LinkTerms
from ivr.payments.refunds import store as refund_store
from ivr.payments.service import PaymentService
from ivr.platform.ids import Ids
from ivr.platform.settings.line import PLAIN, Wording
from tests.support import schema
from tests.support.fake_gateway import FakeGateway, Fate, PreparingGateway
from tests.support.recorded_events import RecordedEvents
from tests.support.stored_jobs import StoredJob, StoredJobs, jobs
from tests.support.time_and_ids import ManualClock, SequentialIds

LINKS = LinkTerms("https://pay.example.com", 60)


@dataclass
class PaymentServices:
    """A bank, a server's payments, and what a caller does with them."""

    engine: sa.Engine
    clock: ManualClock = field(default_factory=ManualClock)
    ids: Ids = field(default_factory=SequentialIds)
    bank: FakeGateway = field(default_factory=FakeGateway)
    wording: Wording = PLAIN
    language: str = "en"
    """Of its callers."""

    def __post_init__(self) -> None:
        self.work = StoredJobs(self.engine, self.clock)
        self.listeners = RecordedEvents(self.clock)
        self.payments = PaymentService(
            engine=self.engine,
            gateway=self.bank,
            work=self.work,
            clock=self.clock,
            ids=self.ids,
            events=self.listeners.events,
            links=LINKS,
            wording=self.wording,
        )
        self.handlers = self.payments.handlers()
        if isinstance(self.bank, PreparingGateway):
            self.bank.reference_kept = lambda attempt_id: self.attempt(attempt_id).gateway_reference

    @property
    def attempts(self) -> AttemptService:
        return self.payments.attempts

    @property
    def review(self) -> ManualReview:
        return self.payments.manual_review

    # The caller ---------------------------------------------------------------------------------------------

    def add_bill(self, billed_minor: int = 10_000) -> str:
        bill_id = self.ids.new("bill")
        now = self.clock.now()
        with self.engine.begin() as tx:
            tx.execute(
                sa.insert(schema.bill).values(
                    id=bill_id,
                    reference=self.ids.reference(),
                    currency="EUR",
                    billed_minor=billed_minor,
                    minimum_minor=1,
                    source="cli",
                    created_at=now,
                    updated_at=now,
                )
            )
        return bill_id

    def begin_call(self) -> str:
        call_id = self.ids.new("call")
        with self.engine.begin() as tx:
            tx.execute(
                sa.insert(schema.call).values(
                    id=call_id,
                    call_sid=call_id,
                    account_sid="AC1",
                    to_number="+34910000000",
                    flow="pay_bill",
                    turn=1,
                    session={},
                    status="active",
                    started_at=self.clock.now(),
                )
            )
        return call_id

    def hang_up(self, call_id: str) -> None:
        with self.engine.begin() as tx:
            tx.execute(sa.update(schema.call).where(schema.call.c.id == call_id).values(status="ended"))

    def make(
        self,
        bill_id: str,
        amount_minor: int = 4_000,
        *,
        call_id: str | None = None,
        made_for: str = "",
        method: Method = Method.CARD,
    ) -> str | None:
        """An attempt, reserved."""
        with self.engine.begin() as tx:
            made = self.attempts.make(
                tx,
                NewAttempt(
                    made_for=made_for or self.ids.new("turn"),
                    bill_id=bill_id,
                    amount_minor=amount_minor,
                    currency="EUR",
                    language=self.language,
                    call_id=call_id,
                    method=method,
                    payer_phone="+34600111222" if method is Method.LINK else None,
                ),
            )
        return None if made is None else made.id

    def confirm(self, attempt_id: str, token: str = "tok_good") -> None:
        """The caller keyed a card and confirmed."""
        with self.engine.begin() as tx:
            self.attempts.attach_card(tx, attempt_id, "visa", "4242", token=token)
            self.attempts.ask_charge(tx, attempt_id)

    def confirmed(
        self, token: str = "tok_good", *, amount_minor: int = 4_000, call_id: str | None = None
    ) -> str:
        """An attempt that the caller confirmed, on a bill of its own."""
        attempt_id = self.make(self.add_bill(), amount_minor, call_id=call_id)
        assert attempt_id is not None
        self.confirm(attempt_id, token)
        return attempt_id

    def linked(self, bill_id: str | None = None, *, call_id: str | None = None) -> str:
        """An attempt whose link was promised to the payer."""
        attempt_id = self.make(bill_id or self.add_bill(), call_id=call_id, method=Method.LINK)
        assert attempt_id is not None
        with self.engine.begin() as tx:
            self.attempts.ask_link(tx, attempt_id)
        return attempt_id

    def close_link(self, attempt_id: str) -> None:
        with self.engine.begin() as tx:
            self.attempts.close_link(tx, attempt_id, note="a test")

    def await_card(self, *, call_id: str | None = None, amount_minor: int = 4_000) -> str:
        """An attempt whose card the PCI process authorizes."""
        from ivr.payments.attempts.states import Event

        attempt_id = self.make(self.add_bill(), amount_minor, call_id=call_id)
        assert attempt_id is not None
        with self.engine.begin() as tx:
            self.attempts.advance(tx, attempt_id, Event.CARD_WANTED)
        return attempt_id

    def authorized(self, *, call_id: str | None = None, ask: bool = True) -> str:
        """An attempt whose amount the issuer holds."""
        from ivr.payments.attempts.states import Event

        attempt_id = self.await_card(call_id=call_id)
        authorization = self.bank.authorize(attempt_id, self.attempt(attempt_id).amount_minor)
        with self.engine.begin() as tx:
            self.attempts.attach_card(tx, attempt_id, "visa", "4242", authorization=authorization)
            self.attempts.advance(tx, attempt_id, Event.AUTHORIZED)
            if ask:
                self.attempts.ask_charge(tx, attempt_id)
        return attempt_id

    def paid(self, *, amount_minor: int = 4_000) -> str:
        """An attempt that was approved."""
        attempt_id = self.confirmed(amount_minor=amount_minor)
        self.run_due()
        assert self.state(attempt_id) is State.APPROVED
        return attempt_id

    def needs_review(self, fate: Fate) -> str:
        """An attempt that nobody could resolve for a day; `fate` is its charge's, then nobody answers."""
        self.bank.fates.extend([fate, Fate.NEVER_ARRIVES, Fate.NEVER_ARRIVES])
        attempt_id = self.confirmed()
        self.run_due()
        self.clock.advance(timeouts.NEEDS_REVIEW_AFTER_S)
        self.run_due()
        assert self.state(attempt_id) is State.NEEDS_REVIEW
        return attempt_id

    def unknown_charge(self, fate: Fate) -> str:
        """A confirmed attempt whose charge met this fate, and is unknown."""
        self.bank.fates.append(fate)
        attempt_id = self.confirmed()
        self.run(next(one for one in self.work.waiting() if one.job == CHARGE_ATTEMPT))
        assert self.state(attempt_id) is State.UNKNOWN
        return attempt_id

    # The gateway and finance --------------------------------------------------------------------------------

    def receive(
        self,
        data: EventData | None,
        event: str = "evt_1",
        happened_at: datetime | None = None,
        *,
        kind: str = "payment.moved",
    ) -> bool:
        """A webhook of the gateway arrives; False: it was received before."""
        return self.payments.gateway_events.take(GatewayEvent(event, kind, data, happened_at))

    def receive_link(self, attempt_id: str, event: str = "evt_1", *, taken: bool = True) -> None:
        """The gateway's webhook of a link."""
        self.receive(PaymentUpdated(attempt_id, taken), event, kind="link.paid")

    def ask_refund(self, attempt_id: str, amount_minor: int | None = None) -> str:
        """The refund's id; without an amount it is all that is left."""
        with self.engine.begin() as tx:
            return self.payments.refunds.ask(tx, attempt_id, amount_minor, asked_by="ana").id

    def refund(self, refund_id: str) -> refund_store.Refund:
        with self.engine.begin() as tx:
            return refund_store.get(tx, refund_id)

    # The worker ---------------------------------------------------------------------------------------------

    def run(self, one: StoredJob) -> None:
        """Runs one job, as often as it is asked to."""
        self.handlers[one.job](one.subject_id, one.nth)
        self.work.mark_run(one)

    def run_due(self) -> int:
        """Runs what is due, and what that asks for at once; how many ran."""
        count = 0
        while due := [one for one in self.work.waiting() if one.due_at <= self.clock.now().timestamp()]:
            self.run(due[0])
            count += 1
            assert count < 1000, "jobs ask for jobs without end"
        return count

    def pass_time(self, duration_s: float) -> None:
        """Time goes on, and every job runs when it is due."""
        until = self.clock.now() + timedelta(seconds=duration_s)
        self.run_due()
        while (waiting := self.work.waiting()) and waiting[0].due_at <= until.timestamp():
            self._go_to(datetime.fromtimestamp(waiting[0].due_at, tz=until.tzinfo))
            self.run_due()
        self._go_to(until)

    def _go_to(self, moment: datetime) -> None:
        self.clock.advance(max((moment - self.clock.now()).total_seconds(), 0))

    # The books ----------------------------------------------------------------------------------------------

    def attempt(self, attempt_id: str) -> Attempt:
        with self.engine.begin() as tx:
            return records.get(tx, attempt_id)

    def state(self, attempt_id: str) -> State:
        return self.attempt(attempt_id).state

    def bill(self, bill_id: str) -> tuple[int, int]:
        """What is paid and what is reserved."""
        with self.engine.begin() as tx:
            row = tx.execute(sa.select(schema.bill).where(schema.bill.c.id == bill_id)).one()
        return row.paid_minor, row.reserved_minor

    def events_of(self, attempt_id: str) -> list[str]:
        """The events of this attempt, in the words of `recorded_events`."""
        with self.engine.begin() as tx:
            return list(
                tx.execute(
                    sa.select(schema.timeline.c.kind)
                    .where(schema.timeline.c.attempt_id == attempt_id)
                    .order_by(schema.timeline.c.id)
                ).scalars()
            )

    def texts(self) -> list[tuple[str, str]]:
        """Whose texts were asked for, and what for."""
        columns = schema.confirmation.c
        with self.engine.begin() as tx:
            query = sa.select(columns.attempt_id, columns.purpose).order_by(columns.purpose)
            return [tuple(row) for row in tx.execute(query)]

    def ledger(self) -> dict[str, int]:
        """What the gateway owes us by our books, by attempt."""
        entry, line = schema.ledger_entry, schema.ledger_line
        charge = sa.func.coalesce(schema.refund.c.attempt_id, entry.c.source_id)
        with self.engine.begin() as tx:
            rows = tx.execute(
                sa.select(charge, sa.func.sum(line.c.amount_minor))
                .select_from(
                    entry.join(line).outerjoin(schema.refund, schema.refund.c.id == entry.c.source_id)
                )
                .where(line.c.account == f"gateway:{self.bank.name}:receivable")
                .group_by(charge)
            )
            return {attempt_id: int(amount) for attempt_id, amount in rows}

    def assert_books(self) -> None:
        """What must hold at any moment, whatever is under way."""
        with self.engine.begin() as tx:
            attempts = tx.execute(sa.select(schema.attempt)).all()
            bills = tx.execute(sa.select(schema.bill)).all()
            refunds = tx.execute(sa.select(schema.refund)).all()
            receipts = schema.confirmation.c.purpose == "receipt"
            confirmed = list(
                tx.execute(sa.select(schema.confirmation.c.attempt_id).where(receipts)).scalars()
            )
            entries = tx.execute(sa.select(schema.ledger_entry)).all()
            total = tx.execute(sa.select(sa.func.sum(schema.ledger_line.c.amount_minor))).scalar() or 0
        approved = {row.id for row in attempts if row.state == State.APPROVED}
        charges = [row.source_id for row in entries if row.kind == "charge"]
        given_back = {row.id for row in refunds if row.state == "approved"}
        assert total == 0
        assert sorted(charges) == sorted(approved)
        assert sorted(confirmed) == sorted(approved)
        assert sorted(row.source_id for row in entries if row.kind == "refund") == sorted(given_back)
        for bill in bills:
            own = [row for row in attempts if row.bill_id == bill.id]
            held = sum(row.amount_minor for row in own if row.state in HOLDING)
            paid = sum(row.amount_minor for row in own if row.state == State.APPROVED)
            back = sum(
                r.amount_minor for r in refunds if r.id in given_back and r.attempt_id in {a.id for a in own}
            )
            assert bill.reserved_minor == held
            assert bill.paid_minor == paid - back
            assert bill.paid_minor + bill.reserved_minor <= bill.billed_minor
        for row in attempts:
            state = State(row.state)
            if state not in HOLDING:
                assert row.token is None
                assert row.gateway_authorization is None
                assert (row.id in self.bank.charged) == (state is State.APPROVED)
            asked = sum(r.amount_minor for r in refunds if r.attempt_id == row.id and r.state != "declined")
            assert row.refunded_minor == asked
        for key, amount in self.ledger().items():
            assert amount >= self.bank.money()[key], (
                "the books never say less than the bank holds for a charge they know"
            )
        once = {"charge"} if isinstance(self.bank, PreparingGateway) else {"charge", "refund"}
        sends = [key for verb, key in self.bank.sent if verb in once]
        assert len(sends) == len(set(sends)), "what is to be sent once was sent twice"

    def assert_settled(self) -> None:
        """What must hold once nothing is under way any more: our books are the bank's, to the cent."""
        self.assert_books()
        assert self.ledger() == self.bank.money()
        assert not self.bank.held


def forget_everything(engine: sa.Engine) -> None:
    """Empties every table, for a test that begins many times on one database."""
    jobs.metadata.create_all(engine)
    with engine.begin() as tx:
        for table in [*reversed(schema.metadata.sorted_tables), jobs]:
            tx.execute(sa.delete(table))
