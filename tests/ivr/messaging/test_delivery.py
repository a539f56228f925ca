"""A text is sent once: whatever the carrier answers, whoever dies meanwhile, and however often a job runs."""

from collections.abc import Callable
from datetime import datetime

import pytest
import sqlalchemy as sa

from ivr.jobs.job_list import CHECK_MESSAGE, SEND_MESSAGE
from ivr.jobs.retry import FIND_MESSAGE_SCHEDULE, SEND_MESSAGE_SCHEDULE
from ivr.messaging import messages
from ivr.messaging import resend as resending
from ivr.messaging.channels import InList, Lost, Refused, Sent, Unclear
from ivr.messaging.delivery import MessageJobs
from ivr.messaging.delivery_errors import Refusal
from ivr.messaging.resend import Resent
from ivr.messaging.states import MessageEvent, MessageState
from tests.support import schema
from tests.support.message_worker import MessageWorker, ScriptedChannel
from tests.support.recorded_jobs import RecordedJobs
from tests.support.time_and_ids import ManualClock, SequentialIds


class Killed(BaseException):
    """The worker died here."""


@pytest.fixture
def worker(engine: sa.Engine, clock: ManualClock, work: RecordedJobs, ids: SequentialIds) -> MessageWorker:
    return MessageWorker(engine, clock, work, ScriptedChannel(), ids)


def test_sent_once_however_often_the_job_runs(worker: MessageWorker) -> None:
    worker.channel.answers = [Sent("SM1")]
    worker.run_all()
    worker.sender.send(worker.id, 0)
    worker.sender.check(worker.id, 100)
    assert len(worker.channel.sent) == 1
    assert worker.channel.sent[0].recipient == "+34600000001"
    assert worker.channel.looked == 0
    assert (worker.now().state, worker.now().provider_id, worker.now().tries) == (MessageState.SENT, "SM1", 1)


def test_that_a_worker_has_it_is_committed_before_it_leaves(worker: MessageWorker) -> None:
    seen: list[MessageState] = []

    def answer() -> Sent:
        seen.append(worker.now().state)
        return Sent("SM1")

    worker.channel.answers = [answer]
    worker.run_all()
    assert seen == [MessageState.SENDING]


def test_a_worker_that_died_after_sending_is_not_repeated(worker: MessageWorker) -> None:
    def die() -> Sent:
        raise Killed

    worker.channel.answers = [die]
    with pytest.raises(Killed):
        worker.sender.send(worker.id, 0)
    worker.sender.send(worker.id, 0)  # recovered: the same job again
    assert worker.now().state is MessageState.SENDING
    worker.channel.listed = InList("SM9")
    worker.run_all()
    assert len(worker.channel.sent) == 1
    assert (worker.now().state, worker.now().provider_id) == (MessageState.SENT, "SM9")


def test_the_text_of_a_worker_that_died_before_sending_is_sent(worker: MessageWorker) -> None:
    def die() -> Sent:
        raise Killed

    worker.channel.answers = [die, Sent("SM2")]
    with pytest.raises(Killed):
        worker.sender.send(worker.id, 0)
    worker.run_all()
    assert len(worker.channel.sent) == 2
    assert (worker.now().state, worker.now().provider_id, worker.now().tries) == (MessageState.SENT, "SM2", 2)


def test_a_lost_answer_is_looked_up_and_the_text_not_sent_again(worker: MessageWorker) -> None:
    worker.channel.answers = [Lost("timeout")]
    worker.channel.listed = InList("SM1")
    worker.run_all()
    assert len(worker.channel.sent) == 1
    assert (worker.now().state, worker.now().provider_id) == (MessageState.SENT, "SM1")


