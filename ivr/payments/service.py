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
from ivr.payments import sweep as sweeps
from ivr.payments.attempts import manual_review as decisions
from ivr.payments.attempts.charge import Charging
from ivr.payments.attempts.charge_verification import Named, NamedCharges
from ivr.payments.attempts.expiry import Expiring
from ivr.payments.attempts.manual_review import Word
from ivr.payments.attempts.recheck import Verifying
from ivr.payments.attempts.service import Attempts
from ivr.payments.attempts.store import Attempt, Refund
from ivr.payments.attempts.transitions import Moves
from ivr.payments.attempts.unknown_charges import Resolving
from ivr.payments.attempts.void import Releasing
from ivr.payments.gateway_client import Asking
from ivr.payments.gateway_events.service import Notices
from ivr.payments.links.jobs import Linking
from ivr.payments.links.store import LinkTerms
from ivr.payments.refunds.jobs import Refunding
from ivr.payments.refunds.service import Refunds
from ivr.payments.saved_cards.jobs import Keeping
from ivr.payments.saved_cards.service import SavedCards
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids
from ivr.platform.wording import PLAIN, Wording

Handler = Callable[[str, int], None]
"""Takes the subject's id and the number of the job in its chain."""


class Cashier:
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
        self._moves = Moves(work, clock, ids, events)
        asking = Asking(gateway, clock)
        self._charging = Charging(engine, self._moves, asking)
        self._named_charges = NamedCharges(engine, asking)
        self._expiring = Expiring(engine, self._moves)
        self._resolving = Resolving(engine, self._moves, asking)
        self._linking = Linking(engine, self._moves, asking)
        self._releasing = Releasing(engine, self._moves, asking)
        self._refunding = Refunding(engine, self._moves, asking)
        self._verifying = Verifying(engine, self._moves, asking)
        self._payouts = Payouts(engine, gateway, work, clock, ids)
        self._keeping = Keeping(engine, gateway, self._moves.cards)
        self.notices = Notices(engine, gateway.name, self._moves, self._payouts)
        self.attempts = Attempts(
            gateway=gateway.name,
            work=work,
            clock=clock,
            ids=ids,
            events=events,
            links=links if gateway.capabilities.links else None,
            wording=wording,
        )
        self._refunds = Refunds(gateway=gateway.name, capabilities=gateway.capabilities, moves=self._moves)

    def handlers(self) -> dict[Job, Handler]:
        """The function behind each job of payments."""
        return {
            CHARGE_ATTEMPT: self._charging.run,
            EXPIRE_ATTEMPT: self._expiring.run,
            RESOLVE_ATTEMPT: self._resolving.run,
            RELEASE_ATTEMPT: self._releasing.run,
            OPEN_LINK: self._linking.open,
            LOOK_AT_LINK: self._linking.look,
            REFUND_PAYMENT: self._refunding.send,
            RESOLVE_REFUND: self._refunding.resolve,
            VERIFY_ATTEMPT: self._verifying.run,
            VERIFY_REFUND: self._refunding.verify,
            READ_PAYOUT: self._payouts.read,
            SAVE_CARD: self._keeping.save,
            FORGET_CARD: self._keeping.forget,
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
    def saved_cards(self) -> SavedCards:
        """What a call or a program may do with saved cards."""
        return self._moves.cards

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
        """The charge to decide with, asked of the gateway: as `NamedCharges.reference` says."""
        return self._named_charges.reference(attempt_id, named, unchecked=unchecked)

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
        return decisions.decide(
            self._moves,
            tx,
            attempt_id,
            word,
            who=who,
            gateway_reference=gateway_reference,
            is_proven=is_proven,
        )

    def decide_refund(self, tx: sa.Connection, refund_id: str, *, refunded: bool, who: str) -> Refund:
        """The same for a refund."""
        return self._refunding.decide(tx, refund_id, refunded=refunded, who=who)

    def sweep(self) -> int:
        """Asks again for jobs that were lost, and closes links of bills that are over; how many."""
        lost = sweeps.sweep(self._engine, self._moves) + self._keeping.sweep()
        return lost + self._linking.close_of_bills_that_are_over()
