"""`/api/v1/messages`: texts that wait for the operator, and sending them again."""

from dataclasses import dataclass

import sqlalchemy as sa

from ivr.jobs.job_list import Work
from ivr.messaging import resend as resending
from ivr.messaging.resend import Resent
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.web.api.documents.messages import HeldMessagesDocument, ResentDocument, held_message_document
from ivr.web.api.problem import Problem, missing
from ivr.web.api.request import query


@dataclass(frozen=True, slots=True)
class MessageRoutes:
    """What a program may do with texts."""

    engine: sa.Engine
    work: Work
    clock: Clock

    def held(self) -> tuple[HeldMessagesDocument, int]:
        """Those that wait for the operator, the oldest first."""
        query()
        with reading(self.engine) as tx:
            found = resending.held(tx)
        return {"messages": [held_message_document(one) for one in found]}, 200

    def resend(self, message_id: str) -> tuple[ResentDocument, int]:
        """Sends it again; 409 where it does not wait for that."""
        with self.engine.begin() as tx:
            outcome = resending.resend(tx, message_id, work=self.work, clock=self.clock)
        if outcome is None:
            raise missing("text with this id")
        if outcome is Resent.TOO_LATE:
            raise Problem(409, "too_late", "Its link can no longer be paid. Nothing was sent.")
        if outcome is Resent.NOT_HELD:
            raise Problem(409, "not_held", "It was sent, is being sent, or cannot be sent to its payer.")
        return {"id": message_id, "outcome": "queued"}, 202
