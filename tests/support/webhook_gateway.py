"""A fake gateway that posts webhooks and reports payouts."""

from dataclasses import dataclass, field
from datetime import datetime

from gateways.capability import Capabilities, CardEntry
from gateways.contract import GatewayUnreachableError
from gateways.events import (
    EventData,
    GatewayEvent,
    InvalidWebhookError,
)
from gateways.settlement import PayoutLine
from ivr.jobs.job_list import CHARGE_ATTEMPT
from ivr.payments.attempts.states import State
from tests.support.fake_gateway import FakeGateway, Fate
from tests.support.payment_services import PaymentServices

CAN_TELL = Capabilities(
    card_entry=CardEntry.TOKENIZE,
    refund=True,
    partial_refund=True,
    webhooks=True,
    settlement=True,
)


@dataclass
class WebhookGateway(FakeGateway):
    """A bank that posts webhooks; its signature is the word "signed"."""

    says: EventData | None = None
    lines: tuple[PayoutLine, ...] = ()
    away: int = 0
    name: str = field(default="bank", init=False)

    def __post_init__(self) -> None:
        super().__init__(CAN_TELL)

    def parse_webhook(self, headers: dict[str, str], body: bytes) -> GatewayEvent:  # type: ignore[override]
        if headers.get("Signature") != "signed":
            raise InvalidWebhookError("the signature is not the bank's")
        return GatewayEvent(body.decode(), "payment.moved", self.says)

    def payout_lines(self, payout: str) -> tuple[PayoutLine, ...]:
        if self.away:
            self.away -= 1
            raise GatewayUnreachableError("The bank is away.")
        return self.lines


def tell(
    services: PaymentServices,
    notice: EventData | None,
    event: str = "evt_1",
    happened_at: datetime | None = None,
) -> bool:
    """The notice arrives; False: it was heard before."""
    return services.payments.gateway_events.take(GatewayEvent(event, "payment.moved", notice, happened_at))


def unknown_charge(services: PaymentServices, fate: Fate) -> str:
    """A confirmed attempt whose charge met this fate, and is unknown."""
    services.bank.fates.append(fate)
    attempt_id = services.confirmed()
    services.run(next(one for one in services.work.waiting() if one.job == CHARGE_ATTEMPT))
    assert services.state(attempt_id) is State.UNKNOWN
    return attempt_id
