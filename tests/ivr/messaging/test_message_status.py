"""The carrier's callbacks: late, twice, out of order, forged, garbled; none changes anything twice."""

import itertools
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from flask import Flask

from gateways.secret import Secret
from ivr.jobs.job_list import SEND_MESSAGE
from ivr.jobs.retry import SEND_MESSAGE_SCHEDULE
from ivr.messaging import messages
from ivr.messaging import resend as resending
from ivr.messaging import templates as texts
from ivr.messaging.messages import Message, Purpose
from ivr.messaging.resend import Resent
from ivr.messaging.states import MessageEvent, MessageState
from ivr.messaging.templates import ReceiptText
from ivr.platform.database.engine import reading
from ivr.web.carrier_webhooks.messages import make_blueprint
from tests.support.approved_payment import approved_attempt
from tests.support.carrier_signature import signed_headers
from tests.support.recorded_jobs import RecordedJobs
from tests.support.time_and_ids import ManualClock, SequentialIds

PUBLIC = "https://pay.example.org"
TOKENS = (Secret("new"), Secret("old"))
ACCOUNT = "AC" + "0" * 32
SID = "SM" + "1" * 32
OTHER = "SM" + "2" * 32
Report = Callable[..., int]


@pytest.fixture
def texted(engine: sa.Engine, clock: ManualClock, ids: SequentialIds, work: RecordedJobs) -> str:
    with engine.begin() as tx:
        made = messages.record(
            tx,
            attempt_id=approved_attempt(tx, clock),
            purpose=Purpose.OUTCOME,
            body=texts.receipt(ReceiptText("Town", 4990, "EUR", "12345678", "4242", "87654321"), "en"),
            language="en",
            recipient="+34600000001",
            channel="sms",
            work=work,
            clock=clock,
            ids=ids,
        )
        messages.apply_event(tx, made.id, MessageEvent.CLAIM, clock.now(), tries=1, tried_at=clock.now())
    return made.id


@pytest.fixture
def report(engine: sa.Engine, clock: ManualClock, texted: str, work: RecordedJobs) -> Report:
    app = Flask(__name__)
    app.register_blueprint(
        make_blueprint(engine, work=work, clock=clock, public_url=PUBLIC, tokens=TOKENS, account_sid=ACCOUNT)
    )
    client = app.test_client()

    def reported(
        status: str, *, sid: str = SID, to: str = texted, token: Secret = TOKENS[0], **extra: str
    ) -> int:
        form = {"AccountSid": ACCOUNT, "MessageSid": sid, "MessageStatus": status, **extra}
        target = "/messages/status?" + urlencode({"c": to})
        return client.post(
            target, data=form, headers=signed_headers(token, PUBLIC + target, form)
        ).status_code

    return reported


@pytest.fixture
def now(engine: sa.Engine, texted: str) -> Callable[[], Message]:
    def found() -> Message:
        with reading(engine) as tx:
            row = messages.find(tx, texted)
        assert row is not None
        return row

    return found


def test_from_sent_to_delivered(report: Report, now: Callable[[], Message]) -> None:
    assert report("sent") == 204
    assert (now().state, now().provider_id) == (MessageState.SENT, SID)
    assert report("delivered", token=TOKENS[1]) == 204
    assert now().state is MessageState.DELIVERED


@pytest.mark.parametrize("order", list(itertools.permutations(["queued", "sent", "delivered"])))
def test_in_any_order_and_twice_it_ends_delivered(
    report: Report, now: Callable[[], Message], order: tuple[str, ...]
) -> None:
    for status in (*order, *order):
        assert report(status) == 204
    assert now().state is MessageState.DELIVERED


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("undelivered", MessageState.UNDELIVERED),
        ("failed", MessageState.FAILED),
        ("canceled", MessageState.FAILED),
    ],
)
def test_a_failure_is_kept_with_its_code(
    report: Report, now: Callable[[], Message], status: str, state: MessageState
) -> None:
    report("sent")
    assert report(status, ErrorCode="30005") == 204
    assert report("sent") == 204
    assert (now().state, now().error_code) == (state, "30005")


def test_a_late_delivery_is_true_all_the_same(report: Report, now: Callable[[], Message]) -> None:
    report("undelivered", ErrorCode="30005")
    report("delivered")
    assert (now().state, now().error_code) == (MessageState.DELIVERED, None)


@pytest.mark.parametrize("code", ["30003", "30002"])
def test_a_delivery_behind_its_failure_stops_the_next_try(
    report: Report, now: Callable[[], Message], code: str
) -> None:
    report("undelivered", ErrorCode=code)
    report("delivered")
    assert (now().state, now().error_code) == (MessageState.DELIVERED, None)


@pytest.mark.postgres
def test_another_copys_failure_says_nothing_of_this_one(report: Report, now: Callable[[], Message]) -> None:
    report("sent")
    assert report("failed", sid=OTHER, ErrorCode="30003") == 204
    assert (now().state, now().error_code) == (MessageState.SENT, None)
    assert report("delivered", sid=OTHER) == 204
    assert (now().state, now().provider_id) == (MessageState.DELIVERED, SID)


