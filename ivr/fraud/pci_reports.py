"""The job that tells the PCI process what became of a card.

The PCI process counts declines by card, and the issuer's word on a token comes to the worker. What crosses is
the card entry's id and one bit. The job may run twice: the PCI process forgets the entry with the first
report.
"""

from datetime import timedelta

import sqlalchemy as sa
import structlog

from ivr.fraud.velocity import is_counted
from ivr.integrations.pci_client import PciClient, PciRefusedError, PciUnreachableError
from ivr.jobs.job_list import REPORT_CARD_OUTCOME, Work
from ivr.payments.attempts import store as records
from ivr.payments.attempts.states import State
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading

TOO_LATE = timedelta(hours=2)
"""By then the PCI process has forgotten which card it was."""
_FIRST_DELAY_S = 5.0
_DELAY_S_MAX = 300.0
log = structlog.get_logger()


class Reporter:
    """The handler of `REPORT_CARD_OUTCOME`. Where the PCI process is silent, the next link asks again.
    `pci` is None where the carrier takes the cards: there is no PCI process then.
    """

    def __init__(self, engine: sa.Engine, pci: PciClient | None, work: Work, clock: Clock) -> None:
        self._engine = engine
        self._pci = pci
        self._work = work
        self._clock = clock

    def __call__(self, attempt_id: str, nth: int) -> None:
        with reading(self._engine) as tx:
            attempt = records.get(tx, attempt_id)
        if self._pci is None or attempt.card_entry_id is None or attempt.settled_at is None:
            return
        if self._clock.now() - attempt.settled_at > TOO_LATE:
            log.warning("card_outcome_not_reported", attempt_id=attempt_id)
            return
        declined = attempt.state is State.DECLINED and is_counted(attempt.decline)
        try:
            self._pci.report_outcome(attempt.card_entry_id, declined=declined)
        except (PciUnreachableError, PciRefusedError) as fault:
            log.warning("card_outcome_waits", attempt_id=attempt_id, fault=str(fault))
            delay_s = min(_FIRST_DELAY_S * 2 ** min(nth, 10), _DELAY_S_MAX)
            with self._engine.begin() as tx:
                self._work.enqueue(tx, REPORT_CARD_OUTCOME, attempt_id, nth=nth + 1, delay_s=delay_s)
