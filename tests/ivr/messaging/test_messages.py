"""One payment has one confirmation, recorded and enqueued with the charge or not at all."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from ivr.customers import timeline
from ivr.jobs.job_list import SEND_MESSAGE
from ivr.messaging import messages
from ivr.messaging import templates as texts
from ivr.messaging.messages import Message, Purpose
from ivr.messaging.states import MessageEvent, MessageState
from ivr.messaging.templates import ReceiptText
from ivr.platform.database.engine import reading
from ivr.platform.ids import RandomIds
from tests.support.approved_payment import approved_attempt
from tests.support.recorded_jobs import RecordedJobs
from tests.support.schema import confirmation
from tests.support.time_and_ids import ManualClock, SequentialIds

pytestmark = pytest.mark.postgres

Record = Callable[..., Message]
RECEIPT = ReceiptText("Demo Town Hall", 4990, "EUR", "12345678", "4242", "87654321")


@pytest.fixture
def record(clock: ManualClock, ids: SequentialIds, work: RecordedJobs) -> Record:
    def recorded(
        tx: sa.Connection, attempt_id: str, *, phone: str | None = "+34600000001", can_text: bool = True
    ) -> Message:
        return messages.record(
            tx,
            attempt_id=attempt_id,
            purpose=Purpose.OUTCOME,
            body=texts.receipt(RECEIPT, "es"),
            language="es",
            recipient=phone if can_text else None,
            channel="sms",
            work=work,
            clock=clock,
            ids=ids,
        )

    return recorded


def test_recorded_once_with_its_sending(
    engine: sa.Engine, clock: ManualClock, work: RecordedJobs, record: Record
) -> None:
    with engine.begin() as tx:
        attempt_id = approved_attempt(tx, clock)
        made = record(tx, attempt_id)
    with engine.begin() as tx:
        assert record(tx, attempt_id) == made
        assert tx.execute(sa.select(sa.func.count()).select_from(confirmation)).scalar_one() == 1
        assert messages.mark(tx, made.id) == "87654321"
    assert (made.state, made.channel, made.recipient) == (MessageState.QUEUED, "sms", "+34600000001")
    assert "49,90 €" in made.body
    assert [(asked.job, asked.subject_id) for asked in work.asked] == [(SEND_MESSAGE, made.id)]


def test_the_database_itself_refuses_a_second_one(
    engine: sa.Engine, clock: ManualClock, record: Record
) -> None:
    with engine.begin() as tx:
        made = record(tx, approved_attempt(tx, clock))
        row = dict(tx.execute(sa.select(confirmation)).mappings().one())
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as tx:
        tx.execute(confirmation.insert().values(**row | {"id": RandomIds().new("confirmation")}))
    with reading(engine) as tx:
        assert messages.find(tx, made.id) == made


@pytest.mark.parametrize("payer", [(None, False), (None, True), ("+34910000000", False)])
def test_without_a_text_the_reference_is_spoken(
    engine: sa.Engine, clock: ManualClock, work: RecordedJobs, record: Record, payer: tuple[str | None, bool]
) -> None:
    phone, can_text = payer
    with engine.begin() as tx:
        made = record(tx, approved_attempt(tx, clock, payer_phone=phone), phone=phone, can_text=can_text)
    assert (made.state, made.channel, made.recipient) == (MessageState.SPOKEN, "spoken", None)
    assert work.asked == []


def test_a_late_event_changes_nothing(engine: sa.Engine, clock: ManualClock, record: Record) -> None:
    with engine.begin() as tx:
        made = record(tx, approved_attempt(tx, clock))
        assert messages.apply_event(tx, made.id, MessageEvent.DELIVERED, clock.now(), provider_id="SM1")
        done = messages.find(tx, made.id)
        for event in MessageEvent:
            assert messages.apply_event(tx, made.id, event, clock.now(), error_code="late") is None
        assert messages.find(tx, made.id) == done
        assert messages.apply_event(tx, "confirmation_none", MessageEvent.CLAIM, clock.now()) is None


def test_an_event_of_an_earlier_try_comes_too_late(
    engine: sa.Engine, clock: ManualClock, record: Record
) -> None:
    with engine.begin() as tx:
        made = record(tx, approved_attempt(tx, clock))
        messages.apply_event(tx, made.id, MessageEvent.CLAIM, clock.now(), tries=2)
        assert messages.apply_event(tx, made.id, MessageEvent.ANSWER_LOST, clock.now(), at_try=1) is None
        assert messages.apply_event(tx, made.id, MessageEvent.ANSWER_LOST, clock.now(), at_try=2)


def test_the_payers_timeline_tells_it(engine: sa.Engine, clock: ManualClock, record: Record) -> None:
    with engine.begin() as tx:
        attempt_id = approved_attempt(tx, clock)
        made = record(tx, attempt_id)
        messages.apply_event(tx, made.id, MessageEvent.CLAIM, clock.now())
        messages.apply_event(tx, made.id, MessageEvent.TAKEN, clock.now(), provider_id="SM1")
        messages.apply_event(tx, made.id, MessageEvent.UNDELIVERED, clock.now(), error_code="30003")
        entries = timeline.of_call(tx, attempt_id.replace("attempt", "call"))
    assert [(entry.kind, entry.facts) for entry in entries] == [
        ("confirmation.sent", {"channel": "sms"}),
        ("confirmation.undelivered", {"channel": "sms", "error_code": "30003"}),
    ]
    assert {entry.attempt_id for entry in entries} == {attempt_id}
