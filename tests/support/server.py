"""The whole server in the test's process: web, PCI, worker and bank on one clock, each with its database.

Web and PCI are the real Flask applications, composed as the processes compose them. The web process reaches
PCI, and both reach the sandbox bank, over real sockets on the loopback address; the carrier is
`tests.support.phone`. Jobs run while time passes, and time passes when the phone waits. Nothing of a call
lives anywhere but in the databases, so every turn saves and reloads its session.
"""

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flask
import requests
import sqlalchemy as sa
from werkzeug.serving import WSGIRequestHandler, make_server

from gateways import registry
from gateways.contract import Charge, Gateway, Result, Unknown
from gateways.sandbox import webhooks
from gateways.secret import Secret
from ivr import config
from ivr.bills import store
from ivr.bills.bill import NewBill
from ivr.bootstrap import handlers, make_web
from ivr.ground import Ground
from ivr.ids import SequentialIds
from ivr.pci import schema as pci_schema
from ivr.pci import settings as pci_settings
from ivr.pci.app import create_app
from ivr.pci.key_directory import DirectoryKeys
from ivr.pci.room import Room, furnish
from ivr.pci.tokenizers import card_gateway
from ivr.phone.transport import Answer, Form
from ivr.storage import schema
from ivr.storage.engine import make_engine, reading
from tests.support.databases import Databases
from tests.support.due_work import DueWork
from tests.support.living_clock import LivingClock, Waiter
from tests.support.phone import ACCOUNT_SID, AUTH_TOKEN, CALLER, PCI, WEB, WsgiApp, WsgiTransport
from tests.support.sandbox_bank import RunningBank, Thought

SPANISH = "+34911111111"
"""Whoever calls this number is spoken to in Spanish."""
ENGLISH = "+442000000000"
PERSON = "+34900900900"
REFERENCE = "10203040"
AMOUNT_MINOR = 4990
MINIMUM_MINOR = 1000
WEBHOOK_SECRET = Secret("a secret between the bank and the server")
ADAPTER_PATIENCE_S = 10
"""What the sandbox's adapter waits for an answer, here by the test's clock."""


class LockedIds(SequentialIds):
    """Ids that count, also where several threads ask at once."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def _next(self, kind: str) -> int:
        with self._lock:
            return super()._next(kind)

    def reset(self) -> None:
        self._counts.clear()


class ThinkingBank(Thought):
    """The bank's time to think passes on the test's clock."""

    def __init__(self, clock: LivingClock) -> None:
        super().__init__()
        self._clock = clock

    def sleep(self, duration_s: float) -> None:
        if duration_s:
            self.slept_s.append(duration_s)
            self._clock.wait(duration_s)


class Line:
    """The gateway as the worker has it, with the adapter's patience measured by the test's clock."""

    def __init__(self, gateway: Gateway, clock: LivingClock) -> None:
        self._gateway = gateway
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    def charge(self, charge: Charge) -> Result:
        return self._patiently(lambda: self._gateway.charge(charge))

    def _patiently(self, ask: Callable[[], Result]) -> Result:
        answers: list[Result] = []
        waiter: Waiter = self._clock.waiter(ADAPTER_PATIENCE_S)

        def asking() -> None:
            answers.append(ask())
            self._clock.call(waiter)

        self._clock.start(asking)
        self._clock.wait_for(waiter)
        return answers[0] if answers else Unknown("the bank did not answer in time")


class Pool(Executor):
    """Cards on their way to the bank, each in a thread for which the clock waits."""

    def __init__(self, clock: LivingClock) -> None:
        self._clock = clock

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._clock.start(lambda: fn(*args, **kwargs))
        self._clock.settle()
        return Future()


def _nothing(_path: str) -> None:
    pass


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any, **__: Any) -> None:
        """Says nothing."""


@dataclass
class Inside:
    """The PCI process as the web process reaches it. A test stops it, or does something `meanwhile`."""

    app: WsgiApp
    down: bool = False
    meanwhile: Callable[[str], None] = _nothing

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.meanwhile(environ["PATH_INFO"])
        if self.down:
            start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"the process is not there\n"]
        return self.app(environ, start_response)


@dataclass
class Proxy(WsgiTransport):
    """As WsgiTransport, behind a proxy that takes PUBLIC_URL's own path away before the app sees it."""

    prefix: str = ""

    def post(self, url: str, form: Form, headers: Any) -> Answer:
        path = urlsplit(url).path
        if self.prefix and not path.startswith(f"{self.prefix}/"):
            return Answer(404)
        origin = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
        inner = {origin: self._without_prefix(self.apps[origin])}
        return WsgiTransport(inner, self.posted).post(url, form, headers)

    def _without_prefix(self, app: WsgiApp) -> WsgiApp:
        def stripped(environ: dict[str, Any], start_response: Any) -> Any:
            return app(
                {**environ, "PATH_INFO": environ["PATH_INFO"].removeprefix(self.prefix)}, start_response
            )

        return stripped


