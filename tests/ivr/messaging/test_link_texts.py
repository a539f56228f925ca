"""The text that carries a link: beside the receipt, told apart from it, and not sent once it helps nobody."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from gateways.secret import Secret
from ivr.carriers.twilio.rest import CarrierHttp
from ivr.customers import timeline
from ivr.jobs.job_list import SEND_MESSAGE
from ivr.messaging import messages, templates
from ivr.messaging.channels import InList, Lost, NotInList, OutgoingMessage, Refused, Sent
from ivr.messaging.channels.sms import Sms
from ivr.messaging.delivery import MessageJobs
from ivr.messaging.delivery_errors import Refusal
from ivr.messaging.messages import Message, Purpose
from ivr.messaging.states import MessageEvent, MessageState
from ivr.messaging.templates import LinkOffer, ReceiptText
from ivr.payments.attempts import states
from ivr.platform.database.engine import reading
from tests.support.approved_payment import approved_attempt
from tests.support.carrier_api import ACCOUNT, TOKEN, CarrierApi, carrier_api
from tests.support.recorded_jobs import RecordedJobs
from tests.support.schema import attempt, pay_link
from tests.support.time_and_ids import ManualClock, SequentialIds

PHONE = "+34600000001"
SECRET_PART = "7k3m97k3m97k3m97k3m97k3m9x"
URL = f"https://pay.example.com/pay/{SECRET_PART}"
OFFER = LinkOffer("Demo Town Hall", 4990, "EUR", "12345678", URL, 60)
RECEIPT = ReceiptText("Demo Town Hall", 4990, "EUR", "12345678", "", "87654321")


class Post:
    """A channel that takes everything, unless it is told otherwise."""

    name = "sms"

    def __init__(self) -> None:
        self.answers: list[Sent | Refused | Lost] = []
        self.sent: list[OutgoingMessage] = []

    def send(self, message: OutgoingMessage) -> Sent | Refused | Lost:
        self.sent.append(message)
        return self.answers.pop(0) if self.answers else Sent(f"SM{len(self.sent)}")

    def find_sent(self, message: OutgoingMessage) -> NotInList:
        return NotInList()


class LinkTexts:
    """A payment whose link is open, and both of its texts."""

    def __init__(self, engine: sa.Engine, clock: ManualClock, work: RecordedJobs, ids: SequentialIds) -> None:
        self.engine, self.clock, self.work, self.ids = engine, clock, work, ids
        self.post = Post()
        self.sender = MessageJobs(engine, {"sms": self.post}, work, clock)
        with engine.begin() as tx:
            self.attempt_id = approved_attempt(tx, clock)
            is_open = {"state": states.State.LINK_OPEN, "method": states.Method.LINK, "settled_at": None}
            tx.execute(sa.update(attempt).values(is_open))
            tx.execute(
                pay_link.insert().values(
                    attempt_id=self.attempt_id,
                    token=SECRET_PART,
                    base_url="https://pay.example.com",
                    expires_at=clock.now() + timedelta(hours=1),
                )
            )
        self.link = self.record_link()

    def record_link(self) -> Message:
        with self.engine.begin() as tx:
            return messages.record(
                tx,
                attempt_id=self.attempt_id,
                purpose=Purpose.LINK,
                body=templates.link(OFFER, "en"),
                language="en",
                recipient=PHONE,
                channel="sms",
                work=self.work,
                clock=self.clock,
                ids=self.ids,
            )

    def record_receipt(self) -> Message:
        with self.engine.begin() as tx:
            return messages.record(
                tx,
                attempt_id=self.attempt_id,
                purpose=Purpose.OUTCOME,
                body=templates.receipt(RECEIPT, "en"),
                language="en",
                recipient=PHONE,
                channel="sms",
                work=self.work,
                clock=self.clock,
                ids=self.ids,
            )

    def move_to(self, state: states.State) -> None:
        with self.engine.begin() as tx:
            tx.execute(sa.update(attempt).values(state=state))

    def now(self, one: Message) -> Message:
        with reading(self.engine) as tx:
            found = messages.find(tx, one.id)
        assert found is not None
        return found


@pytest.fixture
def texts(engine: sa.Engine, clock: ManualClock, work: RecordedJobs, ids: SequentialIds) -> LinkTexts:
    return LinkTexts(engine, clock, work, ids)


def test_one_of_each_purpose_and_never_two(texts: LinkTexts) -> None:
    assert texts.record_link() == texts.link
    receipt = texts.record_receipt()
    assert texts.record_receipt() == receipt
    assert (texts.link.purpose, receipt.purpose) == (Purpose.LINK, Purpose.OUTCOME)
    assert [one.subject_id for one in texts.work.asked if one.job is SEND_MESSAGE] == [
        texts.link.id,
        receipt.id,
    ]


@pytest.mark.postgres
def test_it_is_sent_once_and_bears_its_own_mark(texts: LinkTexts) -> None:
    receipt = texts.record_receipt()
    for one in (texts.link, texts.link, receipt):
        texts.sender.send(one.id, 0)
    assert [message.mark for message in texts.post.sent] == [SECRET_PART, "87654321"]
    assert URL in texts.post.sent[0].body
    assert "87654321" not in texts.post.sent[0].body, "or a receipt would be found in it"
    assert SECRET_PART not in repr(texts.post.sent[0])
    with reading(texts.engine) as tx:
        kinds = [entry.kind for entry in timeline.of_call(tx, texts.attempt_id.replace("attempt", "call"))]
    assert kinds == ["link_text.sent", "confirmation.sent"]


@pytest.mark.parametrize(
    "state", [state for state in states.State if state is not states.State.LINK_OPEN], ids=str
)
def test_a_link_that_cannot_be_paid_any_more_is_not_sent(texts: LinkTexts, state: states.State) -> None:
    texts.move_to(state)
    texts.sender.send(texts.link.id, 0)
    assert texts.post.sent == []
    assert (texts.now(texts.link).state, texts.now(texts.link).error_code) == (
        MessageState.FAILED,
        "too_late",
    )


def test_a_link_expired_while_the_carrier_was_away_is_not_sent(texts: LinkTexts) -> None:
    texts.post.answers = [Refused("20503", Refusal.TEMPORARY)]
    texts.sender.send(texts.link.id, 0)
    assert texts.now(texts.link).state is MessageState.QUEUED
    texts.clock.advance(3600)
    texts.sender.send(texts.link.id, 1)
    assert len(texts.post.sent) == 1
    assert texts.now(texts.link).state is MessageState.FAILED


@pytest.mark.postgres
def test_a_receipt_is_sent_whatever_became_of_the_link(texts: LinkTexts) -> None:
    receipt = texts.record_receipt()
    texts.move_to(states.State.APPROVED)
    texts.clock.advance(7200)
    texts.sender.send(receipt.id, 0)
    assert [message.mark for message in texts.post.sent] == ["87654321"]


def test_what_is_on_its_way_is_not_called_back(texts: LinkTexts) -> None:
    with texts.engine.begin() as tx:
        messages.apply_event(tx, texts.link.id, MessageEvent.CLAIM, texts.clock.now(), tries=1)
        assert messages.apply_event(tx, texts.link.id, MessageEvent.TOO_LATE, texts.clock.now()) is None


@pytest.fixture
def carrier() -> Iterator[CarrierApi]:
    with carrier_api() as running:
        yield running


def test_in_the_carriers_list_neither_text_is_taken_for_the_other(
    texts: LinkTexts, carrier: CarrierApi
) -> None:
    """Both go to the same number within minutes: a lost receipt is not found in the link that was sent."""
    sms = Sms(
        account_sid=ACCOUNT,
        token=Secret(TOKEN),
        api_base=carrier.url,
        public_url="https://pay.example.org",
        sender="+34910000000",
        http=CarrierHttp(),
    )
    texts.record_receipt()
    for one in (texts.link, texts.record_receipt()):
        texts.sender.send(one.id, 0)
    link, receipt = texts.post.sent
    taken = sms.send(link)
    assert isinstance(taken, Sent)
    assert sms.find_sent(link) == InList(taken.provider_id)
    assert sms.find_sent(receipt) == NotInList()
