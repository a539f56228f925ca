"""What `<Pay>` tells its statusCallback on the way: each step and mistake, masked."""

from ivr.simulators.phone.events import Reason
from ivr.simulators.phone.pay import PayHabits
from tests.support.pay_verb_call import CARD, CODE, EXPIRY, VISA, NotedConnector, paid
from tests.support.phone import ring
from tests.support.time_and_ids import ManualClock
from tests.support.twiml_server import TinyServer


def test_reports_tell_each_step_and_mistake_masked(clock: ManualClock) -> None:
    done = paid(clock, ["1111#", VISA, EXPIRY, CODE])
    steps = [(one.get("For"), one.get("Attempt"), one.get("ErrorType")) for one in done.reports]
    assert steps == [
        ("payment-card-number", "1", None),
        ("payment-card-number", "2", "invalid-card-number"),
        ("expiration-date", "1", None),
        ("security-code", "1", None),
        ("payment-processing", "1", None),
        (None, None, None),
    ]
    assert done.reports[-1]["Result"] == "success"
    assert done.reports[3]["PaymentCardNumber"] == "xxxxxxxxxxxx4242"
    assert not [one for one in done.reports if VISA in repr(one) or CODE in repr(one)]


def test_a_timeout_is_reported_by_another_name_than_its_prompts(clock: ManualClock) -> None:
    done = paid(clock, [None, None])
    assert done.reports[1]["ErrorType"] == "input-timeout"
    assert done.action["PaymentError"] == "input-timeout"


def test_without_a_status_callback_nobody_is_told(clock: ManualClock) -> None:
    server = TinyServer({"/voice/incoming": '<Pay action="/paid"/>', "/paid": "<Hangup/>"})
    ring(server.transport, clock, ["*"], habits=PayHabits({"Default": NotedConnector()}))
    assert server.paths == ["/voice/incoming", "/paid", "/voice/status"]


def test_a_report_that_nobody_takes_is_told_and_changes_nothing(clock: ManualClock) -> None:
    server = TinyServer(
        {
            "/voice/incoming": '<Pay action="/paid" statusCallback="/gone" postalCode="false"/>',
            "/paid": "<Hangup/>",
        }
    )
    ended, _ = ring(server.transport, clock, CARD, habits=PayHabits({"Default": NotedConnector()}))
    assert ended.reason is Reason.SERVER
    assert {fault.url for fault in ended.faults} == {"https://pay.example/gone"}