@dataclass
class Server:
    """One running server. What a test needs of it."""

    clock: LivingClock
    ids: LockedIds
    bank: RunningBank
    work: DueWork
    on: Ground
    web: flask.Flask
    room: Room
    pci: flask.Flask
    inside: Inside
    pool: Pool
    transport: WsgiTransport
    logs: list[Any] = field(default_factory=list)
    """Every line of every process, before it is scrubbed: `start_server` lays the list in."""
    expected: set[str] = field(default_factory=set)
    """Names of errors in the log that belong to this test."""
    webhooks_are_lost: bool = False

    def add_bill(self, reference: str = REFERENCE, *, phone: str | None = CALLER, **changed: Any) -> str:
        """A bill of 49.90 euros; its id."""
        described = {
            "currency": "EUR",
            "billed_minor": AMOUNT_MINOR,
            "minimum_minor": MINIMUM_MINOR,
            **changed,
        }
        new = NewBill(reference=reference, payer_phone=phone, **described)
        with self.on.engine.begin() as tx:
            store.upsert(tx, new, source="cli", clock=self.clock, ids=self.ids)
            found = store.find(tx, reference)
        assert found is not None
        return found.id

    def hear_from_bank(self, kind: str, key: str) -> None:
        """The bank's webhook arrives, unless webhooks are lost; it is signed by the machine's time."""
        if self.webhooks_are_lost:
            return
        body = webhooks.notice(self.ids.new("evt"), kind, key)
        headers = {webhooks.HEADER: webhooks.sign(WEBHOOK_SECRET, body, datetime.now(UTC))}
        answer = self.web.test_client().post("/gateways/sandbox/webhook", data=body, headers=headers)
        assert answer.status_code == 204, answer.text

    def link_texts(self) -> list[str]:
        """The texts that carry a link, the eldest first."""
        texts = schema.confirmation.c
        with reading(self.on.engine) as connection:
            query = sa.select(texts.body).where(texts.purpose == "link").order_by(texts.created_at, texts.id)
            return list(connection.execute(query).scalars())

    def page_of_link(self) -> str:
        """The payer opens the last link that they were texted: where it leads."""
        path = self.link_texts()[-1].split(WEB)[1].split()[0]
        page = self.web.test_client().get(path)
        assert page.status_code == 303, page.text
        return page.headers["Location"]

    def pay_by_link(self, last_four: str = "4242") -> int:
        """The same, and they choose a test card there; 303: it is paid."""
        return self.bank.pay_page(self.page_of_link(), last_four).status_code

    def pass_time(self, duration_s: float) -> None:
        """Whatever falls due in this time is done."""
        self.clock.sleep(duration_s)

    def forget_cards(self) -> None:
        """What the PCI process's caretaker does in a quarter of an hour."""
        self.pass_time(self.room.config.key_life_s + 60)
        self.room.sweeper.sweep()

    def reset(self) -> None:
        """As it was when it started, for the next test: starting one takes longer than a call."""
        self.work.absent = True
        while self.clock.is_waited_for:
            self.clock.advance(60)
        self.clock.reset()
        self.work.reset()
        for engine, tables in ((self.on.engine, schema), (self.room.engine, pci_schema)):
            with engine.begin() as tx:
                for table in reversed(tables.metadata.sorted_tables):
                    tx.execute(table.delete())
        with self.bank.ledger.writing() as tx:
            for emptied in ("kept_card", "token", "movement", "card", "link"):
                tx.execute(f"DELETE FROM {emptied}")  # noqa: S608 - the names of its tables
        requests.delete(f"{self.bank.url}/control/faults", timeout=5)
        shutil.rmtree(self.room.config.key_directory, ignore_errors=True)
        self.ids.reset()
        self.inside.down, self.inside.meanwhile = False, _nothing
        self.expected.clear()
        self.webhooks_are_lost = False
        self.transport.posted.clear()

    def another_web(self, **changed: Any) -> flask.Flask:
        """A second web process on the same ground."""
        return make_web(replace(self.on, **changed))


