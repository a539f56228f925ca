"""The client of the gateway: every verb that payments use, asked so that an answer always comes back.

An exception out of an adapter is a bug: it is logged here and becomes `Unknown`, for money may have moved. A
capability that the gateway lacks is refused before anything is sent, so that is a decline. A gateway is never
asked about what was made for another one: its "not found" would be a lie.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import structlog

from gateways.capability import UnsupportedError
from gateways.contract import (
    CaptureRequest,
    CardDeleted,
    CardOnFile,
    ChargeRequest,
    Declined,
    Gateway,
    LinkFound,
    LinkOpen,
    LookupResult,
    Order,
    PayLink,
    Prepared,
    RefundFound,
    RefundRequest,
    Result,
    SaveCardResult,
    Unknown,
    VerifiedCharge,
    VoidRequest,
)
from gateways.declines import Decline
from gateways.retry import retry_unprocessed
from ivr.payments import timeouts
from ivr.payments.attempts.states import State
from ivr.payments.attempts.store import Attempt
from ivr.payments.links.store import Link
from ivr.payments.refunds.store import Refund
from ivr.payments.saved_cards.store import SavedCard
from ivr.platform.clock import Clock

log = structlog.get_logger()
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class GatewayClient:
    """Asks one gateway. Never inside a transaction: an answer can take 15 seconds, and what the gateway did
    not process is sent again after a pause.
    """

    gateway: Gateway
    clock: Clock

    def is_of(self, attempt: Attempt) -> bool:
        """Whether the attempt was made for this gateway."""
        return attempt.gateway == self.gateway.name

    @property
    def prepares(self) -> bool:
        """Whether an order is made known, and its reference kept, before it is charged."""
        return self.gateway.capabilities.prepares

    # Sending ------------------------------------------------------------------------------------------------

    def prepare(self, attempt: Attempt, order: Order) -> Prepared | Declined | Unknown:
        """Makes the order known; takes nothing."""
        customer = attempt.gateway_customer_id
        return self._sent(
            "prepare", attempt, lambda: self.gateway.prepare(order, gateway_customer_id=customer)
        )

    def charge(self, attempt: Attempt, order: Order, *, reference: str | None = None) -> Result:
        """A capture where the amount is authorized, else a charge of the token."""
        if attempt.gateway_authorization is not None:
            authorization = attempt.gateway_authorization.reveal()
            capture = CaptureRequest(order.key, authorization, order.amount_minor, order.currency)
            return self._sent("charge", attempt, lambda: self.gateway.capture(capture))
        if attempt.token is None:
            raise ValueError("an attempt without a card was claimed")
        charge = ChargeRequest(
            order,
            attempt.token,
            reference,
            gateway_customer_id=attempt.gateway_customer_id,
            keep_card=attempt.keep_card,
        )
        return self._sent("charge", attempt, lambda: self.gateway.charge(charge))

    def void(self, attempt: Attempt) -> Result:
        """Frees what the issuer holds."""
        authorization = attempt.gateway_authorization
        if authorization is None:
            return Unknown("no authorization is known")
        request = VoidRequest(attempt.id, authorization.reveal())
        return self._answer("void", attempt, lambda: self.gateway.void(request))

    def refund(self, attempt: Attempt, refund: Refund) -> Result:
        """Gives money back. The same refund again gives nothing more."""
        return self._sent("refund", attempt, lambda: self.gateway.refund(_request(attempt, refund)))

    def open_link(self, attempt: Attempt, link: PayLink) -> LinkOpen | Declined | Unknown:
        """Opens a page on which the payer can pay the order."""
        return self._sent("open_link", attempt, lambda: self.gateway.open_link(link))

    def save_card(self, card: SavedCard, charge_reference: str) -> SaveCardResult:
        """Keeps the card for its customer's next payment."""
        token, customer = card.token, card.gateway_customer_id
        if token is None:
            raise ValueError("a card without a token is to be saved")

        def save() -> SaveCardResult:
            return self.gateway.save_card(
                card.id, token, charge_reference=charge_reference, gateway_customer_id=customer
            )

        return self._answer("save_card", card, _refusable("save_card", card, save))

    def delete_card(self, card: SavedCard, on_file: CardOnFile) -> CardDeleted | Unknown:
        """Deletes the card at the gateway."""
        return self._answer("forget_card", card, lambda: self.gateway.delete_card(on_file))

    # Looking up ---------------------------------------------------------------------------------------------

    def lookup(
        self, attempt: Attempt, order: Order, *, cancel: bool, link: Link | None = None
    ) -> LookupResult | LinkFound:
        """What became of the charge, or of the link by which it is paid. With `cancel`, what has not happened
        by then never will.
        """
        if link is not None:
            asked, reference = link.request(order, attempt.language), link.gateway_reference
            return self._answer(
                "lookup_link",
                attempt,
                lambda: self.gateway.lookup_link(asked, close=cancel, reference=reference),
            )
        authorization = attempt.gateway_authorization
        known = attempt.gateway_reference if authorization is None else authorization.reveal()
        return self._answer(
            "lookup", attempt, lambda: self.gateway.lookup(order, cancel=cancel, reference=known)
        )

    def verify_charge(self, attempt: Attempt, order: Order, reference: str) -> VerifiedCharge:
        """Whether the charge of this reference is the attempt's."""
        return self._answer("find_charge", attempt, lambda: self.gateway.verify_charge(order, reference))

    def lookup_refund(self, attempt: Attempt, refund: Refund, *, cancel: bool) -> RefundFound:
        """What became of the refund."""
        request = _request(attempt, refund)
        return self._answer("lookup", attempt, lambda: self.gateway.lookup_refund(request, cancel=cancel))

    def refunded_externally(self, attempt: Attempt) -> int | Unknown:
        """What others than this server refunded of the charge, in minor units."""
        reference = attempt.gateway_reference
        if not reference:
            return Unknown("no reference of the charge is known")
        return self._answer(
            "given_back_elsewhere", attempt, lambda: self.gateway.refunded_externally(reference)
        )

    # How ----------------------------------------------------------------------------------------------------

    def _sent(self, verb: str, attempt: Attempt, send: Callable[[], R]) -> R | Declined | Unknown:
        """The last try begins soon after the claim; of a refund, soon after its first try."""
        claimed_at = attempt.claimed_at if attempt.state is State.CLAIMED else None
        until = (claimed_at or self.clock.now()) + timedelta(seconds=timeouts.CONFIRM_WITHIN_S)

        def may_wait(wait_s: float) -> bool:
            if wait_s:
                log.warning("gateway_did_not_process", verb=verb, attempt_id=attempt.id, wait_s=wait_s)
            return self.clock.now() + timedelta(seconds=wait_s) <= until

        ask = _refusable(verb, attempt, send)
        return retry_unprocessed(
            lambda: self._answer(verb, attempt, ask), sleep=self.clock.sleep, may_wait=may_wait
        )

    def _answer(self, verb: str, subject: Attempt | SavedCard, ask: Callable[[], R]) -> R | Unknown:
        if subject.gateway != self.gateway.name:
            return self._of_another_gateway(verb, subject)
        try:
            return ask()
        except Exception:
            log.exception("gateway_adapter_failed", verb=verb, **_names(subject))
            return Unknown("the adapter failed")

    def _of_another_gateway(self, verb: str, subject: Attempt | SavedCard) -> Unknown:
        if isinstance(subject, SavedCard):
            what = "it is saved at"
        else:
            what = "it was made for"
            facts = {"attempt_id": subject.id, "gateway": subject.gateway}
            log.error("attempt_of_another_gateway", verb=verb, **facts)
        return Unknown(f"{what} {subject.gateway}, but this worker is connected to {self.gateway.name}")


def _refusable(verb: str, subject: Attempt | SavedCard, send: Callable[[], R]) -> Callable[[], R | Declined]:
    def refusable() -> R | Declined:
        try:
            return send()
        except UnsupportedError as refused:
            sentence = str(refused)
            log.error("gateway_cannot", verb=verb, **_names(subject), sentence=sentence)  # noqa: TRY400 - an answer, no bug
            return Declined(Decline.CONFIG_ERROR, "unsupported")

    return refusable


def _names(subject: Attempt | SavedCard) -> dict[str, str]:
    return {"attempt_id" if isinstance(subject, Attempt) else "card_id": subject.id}


def _request(attempt: Attempt, refund: Refund) -> RefundRequest:
    return RefundRequest(refund.id, attempt.gateway_reference or "", refund.amount_minor, refund.currency)
