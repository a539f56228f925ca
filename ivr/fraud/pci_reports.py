"""The job that tells the PCI process what became of a card.

The PCI process counts declines by card, and the worker learns what the issuer said about a token. The report
is the card entry's id and one bit. The job may run twice: the PCI process forgets the entry with the first
report.
"""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
import structlog

from ivr.integrations.pci_client import PciClient, PciRefusedError, PciUnreachableError
from ivr.jobs.job_list import REPORT_CARD_OUTCOME, Work
from ivr.jobs.retry import REPORT_OUTCOME
from ivr.payments.attempts import store as attempts
from ivr.payments.attempts.states import State
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.platform.lockout import is_counted

TOO_LATE = timedelta(hours=2)
"""By then the PCI process has forgotten which card it was."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PciReportJob:
    """The handler of `REPORT_CARD_OUTCOME`. If the PCI process does not answer, the job asks for another one.
    `pci` is None if the carrier takes the cards: then there is no PCI process.
    """

    engine: sa.Engine
    pci: PciClient | None
    work: Work
    clock: Clock

    def __call__(self, attempt_id: str, nth: int) -> None:
        with reading(self.engine) as tx:
            attempt = attempts.get(tx, attempt_id)
        if self.pci is None or attempt.card_entry_id is None or attempt.settled_at is None:
            return
        if self.clock.now() - attempt.settled_at > TOO_LATE:
            log.warning("card_outcome_not_reported", attempt_id=attempt_id)
            return
        declined = attempt.state is State.DECLINED and is_counted(attempt.decline)
        try:
            self.pci.report_outcome(attempt.card_entry_id, declined=declined)
        except (PciUnreachableError, PciRefusedError) as fault:
            log.warning("card_outcome_waits", attempt_id=attempt_id, fault=str(fault))
            delay_s = REPORT_OUTCOME.delay_of_retry_s(nth) or REPORT_OUTCOME.delays_s[-1]
            with self.engine.begin() as tx:
                self.work.enqueue(tx, REPORT_CARD_OUTCOME, attempt_id, nth=nth + 1, delay_s=delay_s)
