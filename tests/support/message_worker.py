"""Sends one receipt through a channel that answers what a test tells it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from ivr.jobs.job_list import CHECK_MESSAGE, SEND_MESSAGE
from ivr.messaging import messages
from ivr.messaging import templates as texts
from ivr.messaging.channels import InList, Lost, NotInList, OutgoingMessage, Refused, Sent, Unclear
from ivr.messaging.delivery import MessageJobs
from ivr.messaging.messages import Message, Purpose
from ivr.messaging.templates import ReceiptText
from ivr.platform.database.engine import reading
from tests.support.approved_payment import approved_attempt
from tests.support.recorded_jobs import RecordedJob, RecordedJobs
from tests.support.time_and_ids import ManualClock, SequentialIds

RECEIPT = ReceiptText("Demo Town Hall", 4990, "EUR", "12345678", "4242", "87654321")


@dataclass
class ScriptedChannel:
    """A channel that answers what it is told; `sent` is what payers' phones show."""

    name: str = "sms"
    answers: list[Sent | Refused | Lost | Callable[[], Sent | Refused | Lost]] = field(default_factory=list)
    listed: InList | NotInList | Unclear = field(default_factory=NotInList)
    sent: list[OutgoingMessage] = field(default_factory=list)
    looked: int = 0

    def send(self, message: OutgoingMessage) -> Sent | Refused | Lost:
        self.sent.append(message)
        answer = self.answers.pop(0)
        return answer() if callable(answer) else answer

    def find_sent(self, message: OutgoingMessage) -> InList | NotInList | Unclear:
        self.looked += 1
        return self.listed


@dataclass
class MessageWorker:
    """Runs the jobs that were asked for, when they are due."""

    engine: sa.Engine
    clock: ManualClock
    work: RecordedJobs
    channel: ScriptedChannel
    ids: SequentialIds

    def __post_init__(self) -> None:
        self.sender = MessageJobs(self.engine, {"sms": self.channel}, self.work, self.clock)
        with self.engine.begin() as tx:
            made = messages.record(
                tx,
                attempt_id=approved_attempt(tx, self.clock),
                purpose=Purpose.OUTCOME,
                body=texts.receipt(RECEIPT, "en"),
                language="en",
                recipient="+34600000001",
                channel="sms",
                work=self.work,
                clock=self.clock,
                ids=self.ids,
            )
        self.id = made.id

    def run(self, asked: RecordedJob) -> None:
        handler = {SEND_MESSAGE: self.sender.send, CHECK_MESSAGE: self.sender.check}[asked.job]
        self.clock.advance(asked.delay_s)
        handler(asked.subject_id, asked.nth)

    def run_all(self, limit: int = 60) -> None:
        """Runs everything, earliest first as it was asked, until nothing is left."""
        done = 0
        while done < len(self.work.asked):
            assert done < limit, "it never ends"
            self.run(self.work.asked[done])
            done += 1

    def now(self) -> Message:
        with reading(self.engine) as tx:
            found = messages.find(tx, self.id)
        assert found is not None
        return found
