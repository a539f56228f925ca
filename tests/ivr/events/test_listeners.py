"""What a payment sets off: one confirmation, also for those who were promised a word and were not charged."""

import json

import pytest
import sqlalchemy as sa

from gateways.declines import Decline
from gateways.events import DisputeState, DisputeUpdated
from ivr.bills import store
from ivr.bills.bill import NewBill
from ivr.events.listeners.subscriptions import build_events
from ivr.events.payment_events import PaymentDisputed, RefundApproved
from ivr.fraud.guard import Guard
from ivr.payments.attempts.service import AttemptService, NewAttempt
from ivr.payments.attempts.states import Event, State
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Transitions, payment_facts
from ivr.payments.refunds.store import Refund, RefundState
from ivr.payments.refunds.transitions import refund_facts
from ivr.platform.database.engine import reading
from tests.support import schema
from tests.support.api_client import check
from tests.support.fraud_harness import usual_limits
from tests.support.recorded_jobs import RecordedJobs
from tests.support.time_and_ids import ManualClock, SequentialIds

PHONE = "+34600111222"
WEBHOOK = {"$ref": "#/components/schemas/Webhook"}


@pytest.fixture
def attempts(clock: ManualClock, ids: SequentialIds, work: RecordedJobs) -> AttemptService:
    events = build_events(
        work=work,
        clock=clock,
        ids=ids,
        guard=Guard(usual_limits(), work, clock, ids),
        merchant_name="Demo Town Hall",
        channel="sms",
        sends_webhooks=True,
        gateway="sandbox",
        dashboard_url=lambda reference: f"https://dashboard.example/{reference}",
    )
    return AttemptService("sandbox", Transitions(work, clock, ids, events))


def _made(
    tx: sa.Connection,
    attempts: AttemptService,
    clock: ManualClock,
    ids: SequentialIds,
    phone: str | None = PHONE,
) -> Attempt:
    new = NewBill(reference="10203040", currency="EUR", billed_minor=4990, minimum_minor=1000)
    store.upsert(tx, new, "cli", clock=clock, ids=ids)
    bill = store.find(tx, "10203040")
    assert bill is not None
    made = attempts.make(
        tx,
        NewAttempt(
            made_for="call_1.5",
            bill_id=bill.id,
            amount_minor=4990,
            currency="EUR",
            language="es",
            payer_phone=phone,
        ),
    )
    assert made is not None
    attempts.ask_charge(tx, made.id)
    attempts.advance(tx, made.id, Event.CLAIM)
    return made


def _bodies(engine: sa.Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(sa.select(schema.confirmation.c.body)).scalars())


@pytest.mark.parametrize("event", [Event.DECLINE, Event.CANCEL])
def test_who_was_promised_a_text_hears_that_nothing_was_charged(
    engine: sa.Engine, attempts: AttemptService, clock: ManualClock, ids: SequentialIds, event: Event
) -> None:
    with engine.begin() as tx:
        made = _made(tx, attempts, clock, ids)
        attempts.advance(tx, made.id, Event.MARK_UNKNOWN)
        attempts.promise(tx, made.id)
        if event is Event.DECLINE:
            attempts.transitions.move(tx, attempts.get(tx, made.id), event, decline=Decline.GENERIC)
        else:
            attempts.advance(tx, made.id, event)
    (body,) = _bodies(engine)
    assert "no se le ha cobrado nada" in body
    assert made.reference in body


def test_who_heard_the_decline_on_the_line_gets_no_text(
    engine: sa.Engine, attempts: AttemptService, clock: ManualClock, ids: SequentialIds
) -> None:
    with engine.begin() as tx:
        made = _made(tx, attempts, clock, ids)
        attempts.advance(tx, made.id, Event.DECLINE, decline=Decline.GENERIC)
    assert _bodies(engine) == []


def test_a_withheld_number_is_promised_nothing_and_texted_nothing(
    engine: sa.Engine, attempts: AttemptService, clock: ManualClock, ids: SequentialIds
) -> None:
    with engine.begin() as tx:
        made = _made(tx, attempts, clock, ids, phone=None)
        attempts.advance(tx, made.id, Event.MARK_UNKNOWN)
        attempts.promise(tx, made.id)
        attempts.advance(tx, made.id, Event.CANCEL)
    assert _bodies(engine) == []


@pytest.mark.slow
@pytest.mark.postgres
def test_a_link_that_was_promised_to_nobody_is_texted_to_nobody(
    engine: sa.Engine, attempts: AttemptService, clock: ManualClock, ids: SequentialIds
) -> None:
    """An earlier release could open one for a withheld caller."""
    with engine.begin() as tx:
        made = _made(tx, attempts, clock, ids)
        nobodys = {"method": "link", "payer_phone": None}
        tx.execute(sa.update(schema.attempt).where(schema.attempt.c.id == made.id).values(**nobodys))
        page = {"token": "t", "base_url": "https://pay.example.com", "expires_at": clock.now()}
        tx.execute(sa.insert(schema.pay_link).values(attempt_id=made.id, **page))
        attempts.advance(tx, made.id, Event.OPEN_LINK)
        assert attempts.get(tx, made.id).state is State.LINK_OPEN
        attempts.advance(tx, made.id, Event.APPROVE)
    with reading(engine) as connection:
        sent = connection.execute(sa.select(schema.confirmation.c.purpose, schema.confirmation.c.state)).all()
    assert sent == [("receipt", "spoken")]