def environment(
    folder: Path, database_url: str, bank_url: str, inside_url: str, changes: dict[str, str]
) -> dict[str, str]:
    """A complete environment of all processes."""
    return {
        "ENVIRONMENT": "development",
        "DATABASE_URL": database_url,
        "PCI_DATABASE_URL": f"sqlite:///{folder}/pci.db",
        "PUBLIC_URL": WEB,
        "PCI_PUBLIC_URL": PCI,
        "PCI_INTERNAL_URL": inside_url,
        "INTERNAL_SECRET": "an internal secret of more than 32 characters",
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
def running_server(folder: Path, database_url: str, pci_template: bytes, **changes: str) -> Iterator[Server]:
    """A server for the length of a block; `changes` are settings. `pci_template`: a migrated PCI database."""
    with ExitStack() as stack:
        clock = LivingClock()
        ids = LockedIds()
        bank = RunningBank(folder / "bank.db", clock, ThinkingBank(clock))
        stack.callback(bank.close)
        (folder / "pci.db").write_bytes(pci_template)
        inside = Inside(_not_yet)
        listening = make_server("127.0.0.1", 0, inside, threaded=True, request_handler=_Quiet)
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        stack.callback(listening.server_close)
        stack.callback(listening.shutdown)
        inside_url = f"http://127.0.0.1:{listening.server_port}"
        environ = environment(folder, database_url, bank.url, inside_url, changes)
        pool = Pool(clock)
        room = _room(environ, clock, ids, pool)
        stack.callback(room.engine.dispose)
        inside.app = pci = create_app(room)
        work = DueWork(clock=clock)
        read = config.load(environ)
        engine = make_engine(read.database_url)
        stack.callback(engine.dispose)
        gateway: Any = Line(registry.adapter(read.gateway, read.gateway_settings), clock)
        on = Ground(read, engine, work, gateway, clock, ids)
        work.handlers = handlers(on)
        clock.agenda = work
        web = make_web(on)
        transport = _transport(environ, web, pci)
        server = Server(clock, ids, bank, work, on, web, room, pci, inside, pool, transport)
        bank.tell = server.hear_from_bank
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
    its = (server.web, server.room, server.pci, server.on, server.inside.app, server.transport.apps)
    return [id(part) for part in its]


def _not_yet(_environ: Any, start_response: Any) -> Sequence[bytes]:
    start_response("503 Service Unavailable", [])
    return [b""]


def _room(environ: dict[str, str], clock: LivingClock, ids: LockedIds, pool: Pool) -> Room:
    read = pci_settings.load(environ)
    return furnish(
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
        return Proxy(apps, prefix=public.path)
    return WsgiTransport(apps)


def migrated_pci(folder: Path) -> bytes:
    """An empty PCI database of this release, to be copied: a migration takes longer than a call."""
    from ivr.pci.migrate import migrate

    path = folder / "pci-template.db"
    migrate(f"sqlite:///{path}")
    engine = make_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path.read_bytes()
