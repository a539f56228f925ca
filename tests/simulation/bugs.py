"""Bugs to be planted into the server: the simulator must find each of them.

Each is what a hasty change could do; `BUGS` says which rates bring it to light.
"""

import itertools
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any
from unittest import mock

import sqlalchemy as sa
import structlog

from gateways.contract import (
    Cancelled,
    CardDeleted,
    ChargeRequest,
    LinkFound,
    LookupResult,
    Order,
    Result,
    Unknown,
)
from gateways.sandbox.adapter import SandboxGateway
from gateways.stripe import payments
from gateways.stripe.client import StripeSession
from gateways.stripe.intents import Intent
from ivr.bills import reservation
from ivr.calls import heard
from ivr.calls.waits import charge as attempt_waits
from ivr.finance import ledger
from ivr.finance.ledger import EntryKind
from ivr.messaging import messages
from ivr.messaging.delivery import MessageJobs
from ivr.messaging.messages import Message
from ivr.payments.attempts import store as records
from ivr.payments.attempts.charge import ChargeJob
from ivr.payments.attempts.service import Attempt
from ivr.payments.attempts.states import Method, State
from ivr.payments.attempts.unknown_charges import UnknownChargeJob
from ivr.payments.gateway_client import GatewayClient
from ivr.payments.links.store import Link
from ivr.payments.saved_cards.jobs import SavedCardJobs
from ivr.payments.saved_cards.service import Agreement, SavedCardService
from ivr.payments.service import PaymentService
from ivr.pci import entry_lifecycle
from ivr.pci.gateway_submission import GatewaySubmission
from ivr.pci.key_directory import DirectoryKeys
from ivr.platform.database.engine import reading
from tests.simulation.bugs_from_outside import BUGS_OF_OTHERS
from tests.simulation.bugs_in_speech import BUGS_OF_WORDS
from tests.simulation.planted_bug import AHEAD, GATEWAY_FAILS, QUEUE_FAILS, QUIET, Bug, Patches
from tests.support import schema


def _fresh_key() -> Patches:
    """The idempotency key is made fresh at each send."""
    real, count = SandboxGateway.charge, itertools.count()

    def charge(self: SandboxGateway, asked: ChargeRequest) -> Result:
        order = replace(asked.order, key=f"{asked.order.key}x{next(count)}")
        return real(self, replace(asked, order=order))

    return [mock.patch.object(SandboxGateway, "charge", charge)]


def _charge_again() -> Patches:
    """A charge whose outcome is unknown is sent again."""
    real = GatewayClient.charge

    def charge(self: GatewayClient, *asked: Any, **more: Any) -> Result:
        answer = real(self, *asked, **more)
        return real(self, *asked, **more) if isinstance(answer, Unknown) else answer

    return [mock.patch.object(GatewayClient, "charge", charge)]


def _declined_for_unknown() -> Patches:
    """Who waits for an unknown outcome hears that they were not charged."""
    real = attempt_waits._exit

    def exit_of(attempt: Attempt) -> str | None:
        return "refused" if attempt.state is State.UNKNOWN else real(attempt)

    return [mock.patch.object(attempt_waits, "_exit", exit_of)]


def _entry_outside() -> Patches:
    """The ledger is written after the transaction that says approved, in one of its own."""
    owed: list[tuple[str, dict[str, Any]]] = []
    real_post = ledger.post

    def later(handler: type) -> AbstractContextManager[Any]:
        real: Any = vars(handler)["run"]

        def run(self: Any, *given: Any) -> None:
            owed.clear()
            real(self, *given)
            for attempt_id, entry in [*owed]:
                with self.engine.begin() as tx:
                    real_post(tx, EntryKind.CHARGE, attempt_id, **entry)

        return mock.patch.object(handler, "run", run)

    def post(tx: sa.Connection, kind: EntryKind, source_id: str, **entry: Any) -> None:
        if kind is EntryKind.CHARGE:
            owed.append((source_id, entry))
        else:
            real_post(tx, kind, source_id, **entry)

    return [mock.patch.object(ledger, "post", post), later(ChargeJob), later(UnknownChargeJob)]


