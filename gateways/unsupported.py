"""What an adapter inherits for the verbs that its gateway does not have: each refuses, and sends nothing.

If a capability is declared and its verb is not written, the verb here says so, and the contract suite calls
each one.
"""

from collections.abc import Mapping

from gateways.capability import Capabilities, GatewayVerb, UnsupportedError, require
from gateways.contract import (
    CardDeleted,
    CardOnFile,
    Declined,
    LinkFound,
    LinkOpen,
    Order,
    PayLink,
    Prepared,
    SaveCardResult,
    Unknown,
)
from gateways.events import GatewayEvent
from gateways.secret import Secret
from gateways.settlement import PayoutLine


class UnsupportedVerbs:
    """The verbs that not every gateway has. An adapter overrides those that it declares."""

    name: str
    capabilities: Capabilities

    def prepare(
        self,
        order: Order,  # noqa: ARG002
        *,
        gateway_customer_id: str | None = None,  # noqa: ARG002
    ) -> Prepared | Declined | Unknown:
        raise self._refusal(GatewayVerb.PREPARE)

    def refunded_externally(self, gateway_reference: str) -> int | Unknown:  # noqa: ARG002
        return Unknown(f"{self.name} does not say what others gave back")

    def open_link(self, link: PayLink) -> LinkOpen | Declined | Unknown:  # noqa: ARG002
        raise self._refusal(GatewayVerb.OPEN_LINK)

    def lookup_link(self, link: PayLink, *, close: bool, reference: str | None = None) -> LinkFound:  # noqa: ARG002
        raise self._refusal(GatewayVerb.OPEN_LINK)

    def save_card(
        self,
        key: str,  # noqa: ARG002
        token: Secret,  # noqa: ARG002
        *,
        charge_reference: str,  # noqa: ARG002
        gateway_customer_id: str | None,  # noqa: ARG002
    ) -> SaveCardResult:
        raise self._refusal(GatewayVerb.SAVE_CARD)

    def delete_card(self, card: CardOnFile) -> CardDeleted | Unknown:  # noqa: ARG002
        raise self._refusal(GatewayVerb.SAVE_CARD)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> GatewayEvent:  # noqa: ARG002
        raise self._refusal(GatewayVerb.PARSE_WEBHOOK)

    def payout_lines(self, payout: str) -> tuple[PayoutLine, ...]:  # noqa: ARG002
        raise self._refusal(GatewayVerb.PAYOUT_LINES)

    def dashboard_url(self, reference: str) -> str | None:  # noqa: ARG002
        return None

    def _refusal(self, verb: GatewayVerb) -> UnsupportedError:
        require(self.name, self.capabilities, verb)
        return UnsupportedError(f"{self.name} declares that it can {verb}, and its adapter cannot")
