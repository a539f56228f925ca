"""The whole server on GATEWAY=stripe: `tests.support.running_server` with Stripe's stand-in as its bank.

The adapter, the library and the sockets are real; the stand-in lives on the server's clock. The library
verifies a webhook by the machine's clock, so the stand-in signs by it; all else of the adapter that asks what
time it is, is given the server's. Events wait until a test posts them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import urlsplit

import requests
import sqlalchemy as sa

from gateways.secret import Secret
from gateways.stripe.client import StripeTimeLimits
from ivr.payments.attempts.states import HOLDING, State
from ivr.payments.queries import feed as books_of_ours
from ivr.platform.database.engine import reading
from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.events import Said
from ivr.simulators.phone.pay import NOTHING_INSTALLED, PayHabits
from tests.support import schema
from tests.support.phone import CALLER, REACTION_S, call_settings
from tests.support.running_server import running_server
from tests.support.script import Act, Line, ScriptedCaller, pressing
from tests.support.server import ENGLISH, Server
from tests.support.server_checks import KEYED, card_data_left, check, everything_written
from tests.support.silence_limit import SilenceLimit
from tests.support.stripe.account import WEBHOOK_SECRET, Switches
from tests.support.stripe.line import Harm, HeldAnswer
from tests.support.stripe.server import StripeServer, running_stripe
from tests.support.stripe.webhooks import Webhooks
from tests.support.stripe.wire import Thing
from tests.support.stripe_connector import StripeConnector
from tests.support.time_and_ids import ManualClock

DOOR = "/gateways/stripe/webhook"
BRISK = StripeTimeLimits(pause_s=0.01)
"""As patient as ever, and without the pauses between the library's tries."""
EVERY_TRY = 3


class _ServersClock(ManualClock):
    """The server's clock, once there is one: the stand-in has to listen before the server starts."""

    of: ManualClock | None = None

    def now(self) -> datetime:
        return super().now() if self.of is None else self.of.now()


@dataclass
class ServerOnStripe:
    """The server, its Stripe, and what a test says of the two."""

    server: Server
    stripe: StripeServer
    webhooks: Webhooks
    caplog: Any = None
    """What the adapter tells the operator through the standard library's logs."""
    by_hand_minor: int = 0
    """Given back in the dashboard, of its one payment: the books do not hold it."""
    _calls: int = 0

    @property
    def told_operator(self) -> str:
        """Every error and warning that stands in the logs, as text."""
        own = [repr(one) for one in self.server.logs if one["log_level"] in {"error", "critical", "warning"}]
        return "\n".join(
            [*own, *(one.getMessage() for one in self.caplog.records if one.levelname == "ERROR")]
        )

    # The phone

    def call(
        self,
        *keyed: str | None,
        from_number: str = CALLER,
        listener: Callable[..., None] | None = None,
        gone_waiting: bool = False,
    ) -> str:
        """Rings, keys this in turn, hangs up; everything that was said, in one text. `gone_waiting`: hangs up
        at the first pause behind the last key.
        """
        caller = pressing(*keyed)
        if gone_waiting:
            keys = [Line(each or "", Act.KEYS if each else Act.SILENCE, each or "") for each in keyed]
            caller = ScriptedCaller([*keys, Line("(hang up while waiting)", Act.HANG_UP_WAITING)])
        self._calls += 1
        patience = SilenceLimit(self.server.clock)
        said: list[str] = []

        def hear(event: Any) -> None:
            if isinstance(event, Said):
                said.append(event.text)
            patience(event)
            if listener is not None:
                listener(event)

        ended = Call(
            call_settings(
                f"CA{self._calls:032x}", from_number=from_number, to_number=ENGLISH, reaction_s=REACTION_S
            ),
            caller=caller,
            transport=self.server.transport,
            clock=self.server.clock,
            listener=hear,
            habits=self._habits,
        ).run()
        assert not ended.faults, ended.faults
        return " ".join(said)

    def pay(self, number: str, *then: str | None, **more: Any) -> str:
        """Calls, and pays the whole bill by this card."""
        return self.call("1", number, KEYED["expiry"], KEYED["code"], "1", *then, **more)

    @property
    def _habits(self) -> PayHabits:
        if self.server.on.config.card_entry != "pay":
            return NOTHING_INSTALLED
        connector = StripeConnector(self.stripe.url, Secret(self.stripe.account.key))
        return PayHabits(connectors={"Default": connector})

    # Stripe

    def harm(self, harm: Harm, kind: str, *, times: int = EVERY_TRY, **more: Any) -> HeldAnswer:
        return self.stripe.harm(harm, kind, times=times, **more)

    def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        return self.server.web.test_client().post(DOOR, data=body, headers=dict(headers)).status_code

    def hear(self, *types: str, times: int = 1) -> None:
        """Stripe posts what waits, of these types (none: all); then the worker does what follows."""
        self.webhooks.deliver_all(self.post, self.webhooks.of(*types), times=times)
        self.server.pass_time(1)

    def intents(self) -> list[Thing]:
        return self.stripe.account.of("payment_intent")

    # Our books

    def payments(self) -> list[books_of_ours.Payment]:
        with reading(self.server.on.engine) as tx:
            attempts = tx.execute(sa.select(schema.attempt.c.id).order_by(schema.attempt.c.reference))
            found = [books_of_ours.show(tx, one) for one in attempts.scalars().all()]
        return [one for one in found if one is not None]

    def payment(self) -> books_of_ours.Payment:
        """The only one."""
        [one] = self.payments()
        return one

    def rows(self, table: sa.Table) -> list[sa.Row[Any]]:
        with reading(self.server.on.engine) as tx:
            return list(tx.execute(sa.select(table)).all())

    # The payer's browser

    def texted_link(self) -> str:
        """The path in the last text with a link."""
        with reading(self.server.on.engine) as tx:
            token = tx.execute(sa.select(schema.pay_link.c.token)).scalars().all()[-1]
        return f"/pay/{token}"

    def open_link(self) -> requests.Response:
        """Follows the texted link to the page of Stripe's."""
        led = self.server.web.test_client().get(self.texted_link())
        assert led.status_code == 303, led.get_data(as_text=True)
        return requests.get(led.headers["Location"], timeout=10)

    def pay_on_page(self, card: str = "approved") -> str:
        """Pays there by this card, and reads the page on which the payer lands."""
        paid = requests.post(self.open_link().url, {"card": card}, timeout=10, allow_redirects=False)
        if paid.status_code != 303:
            return paid.text
        landed = urlsplit(paid.headers["Location"])
        return self._shown(f"{landed.path}?{landed.query}")

    def receipt_page(self) -> str:
        """The same page later, without what the gateway's address says of it."""
        return self._shown(self.texted_link().replace("/pay/", "/receipt/"))

    def _shown(self, path: str) -> str:
        return self.server.web.test_client().get(path).get_data(as_text=True)


