"""Stripe as the gateway of a world: the account of `tests.support.stripe`, called in this process.

The server's own adapter, on the official library, reaches it over the simulated network. Here goes wrong what
happens at Stripe itself: a request that takes long while its key and its objects are locked, a fault of its
own that it repeats for a day, an issuer or a refund that takes its time. Whatever measures time in adapter
and library measures the world's.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import urlencode

from stripe import _http_client, _webhook

from gateways import registry
from gateways.contract import Gateway
from gateways.secret import Secret
from gateways.stripe import client, intents, refunds
from ivr.platform.clock import Clock
from tests.simulation.chance import Chance
from tests.simulation.network import Answer, Receiver, Request
from tests.simulation.simulated_gateway import (
    ByHand,
    PendingWebhook,
    Refunded,
    Surroundings,
    Taken,
    Truth,
    fingerprint,
)
from tests.support.stripe import checkout, wire
from tests.support.stripe import intents as at_stripe
from tests.support.stripe import refunds as refunds_at_stripe
from tests.support.stripe.account import TEST_KEY, WEBHOOK_SECRET, Started, StripeAccount
from tests.support.stripe.cards import TEST_CARDS
from tests.support.stripe.errors import locked, rate_limited
from tests.support.stripe.journal import Moved
from tests.support.stripe.webhooks import Webhooks
from tests.support.stripe_connector import StripeConnector
from tests.support.time_and_ids import SequentialIds

HEARD = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.amount_capturable_updated",
    "checkout.session.completed",
    "checkout.session.expired",
    "charge.refunded",
    "refund.updated",
    "refund.failed",
)
"""What the endpoint has asked for: a gateway that told everything would tell nothing else."""
_READ = ("/v1/balance", "/v1/payouts", "/v1/events")
_ASKED_BY_KEY_ALONE = frozenset({"/v1/checkout/sessions", "/v1/customers"})
"""What is made there is found by its key alone, and a fault is repeated under a key for a day."""
_MADE_WHILE_KEYED = "/v1/payment_intents"
"""The same, where it is made and confirmed in one go, while its card is there."""
_CARDS = {number[-4:]: number for number in TEST_CARDS}
_LATER_S = (5.0, 40.0, 600.0)
_WORLDS: dict[str, Clock] = {}
"""Under "now", the clock of the world that is being played."""


class SimulatedStripe:
    """One account of Stripe's, and all that it does on its own."""

    name = "stripe"
    host = "api.stripe.example"
    approval = "approval_always"

    def __init__(self, card_entry: str, *, moto: bool) -> None:
        self.settings = {
            "STRIPE_API_KEY": TEST_KEY,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_API_BASE": f"http://{self.host}",
            "STRIPE_CARD_ENTRY": card_entry,
            "STRIPE_MOTO": "yes" if moto else "no",
        }
        self._by_key_alone = _ASKED_BY_KEY_ALONE | (
            {_MADE_WHILE_KEYED} if card_entry == "authorize" else set()
        )
        self._around: Surroundings
        self._limits: Chance
        self._account: StripeAccount
        self._webhooks: Webhooks
        self._slow: set[str] = set()
        self.repeats_a_fault_for: set[str] = set()

    def is_money(self, path: str) -> bool:
        return not path.startswith(_READ)

    def begin(self, around: Surroundings) -> None:
        _WORLDS["now"] = around.clock
        self._around = around
        self._limits = around.chance.apart("limits")
        self._account = StripeAccount(around.clock, SequentialIds())
        self._webhooks = Webhooks(self._account, stamp=lambda: around.clock.now().timestamp())
        self._slow.clear()
        self.repeats_a_fault_for = set()

    # What the server asks -----------------------------------------------------------------------------------

    def receiver(self) -> Receiver:
        return self._receive

    def _receive(self, request: Request) -> Answer:
        target = request.url.partition(self.host)[2]
        answer = self._handled(wire.Request.of(request.method, target, request.headers, request.body))
        return Answer(answer.status, answer.headers, answer.body)

    def _handled(self, request: wire.Request) -> wire.Answer:
        account, chance, rate = self._account, self._around.chance, self._around.chance.rates.gateway
        if self._limits.strikes(rate / 4):
            not_processed = self._limits.one_of([rate_limited, locked])()
            return wire.json_answer(
                not_processed.status, {"error": not_processed.error}, not_processed.headers
            )
        started = account.begin(request)
        if not isinstance(started, Started):
            return started
        if chance.strikes(rate / 4):
            self._around.scheduler.sleep(chance.one_of([0.1, 1.0, 7.0, 12.0, 45.0]))
        if chance.strikes(rate / 12):
            account.abandon(started)
            return wire.Answer(503, {"Content-Type": "text/html"}, b"<html>Service Unavailable</html>")
        account.switches.slow_issuer = chance.strikes(rate / 6)
        account.switches.refunds_pending = chance.strikes(rate / 4)
        broken = chance.strikes(rate / 12)
        answer = account.finish(started, broken=broken)
        if broken and (named := request.headers.get("idempotency-key")):
            self._note_fault(request.path, named.partition(":")[0])
        self._take_time()
        return answer

    def _note_fault(self, path: str, key: str) -> None:
        """It repeats its fault under this key. A refund that was made is found all the same; one that could
        not be, since somebody had given the money back by hand, is not.
        """
        found = path == "/v1/refunds" and any(
            one["metadata"].get(refunds.KEY) == key for one in self._account.of("refund")
        )
        if path in self._by_key_alone or (path == "/v1/refunds" and not found):
            self.repeats_a_fault_for.add(key)

    def _take_time(self) -> None:
        """What is pending now has its word later, asked or not."""
        for kind, pending, conclude in (
            ("payment_intent", "processing", self._conclude),
            ("refund", "pending", self._conclude_refund),
        ):
            for one in self._account.of(kind):
                if one["status"] == pending and one["id"] not in self._slow:
                    self._slow.add(one["id"])
                    self._later(lambda one=one, conclude=conclude: conclude(one["id"]))

    def _later(self, act: Callable[[], object]) -> None:
        def happen() -> None:
            act()
            self._around.tell()

        delay_s = self._around.chance.one_of(_LATER_S)
        self._around.scheduler.spawn("Stripe", happen, delay_s=delay_s)

    def _conclude(self, intent_id: str) -> None:
        at_stripe.conclude(self._account, intent_id)

    def _conclude_refund(self, refund_id: str) -> None:
        succeeds = not self._around.chance.strikes(0.3)
        refunds_at_stripe.conclude(self._account, refund_id, succeeds=succeeds)

    # What is true -------------------------------------------------------------------------------------------

    def truth(self) -> Truth:
        account = self._account
        account.tidy()
        made = {one["id"]: one for one in account.of("payment_intent")}
        keys = {reference: one["metadata"].get(intents.KEY) or reference for reference, one in made.items()}
        ours = [one for one in account.of("refund") if one["metadata"].get(refunds.KEY)]
        took = [one for one in account.journal.movements if one.moved in {Moved.TAKEN, Moved.CAPTURED}]
        return Truth(
            taken=[
                Taken(
                    keys[one.intent],
                    one.intent,
                    made[one.intent]["metadata"].get("bill"),
                    one.amount_minor,
                    one.currency.upper(),
                )
                for one in took
            ],
            given_back=[
                Refunded(one["metadata"][refunds.KEY], keys[one["payment_intent"]], one["amount"])
                for one in ours
                if one["status"] == "succeeded"
            ],
            held=[keys[one] for one in made if account.books(intent=one).held_minor],
            open=[
                *(keys[one["id"]] for one in made.values() if one["status"] == "processing"),
                *(one["metadata"][refunds.KEY] for one in ours if one["status"] == "pending"),
            ],
            payable=[
                one["metadata"].get(intents.KEY)
                for one in account.of("checkout.session")
                if one["status"] == "open"
            ],
            kept=[
                frozenset({fingerprint(one["id"])}) for one in account.of("payment_method") if one["customer"]
            ],
            by_hand=[
                ByHand(one["id"], keys[one["payment_intent"]], one["amount"], one["status"] == "failed")
                for one in account.of("refund")
                if one not in ours
            ],
            told_given_back={
                f"{self.name} {one['id']}": keys[one["data"]["object"]["payment_intent"]]
                for one in account.of("event")
                if one["type"] == "charge.refunded" and one["data"]["object"]["captured"]
            },
            told_came_back={
                f"{self.name} {one['id']}": one["data"]["object"]["id"]
                for one in account.of("event")
                if one["type"] == "refund.failed"
            },
        )

    def once_only(self, request: Request) -> str | None:
        return None

    def complaints(self) -> Sequence[str]:
        return self._account.violations

    def let_go(self, key: str) -> None:
        for one in self._account.of("payment_intent"):
            if one["metadata"].get(intents.KEY) != key:
                continue
            if one["status"] == "processing":
                at_stripe.conclude(self._account, one["id"])
            if one["status"] == "requires_capture":
                answer = self._ask("POST", f"/v1/payment_intents/{one['id']}/cancel")
                assert answer.status == 200, answer
        for one in self._account.of("refund"):
            if one["metadata"].get(refunds.KEY) == key and one["status"] == "pending":
                refunds_at_stripe.conclude(self._account, one["id"])

    def give_back(self, key: str, amount_minor: int | None, *, is_slow: bool) -> str | None:
        reference = next(one.reference for one in self.truth().taken if one.key == key)
        wanted = {"payment_intent": reference} | ({} if amount_minor is None else {"amount": amount_minor})
        self._account.switches.refunds_pending = is_slow
        answer = self._ask("POST", "/v1/refunds", wanted)
        self._take_time()
        return str(json.loads(answer.body)["id"]) if answer.status == 200 else None

    def _ask(self, method: str, target: str, wanted: Mapping[str, Any] | None = None) -> wire.Answer:
        headers = {"Authorization": f"Bearer {TEST_KEY}", "Content-Type": "application/x-www-form-urlencoded"}
        return self._account.handle(
            wire.Request.of(method, target, headers, urlencode(wanted or {}).encode())
        )

    # What others do -----------------------------------------------------------------------------------------

    def adapter(self, settings: Any) -> Gateway:
        gateway: Any = registry.adapter(self.name, settings)
        gateway._links = replace(gateway._links, now=self._now)
        gateway._payments = replace(gateway._payments, now=self._now)
        return gateway  # type: ignore[no-any-return]

    def _now(self) -> datetime:
        return self._around.clock.now()

    def connector(self) -> StripeConnector:
        return StripeConnector(self.settings["STRIPE_API_BASE"], Secret(TEST_KEY))

    def pay_page(self, url: str, card: str) -> bool:
        session_id = url.rpartition("/")[2]
        self._account.tidy()
        if self._account.objects[session_id]["status"] != "open":
            return False
        self._account.switches.slow_issuer = False
        return checkout.pay(self._account, session_id, _CARDS[card])["payment_status"] == "paid"  # type: ignore[no-any-return]

    def news(self) -> Sequence[PendingWebhook]:
        waiting, self._webhooks.waiting[:] = [*self._webhooks.waiting], []
        return [
            PendingWebhook(self.name, lambda one=one: self._signed(one))
            for one in waiting
            if one["type"] in HEARD
        ]

    def _signed(self, event: wire.Thing) -> tuple[Mapping[str, str], bytes]:
        body, headers = self._webhooks.signed(event)
        return headers, body

    def close(self) -> None:
        """Nothing is open."""


@contextmanager
def on_the_worlds_clock() -> Iterator[None]:
    """For the length of a block, adapter and library measure time, and wait, by the world that is played."""

    def seconds() -> float:
        return _WORLDS["now"].now().timestamp()

    def sleep(duration_s: float) -> None:
        _WORLDS["now"].sleep(duration_s)

    timed = SimpleNamespace(monotonic=seconds, time=seconds, sleep=sleep)
    evenly = SimpleNamespace(uniform=lambda least, most: (least + most) / 2)
    with (
        mock.patch.object(client, "time", timed),
        mock.patch.object(_http_client, "time", timed),
        mock.patch.object(_http_client, "random", evenly),
        mock.patch.object(_webhook, "time", timed),
    ):
        yield
