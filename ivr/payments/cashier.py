"""The cashier: every job of payments behind one door, put together for one gateway.

The worker registers `handlers()` and calls `sweep()` every minute; a command line or a page asks for refunds
and decides what nobody could resolve. Every handler may run twice, and may be killed at any line.
"""

from collections.abc import Callable

import sqlalchemy as sa

from gateways.contract import Capabilities, Gateway
from ivr.clock import Clock
from ivr.finance.payouts import Payouts
from ivr.ids import Ids
from ivr.payments import decide as decisions
from ivr.payments import sweep as sweeps
from ivr.payments.asking import Asking
from ivr.payments.attempt import Attempts
from ivr.payments.charge import Charging
from ivr.payments.consequences import Consequences
from ivr.payments.decide import Word
from ivr.payments.expire import Expiring
from ivr.payments.keeping import Keeping
from ivr.payments.linking import Linking
from ivr.payments.moves import Moves
from ivr.payments.named_charge import Named, NamedCharges
from ivr.payments.notices import Notices
from ivr.payments.pay_link import LinkTerms
from ivr.payments.records import Attempt, Refund
from ivr.payments.refund import Refunds
from ivr.payments.refunding import Refunding
from ivr.payments.release import Releasing
from ivr.payments.resolve import Resolving
from ivr.payments.saved_cards import SavedCards
from ivr.payments.verify import Verifying
from ivr.wording import PLAIN, Wording
from ivr.work.jobs import (
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
        consequences: Consequences,
        links: LinkTerms | None = None,
        wording: Wording = PLAIN,
    ) -> None:
        """`links` says how links are made; without it none is. In `wording` payers read of their payments."""
        self._engine = engine
        self._gateway = gateway
        self._moves = Moves(work, clock, ids, consequences)
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
            consequences=consequences,
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
