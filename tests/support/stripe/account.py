"""A Stripe account in memory: its objects, its books, and the handling of one request. No threads, no
sockets.

`handle` is a function of the account's state, the request, a clock and ids that are passed in, so a
simulator can call it in process. `begin` and `finish` are its two halves: between them a request is in
progress, and its idempotency key and the objects it works on are locked. The endpoints stand in `routes`.
"""

import copy
import hashlib
import hmac
from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from ivr.platform.clock import Clock
from ivr.platform.ids import Ids
from tests.support.stripe import expand, page, routes
from tests.support.stripe.cards import HeldCard
from tests.support.stripe.errors import Refusal, broken_inside, locked, missing_object
from tests.support.stripe.idempotency import Keys
from tests.support.stripe.journal import Books, Journal, Moved, Movement
from tests.support.stripe.params import Misfit, fitted
from tests.support.stripe.wire import Answer, Request, Thing, json_answer, nested

API_VERSION = "2026-10-28.endive"
TEST_KEY = "sk_test_standin"
WEBHOOK_SECRET = "whsec_standin"


@dataclass
class Switches:
    """What an account has switched on, or a test wants to happen."""

    moto: bool = True
    raw_cards: bool = True
    search_lag_s: int = 60
    slow_issuer: bool = False
    """Confirmed intents stay `processing` until `intents.conclude`."""
    refunds_pending: bool = False
    """As with an empty balance: refunds stay pending until `refunds.conclude`."""
    statement_prefix: str = "PAYBYCALL"
    fee_permille: int = 15
    fee_fixed_minor: int = 25


@dataclass(frozen=True)
class Asked:
    """A request that reached the account, without its parameters."""

    kind: str
    path: str
    key: str | None
    version: str | None
    request_id: str


@dataclass
class Started:
    """A request in progress."""

    asked: Asked
    handler: Callable[..., Thing]
    ids: tuple[str, ...]
    params: Thing = field(repr=False)
    locks: frozenset[str] = frozenset()


class Listener(Protocol):
    def __call__(self, event: Thing) -> None: ...


