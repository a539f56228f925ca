"""One server on each database for all tests that call it: starting four processes takes longer than a call.
It ends with the last of them, for its processes never sleep quite.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ivr.pci.migrations import migrate as migrate_pci
from tests.support.databases import Databases
from tests.support.demo_terminal import DemoRun, Terminal
from tests.support.deployed_server import MERCHANT_SECRET, DeployedServer, make_server
from tests.support.merchant_server import MerchantServer, merchant_server
from tests.support.running_server import migrated_pci
from tests.support.several_processes import SeveralProcesses, several_processes

MANY = {
    "CARD_DECLINES_MAX_CALLER": "10000",
    "CARD_TRIES_MAX_CALLER": "10000",
    "CARD_DECLINES_MAX_WITHHELD": "10000",
    "CARD_TRIES_MAX_WITHHELD": "10000",
    "CARD_BREAKER_CHARGES_MIN": "10000",
    "PCI_CARD_DECLINES_MAX": "10000",
    "PCI_CARD_TRIES_MAX": "10000",
    "PCI_BIN_DECLINES_MAX": "10000",
}
"""Callers of these servers share a few numbers and test cards: no limit stops them."""


@pytest.fixture(scope="package")
def merchant() -> Iterator[MerchantServer]:
    """The merchant's own system, which hears of every payment."""
    with merchant_server() as running:
        yield running


def _databases(kind: str, folder: Path, databases: Databases, template: bytes) -> tuple[str, str]:
    """Web's and PCI's, migrated."""
    url = databases.url(kind)
    if kind == "sqlite":
        (folder / "pci.db").write_bytes(template)
        return url, f"sqlite:///{folder}/pci.db"
    pci_url = databases._named(databases._create(None))
    migrate_pci(pci_url)
    return url, pci_url


@pytest.fixture(scope="package")
def deployed_servers(
    tmp_path_factory: pytest.TempPathFactory, databases: Databases, merchant: MerchantServer
) -> Iterator[Callable[[str], DeployedServer]]:
    """The server on a kind of database (`authorizing`: on SQLite, with a gateway that makes no tokens), made
    when it is first asked for.
    """
    made: dict[str, DeployedServer] = {}
    with ExitStack() as stack:

        def server_on(kind: str) -> DeployedServer:
            if kind not in made:
                folder = tmp_path_factory.mktemp(f"server-{kind}")
                template = migrated_pci(folder)
                urls = _databases("postgres" if kind == "postgres" else "sqlite", folder, databases, template)
                settings = {
                    "OUTCOME_URL": f"{merchant.url}/outcomes",
                    "MERCHANT_SECRET": MERCHANT_SECRET,
                    **MANY,
                }
                if kind == "authorizing":
                    settings["SANDBOX_CARD_ENTRY"] = "authorize"
                made[kind] = make_server(folder, *urls, **settings)
                for url in urls:
                    stack.callback(databases.drop, url)
                stack.callback(made[kind].close)
            return made[kind]

        yield server_on


@pytest.fixture
def server(
    request: pytest.FixtureRequest, deployed_servers: Callable[[str], DeployedServer]
) -> Iterator[DeployedServer]:
    """A running server, on SQLite where the test names no other; what must hold is checked at the end."""
    found = deployed_servers(getattr(request, "param", "sqlite"))
    found.all_up()
    found.clear_faults()
    found.expected = set()
    yield found
    found.all_up()  # where a test left some process dead, the others would wait for it
    found.check()


@pytest.fixture
def two_of_each(tmp_path: Path, databases: Databases, merchant: MerchantServer) -> Iterator[SeveralProcesses]:
    """Two processes of each kind on one PostgreSQL, which is the test's alone."""
    urls = _databases("postgres", tmp_path, databases, b"")
    settings = {
        "OUTCOME_URL": f"{merchant.url}/outcomes",
        "MERCHANT_SECRET": MERCHANT_SECRET,
        # What a lost hang-up leaves is swept after half a minute, and not after ten.
        "PCI_KEY_GENERATION_S": "10",
        "PCI_KEY_LIFE_S": "40",
        **MANY,
    }
    try:
        with several_processes(tmp_path, *urls, **settings) as running:
            yield running
    finally:
        for url in urls:
            databases.drop(url)


@pytest.fixture
def signals_are_heard() -> Iterator[None]:
    """As in a terminal, wherever the tests run: who was started under nohup, or in the background, ignores
    some, and so would whoever they start.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def demo_run(tmp_path: Path, signals_are_heard: None) -> Iterator[DemoRun]:
    made = DemoRun(tmp_path)
    yield made
    made.clear()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()
