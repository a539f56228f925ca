"""Everything around payments, for tests: a bank that tells the truth, jobs that live in the database, and a
till that puts them together.

The bank is written at the level of the gateway contract. Each request meets a fate: it may be answered, lose
its reply, stay on its way and arrive when a test delivers it, never arrive, or its sender may be killed
before or after. What the bank holds in the end is the truth that the server's books are compared with.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

import sqlalchemy as sa

from gateways.contract import (
    Approved,
    Authorized,
    Capabilities,
    Capture,
    CardEntry,
    Charge,
    Declined,
    Fenced,
    LookupResult,
    Order,
    Refund,
    RefundFound,
    Result,
    Unknown,
    Void,
)
from gateways.declines import Decline
from gateways.undeclared import Undeclared
from ivr.clock import Clock, ManualClock
from ivr.ids import Ids, SequentialIds
from ivr.payments import records
from ivr.payments.attempt import Attempt, Attempts, NewAttempt
from ivr.payments.card_records import SavedCard
from ivr.payments.cashier import Cashier
from ivr.payments.states import HOLDING, State
from ivr.storage import schema
from ivr.work.jobs import ALL_JOBS, Job

CAN_REFUND = Capabilities(card_entry=CardEntry.TOKENIZE, refund=True, partial_refund=True, live=False)


class KilledError(BaseException):
    """The process died here: nothing after this line happened."""


class Fate(Enum):
    """What becomes of a request."""

    ANSWERED = auto()
    LOST_REPLY = auto()
    """It arrives, its answer does not."""
    LATE = auto()
    """It is on its way when the sender gives up waiting, and arrives when it is delivered."""
    NEVER = auto()
    KILLED_BEFORE = auto()
    KILLED_AFTER = auto()
    KILLED_LATE = auto()
    BUG = auto()
    """The adapter fails after the request arrived."""


class TruthfulBank(Undeclared):
    """A gateway that holds money. Safe from many threads; `sent` is every request for money that left us."""

    name = "bank"

    def __init__(self, capabilities: Capabilities = CAN_REFUND) -> None:
        self.capabilities = capabilities
        self.fates: deque[Fate] = deque()
        """Of the next requests, in order; then all are answered."""
        self.sent: list[tuple[str, str]] = []
        self.looked_up: list[tuple[str, bool]] = []
        self.charged: dict[str, int] = {}
        self.declined: dict[str, Declined] = {}
        self.fenced: set[str] = set()
        self.held: dict[str, int] = {}
        """Authorized and not captured, by key."""
        self.voided: set[str] = set()
        self.refunded: dict[str, tuple[str, int]] = {}
        """By the refund's key: whose charge, how much."""
        self.refund_declined: set[str] = set()
        self.under_way: list[Callable[[], object]] = []
        self.before_answer: Callable[[], None] = lambda: None
        self._lock = threading.RLock()

    def money(self) -> dict[str, int]:
        """What the bank owes us, by charge."""
        owed = dict(self.charged)
        for key, amount in self.refunded.values():
            owed[key] -= amount
        return owed

    def deliver(self, number: int = 0) -> None:
        """A request that was on its way arrives."""
        self.under_way.pop(number)()

    # What a gateway does ------------------------------------------------------------------------------------

    def charge(self, charge: Charge) -> Result:
        def arrive() -> Result:
            if key in self.fenced:
                return Unknown("this key is fenced")
            if key not in self.charged and key not in self.declined:
                if charge.token.reveal() == "tok_declined":
                    self.declined[key] = Declined(Decline.INSUFFICIENT_FUNDS, "nsf")
                else:
                    self.charged[key] = charge.order.amount_minor
            return self._standing(key)

        key = charge.order.key
        return self._request("charge", key, arrive)

    def capture(self, capture: Capture) -> Result:
        def arrive() -> Result:
            if capture.key in self.held:
                self.charged[capture.key] = self.held.pop(capture.key)
            if capture.key in self.charged:
                return self._standing(capture.key)
            return Declined(Decline.GENERIC, "authorization_gone")

        return self._request("capture", capture.key, arrive)

    def void(self, void: Void) -> Result:
        def arrive() -> Result:
            if void.key in self.charged:
                return Unknown("it was captured")
            self.held.pop(void.key, None)
            self.voided.add(void.key)
            return Approved(f"void_{void.key}")

        return self._request("void", void.key, arrive)

    def refund(self, refund: Refund) -> Result:
        def arrive() -> Result:
            if refund.key in self.fenced:
                return Unknown("this key is fenced")
            charge_key = refund.gateway_reference.removeprefix("ref_")
            if refund.key not in self.refunded:
                if self.money().get(charge_key, 0) < refund.amount_minor:
                    self.refund_declined.add(refund.key)
                    return Declined(Decline.GENERIC, "over_refund")
                self.refunded[refund.key] = (charge_key, refund.amount_minor)
            return Approved(f"re_{refund.key}")

        return self._request("refund", refund.key, arrive)

    def lookup(self, order: Order, *, fence: bool, reference: str | None = None) -> LookupResult:
        return self._look(order.key, fence=fence)

    def lookup_refund(self, refund: Refund, *, fence: bool) -> RefundFound:
        return self._look(refund.key, fence=fence)

    def _look(self, key: str, *, fence: bool) -> Approved | Authorized | Declined | Fenced | Unknown:
        with self._lock:
            self.looked_up.append((key, fence))
            fate = self._fate()
            if fate is Fate.KILLED_BEFORE:
                raise KilledError
            if fate in {Fate.NEVER, Fate.LATE, Fate.BUG}:
                return Unknown("the bank does not answer")
            found = self._found(key)
            if found is None and fence:
                self.fenced.add(key)
        self.before_answer()
        if fate in {Fate.KILLED_AFTER, Fate.KILLED_LATE}:
            raise KilledError
        if fate is Fate.LOST_REPLY:
            return Unknown("the bank's answer was lost")
        if found is not None:
            return found
        return Fenced() if fence else Unknown("not found")

    def check(self) -> None:
        """It is always there."""

    def dashboard_url(self, reference: str) -> str | None:
        return f"https://bank.example/{reference}"

    def authorize(self, key: str, amount_minor: int) -> str | None:
        """As the PCI process asks: the authorization, or None where the key is fenced."""
        with self._lock:
            if key in self.fenced:
                return None
            self.held[key] = amount_minor
            return f"auth_{key}"

    # How it goes wrong --------------------------------------------------------------------------------------

    def _found(self, key: str) -> LookupResult | None:
        """What the bank knows of a key; None: nothing."""
        known: dict[str, LookupResult] = dict.fromkeys(self.voided | self.fenced, Fenced())
        known |= {held: Authorized(f"auth_{held}") for held in self.held}
        known |= {refund: Approved(f"re_{refund}") for refund in self.refunded}
        known |= dict.fromkeys(self.refund_declined, Declined(Decline.GENERIC, "over_refund"))
        known |= {charge: self._standing(charge) for charge in self.charged.keys() | self.declined.keys()}
        return known.get(key)

    def _standing(self, key: str) -> Approved | Declined:
        return self.declined.get(key) or Approved(f"ref_{key}", "A1B2C3")

    def _fate(self) -> Fate:
        return self.fates.popleft() if self.fates else Fate.ANSWERED

    def _request(self, verb: str, key: str, arrive: Callable[[], Result]) -> Result:
        with self._lock:
            fate = self._fate()
            if fate is Fate.KILLED_BEFORE:
                raise KilledError
            self.sent.append((verb, key))
            if fate in {Fate.LATE, Fate.KILLED_LATE}:
                self.under_way.append(arrive)
            elif fate is not Fate.NEVER:
                answer = arrive()
        self.before_answer()
        if fate in {Fate.KILLED_AFTER, Fate.KILLED_LATE}:
            raise KilledError
        if fate is Fate.BUG:
            raise RuntimeError("the adapter has a bug")
        return answer if fate is Fate.ANSWERED else Unknown("no answer")


