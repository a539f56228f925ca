"""Everything about payments, put together for one gateway.

The worker registers `handlers()` and calls `sweep()` every minute; web pages and commands use the services of
attempts, refunds and saved cards. Every handler may run twice, and may be killed at any line.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import sqlalchemy as sa

from gateways.capability import Capabilities
from gateways.contract import Gateway
from ivr.events.emitter import Events
from ivr.finance.payouts import Payouts
from ivr.jobs.job_list import (
    CHARGE_ATTEMPT,
    EXPIRE_ATTEMPT,
    FORGET_CARD,
    LOOK_AT_LINK,
    OPEN_LINK,
    READ_PAYOUT,
    RECHECK_ATTEMPT,
    RECHECK_REFUND,
    REFUND_PAYMENT,
    RESOLVE_ATTEMPT,
    RESOLVE_REFUND,
    SAVE_CARD,
    VOID_ATTEMPT,
    Job,
    JobHandler,
    Work,
)
from ivr.payments import timeouts
from ivr.payments.attempts import store as attempt_store
from ivr.payments.attempts.charge import ChargeJob
from ivr.payments.attempts.expiry import ExpiryJob
from ivr.payments.attempts.manual_review import ManualReview
from ivr.payments.attempts.recheck import RecheckJob
from ivr.payments.attempts.service import AttemptService
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.attempts.unknown_charges import UnknownChargeJob
from ivr.payments.attempts.void import VoidJob
from ivr.payments.gateway_client import GatewayClient
from ivr.payments.gateway_events import GatewayEventService
from ivr.payments.links.jobs import LinkJobs
from ivr.payments.links.store import LinkTerms
from ivr.payments.refunds import store as refund_store
from ivr.payments.refunds.jobs import RefundJobs
from ivr.payments.refunds.service import RefundService
from ivr.payments.refunds.transitions import RefundTransitions
from ivr.payments.saved_cards.jobs import SavedCardJobs
from ivr.payments.saved_cards.service import SavedCardService
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.platform.ids import Ids
from ivr.platform.settings.line import PLAIN, Wording

AT_ONCE_MAX = 100


@dataclass(frozen=True, kw_only=True)
class PaymentService:
    """Charges, looks up, voids and refunds through one gateway."""

    engine: sa.Engine
    gateway: Gateway
    work: Work
    clock: Clock
    ids: Ids
    events: Events
    links: LinkTerms | None = None
    """How links are made; None: none is."""
    wording: Wording = PLAIN
    """In which payers read of their payments."""

    @cached_property
    def transitions(self) -> Transitions:
        return Transitions(self.work, self.clock, self.ids, self.events)

    @cached_property
    def attempts(self) -> AttemptService:
        links = self.links if self.gateway.capabilities.links else None
        return AttemptService(self.gateway.name, self.transitions, links, self.wording)

    @cached_property
    def refunds(self) -> RefundService:
        transitions = RefundTransitions(self.work, self.clock, self.ids, self.events)
        return RefundService(self.gateway.name, self.gateway.capabilities, transitions)

    @cached_property
    def saved_cards(self) -> SavedCardService:
        return self.transitions.cards

    @cached_property
    def manual_review(self) -> ManualReview:
        return ManualReview(self.engine, self.transitions, self._client)

    @cached_property
    def gateway_events(self) -> GatewayEventService:
        return GatewayEventService(
            self.engine, self.gateway.name, self.transitions, self.refunds.transitions, self._payouts
        )

    def handlers(self) -> dict[Job, JobHandler]:
        """The function behind each job of payments."""
        parts = (self.engine, self.transitions, self._client)
        links = self._link_jobs
        refunds = RefundJobs(self.engine, self.refunds.transitions, self._client)
        return {
            CHARGE_ATTEMPT: ChargeJob(*parts).run,
            EXPIRE_ATTEMPT: ExpiryJob(self.engine, self.transitions).run,
            RESOLVE_ATTEMPT: UnknownChargeJob(*parts).run,
            VOID_ATTEMPT: VoidJob(*parts).run,
            RECHECK_ATTEMPT: RecheckJob(*parts).run,
            OPEN_LINK: links.open,
            LOOK_AT_LINK: links.look,
            REFUND_PAYMENT: refunds.send,
            RESOLVE_REFUND: refunds.resolve,
            RECHECK_REFUND: refunds.recheck,
            READ_PAYOUT: self._payouts.read,
            SAVE_CARD: self._saved_card_jobs.save,
            FORGET_CARD: self._saved_card_jobs.forget,
        }

    def sweep(self) -> int:
        """Schedules lost jobs again, and closes links of bills that are over; returns how many.

        Each row says when it is looked at next (`look_at`). A job that is merely slow does no harm: the
        second one has a new number, and each job reads the current state.
        """
        late = self.clock.now() - timedelta(seconds=timeouts.LOST_AFTER_S)
        with reading(self.engine) as tx:
            attempt_ids = attempt_store.overdue(tx, late, AT_ONCE_MAX)
            refund_ids = refund_store.overdue(tx, late, AT_ONCE_MAX)
        lost = 0
        for attempt_id in attempt_ids:
            with self.engine.begin() as tx:
                lost += self.transitions.reschedule_lost(tx, attempt_id)
        for refund_id in refund_ids:
            with self.engine.begin() as tx:
                lost += self.refunds.transitions.reschedule_lost(tx, refund_id)
        return lost + self._saved_card_jobs.sweep() + self._link_jobs.close_of_bills_that_are_over()

    @property
    def gateway_limits(self) -> Capabilities:
        """What the gateway can charge, and what not."""
        return self.gateway.capabilities

    def dashboard_url(self, gateway: str, reference: str | None) -> str | None:
        """Where a person finds a charge in its gateway's dashboard; None where this server cannot say."""
        if reference is None or gateway != self.gateway.name:
            return None
        return self.gateway.dashboard_url(reference)

    @cached_property
    def _client(self) -> GatewayClient:
        return GatewayClient(self.gateway, self.clock)

    @cached_property
    def _payouts(self) -> Payouts:
        return Payouts(self.engine, self.gateway, self.work, self.clock, self.ids)

    @cached_property
    def _link_jobs(self) -> LinkJobs:
        return LinkJobs(self.engine, self.transitions, self._client)

    @cached_property
    def _saved_card_jobs(self) -> SavedCardJobs:
        return SavedCardJobs(self.engine, self._client, self.saved_cards)