class StripeAccount:
    def __init__(
        self, clock: Clock, ids: Ids, switches: Switches | None = None, *, key: str = TEST_KEY
    ) -> None:
        self.clock = clock
        self.ids = ids
        self.switches = switches or Switches()
        self.key = key
        self.pages = "https://checkout.stripe.com"
        """Where the hosted pages live; a server of the loopback puts its own address here."""
        self.objects: dict[str, Thing] = {}
        self._by_kind: defaultdict[str, dict[str, Thing]] = defaultdict(dict)
        self.cards: dict[str, HeldCard] = {}
        self.used_methods: set[str] = set()
        """Payment methods that belong to nobody and had their turn."""
        self.payout_lines: dict[str, list[str]] = {}
        self.wanted_intents: dict[str, Thing] = {}
        """By Checkout Session: the PaymentIntent that its payer will make."""
        self.item_names: dict[str, list[str]] = {}
        self.journal = Journal()
        self.keys = Keys(ids.secret())
        self.violations: list[str] = []
        """Bodies that did not fit the library's own types: a test asserts that there are none."""
        self.asked: list[Asked] = []
        self.listeners: list[Listener] = []
        self.later: list[Callable[[], None]] = []
        """What happens on its own shortly after the answer, before the next request."""
        self._tidied_at = 0
        self._locked: set[str] = set()
        self._current: Asked | None = None
        self._print_key = ids.secret().encode()

    # Requests

    def handle(self, request: Request) -> Answer:
        started = self.begin(request)
        return self.finish(started) if isinstance(started, Started) else started

    def begin(self, request: Request) -> Started | Answer:
        """The request in progress, or its answer where nothing is to be done: refused, or answered before."""
        if request.path.startswith(page.PATH):
            return page.shown(self, request)
        self.tidy()
        request_id = self.ids.new("req")
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        told = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        if key is not None:
            told["Idempotency-Key"] = key
        try:
            self._authenticate(request)
            route, ids = routes.found(request)
            version = request.headers.get("stripe-version")
            asked = Asked(route.kind, request.path, key, version, request_id)
            self.asked.append(asked)
            if key is not None and (kept := self.keys.begin(key, request, request_id, self.now)):
                assert kept.answer is not None
                again = {"Idempotent-Replayed": "true", "Original-Request": kept.request_id}
                return Answer(kept.answer.status, {**kept.answer.headers, **told, **again}, kept.answer.body)
            try:
                return self._started(asked, route, ids, request)
            except Refusal as refusal:
                if key is not None:
                    self.keys.end(key, _refused(refusal, told), stored=refusal.stored)
                raise
        except Refusal as refusal:
            return _refused(refusal, told)

    def finish(self, started: Started, *, broken: bool = False) -> Answer:
        """Does it and answers; `broken`: does it, and Stripe's own 500 is the answer that is kept."""
        asked, stored = started.asked, True
        told = {"Request-Id": asked.request_id, "Stripe-Version": API_VERSION}
        if asked.key is not None:
            told["Idempotency-Key"] = asked.key
        self._current = asked
        try:
            thing = started.handler(self, *started.ids, params=started.params)
            answer = json_answer(200, expand.expanded(self, thing, started.params.get("expand", [])), told)
        except Refusal as refusal:
            stored = refusal.stored
            answer = _refused(refusal, told)
        finally:
            self._current = None
            self._locked -= started.locks
        if broken:
            answer = _refused(broken_inside(), told)
        if asked.key is not None:
            self.keys.end(asked.key, answer, stored=stored)
        return answer

    def abandon(self, started: Started) -> None:
        """Nothing was done: Stripe's own process died before it began."""
        self._locked -= started.locks
        if started.asked.key is not None:
            self.keys.end(started.asked.key, json_answer(500, {}), stored=False)

    def _authenticate(self, request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            given = b64decode(given).decode().partition(":")[0]
        if given != self.key:
            what = "Invalid API Key provided" if given else "You did not provide an API key"
            raise Refusal(401, f"{what}: {given[:8]}{'*' * 8}{given[-4:]}", stored=False)

    def _started(
        self, asked: Asked, route: "routes.Route", ids: tuple[str, ...], request: Request
    ) -> Started:
        raw = nested(request.encoded)
        if route.kind in routes.NO_TYPES_ANY_MORE and "payment_method_types" in raw:
            self.violations.append(f"{route.kind}: payment_method_types (no longer supported)")
            raise Refusal(
                400,
                "The `payment_method_types` parameter is no longer supported.",
                code="payment_method_types_no_longer_supported",
                param="payment_method_types",
                stored=False,
            )
        params = fitted(route.params, raw)
        if isinstance(params, Misfit):
            self.violations.append(f"{route.kind}: {params.param} ({params.kind})")
            raise params.refusal()
        locks = frozenset(self._worked_on(ids, params)) if request.method != "GET" else frozenset()
        if locks & self._locked:
            raise locked()
        self._locked |= locks
        return Started(asked, route.handler, ids, params, locks)

    def _worked_on(self, ids: tuple[str, ...], params: Thing) -> Iterator[str]:
        yield from ids
        for name in ("payment_intent", "charge", "payment_method"):
            if isinstance(named := params.get(name), str):
                yield self.objects.get(named, {}).get("payment_intent") or named

    # Objects

    @property
    def now(self) -> int:
        return int(self.clock.now().timestamp())

    def new(self, prefix: str, kind: str, **fields: Any) -> Thing:
        thing = {"id": self.ids.new(prefix), "object": kind, "created": self.now, "livemode": False, **fields}
        return self.keep(thing)

    def keep(self, thing: Thing) -> Thing:
        self.objects[thing["id"]] = self._by_kind[thing["object"]][thing["id"]] = thing
        return thing

    def drop(self, thing: Thing) -> None:
        """It never was: what was being made of a request that is refused after all."""
        del self.objects[thing["id"]], self._by_kind[thing["object"]][thing["id"]]

    def of(self, kind: str) -> list[Thing]:
        """Every object of a kind, the oldest first."""
        return list(self._by_kind[kind].values())

    def find(self, kind: str, named: str, param: str, *, in_path: bool = False) -> Thing:
        thing = self.objects.get(named)
        if thing is None or thing["object"] != kind:
            raise missing_object(kind, named, param, in_path=in_path)
        return thing

    def fingerprint(self, number: str) -> str:
        return hmac.new(self._print_key, number.encode(), hashlib.sha256).hexdigest()[:16]

    # What tests read

    def books(self, *, intent: str | None = None, attempt: str | None = None) -> Books:
        return self.journal.books(intent=intent, attempt=attempt)

    def requests(self, kind: str | None = None) -> int:
        return sum(1 for asked in self.asked if kind in (None, asked.kind))

    # What happens

    def moved(self, moved: Moved, charge: Thing, amount_minor: int) -> None:
        intent = self.objects[charge["payment_intent"]]
        attempt = intent["metadata"].get("attempt")
        self.journal.write(
            Movement(moved, intent["id"], charge["id"], attempt, amount_minor, charge["currency"], self.now)
        )

    def tell(self, event_type: str, thing: Thing, previous: Thing | None = None) -> Thing:
        """Makes the event, with the object as it is now."""
        asked = self._current
        data = {"object": copy.deepcopy(thing)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = self.new(
            "evt",
            "event",
            api_version=API_VERSION,
            type=event_type,
            data=data,
            pending_webhooks=1,
            request={"id": asked and asked.request_id, "idempotency_key": asked and asked.key},
        )
        for listener in self.listeners:
            listener(event)
        return event

    def tidy(self) -> None:
        """What time alone does: it is done before each request, and whenever a test says so."""
        later, self.later = self.later, []
        for act in later:
            act()
        if self._tidied_at != self.now:
            self._tidied_at = self.now
            for expire in routes.EXPIRIES:
                expire(self)


def _refused(refusal: Refusal, told: dict[str, str]) -> Answer:
    return json_answer(refusal.status, {"error": refusal.error}, {**told, **refusal.headers})
