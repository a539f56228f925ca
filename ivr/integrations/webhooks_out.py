"""Webhooks to the merchant about each payment: recorded with the payment itself, posted by the worker until
the merchant's system takes them.

The body is fixed when it is recorded and is the same at each try; its id lets the merchant drop a repeat.
Delivery is at least once and in no certain order: a crash between the merchant's answer and our note of it
posts once more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
import structlog

from gateways.http_client import NoAnswerError
from ivr.integrations.signed_post import SignedPost
from ivr.integrations.tables import outcome
from ivr.jobs.job_list import POST_MERCHANT_WEBHOOK, Work
from ivr.jobs.retry import POST_WEBHOOK
from ivr.platform.clock import Clock, rfc3339
from ivr.platform.database.engine import count_by, insert_of, reading
from ivr.platform.ids import Ids

log = structlog.get_logger()

POST_S = 10.0
"""For one try: a merchant's system does its work after it has answered."""


class WebhookKind(StrEnum):
    """What the merchant can hear; kept in the database and sent, so never renamed."""

    PAYMENT_APPROVED = "payment.approved"
    PAYMENT_DECLINED = "payment.declined"
    PAYMENT_UNKNOWN = "payment.unknown"
    PAYMENT_NOT_CHARGED = "payment.not_charged"
    PAYMENT_NEEDS_REVIEW = "payment.needs_review"
    PAYMENT_DISPUTED = "payment.disputed"
    REFUND_APPROVED = "refund.approved"
    REFUND_DECLINED = "refund.declined"


def record(
    tx: sa.Connection,
    *,
    kind: WebhookKind,
    source_id: str,
    attempt_id: str,
    facts: Mapping[str, Any],
    work: Work,
    clock: Clock,
    ids: Ids,
) -> None:
    """Records the outcome and asks for its delivery, if and only if `tx` commits; the same kind and source
    again: nothing.

    `facts` are the body's `data`: plain JSON values, and nothing that the merchant may not see. Called only
    where OUTCOME_URL is set.
    """
    outcome_id = ids.new("out")
    now = clock.now()
    body = {
        "id": outcome_id,
        "type": kind,
        "created": rfc3339(now),
        "data": {"payment_id": attempt_id, **facts},
    }
    insert = insert_of(tx)
    statement = (
        insert(outcome)
        .values(
            id=outcome_id,
            kind=kind,
            source_id=source_id,
            attempt_id=attempt_id,
            body=json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False),
            state="waiting",
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["kind", "source_id"])
        .returning(outcome.c.id)
    )
    if tx.execute(statement).first() is not None:
        work.enqueue(tx, POST_MERCHANT_WEBHOOK, outcome_id)


@dataclass(frozen=True, slots=True)
class WebhookJob:
    """The handler of POST_MERCHANT_WEBHOOK: one try a call, and the next one asked for where it failed."""

    engine: sa.Engine
    post: SignedPost | None
    """To OUTCOME_URL. None: it is not set any more, and what was recorded while it was is given up."""
    work: Work
    clock: Clock

    def __call__(self, outcome_id: str, nth: int) -> None:
        with reading(self.engine) as tx:
            waiting = tx.execute(
                sa.select(outcome).where(outcome.c.id == outcome_id, outcome.c.state == "waiting")
            ).one_or_none()
        if waiting is None:
            return
        taken, answer = self._try(waiting.body.encode())
        delay_s = POST_WEBHOOK.delay_of_retry_s(nth)
        bound = log.bind(
            outcome_id=outcome_id, kind=waiting.kind, attempt_id=waiting.attempt_id, answer=answer
        )
        if taken:
            self._note(outcome_id, nth, answer, state="delivered")
            bound.info("outcome_delivered")
        elif self.post is not None and delay_s is not None:
            self._note(outcome_id, nth, answer, state="waiting", delay_s=delay_s)
            bound.warning("outcome_not_taken", tries=nth + 1, again_in_s=delay_s)
        else:
            self._note(outcome_id, nth, answer, state="given_up")
            bound.error("outcome_given_up", tries=nth + 1)

    def _try(self, body: bytes) -> tuple[bool, str]:
        """Whether it was taken, and the answer in a few words."""
        if self.post is None:
            return False, "OUTCOME_URL is not set"
        try:
            answer = self.post(body, self.clock.now())
        except NoAnswerError as fault:
            return False, str(fault)
        return 200 <= answer.status < 300, f"status {answer.status}"  # noqa: PLR2004 - HTTP's 2xx

    def _note(
        self, outcome_id: str, nth: int, answer: str, *, state: str, delay_s: float | None = None
    ) -> None:
        """The try and its follow-up, together; run again after a crash it notes the same."""
        now = self.clock.now()
        with self.engine.begin() as tx:
            tx.execute(
                outcome.update()
                .where(outcome.c.id == outcome_id, outcome.c.state == "waiting")
                .values(
                    state=state,
                    tries=nth + 1,
                    last_answer=answer[:200],
                    delivered_at=now if state == "delivered" else None,
                )
            )
            if delay_s is not None:
                self.work.enqueue(tx, POST_MERCHANT_WEBHOOK, outcome_id, nth=nth + 1, delay_s=delay_s)


def count_by_state(tx: sa.Connection) -> list[tuple[str, int]]:
    """The states that there are, and how many webhooks are in each."""
    return count_by(tx, outcome.c.state)


def attempt_id_of(tx: sa.Connection, outcome_id: str) -> str | None:
    """The payment that this webhook is about."""
    return tx.execute(sa.select(outcome.c.attempt_id).where(outcome.c.id == outcome_id)).scalar_one_or_none()
