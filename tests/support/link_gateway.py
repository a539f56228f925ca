"""A truthful bank with payment pages, for tests of payments by link: who has the page's URL may pay it."""

from dataclasses import replace
from datetime import datetime

from gateways.contract import Approved, Cancelled, CardShown, Declined, LinkFound, LinkOpen, PayLink, Unknown
from ivr.platform.clock import Clock
from tests.support.fake_gateway import CAN_REFUND, FakeGateway, Fate, KilledError, must


class LinkGateway(FakeGateway):
    """Opens a page once a key. `asked` are the requests for one, as they came."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(replace(CAN_REFUND, links=True))
        self._clock = clock
        self.asked: list[PayLink] = []
        self.pages: dict[str, PayLink] = {}
        """Every page that was ever opened."""
        self.closed: set[str] = set()
        self.refuses: Declined | None = None

    def open_link(self, link: PayLink) -> LinkOpen | Declined | Unknown:
        key = link.order.key
        opened: list[LinkOpen | Declined | Unknown] = []

        def arrive() -> Approved:
            self.asked.append(link)
            must(self.pages.setdefault(key, link) == link, "asked again in other words")
            opened.append(self.refuses or self._page(key) or Unknown("this key is over"))
            return Approved(key)

        answer = self._request("open_link", key, arrive)
        if isinstance(answer, Unknown):
            return answer
        return opened[-1]

    def lookup_link(self, link: PayLink, *, close: bool, reference: str | None = None) -> LinkFound:
        key = link.order.key
        must(reference in {None, f"page_{key}"}, "another page's reference")
        with self._lock:
            self.looked_up.append((key, close))
            fate = self._fate()
            if fate is Fate.KILLED_BEFORE:
                raise KilledError
            if fate in {Fate.NEVER_ARRIVES, Fate.LATE, Fate.BUG}:
                return Unknown("the bank does not answer")
            if close:
                self.closed.add(key)
            found = self._link_found(key, asked=close)
        self.before_answer()
        if fate in {Fate.KILLED_AFTER, Fate.KILLED_LATE}:
            raise KilledError
        return Unknown("the bank's answer was lost") if fate is Fate.LOST_REPLY else found

    def pay(self, key: str) -> bool:
        """The payer pays on the page; False where they no longer can."""
        with self._lock:
            if self._page(key) is None:
                return False
            self.charged[key] = self.pages[key].order.amount_minor
            return True

    def _page(self, key: str) -> LinkOpen | None:
        """The page, while it can be paid."""
        is_over = key in self.closed or key in self.charged or self._is_past(key)
        return None if is_over else LinkOpen(f"page_{key}", f"https://bank.example/pay/{key}")

    def _is_past(self, key: str) -> bool:
        now: datetime = self._clock.now()
        return key not in self.pages or now >= self.pages[key].expires_at

    def _link_found(self, key: str, *, asked: bool) -> LinkFound:
        if key in self.charged:
            return Approved(f"ref_{key}", "A1B2C3", CardShown("visa", "4242"))
        if key not in self.pages and not asked:
            return Unknown("not found")
        return self._page(key) or Cancelled()
