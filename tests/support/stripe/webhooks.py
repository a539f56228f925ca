"""Webhooks as Stripe posts them: signed, at least once, in no order: https://docs.stripe.com/webhooks.

Events wait here until a test posts them: in order, early, late, again, or in another order. `post` is the
test's own way to the server: it takes the body and the headers, and gives the status. An event that was not
answered by 2xx waits on.
"""

import json
from collections.abc import Callable, Iterable, Mapping

import stripe

from tests.support.stripe.account import WEBHOOK_SECRET, StripeAccount
from tests.support.stripe.wire import Thing

Post = Callable[[bytes, Mapping[str, str]], int]


class Webhooks:
    def __init__(
        self, account: StripeAccount, *secrets: str, stamp: Callable[[], float] | None = None
    ) -> None:
        """`secrets`: the endpoint's; two while one is rolled. `stamp`: the time of signing, in seconds; the
        library's own verification compares it with the machine's clock, so a test of that passes `time.time`.
        """
        self._stamp = stamp or (lambda: account.now)
        self._secrets = secrets or (WEBHOOK_SECRET,)
        self.waiting: list[Thing] = []
        self.delivered: list[Thing] = []
        account.listeners.append(self.waiting.append)

    def of(self, *types: str) -> list[Thing]:
        """What waits, of these types, in the order of its making."""
        return [event for event in self.waiting if not types or event["type"] in types]

    def signed(self, event: Thing, *, at: int | None = None) -> tuple[bytes, dict[str, str]]:
        """The body and the headers; signed `at` a time in seconds, or now."""
        body = json.dumps({**event, "pending_webhooks": 1}, indent=2)
        stamp = int(self._stamp()) if at is None else at
        parts = [stripe.WebhookSignature.generate_signature_header(body, one, stamp) for one in self._secrets]
        header = ",".join([parts[0], *(part.partition(",")[2] for part in parts[1:])])
        return body.encode(), {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": header,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }

    def deliver(self, event: Thing, post: Post, *, times: int = 1, at: int | None = None) -> list[int]:
        """Posts it so many times; it waits no more once one of them was taken."""
        statuses = [post(*self.signed(event, at=at)) for _ in range(times)]
        if any(status // 100 == 2 for status in statuses):
            self.delivered.append(event)
            if event in self.waiting:
                self.waiting.remove(event)
        return statuses

    def deliver_all(self, post: Post, events: Iterable[Thing] | None = None, *, times: int = 1) -> None:
        """All that wait, in their order, or these in theirs."""
        for event in list(self.waiting if events is None else events):
            self.deliver(event, post, times=times)

    def lose(self, *types: str) -> None:
        """Those of these types (none: all) never come."""
        for event in self.of(*types):
            self.waiting.remove(event)