@contextmanager
def server_on_stripe(
    folder: Path,
    database_url: str,
    pci_template: bytes,
    *,
    switches: Switches | None = None,
    key: str | None = None,
    **changes: str,
) -> Iterator[ServerOnStripe]:
    """One for the length of a block. `key`: another than the account's."""
    clock = _ServersClock()
    with running_stripe(clock, switches=switches) as stripe:
        settings = {"GATEWAY": "stripe", **stripe.settings, **changes}
        if key is not None:
            settings["STRIPE_API_KEY"] = key
        with running_server(folder, database_url, pci_template, **settings) as server:
            clock.of = server.clock
            stripe.line._sleep = server.clock.wait
            _attune(server)
            yield ServerOnStripe(server, stripe, Webhooks(stripe.account, WEBHOOK_SECRET, stamp=time))


def _attune(server: Server) -> None:
    """The adapter reads the server's clock, and does not pause between its tries."""
    gateway: Any = server.on.gateway
    gateway._stripe._timing = BRISK
    for part in (gateway._links, gateway._payments):  # of the adapter; the gateway is a line to it
        object.__setattr__(part, "now", server.clock.now)
    cards: Any = server.pci_parts
    for side in (cards.submission.gateway.tokenizer, cards.submission.gateway.authorizer):
        if side is not None:
            side.stripe._timing = BRISK


def check_server_on_stripe(on_stripe: ServerOnStripe) -> None:
    """What must hold after any call: our books are Stripe's, and no card or key of either stands anywhere."""
    on_stripe.server.forget_cards()
    assert not card_data_left(on_stripe.server)
    check(on_stripe.server)
    account = on_stripe.stripe.account
    assert account.violations == []
    assert account.journal.attempts() <= {one.id for one in on_stripe.payments()}
    for one in on_stripe.payments():
        books = account.books(attempt=one.id)
        assert books.charges <= 1, f"{one.reference} was charged twice"
        if one.state is State.APPROVED:
            assert books.taken_minor == one.amount_minor
            assert books.refunded_minor == one.refunded_minor + on_stripe.by_hand_minor
        elif one.state not in HOLDING:
            assert (books.taken_minor, books.held_minor) == (0, 0), one
    receivable = [
        line.amount_minor
        for line in on_stripe.rows(schema.ledger_line)
        if line.account == "gateway:stripe:receivable"
    ]
    total = account.books()
    if not any(one.state in HOLDING for one in on_stripe.payments()):
        assert sum(receivable) == total.taken_minor - total.refunded_minor + on_stripe.by_hand_minor
    secrets = [account.key, WEBHOOK_SECRET, *(one["client_secret"] for one in account.of("payment_intent"))]
    secrets += [one["id"] for one in account.of("payment_method")]
    written = [
        *everything_written(on_stripe.server),
        *(("the log", one.getMessage()) for one in on_stripe.caplog.records),
    ]
    for where, text in written:
        assert not [one for one in secrets if one in text], f"a secret in {where}"