def _entry_twice() -> Patches:
    """Each charge is entered a second time, under another name."""
    real = ledger.post

    def post(tx: sa.Connection, kind: EntryKind, source_id: str, **entry: Any) -> None:
        real(tx, kind, source_id, **entry)
        if kind is EntryKind.CHARGE:
            real(tx, kind, source_id + "x", **entry)

    return [mock.patch.object(ledger, "post", post)]


def _text_twice() -> Patches:
    """Whoever sends a text does not ask whether it was sent."""
    real = MessageJobs._claim

    def claim(self: MessageJobs, confirmation_id: str) -> Message | None:
        claimed = real(self, confirmation_id)
        if claimed is not None:
            return claimed
        with reading(self.engine) as tx:
            found = messages.find(tx, confirmation_id)
        return None if found is None else replace(found, tried_at=self.clock.now())

    return [mock.patch.object(MessageJobs, "_claim", claim)]


def _never_swept() -> Patches:
    """A job that is lost is not asked for again."""
    return [mock.patch.object(PaymentService, "sweep", return_value=0)]


def _nothing_reserved() -> Patches:
    """A part of a bill is not held for who is paying it."""

    def settle(tx: sa.Connection, bill_id: str, amount_minor: int, now: datetime) -> None:
        bill = schema.bill
        paid = {"paid_minor": bill.c.paid_minor + amount_minor, "updated_at": now}
        tx.execute(sa.update(bill).where(bill.c.id == bill_id).values(**paid))

    return [
        mock.patch.object(reservation, "reserve", return_value=True),
        mock.patch.object(reservation, "release"),
        mock.patch.object(reservation, "settle", settle),
    ]


def _card_logged() -> Patches:
    """The PCI process logs what it sends."""
    real = GatewaySubmission._card

    def card(self: GatewaySubmission, entry: Any) -> Any:
        found = real(self, entry)
        structlog.get_logger().debug("asking", what=found.number.reveal())
        return found

    return [mock.patch.object(GatewaySubmission, "_card", card)]


def _card_kept() -> Patches:
    """What was keyed is not wiped from its row."""
    return [mock.patch.dict(entry_lifecycle._WIPED, clear=True)]


def _keys_kept() -> Patches:
    """The keys of what was keyed are not destroyed."""
    return [
        mock.patch.object(DirectoryKeys, "forget"),
        mock.patch.object(DirectoryKeys, "sweep", return_value=0),
    ]


def _fence_ignored() -> Patches:
    """Not found is taken for fenced, and the gateway is not asked to fence."""
    real = SandboxGateway.lookup

    def lookup(
        self: SandboxGateway, order: Order, *, cancel: bool, reference: str | None = None
    ) -> LookupResult:
        found = real(self, order, cancel=False, reference=reference)
        return Cancelled() if cancel and isinstance(found, Unknown) and "not_found" in found.reason else found

    return [mock.patch.object(SandboxGateway, "lookup", lookup)]


def _reference_not_kept() -> Patches:
    """A charge is confirmed before the reference under which it was prepared is committed."""
    return [mock.patch.object(ChargeJob, "_keep_reference", return_value=True)]


def _cancel_left_out() -> Patches:
    """A fence at Stripe looks at the intent and takes it for cancelled: its confirmation may still arrive."""

    def cancel(api: StripeSession, reference: str) -> Intent | Unknown:
        found = payments.retrieve_intent(api, reference)
        waits = isinstance(found, Intent) and found.state in {
            "requires_confirmation",
            "requires_payment_method",
        }
        return replace(found, state="canceled") if waits else found

    return [mock.patch.object(payments, "cancel_intent", cancel)]


def _link_closed_here_alone() -> Patches:
    """A link that somebody wants closed is taken for closed, and the gateway is not asked."""
    real = GatewayClient.lookup

    def lookup(
        self: GatewayClient, attempt: Attempt, order: Order, *, cancel: bool, link: Link | None = None
    ) -> LookupResult | LinkFound:
        return (
            Cancelled()
            if cancel and link is not None
            else real(self, attempt, order, cancel=cancel, link=link)
        )

    return [mock.patch.object(GatewayClient, "lookup", lookup)]


