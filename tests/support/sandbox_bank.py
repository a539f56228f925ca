"""The sandbox bank inside a test: a real socket, a clock by hand, and a thought that can be held.

For the gateway's own tests, and for any other that needs a bank to charge at.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import requests

from gateways.sandbox.bank.app import create_app
from gateways.sandbox.bank.dependencies import BankDependencies
from gateways.sandbox.bank.ledger import Ledger
from gateways.sandbox.bank.server import BankServer
from ivr.platform.ids import RandomIds
from tests.support.gateway_harness import HeldRequest
from tests.support.time_and_ids import ManualClock


class ProcessingTime(HeldRequest):
    """How the bank waits: not at all, until a test holds it; then for as long as the test says."""

    def __init__(self) -> None:
        self.reached = Event()
        self._go_on = Event()
        self._go_on.set()
        self.slept_s: list[float] = []

    def sleep(self, duration_s: float) -> None:
        if duration_s:
            self.slept_s.append(duration_s)
            self.reached.set()
            assert self._go_on.wait(10), "a test forgot to let the bank go on"

    def hold(self) -> None:
        self.reached.clear()
        self._go_on.clear()

    def let_go(self) -> None:
        self._go_on.set()

    def wait_until_reached(self) -> None:
        assert self.reached.wait(10), "the request never reached the bank"


class _NotedIds(RandomIds):
    """Random ids, and a note of every secret, so that a test can look for them."""

    def __init__(self) -> None:
        self.secrets: list[str] = []

    def secret(self) -> str:
        self.secrets.append(super().secret())
        return self.secrets[-1]


class RunningBank:
    """A bank that listens at `url` until `close`."""

    def __init__(
        self, database: Path, clock: ManualClock | None = None, processing: ProcessingTime | None = None
    ) -> None:
        self.tell: Callable[[str, str], None] = lambda *_: None
        """Hears of what the bank would post as a webhook."""
        self.database = database
        self.clock = clock or ManualClock()
        self.processing = processing or ProcessingTime()
        self.ids = _NotedIds()
        self.ledger = Ledger(database)
        self._received = 0
        self._counting = Lock()
        dependencies = BankDependencies(
            self.ledger, self.clock.now, self.processing.sleep, self.ids, self._tell
        )
        self.app = create_app(dependencies)
        self._server = BankServer(0)
        self.url = self._server.url
        self._thread = Thread(target=self._server.serve, args=(self._counted(self.app),))
        self._thread.start()

    @property
    def settings(self) -> dict[str, str]:
        return {"SANDBOX_URL": self.url, "SANDBOX_CARD_ENTRY": "tokenize"}

    @property
    def received(self) -> int:
        """Requests so far, those of the tests' own control aside."""
        return self._received

    def harm(self, harm: str, path: str | None = None, **more: Any) -> None:
        """What goes wrong with the next request to `path`: see gateways/sandbox/README.md."""
        answer = requests.post(
            f"{self.url}/control/faults", json={"harm": harm, "path": path, **more}, timeout=5
        )
        assert answer.status_code == 204, answer.text

    @contextmanager
    def held(self, path: str) -> Iterator[ProcessingTime]:
        """The next request to `path` is under way until the block ends."""
        self.processing.hold()
        self.harm("none", path, delay_s=30)
        try:
            yield self.processing
        finally:
            self.processing.let_go()

    def pay_page(self, url: str, last_four: str = "4242", **more: str) -> requests.Response:
        """A payer chooses a test card on a page of the bank's; where they are led is not followed."""
        return requests.post(url, data={"card": last_four, **more}, timeout=5, allow_redirects=False)

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.database)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def dump(self) -> str:
        with closing(sqlite3.connect(self.database)) as connection:
            return "\n".join(connection.iterdump())

    def files(self) -> Iterator[tuple[str, bytes]]:
        for path in self.database.parent.glob(f"{self.database.name}*"):
            yield path.name, path.read_bytes()

    def close(self) -> None:
        if self._thread.is_alive():
            self.processing.let_go()
            self._server.stop()
            self._thread.join(10)
            self.ledger.close()

    def _tell(self, kind: str, key: str) -> None:
        self.tell(kind, key)

    def _counted(self, app: Callable[..., Any]) -> Callable[..., Any]:
        def counting(environ: dict[str, Any], start_response: Any) -> Any:
            if not environ["PATH_INFO"].startswith("/control/"):
                with self._counting:
                    self._received += 1
            return app(environ, start_response)

        return counting


@contextmanager
def running_bank(folder: Path) -> Iterator[RunningBank]:
    """A bank for the length of a block, its ledger in `folder`."""
    bank = RunningBank(folder / "sandbox-bank.db")
    try:
        yield bank
    finally:
        bank.close()
