"""Payouts: what reached the merchant's bank account, line by line, so that finance can name each cent.

A payout is kept when the gateway reports it, and a job asks for its lines until they are there. Lines whose
sum differs from the payout are kept all the same, and logged. Where the merchant's bank does not take it,
days after it was reported as paid, it is failed.
"""

from dataclasses import asdict, dataclass

import sqlalchemy as sa
import structlog

from gateways.contract import Gateway, GatewayUnreachableError
from gateways.events import PayoutFailed, PayoutSettled
from gateways.settlement import PayoutLine
from ivr.finance.tables import payout, payout_line
from ivr.jobs.job_list import READ_PAYOUT, Work
from ivr.jobs.retry import READ_PAYOUT_LINES
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.platform.ids import Ids

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Payouts:
    """Keeps payouts of one gateway and reads their lines."""

    engine: sa.Engine
    gateway: Gateway
    work: Work
    clock: Clock
    ids: Ids

    def keep(self, tx: sa.Connection, told: PayoutSettled) -> None:
        """Keeps the payout and asks for its lines, once, however often it is reported."""
        self.work.enqueue(tx, READ_PAYOUT, self._kept(tx, told))

    def fail(self, tx: sa.Connection, told: PayoutFailed) -> None:
        """The merchant's bank did not take it. Its lines stay: the gateway has that money again, and pays it
        out under another reference.
        """
        payout_id = self._kept(tx, told)
        log.error("payout_failed", payout=told.reference, gateway_code=told.gateway_code)
        failed = {"failed_at": self.clock.now(), "failure_code": told.gateway_code[:80]}
        tx.execute(sa.update(payout).where(payout.c.id == payout_id).values(**failed))

    def _kept(self, tx: sa.Connection, told: PayoutSettled | PayoutFailed) -> str:
        """The payout's id; it is made where it is not known yet."""
        here = sa.and_(payout.c.gateway == self.gateway.name, payout.c.reference == told.reference)
        known: str | None = tx.execute(sa.select(payout.c.id).where(here)).scalar_one_or_none()
        if known is not None:
            return known
        payout_id = self.ids.new("payout")
        tx.execute(
            sa.insert(payout).values(
                id=payout_id,
                gateway=self.gateway.name,
                reference=told.reference,
                amount_minor=told.amount_minor,
                currency=told.currency,
                arrives=told.arrives,
                told_at=self.clock.now(),
            )
        )
        return payout_id

    def read(self, payout_id: str, nth: int) -> None:
        """The job: asks for the lines, and keeps them once."""
        with reading(self.engine) as tx:
            kept = tx.execute(sa.select(payout).where(payout.c.id == payout_id)).one()
        if kept.read_at is not None or kept.gateway != self.gateway.name:
            return
        try:
            lines = self.gateway.payout_lines(kept.reference)
        except GatewayUnreachableError as fault:
            self._again(payout_id, nth, str(fault))
            return
        with self.engine.begin() as tx:
            first = tx.execute(
                sa.update(payout)
                .where(payout.c.id == payout_id, payout.c.read_at.is_(None))
                .values(read_at=self.clock.now())
            )
            if first.rowcount == 1 and lines:
                tx.execute(sa.insert(payout_line), [_row(payout_id, line) for line in lines])
        difference_minor = kept.amount_minor - sum(line.net_minor for line in lines)
        if difference_minor:
            log.error("payout_does_not_add_up", payout=kept.reference, difference_minor=difference_minor)

    def _again(self, payout_id: str, nth: int, fault: str) -> None:
        delay_s = READ_PAYOUT_LINES.delay_of_retry_s(nth)
        if delay_s is None:  # also where a person asked: they see it, and ask again
            log.error("payout_not_read", payout_id=payout_id, fault=fault)
            return
        log.warning("payout_not_read_yet", payout_id=payout_id, fault=fault)
        with self.engine.begin() as tx:
            self.work.enqueue(tx, READ_PAYOUT, payout_id, nth=nth + 1, delay_s=delay_s)


def _row(payout_id: str, line: PayoutLine) -> dict[str, object]:
    """Our keys, as the gateway repeats them, are ids of ours; all else has the name of its column."""
    told = asdict(line)
    ours = {"attempt_id": told.pop("order_key"), "refund_id": told.pop("refund_key")}
    return {"payout_id": payout_id, **told, **ours}
