"""`paybycall message`: texts that wait for the operator, and sending them again."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from ivr.jobs.backlog import backlog
from ivr.messaging import messages
from ivr.messaging import templates as texts
from ivr.messaging.messages import Purpose
from ivr.messaging.states import MessageEvent
from ivr.messaging.templates import LinkOffer, ReceiptText
from ivr.platform.clock import SystemClock
from ivr.platform.ids import RandomIds
from tests.ivr.cli.conftest import Run
from tests.support.approved_payment import approved_attempt
from tests.support.recorded_jobs import RecordedJobs
from tests.support.time_and_ids import ManualClock


def hold(engine: sa.Engine, reference: str, *, days_ago: int = 0, link: bool = False) -> str:
    """A text that waits for the operator since so many days; `link`: one that can no longer be paid."""
    clock = ManualClock(SystemClock().now() - timedelta(days=days_ago))
    ids = RandomIds()
    with engine.begin() as tx:
        attempt_id = approved_attempt(tx, clock, reference=reference)
        given = {
            "attempt_id": attempt_id,
            "language": "en",
            "recipient": "+34600000001",
            "channel": "sms",
            "work": RecordedJobs(),
            "clock": clock,
            "ids": ids,
        }
        if link:
            offer = LinkOffer("Town", 4990, "EUR", "12345678", "https://pay.example/pay/x", 60)
            given |= {"purpose": Purpose.LINK, "body": texts.link(offer, "en")}
        else:
            receipt = ReceiptText("Town", 4990, "EUR", "12345678", "4242", reference)
            given |= {"purpose": Purpose.OUTCOME, "body": texts.receipt(receipt, "en")}
        made = messages.record(tx, **given)  # type: ignore[arg-type]
        for event in (MessageEvent.CLAIM, MessageEvent.HOLD):
            messages.apply_event(tx, made.id, event, clock.now(), tries=1, error_code="21606")
    return made.id


@pytest.mark.slow
def test_held_texts_are_listed_and_the_useful_ones_sent_again(paybycall: Run, engine: sa.Engine) -> None:
    fresh, old = hold(engine, "80000001"), hold(engine, "80000002", days_ago=8)
    link = hold(engine, "80000003", link=True)
    heading, *listed = paybycall("message", "list").stdout.splitlines()
    assert heading.split() == ["ID", "PURPOSE", "PAYMENT", "CREATED", "LAST", "TRY", "ERROR"]
    assert [line.split()[0] for line in listed] == [old, fresh, link]
    assert "80000001" in listed[1]
    assert listed[1].endswith("21606")
    assert paybycall("message", "resend").exit_code == 2
    sent = paybycall("message", "resend", "--held")
    assert sent.stdout == f"{fresh}: will be sent again\n{link}: not sent: its link can no longer be paid\n"
    assert "1 older than 7 days were not sent. To send them, give their IDs." in sent.stderr
    assert paybycall("message", "resend", old).stdout == f"{old}: will be sent again\n"
    again = paybycall("message", "resend", fresh, "confirmation_none")
    assert (again.exit_code, again.stdout.count("not sent: it was sent")) == (1, 1)
    none = paybycall("message", "resend", "confirmation_none")
    assert (none.exit_code, none.stdout) == (2, "")
    assert none.stderr == "confirmation_none: there is no message with this ID\n"
    assert sum(backlog(engine).values()) == 2
    assert paybycall("message", "list").stdout == ""
