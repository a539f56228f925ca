"""The payers of a world: whoever was texted a link opens it at some time, pays, pays again, or never does.

A payer is somebody with a browser: the link leads them from our page to the gateway's, where they pay
whenever they like, from one tab or from two, while somebody on the phone may be paying the same bill. What
may never happen is told at once: a page that takes money for an attempt of which our books have said that it
is over.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from ivr.payments.attempts.states import FINAL, State
from ivr.platform.database.engine import reading
from tests.simulation.chance import Chance
from tests.simulation.network import Network, Request
from tests.simulation.scheduler import Scheduler
from tests.simulation.simulated_gateway import SimulatedGateway
from tests.simulation.trace import Trace
from tests.support import schema
from tests.support.phone import WEB

_LINK = re.compile(rf"{re.escape(WEB)}(/pay/[\w-]+)")
_OPENED_AFTER_S = (2.0, 10.0, 10.0, 40.0, 150.0, 1500.0, 3500.0, 5000.0)
_PAID_AFTER_S = (0.5, 3.0, 3.0, 20.0, 100.0, 4000.0)
_REFUSED, _ACCEPTED = "0002", "4242"
PATIENCE_S = 10.0
TRIES_MAX = 4


class Texts(io.StringIO):
    """What was printed for payers to read; `links` is told of each link in it, as it is printed."""

    def __init__(self, links: Callable[[str], None]) -> None:
        super().__init__()
        self._links = links

    def write(self, text: str) -> int:
        written = super().write(text)
        for path in _LINK.findall(text):
            self._links(path)
        return written


@dataclass
class Payers:
    """Everybody who ever gets a link in one world."""

    scheduler: Scheduler
    chance: Chance
    network: Network
    trace: Trace
    bank: SimulatedGateway
    engine: sa.Engine
    tell: Callable[[], None]
    """The gateway did something."""
    violations: list[str] = field(default_factory=list)
    paid: int = 0
    _texted: int = 0

    def texted(self, path: str) -> None:
        """Somebody reads this link on their phone, now or much later, and again on another device."""
        self._texted += 1
        if self.chance.strikes(0.2):
            return
        tabs = 2 if self.chance.strikes(0.3) else 1
        for tab in range(tabs):
            who = f"payer{self._texted}" + ("b" if tab else "")
            after_s = self.chance.one_of(_OPENED_AFTER_S)
            self.scheduler.spawn(who, lambda who=who: self._open(who, path), delay_s=after_s)

    def _open(self, who: str, path: str) -> None:
        page = self._page(who, path)
        if page is None:
            return
        self.scheduler.sleep(self.chance.one_of(_PAID_AFTER_S))
        if self.chance.strikes(0.2):
            self._pay(who, path, page, _REFUSED)
            self.scheduler.sleep(self.chance.seconds(1.0, 10.0))
        self._pay(who, path, page, _ACCEPTED)

    def _page(self, who: str, path: str) -> str | None:
        """The gateway's page to which our own leads; None: it leads nowhere."""
        for _ in range(TRIES_MAX):
            answer = self.network.exchange(Request("GET", f"{WEB}{path}", {}, b""), PATIENCE_S)
            if answer is not None and answer.status == 303:
                return answer.headers["Location"]
            if answer is not None and 200 <= answer.status < 500:
                self.trace(who, f"is shown {answer.status}, and no way to pay")
                return None
            self.scheduler.sleep(self.chance.seconds(1.0, 20.0))
        return None

    def _pay(self, who: str, path: str, page: str, card: str) -> None:
        attempt_id, state = self._standing(path)
        paid = self.bank.pay_page(page, card)
        self.trace(
            who, f"{'pays' if paid else 'does not get to pay'} {attempt_id} by {card}, which is {state}"
        )
        if paid:
            self.paid += 1
        if paid and state in FINAL:
            self.violations.append(f"the page of {attempt_id} took money when it was {state} here")
        self.tell()

    def _standing(self, path: str) -> tuple[str, State]:
        link, attempt = schema.pay_link.c, schema.attempt.c
        query = sa.select(attempt.id, attempt.state).join(schema.pay_link, link.attempt_id == attempt.id)
        with reading(self.engine) as tx:
            row = tx.execute(query.where(link.token == path.rpartition("/")[2])).one()
        return row.id, State(row.state)
