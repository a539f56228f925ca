"""The list of all background jobs, and on which queue each runs.

A job is a function of one id, run at least once: it reads the state anew and changes nothing twice. Arguments
are ids only, never a token or a card. Long waits are chains of jobs with a delay, each of which reads the
state again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import sqlalchemy as sa


class Queue(StrEnum):
    """Queues by urgency."""

    CHARGE = "charge"
    """Polled ten times a second: what a caller may be waiting for, and deadlines."""
    SEND = "send"
    """Texts to payers: limited to what the carrier takes."""
    FOLLOW_UP = "follow_up"
    """Everything that can wait a second."""


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of work; `name` is kept in the database, so it outlives a deploy and is never renamed."""

    name: str
    queue: Queue


CHARGE_ATTEMPT = Job("charge_attempt", Queue.CHARGE)
EXPIRE_ATTEMPT = Job("expire_attempt", Queue.CHARGE)
RESOLVE_ATTEMPT = Job("resolve_attempt", Queue.FOLLOW_UP)
VOID_ATTEMPT = Job("release_attempt", Queue.FOLLOW_UP)
REFUND_PAYMENT = Job("refund_payment", Queue.FOLLOW_UP)
RESOLVE_REFUND = Job("resolve_refund", Queue.FOLLOW_UP)
OPEN_LINK = Job("open_link", Queue.CHARGE)
LOOK_AT_LINK = Job("look_at_link", Queue.CHARGE)
RECHECK_ATTEMPT = Job("verify_attempt", Queue.FOLLOW_UP)
RECHECK_REFUND = Job("verify_refund", Queue.FOLLOW_UP)
READ_PAYOUT = Job("read_payout", Queue.FOLLOW_UP)
SAVE_CARD = Job("save_card", Queue.FOLLOW_UP)
FORGET_CARD = Job("forget_card", Queue.FOLLOW_UP)
SEND_MESSAGE = Job("send_confirmation", Queue.SEND)
CHECK_MESSAGE = Job("check_confirmation", Queue.SEND)
POST_MERCHANT_WEBHOOK = Job("deliver_outcome", Queue.FOLLOW_UP)
END_UNREPORTED_CALL = Job("end_silent_call", Queue.FOLLOW_UP)
REPORT_CARD_OUTCOME = Job("report_card_outcome", Queue.FOLLOW_UP)

ALL_JOBS = (
    CHARGE_ATTEMPT,
    EXPIRE_ATTEMPT,
    RESOLVE_ATTEMPT,
    VOID_ATTEMPT,
    REFUND_PAYMENT,
    RESOLVE_REFUND,
    OPEN_LINK,
    LOOK_AT_LINK,
    RECHECK_ATTEMPT,
    RECHECK_REFUND,
    READ_PAYOUT,
    SAVE_CARD,
    FORGET_CARD,
    SEND_MESSAGE,
    CHECK_MESSAGE,
    POST_MERCHANT_WEBHOOK,
    END_UNREPORTED_CALL,
    REPORT_CARD_OUTCOME,
)


JobHandler = Callable[[str, int], None]
"""Does a job: takes the subject's id and its number in the chain of jobs."""


class Work(Protocol):
    """How other packages ask for work."""

    def enqueue(
        self, tx: sa.Connection, job: Job, subject_id: str, *, nth: int = 0, delay_s: float = 0.0
    ) -> None:
        """Run `job` on `subject_id`, if and only if `tx` commits.

        The same (job, subject_id, nth) again does nothing. `nth` is its number in a chain
        of jobs.
        """
        ...
