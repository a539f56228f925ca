"""Starts the whole server in the test's process: web, PCI, worker, bank on one clock, each with its database.

Web and PCI are composed as the processes compose them. The web process reaches PCI, and both reach the
sandbox bank, over real sockets on the loopback address; the carrier is `tests.support.phone`. Starting one
takes longer than a call, so `Servers` keeps them: a test that exchanged a part of one is told.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from werkzeug.serving import WSGIRequestHandler, make_server

from gateways import registry
from ivr.app import make_web
from ivr.dependencies import Dependencies
from ivr.pci.app import create_app
from ivr.pci.dependencies import PciDependencies, build_pci
from ivr.pci.key_directory import DirectoryKeys
from ivr.pci.settings import load_pci_config
from ivr.pci.tokenizers import card_gateway
from ivr.platform.database.engine import make_engine
from ivr.platform.settings.web_settings import load_config
from ivr.worker import handlers
from tests.support.databases import Databases
from tests.support.due_jobs import DueJobs
from tests.support.phone import ACCOUNT_SID, AUTH_TOKEN, PCI, WEB, WsgiApp, WsgiTransport
from tests.support.sandbox_bank import RunningBank
from tests.support.server import ENGLISH, SPANISH, WEBHOOK_SECRET, Server
from tests.support.server_parts import (
    ClockedProcessing,
    GatewayConnection,
    LockedIds,
    PciConnection,
    PrefixProxy,
    SubmissionPool,
    not_yet,
)
from tests.support.virtual_clock import VirtualClock


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any, **__: Any) -> None:
        """Says nothing."""


def environment(
    folder: Path, database_url: str, bank_url: str, pci_url: str, changes: dict[str, str]
) -> dict[str, str]:
    """A complete environment of all processes."""
    return {
        "ENVIRONMENT": "development",
        "DATABASE_URL": database_url,
        "PCI_DATABASE_URL": f"sqlite:///{folder}/pci.db",
        "PUBLIC_URL": WEB,
        "PCI_PUBLIC_URL": PCI,
        "PCI_INTERNAL_URL": pci_url,
        "INTERNAL_SECRET": "c7e9d2a4863b5e0f1c7d8a92e35b41f0",
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN.reveal(),
        "PCI_KEY_DIRECTORY": str(folder / "keys"),
        "GATEWAY": "sandbox",
        "SANDBOX_URL": bank_url,
        "CHANNEL": "console",
        "LANGUAGE_BY_NUMBER": f"{SPANISH}=es,{ENGLISH}=en",
        "MERCHANT_NAME": "Demo Town Hall",
        "SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET.reveal(),
        **changes,
    }


@contextmanager
def running_server(
    folder: Path,
    database_url: str,
    pci_template: bytes,
    *,
    clock: VirtualClock | None = None,
    ids: LockedIds | None = None,
    **changes: str,
) -> Iterator[Server]:
    """A server for the length of a block; `changes` are settings. `pci_template`: a migrated PCI
    database. A PCI database and a bank's ledger that are in `folder` already are opened as they are.
    """
    with ExitStack() as stack:
        clock = clock or VirtualClock()
        ids = ids or LockedIds()
        bank = RunningBank(folder / "bank.db", clock, ClockedProcessing(clock))
        stack.callback(bank.close)
        if not (folder / "pci.db").exists():
            (folder / "pci.db").write_bytes(pci_template)
        pci_connection = PciConnection(not_yet)
        listening = make_server("127.0.0.1", 0, pci_connection, threaded=True, request_handler=_Quiet)
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        stack.callback(listening.server_close)
        stack.callback(listening.shutdown)
        pci_url = f"http://127.0.0.1:{listening.server_port}"
        environ = environment(folder, database_url, bank.url, pci_url, changes)
        pool = SubmissionPool(clock)
        pci_parts = _pci_parts(environ, clock, ids, pool)
        stack.callback(pci_parts.engine.dispose)
        pci_connection.app = pci = create_app(pci_parts)
        work = DueJobs(clock=clock)
        read = load_config(environ)
        engine = make_engine(read.database_url)
        stack.callback(engine.dispose)
        gateway: Any = GatewayConnection(registry.adapter(read.gateway, read.gateway_settings), clock)
        on = Dependencies(read, engine, work, gateway, clock, ids)
        work.handlers = handlers(on)
        clock.agenda = work
        web = make_web(on)
        transport = _transport(environ, web, pci)
        server = Server(
            clock, ids, bank, work, on, web, pci_parts, pci, pci_connection, pool, transport, environ
        )
        bank.tell = server.receive_bank_webhook
        yield server
        # Whoever still waits at the bank is let go, so that no thread outlives the server.
        work.absent = True
        clock.advance(3600)


class Servers:
    """Running servers, one for each database and settings, taken by one test after the other."""

    def __init__(self, folder: Path, databases: Databases) -> None:
        self._folder = folder
        self._databases = databases
        self._template = migrated_pci(folder)
        self._stack = ExitStack()
        self._idle: dict[object, list[Server]] = {}
        self._count = 0

    @contextmanager
    def one(self, kind: str, changes: dict[str, str]) -> Iterator[Server]:
        """A server as new. It is kept for the next test where it could be put in order."""
        idle = self._idle.setdefault((kind, *sorted(changes.items())), [])
        server = idle.pop() if idle else self._start(kind, changes)
        parts = _parts(server)
        yield server
        assert _parts(server) == parts, "a test exchanged a part of a server that others use after it"
        server.reset()
        idle.append(server)

    def _start(self, kind: str, changes: dict[str, str]) -> Server:
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        url = self._databases.url(kind)
        self._stack.callback(self._databases.drop, url)
        return self._stack.enter_context(running_server(folder, url, self._template, **changes))

    def close(self) -> None:
        self._stack.close()


def _parts(server: Server) -> list[int]:
    """Which objects the server is made of."""
    its = (
        server.web,
        server.pci_parts,
        server.pci,
        server.on,
        server.pci_connection.app,
        server.transport.apps,
    )
    return [id(part) for part in its]


def _pci_parts(
    environ: dict[str, str], clock: VirtualClock, ids: LockedIds, pool: SubmissionPool
) -> PciDependencies:
    read = load_pci_config(environ)
    return build_pci(
        read,
        engine=make_engine(read.database_url),
        clock=clock,
        ids=ids,
        keys=DirectoryKeys(
            read.key_directory, clock, generation_s=read.key_generation_s, life_s=read.key_life_s
        ),
        gateway=card_gateway(read.gateway, read.gateway_settings),
        executor=pool,
    )


def _transport(environ: dict[str, str], web: WsgiApp, pci: WsgiApp) -> WsgiTransport:
    public, cards = urlsplit(environ["PUBLIC_URL"]), urlsplit(environ["PCI_PUBLIC_URL"])
    apps = {f"{public.scheme}://{public.netloc}": web, f"{cards.scheme}://{cards.netloc}": pci}
    if public.path or cards.path:
        assert public.path == cards.path
        return PrefixProxy(apps, prefix=public.path)
    return WsgiTransport(apps)


def migrated_pci(folder: Path) -> bytes:
    """An empty PCI database of this release, to be copied: a migration takes longer than a call."""
    from ivr.pci.migrations import migrate

    path = folder / "pci-template.db"
    migrate(f"sqlite:///{path}")
    engine = make_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path.read_bytes()
