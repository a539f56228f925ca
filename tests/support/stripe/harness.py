"""Stripe on the contract suite's bench: the real adapter and library, a real socket, open books."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from gateways.capability import CardEntry, GatewayVerb
from gateways.declines import Decline
from gateways.secret import Secret
from gateways.stripe import answers
from gateways.stripe.adapter import StripeGateway
from gateways.stripe.client import RETRIES, Stripe, StripeTimeLimits
from gateways.stripe.tokenize import StripeTokenizer
from tests.support.gateway_harness import (
    DECLINING,
    FORGET,
    LOOKUP,
    AskedVerb,
    GatewayBooks,
    GatewayHarness,
    PlantedBugError,
    card,
)
from tests.support.stripe.account import WEBHOOK_SECRET
from tests.support.stripe.line import Harm, HeldAnswer
from tests.support.stripe.server import StripeServer

KINDS = {
    GatewayVerb.TOKENIZE: "payment_methods.create",
    GatewayVerb.CHARGE: "payment_intents.confirm",
    GatewayVerb.AUTHORIZE: "payment_intents.confirm",
    GatewayVerb.CAPTURE: "payment_intents.capture",
    GatewayVerb.VOID: "payment_intents.cancel",
    GatewayVerb.REFUND: "refunds.create",
    LOOKUP: "payment_intents.retrieve",
    GatewayVerb.SAVE_CARD: "payment_methods.attach",
    FORGET: "payment_methods.detach",
}
EVERY_TRY = RETRIES + 1
BRISK = StripeTimeLimits(pause_s=0.01)


class StripeHarness(GatewayHarness):
    declining = DECLINING | {Decline.AUTHENTICATION_REQUIRED: card("4000002760003184")}

    def __init__(self, server: StripeServer, card_entry: CardEntry, *, moto: bool = True) -> None:
        super().__init__()
        self.server = server
        self.account = server.account
        self._card_entry = card_entry
        self._moto = moto
        self.speak(BRISK)

    def speak(self, timing: StripeTimeLimits, key: str | None = None) -> None:
        """Anew, with another patience or another API key."""
        stripe = Stripe(Secret(key or self.account.key), self.server.url, timing)
        self.gateway = StripeGateway(stripe, self._card_entry, moto=self._moto)
        self.tokenizer = self.authorizer = StripeTokenizer(stripe, moto=self._moto)

    def lose_request(self, asked: AskedVerb) -> None:
        self.server.harm(Harm.DROP_BEFORE, KINDS[asked], times=EVERY_TRY)

    def lose_answer(self, asked: AskedVerb) -> None:
        self.server.harm(Harm.DROP_AFTER, KINDS[asked], times=EVERY_TRY)

    def fail(self, asked: AskedVerb) -> None:
        self.server.harm(Harm.ERROR_AFTER, KINDS[asked], times=EVERY_TRY)

    def garble(self, asked: AskedVerb) -> None:
        """The library does not repeat what was answered with 200."""
        self.server.harm(Harm.GARBAGE_AFTER, KINDS[asked])

    def answer_not_processed(self, asked: AskedVerb) -> None:
        self.server.harm(Harm.RATE_LIMIT, KINDS[asked])

    def under_way(self, asked: AskedVerb) -> AbstractContextManager[HeldAnswer]:
        return self.server.line.held(KINDS[asked])

    def be_impatient(self) -> None:
        self.speak(StripeTimeLimits(read_s=0.2, in_all_s=1, pause_s=0.01))

    def plant_bug(self, patch: pytest.MonkeyPatch) -> None:
        def bug(*_: Any) -> Any:
            raise PlantedBugError

        patch.setattr(answers, "_read", bug)

    def close(self) -> None:
        self.server.close()

    def requests(self) -> int:
        return self.server.line.received

    def books(self, key: str) -> GatewayBooks:
        books = self.account.books(attempt=key)
        assert books.charges <= 1, f"{key} was charged twice"
        return GatewayBooks(books.taken_minor, books.held_minor, books.refunded_minor, books.currency)

    def tokens(self) -> Iterator[str]:
        yield from (self.account.key, WEBHOOK_SECRET)
        yield from (method["id"] for method in self.account.of("payment_method"))
        yield from (intent["client_secret"] for intent in self.account.of("payment_intent"))

    def stored_bytes(self) -> Iterator[tuple[str, bytes]]:
        """The adapter keeps nothing, and the stand-in only in memory."""
        yield from ()

    def stored_text(self) -> str:
        return ""
