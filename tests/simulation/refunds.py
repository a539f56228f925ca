"""The program of a world that asks for refunds over the merchant's API.

Of the payments that it finds approved it gives one back, in whole or in part; what it is not told it asks
again under the same key, as a good client does.
"""

from dataclasses import dataclass

import orjson
import sqlalchemy as sa

from ivr.payments.attempts.states import State
from ivr.platform.database.engine import reading
from tests.simulation.chance import Chance
from tests.simulation.network import Network, Request
from tests.simulation.scheduler import Scheduler
from tests.simulation.trace import Trace
from tests.support import schema
from tests.support.phone import WEB
from tests.support.time_and_ids import SequentialIds


@dataclass
class RefundProgram:
    """Asks with a key to the API that was made for it."""

    scheduler: Scheduler
    chance: Chance
    network: Network
    trace: Trace
    engine: sa.Engine
    ids: SequentialIds
    api_key: str

    def ask_in(self, delay_s: float) -> None:
        self.scheduler.spawn("refund", self._ask, delay_s=delay_s)

    def _ask(self) -> None:
        """A program gives a payment back, in whole or in part, and asks again under one key until it is
        heard.
        """
        with reading(self.engine) as tx:
            paid = tx.execute(
                sa.select(schema.attempt.c.id, schema.attempt.c.amount_minor)
                .where(schema.attempt.c.state == State.APPROVED)
                .order_by(schema.attempt.c.reference)
            ).all()
        if not paid:
            return
        one = self.chance.one_of(paid)
        whole = self.chance.strikes(0.5)
        body = orjson.dumps({} if whole else {"amount_minor": self.chance.whole(1, one.amount_minor)})
        headers = {
            "Authorization": f"Bearer {self.api_key}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"refund-{self.ids.new('wish')}",
        }
        self.trace("refund", f"of {one.id}")
        for _ in range(5):
            asked = Request("POST", f"{WEB}/api/v1/payments/{one.id}/refunds", headers, body)
            answer = self.network.exchange(asked, 10.0)
            if answer is not None and 200 <= answer.status < 500 and answer.body.startswith(b"{"):
                return
            self.scheduler.sleep(self.chance.seconds(1.0, 20.0))
