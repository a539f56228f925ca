"""A bank that tells the truth, written at the level of the gateway contract, for tests of payments.

Each request meets a fate: it may be answered, lose its reply, stay on its way and arrive when a test delivers
it, never arrive, or its sender may be killed before or after. What the bank holds in the end is the truth
that the server's books are compared with. `PreparingGateway` is one whose charges are prepared and confirmed,
and whose refunds cannot be fenced.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto

from gateways.capability import Capabilities, CardEntry
from gateways.contract import (
    Approved,
    Authorized,
    Cancelled,
    CaptureRequest,
    ChargeRequest,
    Declined,
    GatewayUnreachableError,
    LookupResult,
    NotThisCharge,
    Order,
    Prepared,
    RefundFound,
    RefundNotFound,
    RefundRequest,
    Result,
    Unknown,
    VerifiedCharge,
    VoidRequest,
)
from gateways.declines import Decline
from gateways.events import EventData, GatewayEvent, InvalidWebhookError
from gateways.settlement import PayoutLine
from gateways.unsupported import UnsupportedVerbs

CAN_REFUND = Capabilities(card_entry=CardEntry.TOKENIZE, refund=True, partial_refund=True)
WITH_WEBHOOKS = replace(CAN_REFUND, webhooks=True, settlement=True)


class KilledError(BaseException):
    """The process died here: nothing after this line happened."""


class MisuseError(BaseException):
    """The server asked what it must not. No Exception: the edge to the gateway takes those for faults of the
    adapter, and no test would see it.
    """


def must(holds: object, why: str) -> None:
    if not holds:
        raise MisuseError(why)


class Fate(Enum):
    """What becomes of a request."""

    ANSWERED = auto()
    LOST_REPLY = auto()
    """It arrives, its answer does not."""
    LATE = auto()
    """It is on its way when the sender gives up waiting, and arrives when it is delivered."""
    NEVER_ARRIVES = auto()
    NOT_PROCESSED = auto()
    """Nothing is done, and the bank's own answer says so."""
    KILLED_BEFORE = auto()
    KILLED_AFTER = auto()
    KILLED_LATE = auto()
    BUG = auto()
    """The adapter fails after the request arrived."""