def test_a_status_that_we_do_not_know_changes_nothing(report: Report, now: Callable[[], Message]) -> None:
    assert report("teleported") == 204
    assert now().state is MessageState.SENDING


@pytest.mark.parametrize("to", ["", "confirmation_none", "x" * 300, "confirmation_1\0", "José", "../../etc"])
def test_an_unknown_confirmation_is_not_found(report: Report, to: str) -> None:
    assert report("sent", to=to) == 404


def test_a_forged_report_is_forbidden(report: Report, now: Callable[[], Message]) -> None:
    assert report("delivered", token=Secret("guessed")) == 403
    assert now().state is MessageState.SENDING


@pytest.mark.parametrize(
    "broken", [{"status": ""}, {"status": "sent", "sid": ""}, {"status": "sent", "sid": "x" * 99}]
)
def test_a_report_without_its_fields_is_a_bad_request(report: Report, broken: dict[str, str]) -> None:
    assert report(**broken) == 400


@pytest.mark.postgres
def test_a_report_of_a_spoken_confirmation_changes_nothing(
    report: Report, engine: sa.Engine, now: Callable[[], Message], texted: str
) -> None:
    with engine.begin() as tx:
        tx.execute(messages.confirmation.update().values(state="spoken"))
    assert report("delivered") == 204
    assert now().state is MessageState.SPOKEN


SAID_LATER = [
    ("failed", "30002", MessageState.HELD),
    ("undelivered", "30007", MessageState.HELD),
    ("failed", "30001", MessageState.QUEUED),
    ("undelivered", "30003", MessageState.QUEUED),
    ("failed", "30008", MessageState.QUEUED),  # the carrier knows no more either
    ("undelivered", "", MessageState.QUEUED),
    ("undelivered", "30006", MessageState.UNDELIVERED),
    ("failed", "30005", MessageState.FAILED),
    ("canceled", "", MessageState.FAILED),
]


@pytest.mark.parametrize("said", SAID_LATER)
@pytest.mark.parametrize("first", ["sent", ""])
def test_what_is_said_later_is_sorted_as_an_answer_is(
    report: Report,
    now: Callable[[], Message],
    work: RecordedJobs,
    said: tuple[str, str, MessageState],
    first: str,
) -> None:
    """With time it is sent again, once; news of the earlier copy, late or again, changes nothing."""
    status, code, state = said
    if first:
        report(first)
    work.take(SEND_MESSAGE)
    for news in (status, status, "sent", "queued"):
        report(news, **({"ErrorCode": code} if news == status else {}))
        assert (now().state, now().error_code, now().provider_id) == (state, code or None, SID)
    again = [(asked.nth, asked.delay_s) for asked in work.take(SEND_MESSAGE)]
    assert again == ([(2, sum(SEND_MESSAGE_SCHEDULE.delays_s[:2]))] if state is MessageState.QUEUED else [])


def test_what_time_did_not_mend_in_a_day_waits_for_the_operator(
    engine: sa.Engine, clock: ManualClock, report: Report, now: Callable[[], Message], work: RecordedJobs
) -> None:
    texted = now().id
    waited, sid = 0.0, 0
    work.take(SEND_MESSAGE)
    for _ in range(9):
        report("undelivered", sid=f"SM{sid}", ErrorCode="30003")
        for asked in work.take(SEND_MESSAGE):
            waited, sid = waited + asked.delay_s, sid + 1
            with engine.begin() as tx:
                messages.apply_event(
                    tx, texted, MessageEvent.CLAIM, clock.now(), tries=now().tries + 1, tried_at=clock.now()
                )
                messages.apply_event(tx, texted, MessageEvent.TAKEN, clock.now(), provider_id=f"SM{sid}")
    assert (sid, now().error_code) == (5, "30003")
    assert waited == sum(SEND_MESSAGE_SCHEDULE.delays_s)
    with engine.begin() as tx:
        assert resending.resend(tx, texted, work=work, clock=clock) is Resent.QUEUED


@pytest.mark.postgres
def test_an_answer_after_the_texts_status_webhook_changes_nothing(
    engine: sa.Engine, clock: ManualClock, texted: str, report: Report, now: Callable[[], Message]
) -> None:
    for code, state in (("30001", MessageState.QUEUED), ("30002", MessageState.HELD)):
        report("failed", ErrorCode=code)
        with engine.begin() as tx:
            messages.apply_event(tx, texted, MessageEvent.TAKEN, clock.now(), provider_id=SID)
        assert now().state is state
        with engine.begin() as tx:
            tx.execute(messages.confirmation.update().values(state="sending", provider_id=None))
    report("failed", ErrorCode="30001")
    with engine.begin() as tx:  # another copy was taken: that one is on its way
        messages.apply_event(tx, texted, MessageEvent.TAKEN, clock.now(), provider_id=OTHER)
    assert (now().state, now().provider_id) == (MessageState.SENT, OTHER)