def test_a_list_that_lacks_it_too_soon_proves_nothing(worker: MessageWorker) -> None:
    worker.channel.answers = [Lost("timeout")]
    worker.run(worker.work.take(SEND_MESSAGE)[0])
    for wait_s in FIND_MESSAGE_SCHEDULE.delays_s[:2]:  # a minute, two more
        (look,) = worker.work.take(CHECK_MESSAGE)
        assert look.delay_s == wait_s
        worker.run(look)
        assert worker.work.take(SEND_MESSAGE) == []
        assert worker.now().state is MessageState.MAYBE_SENT
    worker.run(worker.work.take(CHECK_MESSAGE)[0])
    assert worker.now().state is MessageState.QUEUED
    assert len(worker.work.take(SEND_MESSAGE)) == 1


def test_a_callback_before_the_check_settles_it(worker: MessageWorker, clock: ManualClock) -> None:
    worker.channel.answers = [Lost("timeout")]
    worker.run(worker.work.asked[0])
    with worker.engine.begin() as tx:
        messages.apply_event(tx, worker.id, MessageEvent.DELIVERED, clock.now(), provider_id="SM1")
    worker.run_all()
    assert len(worker.channel.sent) == 1
    assert worker.channel.looked == 0
    assert worker.now().state is MessageState.DELIVERED


def test_a_callback_before_the_second_try_stops_it(worker: MessageWorker, clock: ManualClock) -> None:
    worker.channel.answers = [Lost("timeout")]
    while worker.now().state is not MessageState.QUEUED or worker.now().tries == 0:
        worker.run(worker.work.asked.pop(0))
    with worker.engine.begin() as tx:
        messages.apply_event(tx, worker.id, MessageEvent.TAKEN, clock.now(), provider_id="SM1")
    worker.run_all()
    assert len(worker.channel.sent) == 1
    assert worker.now().state is MessageState.SENT


def test_a_callback_that_overtakes_the_answer_is_kept(worker: MessageWorker, clock: ManualClock) -> None:
    def deliver_first() -> Sent:
        with worker.engine.begin() as tx:
            messages.apply_event(tx, worker.id, MessageEvent.DELIVERED, clock.now(), provider_id="SM1")
        return Sent("SM1")

    worker.channel.answers = [deliver_first]
    worker.run_all()
    assert (worker.now().state, worker.now().provider_id) == (MessageState.DELIVERED, "SM1")


def test_an_unclear_message_list_is_asked_for_a_day_and_never_resent(worker: MessageWorker) -> None:
    worker.channel.answers = [Lost("timeout")]
    worker.channel.listed = Unclear("no bodies")
    worker.run_all()
    assert len(worker.channel.sent) == 1
    assert worker.channel.looked == len(FIND_MESSAGE_SCHEDULE.delays_s)
    assert worker.now().state is MessageState.MAYBE_SENT


def test_refused_for_good_is_not_tried_again(worker: MessageWorker) -> None:
    worker.channel.answers = [Refused("21610", Refusal.PERMANENT)]
    worker.run_all()
    assert len(worker.channel.sent) == 1
    assert (worker.now().state, worker.now().error_code) == (MessageState.FAILED, "21610")


def test_refused_for_now_is_tried_again_after_ever_longer_waits(
    worker: MessageWorker, clock: ManualClock
) -> None:
    worker.channel.answers = [
        Refused("429", Refusal.TEMPORARY),
        Refused("503", Refusal.TEMPORARY),
        Sent("SM3"),
    ]
    worker.run_all()
    retries = [asked for asked in worker.work.asked if asked.job == SEND_MESSAGE]
    assert [asked.delay_s for asked in retries] == [0, *SEND_MESSAGE_SCHEDULE.delays_s[:2]]
    assert (worker.now().state, worker.now().error_code, worker.now().tries) == (MessageState.SENT, None, 3)


def test_a_carrier_that_always_refuses_leaves_it_to_the_operator(worker: MessageWorker) -> None:
    worker.channel.answers = [Refused("429", Refusal.TEMPORARY)] * 50
    worker.run_all()
    assert len(worker.channel.sent) == len(SEND_MESSAGE_SCHEDULE.delays_s) + 1
    assert (worker.now().state, worker.now().error_code) == (MessageState.HELD, "429")
    assert (
        sum(SEND_MESSAGE_SCHEDULE.delays_s) > 24 * 3600 - 7200
    )  # about a day: an operator has seen it by then