class FakeGateway(UnsupportedVerbs):
    """A gateway that holds money. Safe from many threads; `sent` is every request for money that left us."""

    def __init__(self, capabilities: Capabilities = CAN_REFUND, *, name: str = "bank") -> None:
        self.capabilities = capabilities
        self.name = name
        self.event_data: EventData | None = None
        """What its webhooks say."""
        self.lines: tuple[PayoutLine, ...] = ()
        """Of any payout."""
        self.unreachable_times = 0
        """How often it does not answer when it is asked for a payout."""
        self.fates: deque[Fate] = deque()
        """Of the next requests, in order; then all are answered."""
        self.sent: list[tuple[str, str]] = []
        self.not_processed: list[tuple[str, str]] = []
        """Requests that it did not process, and said so."""
        self.looked_up: list[tuple[str, bool]] = []
        self.charged: dict[str, int] = {}
        self.declined: dict[str, Declined] = {}
        self.fenced: set[str] = set()
        self.held: dict[str, int] = {}
        """Authorized and not captured, by key."""
        self.voided: set[str] = set()
        self.refunded: dict[str, tuple[str, int]] = {}
        """By the refund's key: whose charge, how much."""
        self.refund_declined: set[str] = set()
        self.by_hand: dict[str, int] = {}
        """What somebody gave back in the dashboard, by charge."""
        self.under_way: list[Callable[[], object]] = []
        self.before_answer: Callable[[], None] = lambda: None
        self._lock = threading.RLock()

    def money(self) -> dict[str, int]:
        """What the bank owes us, by charge."""
        owed = dict(self.charged)
        for key, amount in self.refunded.values():
            owed[key] -= amount
        return owed

    def deliver(self, number: int = 0) -> None:
        """A request that was on its way arrives."""
        self.under_way.pop(number)()

    # What a gateway does ------------------------------------------------------------------------------------

    def charge(self, charge: ChargeRequest) -> Result:
        def arrive() -> Result:
            if key in self.fenced:
                return Unknown("this key is fenced")
            if key not in self.charged and key not in self.declined:
                if charge.token.reveal() == "tok_declined":
                    self.declined[key] = Declined(Decline.INSUFFICIENT_FUNDS, "nsf")
                else:
                    self.charged[key] = charge.order.amount_minor
            return self._standing(key)

        key = charge.order.key
        return self._request("charge", key, arrive)

    def capture(self, capture: CaptureRequest) -> Result:
        def arrive() -> Result:
            if capture.key in self.held:
                self.charged[capture.key] = self.held.pop(capture.key)
            if capture.key in self.charged:
                return self._standing(capture.key)
            return Declined(Decline.GENERIC, "authorization_gone")

        return self._request("capture", capture.key, arrive)

    def void(self, void: VoidRequest) -> Result:
        def arrive() -> Result:
            if void.key in self.charged:
                return Unknown("it was captured")
            self.held.pop(void.key, None)
            self.voided.add(void.key)
            return Approved(f"void_{void.key}")

        return self._request("void", void.key, arrive)

    def refund(self, refund: RefundRequest) -> Result:
        def arrive() -> Result:
            if refund.key in self.fenced:
                return Unknown("this key is fenced")
            charge_key = refund.gateway_reference.removeprefix("ref_")
            if refund.key not in self.refunded:
                left_minor = self.money().get(charge_key, 0) - self.by_hand.get(charge_key, 0)
                if left_minor < refund.amount_minor:
                    self.refund_declined.add(refund.key)
                    return Declined(Decline.GENERIC, "over_refund")
                self.refunded[refund.key] = (charge_key, refund.amount_minor)
            return Approved(f"re_{refund.key}")

        return self._request("refund", refund.key, arrive)

    def lookup(self, order: Order, *, cancel: bool, reference: str | None = None) -> LookupResult:
        return self._look(order.key, cancel=cancel)

    def verify_charge(self, order: Order, reference: str) -> VerifiedCharge:
        found = self._look(order.key, cancel=False)
        if found == Unknown("not found") or isinstance(found, Declined | Cancelled | Authorized):
            return NotThisCharge("the bank took nothing for it")
        if isinstance(found, Approved) and found.gateway_reference != reference:
            return NotThisCharge(f"the bank calls it {found.gateway_reference}")
        return found

    def refunded_externally(self, gateway_reference: str) -> int | Unknown:
        with self._lock:
            fate = self._fate()
            in_all = self.by_hand.get(gateway_reference.removeprefix("ref_"), 0)
        self.before_answer()
        return in_all if fate is Fate.ANSWERED else Unknown("the bank does not answer")

    def lookup_refund(self, refund: RefundRequest, *, cancel: bool) -> RefundFound:
        return self._look(refund.key, cancel=cancel)

    def _look(self, key: str, *, cancel: bool) -> Approved | Authorized | Declined | Cancelled | Unknown:
        with self._lock:
            self.looked_up.append((key, cancel))
            fate = self._fate()
            if fate is Fate.KILLED_BEFORE:
                raise KilledError
            if fate in {Fate.NEVER_ARRIVES, Fate.LATE, Fate.BUG}:
                return Unknown("the bank does not answer")
            found = self._found(key)
            if found is None and cancel:
                self.fenced.add(key)
        self.before_answer()
        if fate in {Fate.KILLED_AFTER, Fate.KILLED_LATE}:
            raise KilledError
        if fate is Fate.LOST_REPLY:
            return Unknown("the bank's answer was lost")
        if found is not None:
            return found
        return Cancelled() if cancel else Unknown("not found")

    def check(self) -> None:
        """It is always there."""

    def dashboard_url(self, reference: str) -> str | None:
        return f"https://bank.example/{reference}"

    def authorize(self, key: str, amount_minor: int) -> str | None:
        """As the PCI process asks: the authorization, or None where the key is fenced."""
        with self._lock:
            if key in self.fenced:
                return None
            self.held[key] = amount_minor
            return f"auth_{key}"

    def parse_webhook(self, headers: dict[str, str], body: bytes) -> GatewayEvent:  # type: ignore[override]
        """Its signature is the word "signed"."""
        if not self.capabilities.webhooks:
            return super().parse_webhook(headers, body)
        if headers.get("Signature") != "signed":
            raise InvalidWebhookError("the signature is not the bank's")
        return GatewayEvent(body.decode(), "payment.moved", self.event_data)

    def payout_lines(self, payout: str) -> tuple[PayoutLine, ...]:
        if not self.capabilities.settlement:
            return super().payout_lines(payout)
        if self.unreachable_times:
            self.unreachable_times -= 1
            raise GatewayUnreachableError("The bank is away.")
        return self.lines

    # How it goes wrong --------------------------------------------------------------------------------------

    def _found(self, key: str) -> LookupResult | None:
        """What the bank knows of a key; None: nothing."""
        known: dict[str, LookupResult] = dict.fromkeys(self.voided | self.fenced, Cancelled())
        known |= {held: Authorized(f"auth_{held}") for held in self.held}
        known |= {refund: Approved(f"re_{refund}") for refund in self.refunded}
        known |= dict.fromkeys(self.refund_declined, Declined(Decline.GENERIC, "over_refund"))
        known |= {charge: self._standing(charge) for charge in self.charged.keys() | self.declined.keys()}
        return known.get(key)

    def _standing(self, key: str) -> Approved | Declined:
        return self.declined.get(key) or Approved(f"ref_{key}", "A1B2C3")

    def _fate(self) -> Fate:
        return self.fates.popleft() if self.fates else Fate.ANSWERED

    def _request(self, verb: str, key: str, arrive: Callable[[], Result]) -> Result:
        with self._lock:
            fate = self._fate()
            if fate is Fate.KILLED_BEFORE:
                raise KilledError
            (self.not_processed if fate is Fate.NOT_PROCESSED else self.sent).append((verb, key))
            if fate in {Fate.LATE, Fate.KILLED_LATE}:
                self.under_way.append(arrive)
            elif fate not in {Fate.NEVER_ARRIVES, Fate.NOT_PROCESSED}:
                answer = arrive()
        self.before_answer()
        if fate is Fate.NOT_PROCESSED:
            return Unknown("too many requests", retry_same_key=True)
        if fate in {Fate.KILLED_AFTER, Fate.KILLED_LATE}:
            raise KilledError
        if fate is Fate.BUG:
            raise RuntimeError("the adapter has a bug")
        return answer if fate is Fate.ANSWERED else Unknown("no answer")


