"""The edge to the gateway: every verb that payments use, asked so that always an answer comes back.

An exception out of an adapter is a bug: it is logged here and becomes `Unknown`, for money may have moved. A
capability that is not declared was refused before anything was sent, so that is a decline. Nothing is ever
asked of another gateway than the one the attempt was made for: its "not found" would be a lie.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from gateways.contract import (
    CaptureRequest,
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
    Unknown,
    UnsupportedError,
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

    def prepare(self, attempt: Attempt, order: Order) -> Prepared | Declined | Unknown:
        """Makes the order known; takes nothing."""
        return self._sent(
            "prepare", attempt, lambda: self.gateway.prepare(order, gateway_customer_id=attempt.holder)
        )

    def charge(self, attempt: Attempt, order: Order, *, reference: str | None = None) -> Result:
        """Sends the money's request: a capture where the amount is authorized, else a charge of the token."""

        def send() -> Result:
            if attempt.gateway_authorization is not None:
                return self.gateway.capture(
                    CaptureRequest(
                        order.key,
                        attempt.gateway_authorization.reveal(),
                        order.amount_minor,
                        order.currency,
                    )
                )
            if attempt.token is None:
                raise ValueError("an attempt without a card was claimed")
            return self.gateway.charge(
                ChargeRequest(
                    order,
                    attempt.token,
                    reference,
                    gateway_customer_id=attempt.holder,
                    keep_card=attempt.keep_card,
                )
            )

        return self._sent("charge", attempt, send)

    def void(self, attempt: Attempt) -> Result:
        """Lets go of what the issuer holds."""
        authorization = attempt.gateway_authorization
        if authorization is None:
            return Unknown("no authorization is known")
        request = VoidRequest(attempt.id, authorization.reveal())
        return self._answer("void", attempt, lambda: self.gateway.void(request))

    def refund(self, attempt: Attempt, refund: Refund) -> Result:
        """Gives money back. The same refund again gives nothing more."""
        return self._sent("refund", attempt, lambda: self.gateway.refund(_request(attempt, refund)))

    def open_link(self, attempt: Attempt, link: PayLink) -> LinkOpen | Declined | Unknown:
        """A page on which the payer can pay the order themselves."""
        return self._sent("open_link", attempt, lambda: self.gateway.open_link(link))

    def lookup(
        self, attempt: Attempt, order: Order, *, cancel: bool, link: Link | None = None
    ) -> LookupResult | LinkFound:
        """What became of the charge, or of the link by which it is paid."""
        if link is not None:
            asked = link.request(order, attempt.language)
            return self._answer(
                "lookup_link",
                attempt,
                lambda: self.gateway.lookup_link(asked, close=cancel, reference=link.gateway_reference),
            )
        reference = None if attempt.gateway_authorization is None else attempt.gateway_authorization.reveal()
        return self._answer(
            "lookup",
            attempt,
            lambda: self.gateway.lookup(
                order, cancel=cancel, reference=reference or attempt.gateway_reference
            ),
        )

    def verify_charge(self, attempt: Attempt, order: Order, reference: str) -> VerifiedCharge:
        """Whether the charge of this reference is the attempt's."""
        return self._answer("find_charge", attempt, lambda: self.gateway.verify_charge(order, reference))

    def lookup_refund(self, attempt: Attempt, refund: Refund, *, cancel: bool) -> RefundFound:
        """What became of the refund."""
        request = _request(attempt, refund)
        return self._answer("lookup", attempt, lambda: self.gateway.lookup_refund(request, cancel=cancel))

    def refunded_externally(self, attempt: Attempt) -> int | Unknown:
        """What others gave back of the charge, in minor units."""
        reference = attempt.gateway_reference
        if not reference:
            return Unknown("no reference of the charge is known")
        return self._answer(
            "given_back_elsewhere", attempt, lambda: self.gateway.refunded_externally(reference)
        )

    def _sent(self, verb: str, attempt: Attempt, send: Callable[[], R]) -> R | Declined | Unknown:
        def refusable() -> R | Declined:
            try:
                return send()
            except UnsupportedError as refused:
                log.error("gateway_cannot", verb=verb, attempt_id=attempt.id, sentence=str(refused))  # noqa: TRY400 - an answer, no bug
                return Declined(Decline.CONFIG_ERROR, "unsupported")

        until = self._send_until(attempt)

        def may_wait(wait_s: float) -> bool:
            if wait_s:
                log.warning("gateway_did_not_process", verb=verb, attempt_id=attempt.id, wait_s=wait_s)
            return self.clock.now() + timedelta(seconds=wait_s) <= until

        return retry_unprocessed(
            lambda: self._answer(verb, attempt, refusable), sleep=self.clock.sleep, may_wait=may_wait
        )

    def _send_until(self, attempt: Attempt) -> datetime:
        """When the last try may begin: counted from the claim, and of a refund from its first try."""
        since = attempt.claimed_at if attempt.state is State.CLAIMED else None
        return (since or self.clock.now()) + timedelta(seconds=timeouts.CONFIRM_WITHIN_S)

    def _answer(self, verb: str, attempt: Attempt, ask: Callable[[], R]) -> R | Unknown:
        if not self.is_of(attempt):
            log.error("attempt_of_another_gateway", verb=verb, attempt_id=attempt.id, gateway=attempt.gateway)
            return Unknown(
                f"it was made for {attempt.gateway}, but this worker is connected to {self.gateway.name}"
            )
        try:
            return ask()
        except Exception:
            log.exception("gateway_adapter_failed", verb=verb, attempt_id=attempt.id)
            return Unknown("the adapter failed")


def _request(attempt: Attempt, refund: Refund) -> RefundRequest:
    return RefundRequest(refund.id, attempt.gateway_reference or "", refund.amount_minor, refund.currency)