@pytest.mark.slow
def test_a_text_that_vanishes_every_time_is_left_to_the_operator(worker: MessageWorker) -> None:
    worker.channel.answers = [Lost("timeout")] * 50
    worker.run_all(limit=120)
    assert len(worker.channel.sent) == len(SEND_MESSAGE_SCHEDULE.delays_s) + 1
    assert (worker.now().state, worker.now().error_code) == (MessageState.HELD, "missing")


@pytest.mark.parametrize(
    ("mends", "tries", "state"),
    [
        (Refusal.PERMANENT, 1, MessageState.FAILED),
        (Refusal.NEEDS_OPERATOR, 1, MessageState.HELD),
        (Refusal.TEMPORARY, 2, MessageState.SENT),
        (Refusal.UNKNOWN, 2, MessageState.SENT),
    ],
)
def test_who_can_mend_a_refusal_says_what_is_done(
    worker: MessageWorker, mends: Refusal, tries: int, state: MessageState
) -> None:
    worker.channel.answers = [Refused("21611", mends), Sent("SM1")]
    worker.run_all()
    assert (len(worker.channel.sent), worker.now().state) == (tries, state)


def test_a_held_text_is_sent_once_more_by_command_and_only_once(worker: MessageWorker) -> None:
    worker.channel.answers = [Refused("21606", Refusal.NEEDS_OPERATOR), Sent("SM1"), Sent("SM2")]
    worker.run_all()
    with worker.engine.begin() as tx:
        assert [one.error_code for one in resending.held(tx)] == ["21606"]
        resent = [
            resending.resend(tx, one, work=worker.work, clock=worker.clock)
            for one in (worker.id, worker.id, "confirmation_none")
        ]
    assert resent == [Resent.QUEUED, Resent.NOT_HELD, None]
    worker.run_all()
    with worker.engine.begin() as tx:
        assert resending.resend(tx, worker.id, work=worker.work, clock=worker.clock) is Resent.NOT_HELD
        assert resending.held(tx) == []
    worker.run_all()
    assert (len(worker.channel.sent), worker.now().state, worker.now().provider_id) == (
        2,
        MessageState.SENT,
        "SM1",
    )


def test_a_held_text_is_sent_by_command(worker: MessageWorker) -> None:
    """That try found it held, and did nothing: it is not taken for the one that the command asks for."""
    worker.channel.answers = [Refused("429", Refusal.TEMPORARY), Sent("SM2")]
    worker.run(worker.work.asked[0])
    with worker.engine.begin() as tx:  # the carrier's news of a copy that it took all the same
        held = messages.apply_event(tx, worker.id, MessageEvent.HOLD, worker.clock.now(), provider_id="SM1")
    assert held is not None
    worker.run_all()
    assert (len(worker.channel.sent), worker.now().state) == (1, MessageState.HELD)
    with worker.engine.begin() as tx:
        resent = resending.resend(tx, worker.id, work=worker.work, clock=worker.clock)
    assert resent is Resent.QUEUED
    worker.run_all()
    assert (len(worker.channel.sent), worker.now().provider_id) == (2, "SM2")


@pytest.mark.postgres
def test_messages_given_up_by_the_last_release_can_be_resent(
    worker: MessageWorker, clock: ManualClock
) -> None:
    for code, taken, resent in (
        ("21610", None, Resent.NOT_HELD),
        ("30005", "SM1", Resent.NOT_HELD),
        ("withheld", None, Resent.NOT_HELD),  # the migration's word: the number is nobody's
        ("21611", None, Resent.QUEUED),
        ("30008", "SM1", Resent.QUEUED),
        (None, "SM1", Resent.QUEUED),  # canceled in the carrier's console
    ):
        with worker.engine.begin() as tx:
            failed = {"state": MessageState.FAILED, "error_code": code, "provider_id": taken}
            tx.execute(sa.update(schema.confirmation).values(failed))
            assert resending.resend(tx, worker.id, work=worker.work, clock=clock) is resent