class PreparingGateway(FakeGateway):
    """Knows an order before it is charged, and takes nothing before the order's reference is confirmed."""

    def __init__(self) -> None:
        super().__init__(replace(CAN_REFUND, prepares=True))
        self.prepared: set[str] = set()
        self.asked_by: list[str | None] = []
        """The references that look-ups came with."""
        self.reference_kept: Callable[[str], str | None] = lambda _: None
        """What the server's books hold as the gateway's reference of an attempt, at this moment."""

    def prepare(
        self, order: Order, *, gateway_customer_id: str | None = None
    ) -> Prepared | Declined | Unknown:
        def arrive() -> Result:
            self.prepared.add(order.key)
            return Approved(f"ref_{order.key}")

        answer = self._request("prepare", order.key, arrive)
        return Prepared(answer.gateway_reference) if isinstance(answer, Approved) else answer

    def charge(self, charge: ChargeRequest) -> Result:
        key = charge.order.key
        must(key in self.prepared, "confirmed before it was prepared")
        must(charge.reference == f"ref_{key}" == self.reference_kept(key), "confirmed before it was kept")
        return super().charge(charge)

    def lookup(self, order: Order, *, cancel: bool, reference: str | None = None) -> LookupResult:
        """Without a reference the order is made known once more, under its key."""
        must(reference in {None, f"ref_{order.key}", f"auth_{order.key}"}, "another charge's reference")
        self.asked_by.append(reference)
        self.prepared.add(order.key)
        return super().lookup(order, cancel=cancel, reference=reference)

    def lookup_refund(self, refund: RefundRequest, *, cancel: bool) -> RefundFound:
        answer = self._look(refund.key, cancel=False)
        return RefundNotFound() if cancel and answer == Unknown("not found") else answer