def test_a_promise_that_ends_well_is_one_receipt_and_no_more(
    engine: sa.Engine, attempts: AttemptService, clock: ManualClock, ids: SequentialIds
) -> None:
    with engine.begin() as tx:
        made = _made(tx, attempts, clock, ids)
        attempts.promise(tx, made.id)
        attempts.advance(tx, made.id, Event.APPROVE)
    (body,) = _bodies(engine)
    assert "recibido" in body


@pytest.mark.postgres
def test_who_hangs_up_just_after_a_decline_hears_of_it_too(
    engine: sa.Engine, attempts: AttemptService, clock: ManualClock, ids: SequentialIds
) -> None:
    with engine.begin() as tx:
        made = _made(tx, attempts, clock, ids)
        attempts.advance(tx, made.id, Event.DECLINE, decline=Decline.GENERIC)
        attempts.promise(tx, made.id)
        attempts.promise(tx, made.id)
    (body,) = _bodies(engine)
    assert "no se le ha cobrado nada" in body


@pytest.mark.postgres
def test_the_merchant_and_the_timeline_hear_of_each_move(
    engine: sa.Engine, attempts: AttemptService, clock: ManualClock, ids: SequentialIds, work: RecordedJobs
) -> None:
    with engine.begin() as tx:
        made = _made(tx, attempts, clock, ids)
        attempts.advance(tx, made.id, Event.MARK_UNKNOWN)
        attempts.advance(tx, made.id, Event.APPROVE)
    with reading(engine) as connection:
        kinds = set(connection.execute(sa.select(schema.outcome.c.kind)).scalars())
        told = set(connection.execute(sa.select(schema.timeline.c.kind)).scalars())
    assert kinds == {"payment.unknown", "payment.approved"} == told
    assert work.names().count("deliver_outcome") == 2


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([Event.APPROVE], [("payment.approved", "approved", "approved")]),
        ([Event.DECLINE], [("payment.declined", "declined", "declined")]),
        ([Event.CANCEL], [("payment.not_charged", "not_charged", "fenced")]),
        (
            [Event.MARK_UNKNOWN, Event.NEEDS_REVIEW, Event.VOIDED],
            [
                ("payment.needs_review", "needs_review", "for_a_person"),
                ("payment.not_charged", "not_charged", "voided"),
                ("payment.unknown", "unknown", "unknown"),
            ],
        ),
    ],
)
def test_webhooks_name_states_in_the_public_words(
    engine: sa.Engine,
    attempts: AttemptService,
    clock: ManualClock,
    ids: SequentialIds,
    *,
    events: list[Event],
    told: list[tuple[str, str, str]],
) -> None:
    with engine.begin() as tx:
        made = _made(tx, attempts, clock, ids)
        for event in events:
            attempts.advance(tx, made.id, event, **({"decline": "generic"} if event is Event.DECLINE else {}))
    with reading(engine) as tx:
        bodies = [json.loads(body) for body in tx.execute(sa.select(schema.outcome.c.body)).scalars()]
    for body in bodies:
        check(WEBHOOK, body)
    said = [(one["type"], one["data"]["state"], one["data"]["internal_state"]) for one in bodies]
    assert sorted(said) == told


@pytest.mark.postgres
def test_a_refund_whose_amount_looks_like_a_card_is_told_all_the_same(
    engine: sa.Engine, attempts: AttemptService, clock: ManualClock, ids: SequentialIds
) -> None:
    """Thirteen digits that pass Luhn's check: a currency of small units has such amounts."""
    with engine.begin() as tx:
        made = _made(tx, attempts, clock, ids)
        attempts.advance(tx, made.id, Event.APPROVE)
        refund = Refund(
            id="refund_1",
            attempt_id=made.id,
            amount_minor=4_000_000_000_006,
            currency="EUR",
            state=RefundState.APPROVED,
            gateway_reference=None,
            gateway_code=None,
            asked_by=None,
            created_at=clock.now(),
            sent_at=None,
            settled_at=None,
            jobs=0,
        )
        approved = RefundApproved(payment_facts(attempts.get(tx, made.id)), refund_facts(refund))
        attempts.transitions.events.emit(tx, approved)
    with reading(engine) as connection:
        told = connection.execute(
            sa.select(schema.outcome.c.body).where(schema.outcome.c.kind == "refund.approved")
        ).scalar_one()
    assert '"refund_minor":4000000000006' in told
    check(WEBHOOK, json.loads(told))
    data = json.loads(told)["data"]
    assert data["refund_status"] == "approved"
    assert "state" not in data, "it could be taken for the refund's"


@pytest.mark.postgres
def test_a_merchant_hears_every_end_of_a_dispute(
    engine: sa.Engine, clock: ManualClock, ids: SequentialIds, attempts: AttemptService
) -> None:
    """However long its reference, and also the one that it had before."""
    ends = [DisputeState.WON, DisputeState.LOST, DisputeState.WON]
    with engine.begin() as tx:
        attempt = _made(tx, attempts, clock, ids)
        for end in ends:
            told = DisputeUpdated("dp_" + "1" * 77, "ch_1", 4990, "EUR", "fraudulent", end)
            attempts.transitions.events.emit(tx, PaymentDisputed(payment_facts(attempt), told))
    with reading(engine) as tx:
        posted = tx.execute(
            sa.select(schema.outcome.c.body)
            .where(schema.outcome.c.kind == "payment.disputed")
            .order_by(schema.outcome.c.id)
        ).scalars()
        bodies = [json.loads(body) for body in posted]
    for body in bodies:
        check(WEBHOOK, body)
    assert [body["data"]["dispute_state"] for body in bodies] == ends