def test_the_check_of_an_earlier_try_does_not_go_on(worker: MessageWorker) -> None:
    """It would look for the later try with the earlier one's patience, and queue it a second time."""
    worker.channel.answers = [Refused("429", Refusal.TEMPORARY), Lost("timeout")]
    worker.run(worker.work.take(SEND_MESSAGE)[0])
    [of_the_first] = worker.work.take(CHECK_MESSAGE)
    worker.run(worker.work.take(SEND_MESSAGE)[0])
    assert (worker.now().state, worker.now().tries) == (MessageState.MAYBE_SENT, 2)
    worker.clock.advance(3600)
    worker.sender.check(worker.id, of_the_first.nth)
    assert worker.channel.looked == 0
    assert worker.now().state is MessageState.MAYBE_SENT


def test_the_late_answer_of_an_earlier_try_undoes_nothing(worker: MessageWorker) -> None:
    def hang() -> Refused:  # stopped for an hour, while others looked, sent again, and lost sight of that
        worker.run_all()
        return Refused("500", Refusal.PERMANENT)

    worker.channel.answers = [hang, Sent("SM2")]
    worker.sender.send(worker.id, 0)
    assert (worker.now().state, worker.now().provider_id) == (MessageState.SENT, "SM2")


@pytest.mark.parametrize(
    "late", [Refused("21610", Refusal.PERMANENT), Refused("429", Refusal.TEMPORARY), Lost("x")]
)
def test_a_late_answer_of_an_earlier_try_changes_nothing(worker: MessageWorker, late: Refused | Lost) -> None:
    def hang() -> Refused | Lost:
        while worker.now().state is not MessageState.QUEUED:
            worker.run(worker.work.take(CHECK_MESSAGE)[0])
        assert worker.sender._claim(worker.id)  # another worker has the second try, and is sending it
        return late

    worker.channel.answers = [hang]
    worker.sender.send(worker.id, 0)
    assert (worker.now().state, worker.now().tries) == (MessageState.SENDING, 2)


def test_a_text_for_a_channel_that_is_gone_leaves_by_another(worker: MessageWorker) -> None:
    other = ScriptedChannel(name="console", answers=[Sent("c1")])
    worker.sender = MessageJobs(worker.engine, {"console": other}, worker.work, worker.clock)
    worker.run_all()
    assert (len(other.sent), worker.now().channel, worker.now().state) == (1, "console", MessageState.SENT)


def test_nobody_by_that_name(worker: MessageWorker) -> None:
    worker.sender.send("confirmation_none", 0)
    worker.sender.check("confirmation_none", 0)
    assert worker.channel.sent == []


class Oversleeping(ManualClock):
    """A clock of a worker that is frozen once, right after its claim."""

    def __init__(self, others: ManualClock, meanwhile: Callable[[], None]) -> None:
        super().__init__(others.now())
        self._others, self._meanwhile, self._reads = others, meanwhile, 0

    def now(self) -> datetime:
        self._reads += 1
        if self._reads == 2:
            self._meanwhile()
        return self._others.now()


def test_a_frozen_worker_does_not_send_after_another(worker: MessageWorker) -> None:
    """The text is missing from the carrier's list for long enough, and another worker sends it."""

    def others_work() -> None:
        while not worker.channel.sent:
            worker.run(worker.work.asked.pop(0))

    worker.work.asked.clear()
    worker.channel.answers = [Sent("SM1"), Sent("SM2")]
    frozen = Oversleeping(worker.clock, others_work)
    MessageJobs(worker.engine, {"sms": worker.channel}, worker.work, frozen).send(worker.id, 0)
    assert len(worker.channel.sent) == 1
    assert worker.now().state is MessageState.SENT