def _link_entered_twice() -> Patches:
    """What was paid by link is entered when it is found, and once more under the name of the link."""
    real = ledger.post

    def post(tx: sa.Connection, kind: EntryKind, source_id: str, **entry: Any) -> None:
        real(tx, kind, source_id, **entry)
        if kind is EntryKind.CHARGE and records.get(tx, source_id).method is Method.LINK:
            real(tx, kind, source_id + "-link", **entry)

    return [mock.patch.object(ledger, "post", post)]


def _forgotten_here_alone() -> Patches:
    """A card that was deleted is forgotten here, and not at the gateway."""
    return [mock.patch.object(SavedCardJobs, "_forget", return_value=CardDeleted())]


def _consent_by_rote() -> Patches:
    """What is recorded as a consent is not what the caller heard."""
    real = SavedCardService.agree

    def agree(self: SavedCardService, tx: sa.Connection, attempt: Attempt, agreement: Agreement) -> None:
        consent = replace(agreement.consent, wording="I agree that my card is kept.")
        real(self, tx, attempt, replace(agreement, consent=consent))

    return [mock.patch.object(SavedCardService, "agree", agree)]


def _clock_of_ours() -> Patches:
    """Whether a key was named is told by our own clock alone, from the commit of the question on."""
    real = heard.named

    def named(*asked: Any) -> str:
        *others, _proven, elapsed_s = asked
        return real(*others, None, elapsed_s)

    return [mock.patch.object(heard, "named", named)]


BUGS: Mapping[str, Bug] = {
    "a fresh key at each send": Bug(_fresh_key, "no attempt", first=6),
    "charged again while unknown": Bug(_charge_again, "asked twice", GATEWAY_FAILS),
    "declined said for unknown": Bug(
        _declined_for_unknown, "heard 'charge.refused'", GATEWAY_FAILS, first=11
    ),
    "the ledger entry outside the transaction": Bug(
        _entry_outside, "has 0 entries in the ledger", {**QUIET, "database": 0.03}, first=13
    ),
    "the ledger entry twice": Bug(_entry_twice, "that the gateway does not have", first=6),
    "the text twice": Bug(_text_twice, "was sent 2 times", {**QUIET, "queue": 0.9}, first=2),
    "a lost job not swept": Bug(_never_swept, "is still", QUEUE_FAILS),
    "nothing reserved": Bug(_nothing_reserved, "was taken for", first=21),
    "a card number in the log": Bug(_card_logged, "a card number stands in the log", deployment="authorize"),
    "a sealed card not wiped": Bug(_card_kept, "still holds something"),
    "the keys not destroyed": Bug(_keys_kept, "is left"),
    "the fence ignored": Bug(_fence_ignored, "which is fenced", GATEWAY_FAILS, first=44),
    "confirmed before its reference is kept": Bug(
        _reference_not_kept, "which is fenced", GATEWAY_FAILS, deployment="stripe-tokenize", first=7
    ),
    "the cancel left out at Stripe": Bug(
        _cancel_left_out, "which is fenced", GATEWAY_FAILS, deployment="stripe-tokenize", first=370
    ),
    "a link closed here alone": Bug(_link_closed_here_alone, "which is fenced", QUIET, first=32),
    "what is paid by link entered twice": Bug(
        _link_entered_twice, "that the gateway does not have", QUIET, deployment="stripe-authorize", first=13
    ),
    "a card forgotten here alone": Bug(
        _forgotten_here_alone, "that is not among ours", QUIET, deployment="stripe-tokenize", first=10
    ),
    "our own clock for what was heard": Bug(_clock_of_ours, "had not heard", AHEAD),
    "a consent by rote": Bug(_consent_by_rote, "that nobody gave", QUIET, deployment="stripe-pay"),
    **BUGS_OF_OTHERS,
    **BUGS_OF_WORDS,
}