_jobs = sa.Table(
    "jobs_of_a_test",
    sa.MetaData(),
    sa.Column("job", sa.String(40), primary_key=True),
    sa.Column("subject_id", sa.String(40), primary_key=True),
    sa.Column("nth", sa.Integer, primary_key=True),
    sa.Column("due_at", sa.Float, nullable=False),
    sa.Column("runs", sa.Integer, nullable=False),
)


@dataclass(frozen=True)
class Waiting:
    """A job that was asked for and has not run."""

    job: Job
    subject_id: str
    nth: int
    due_at: float


class TableWork:
    """Jobs in a table of the same database: asked for by a transaction, gone with it."""

    def __init__(self, engine: sa.Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        _jobs.metadata.create_all(engine)

    def enqueue(
        self, tx: sa.Connection, job: Job, subject_id: str, *, nth: int = 0, delay_s: float = 0.0
    ) -> None:
        same = (_jobs.c.job == job.name, _jobs.c.subject_id == subject_id, _jobs.c.nth == nth)
        if tx.execute(sa.select(_jobs.c.nth).where(*same)).first() is None:
            due_at = self._clock.now().timestamp() + delay_s
            tx.execute(
                sa.insert(_jobs).values(job=job.name, subject_id=subject_id, nth=nth, due_at=due_at, runs=0)
            )

    def waiting(self) -> list[Waiting]:
        """What has not run, the next due first."""
        return self._jobs(_jobs.c.runs == 0)

    def ran(self) -> list[Waiting]:
        return self._jobs(_jobs.c.runs > 0)

    def _jobs(self, which: sa.ColumnElement[bool]) -> list[Waiting]:
        by_name = {job.name: job for job in ALL_JOBS}
        with self._engine.begin() as tx:
            rows = tx.execute(
                sa.select(_jobs)
                .where(which)
                .order_by(_jobs.c.due_at, _jobs.c.nth, _jobs.c.subject_id, _jobs.c.job)
            ).all()
        return [Waiting(by_name[row.job], row.subject_id, row.nth, row.due_at) for row in rows]

    def mark_run(self, one: Waiting) -> None:
        with self._engine.begin() as tx:
            tx.execute(
                sa.update(_jobs)
                .where(
                    _jobs.c.job == one.job.name, _jobs.c.subject_id == one.subject_id, _jobs.c.nth == one.nth
                )
                .values(runs=_jobs.c.runs + 1)
            )

    def lose(self, job: Job) -> None:
        """The queue forgets all that waits of this job."""
        with self._engine.begin() as tx:
            tx.execute(sa.delete(_jobs).where(_jobs.c.job == job.name, _jobs.c.runs == 0))


@dataclass
class WrittenConsequences:
    """The rest of the house: writes a row for whatever it is told, in the transaction that tells it."""

    clock: Clock
    broken: bool = False
    """Whether it fails, as a bug there would."""

    def _write(self, tx: sa.Connection, kind: str, attempt: Attempt) -> None:
        if self.broken:
            raise RuntimeError("a consequence has a bug")
        tx.execute(
            sa.insert(schema.timeline).values(
                at=self.clock.now(), kind=kind, call_id=attempt.call_id, attempt_id=attempt.id, facts={}
            )
        )

    def approved(self, tx: sa.Connection, attempt: Attempt) -> None:
        self._write(tx, "approved", attempt)
        tx.execute(
            sa.insert(schema.confirmation).values(
                id=attempt.id,
                attempt_id=attempt.id,
                channel="console",
                language=attempt.language,
                body="paid",
                state="waiting",
                created_at=self.clock.now(),
            )
        )

    def declined(self, tx: sa.Connection, attempt: Attempt) -> None:
        self._write(tx, "declined", attempt)

    def not_charged(self, tx: sa.Connection, attempt: Attempt) -> None:
        self._write(tx, "not_charged", attempt)

    def unknown(self, tx: sa.Connection, attempt: Attempt) -> None:
        self._write(tx, "unknown", attempt)

    def left_unheard(self, tx: sa.Connection, attempt: Attempt) -> None:
        """Who hung up just before they heard is texted by the house; these books have no texts."""

    def for_a_person(self, tx: sa.Connection, attempt: Attempt) -> None:
        self._write(tx, "for_a_person", attempt)

    def card_kept(self, tx: sa.Connection, card: SavedCard) -> None:
        self._write_card(tx, "card_kept", card)

    def card_not_kept(self, tx: sa.Connection, card: SavedCard) -> None:
        self._write_card(tx, "card_not_kept", card)

    def card_forgotten(self, tx: sa.Connection, card: SavedCard) -> None:
        self._write_card(tx, "card_forgotten", card)

    def _write_card(self, tx: sa.Connection, kind: str, card: SavedCard) -> None:
        tx.execute(
            sa.insert(schema.timeline).values(
                at=self.clock.now(), kind=kind, customer_id=card.customer_id, facts={"card_id": card.id}
            )
        )

    def refunded(self, tx: sa.Connection, attempt: Attempt, refund: records.Refund) -> None:
        self._write(tx, "refunded", attempt)

    def refund_declined(self, tx: sa.Connection, attempt: Attempt, refund: records.Refund) -> None:
        self._write(tx, "refund_declined", attempt)


@dataclass
class Till:
    """A bank, a server's payments, and what a caller does with them."""

    engine: sa.Engine
    clock: ManualClock = field(default_factory=ManualClock)
    ids: Ids = field(default_factory=SequentialIds)
    bank: TruthfulBank = field(default_factory=TruthfulBank)

    def __post_init__(self) -> None:
        self.work = TableWork(self.engine, self.clock)
        self.consequences = WrittenConsequences(self.clock)
        self.cashier = Cashier(
            engine=self.engine,
            gateway=self.bank,
            work=self.work,
            clock=self.clock,
            ids=self.ids,
            consequences=self.consequences,
        )
        self.handlers = self.cashier.handlers()

    @property
    def attempts(self) -> Attempts:
        return self.cashier.attempts

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
        self, bill_id: str, amount_minor: int = 4_000, *, call_id: str | None = None, made_for: str = ""
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
                    language="en",
                    call_id=call_id,
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

    def want_card(self, *, call_id: str | None = None, amount_minor: int = 4_000) -> str:
        """An attempt whose card the PCI process authorizes."""
        from ivr.payments.states import Event

        attempt_id = self.make(self.add_bill(), amount_minor, call_id=call_id)
        assert attempt_id is not None
        with self.engine.begin() as tx:
            self.attempts.advance(tx, attempt_id, Event.CARD_WANTED)
        return attempt_id

    def authorized(self, *, call_id: str | None = None, ask: bool = True) -> str:
        """An attempt whose amount the issuer holds."""
        from ivr.payments.states import Event

        attempt_id = self.want_card(call_id=call_id)
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

    # The worker ---------------------------------------------------------------------------------------------

    def run(self, one: Waiting) -> None:
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

    def told(self, attempt_id: str) -> list[str]:
        """What the rest of the house was told of this attempt."""
        with self.engine.begin() as tx:
            return list(
                tx.execute(
                    sa.select(schema.timeline.c.kind)
                    .where(schema.timeline.c.attempt_id == attempt_id)
                    .order_by(schema.timeline.c.id)
                ).scalars()
            )

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
            confirmed = list(tx.execute(sa.select(schema.confirmation.c.attempt_id)).scalars())
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
        sends = [key for verb, key in self.bank.sent if verb in {"charge", "refund"}]
        assert len(sends) == len(set(sends)), "a charge or refund was sent twice"

    def assert_settled(self) -> None:
        """What must hold once nothing is under way any more: our books are the bank's, to the cent."""
        self.assert_books()
        assert self.ledger() == self.bank.money()
        assert not self.bank.held


def forget_everything(engine: sa.Engine) -> None:
    """Empties every table, for a test that begins many times on one database."""
    _jobs.metadata.create_all(engine)
    with engine.begin() as tx:
        for table in [*reversed(schema.metadata.sorted_tables), _jobs]:
            tx.execute(sa.delete(table))
