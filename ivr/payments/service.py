"""The cashier: every job of payments behind one door, put together for one gateway.

The worker registers `handlers()` and calls `sweep()` every minute; a command line or a page asks for refunds
and decides what nobody could resolve. Every handler may run twice, and may be killed at any line.
"""

from collections.abc import Callable

import sqlalchemy as sa

from gateways.contract import Capabilities, Gateway
from ivr.events.emitter import Events
from ivr.finance.payouts import Payouts
from ivr.jobs.job_list import (
    CHARGE_ATTEMPT,
    EXPIRE_ATTEMPT,
    FORGET_CARD,
    LOOK_AT_LINK,
    OPEN_LINK,
    READ_PAYOUT,
    REFUND_PAYMENT,
    RELEASE_ATTEMPT,
    RESOLVE_ATTEMPT,
    RESOLVE_REFUND,
    SAVE_CARD,
    VERIFY_ATTEMPT,
    VERIFY_REFUND,
    Job,
    Work,
)
from ivr.payments import sweep
from ivr.payments.attempts import manual_review
from ivr.payments.attempts.charge import ChargeJob
from ivr.payments.attempts.charge_verification import ChargeVerification, Named
from ivr.payments.attempts.expiry import ExpiryJob
from ivr.payments.attempts.manual_review import Word
from ivr.payments.attempts.recheck import RecheckJob
from ivr.payments.attempts.service import AttemptService
from ivr.payments.attempts.store import Attempt
from ivr.payments.attempts.transitions import Transitions
from ivr.payments.attempts.unknown_charges import UnknownChargeJob
from ivr.payments.attempts.void import VoidJob
from ivr.payments.gateway_client import GatewayClient
from ivr.payments.gateway_events.service import GatewayEventService
from ivr.payments.links.jobs import LinkJobs
from ivr.payments.links.store import LinkTerms
from ivr.payments.refunds.jobs import RefundJobs
from ivr.payments.refunds.service import RefundService
from ivr.payments.refunds.store import Refund
from ivr.payments.saved_cards.jobs import SavedCardJobs
from ivr.payments.saved_cards.service import SavedCardService
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids
from ivr.platform.wording import PLAIN, Wording

Handler = Callable[[str, int], None]
"""Takes the subject's id and the number of the job in its chain."""


class PaymentService:
    """Charges, resolves, releases and refunds through one gateway."""

    def __init__(
        self,
        *,
        engine: sa.Engine,
        gateway: Gateway,
        work: Work,
        clock: Clock,
        ids: Ids,
        events: Events,
        links: LinkTerms | None = None,
        wording: Wording = PLAIN,
    ) -> None:
        """`links` says how links are made; without it none is. In `wording` payers read of their payments."""
        self._engine = engine
        self._gateway = gateway
        self.transitions = Transitions(work, clock, ids, events)
        client = GatewayClient(gateway, clock)
        parts = (engine, self.transitions, client)
        self._charge = ChargeJob(*parts)
        self._verification = ChargeVerification(engine, client)
        self._expiry = ExpiryJob(engine, self.transitions)
        self._unknown_charges = UnknownChargeJob(*parts)
        self._links = LinkJobs(*parts)
        self._void = VoidJob(*parts)
        self.refund_jobs = RefundJobs(*parts)
        self._recheck = RecheckJob(*parts)
        self._payouts = Payouts(engine, gateway, work, clock, ids)
        self._card_jobs = SavedCardJobs(engine, gateway, self.transitions.cards)
        self.gateway_events = GatewayEventService(engine, gateway.name, self.transitions, self._payouts)
        self.attempts = AttemptService(
            gateway=gateway.name,
            work=work,
            clock=clock,
            ids=ids,
            events=events,
            links=links if gateway.capabilities.links else None,
            wording=wording,
        )
        self._refunds = RefundService(gateway.name, gateway.capabilities, self.transitions)

    def handlers(self) -> dict[Job, Handler]:
        """The function behind each job of payments."""
        return {
            CHARGE_ATTEMPT: self._charge.run,
            EXPIRE_ATTEMPT: self._expiry.run,
            RESOLVE_ATTEMPT: self._unknown_charges.run,
            RELEASE_ATTEMPT: self._void.run,
            OPEN_LINK: self._links.open,
            LOOK_AT_LINK: self._links.look,
            REFUND_PAYMENT: self.refund_jobs.send,
            RESOLVE_REFUND: self.refund_jobs.resolve,
            VERIFY_ATTEMPT: self._recheck.run,
            VERIFY_REFUND: self.refund_jobs.verify,
            READ_PAYOUT: self._payouts.read,
            SAVE_CARD: self._card_jobs.save,
            FORGET_CARD: self._card_jobs.forget,
        }

    @property
    def gateway_limits(self) -> Capabilities:
        """What the gateway can charge, and what not."""
        return self._gateway.capabilities

    def dashboard_url(self, gateway: str, reference: str | None) -> str | None:
        """Where a person finds a charge in its gateway's dashboard; None where this server cannot say."""
        if reference is None or gateway != self._gateway.name:
            return None
        return self._gateway.dashboard_url(reference)

    @property
    def saved_cards(self) -> SavedCardService:
        """What a call or a program may do with saved cards."""
        return self.transitions.cards

    def ask_refund(
        self, tx: sa.Connection, attempt_id: str, amount_minor: int | None = None, *, asked_by: str
    ) -> Refund:
        """Raises RefundRefusedError or UnsupportedError, each with a sentence for the person who asked."""
        return self._refunds.ask(tx, attempt_id, amount_minor, asked_by=asked_by)

    def ask_refund_once(
        self, tx: sa.Connection, attempt_id: str, amount_minor: int | None = None, *, key: str, asked_by: str
    ) -> tuple[Refund, bool]:
        """As `ask_refund`, once under the key, and whether it is new; raises KeyReusedError as well."""
        return self._refunds.ask_once(tx, attempt_id, amount_minor, key=key, asked_by=asked_by)

    def amount_to_give_back(self, tx: sa.Connection, attempt_id: str, amount_minor: int | None) -> int:
        """What `ask_refund` would give back, in minor units; raises what it would."""
        return self._refunds.amount_to_give_back(tx, attempt_id, amount_minor)

    def charge_of(self, attempt_id: str, named: str | None, *, unchecked: bool = False) -> Named:
        """The charge to decide with, asked of the gateway: as `ChargeVerification.reference` says."""
        return self._verification.reference(attempt_id, named, unchecked=unchecked)

    def decide(
        self,
        tx: sa.Connection,
        attempt_id: str,
        word: Word,
        *,
        who: str,
        gateway_reference: str | None = None,
        is_proven: bool = False,
    ) -> Attempt:
        """A person's word on an attempt that is `for_a_person`; raises NothingToDecideError otherwise."""
        return manual_review.decide(
            self.transitions,
            tx,
            attempt_id,
            word,
            who=who,
            gateway_reference=gateway_reference,
            is_proven=is_proven,
        )

    def decide_refund(self, tx: sa.Connection, refund_id: str, *, refunded: bool, who: str) -> Refund:
        """The same for a refund."""
        return self.refund_jobs.decide(tx, refund_id, refunded=refunded, who=who)

    def sweep(self) -> int:
        """Asks again for jobs that were lost, and closes links of bills that are over; how many."""
        lost = sweep.sweep(self._engine, self.transitions) + self._card_jobs.sweep()
        return lost + self._links.close_of_bills_that_are_over()
