"""A server with several processes of each kind: load balancers before them, one PostgreSQL behind them, and
a supervisor who starts anew whatever ended.

What they share is what docs/operations.md says they must: the databases, the key directory, the secrets, the
URLs. Whoever ends by itself with another exit status than that of a worker that lost its lock has a fault:
`faults` tells. All of it is to be used from one thread; only `server.ring` may be called from many.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import orjson
import sqlalchemy as sa

from ivr.demo.environment import free_ports
from ivr.jobs.liveness_lock import _number
from ivr.jobs.takeover import EXIT_LOCK_LOST
from ivr.platform.database.engine import make_engine
from tests.support.databases import SESSIONS_MIN
from tests.support.deployed_server import DeployedServer, make_server
from tests.support.http_phone_line import PATIENCE_S
from tests.support.load_balancer import LoadBalancer, Request, balancing
from tests.support.server_processes import kind_of
from tests.support.waiting import eventually

MEMBERS = ("sandbox", "web1", "web2", "pci1", "pci2", "worker1", "worker2")
LOOK_S = 0.05
"""Looking costs, too."""
OWN = "the test itself"
"""The application of the test's own connections, which are never cut."""
PCI_ANSWER_S_MAX = 4.0
"""It waits for nobody while it answers."""
Found = TypeVar("Found")


@dataclass
class SeveralProcesses:
    """Two of each. `until` waits for something, and starts anew what ended meanwhile."""

    server: DeployedServer
    balancers: tuple[LoadBalancer, LoadBalancer]
    """Before web and before PCI."""
    banks: dict[str, LoadBalancer]
    """The way to the bank of each process that speaks to it: so it is known who asked for what."""
    databases: tuple[sa.Engine, sa.Engine]
    """Web's and PCI's."""
    written_from: tuple[str, int]
    """Where PostgreSQL's log of writes stood when the server was started: file and offset."""
    ended: list[tuple[str, int]] = field(default_factory=list)
    """Who ended by itself, with which exit status."""
    history: list[str] = field(default_factory=list)
    """What was done to whom, and when: for whoever reads of a failure."""
    _began: float = field(default_factory=time.monotonic)

    def tell(self, what: str) -> None:
        self.history.append(f"{time.monotonic() - self._began:6.1f} s  {what}")

    @contextmanager
    def history_added(self) -> Iterator[None]:
        """The story goes with whatever fails; it is in the server's folder in any case."""
        try:
            yield
        except BaseException as failed:
            failed.add_note("\n".join(self.history))
            raise
        finally:
            (self.server.folder / "story").write_text("\n".join(self.history) + "\n")

    # The supervisor ---------------------------------------------------------------------------------------

    def restart_ended(self) -> None:
        """Starts whoever is missing, each at a new port: another program may have taken the last one."""
        self.ended += self.server.reap().items()
        for name in self.server.missing():
            if name in self.server.ports and name != "sandbox":
                [self.server.ports[name]] = free_ports(1)
            self.server.launch(name)

    def until(self, find: Callable[[], Found | None], what: str, *, every_s: float = LOOK_S) -> Found:
        """What is found, as soon as there is something."""
        found: list[Found] = []

        def looked() -> bool:
            self.restart_ended()
            if seen := find():
                found.append(seen)
            return bool(found)

        eventually(looked, timeout_s=3 * PATIENCE_S, what=what, every_s=every_s)
        return found[0]

    def all_ready(self, *kinds: str) -> None:
        """All can do their work: of these kinds, or of every kind."""
        names = [name for name in self.server.members if not kinds or kind_of(name) in kinds]
        self.until(lambda: all(map(self.server.is_ready, names)), f"the start of {names}")

    def of_kind(self, kind: str) -> list[str]:
        return [name for name in self.server.members if kind_of(name) == kind]

    @property
    def passed(self) -> int:
        """How many webhooks and card turns were answered."""
        return sum(door.passed for door in self.balancers)

    @property
    def faults(self) -> list[tuple[str, int]]:
        return [each for each in self.ended if kind_of(each[0]) != "worker" or each[1] != EXIT_LOCK_LOST]

    # Who does what ----------------------------------------------------------------------------------------

    def bank_requests(self, kind: str, path: str) -> list[tuple[str, Request]]:
        """Processes of this kind, with each request to this path that the bank has not answered yet."""
        return [
            (name, request)
            for name in self.of_kind(kind)
            for request in list(self.banks[name].under_way.values())
            if request.path == path
        ]

    def new_bank_request(
        self, kind: str, path: str, older: list[tuple[str, Request]]
    ) -> tuple[str, Request] | None:
        """As `bank_requests`, the first one. `older` may be of a process of this name that was killed."""
        return next((one for one in self.bank_requests(kind, path) if one not in older), None)

    def worker_name(self, name: str) -> str:
        """What a worker calls itself, in its lock and in the rows of work that it claimed."""
        lines = [orjson.loads(line) for line in self.server.log(name).splitlines() if line.startswith("{")]
        return next(str(entry["worker"]) for entry in lines if entry["event"] == "worker_started")

    # What breaks ------------------------------------------------------------------------------------------

    def connections(self) -> list[tuple[sa.Engine, int]]:
        """The sessions of our processes; not those that only begin, whose end is told in other words."""
        query = sa.text(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND application_name != :own "
            "AND backend_start < clock_timestamp() - interval '1 second' ORDER BY pid"
        )
        found: list[tuple[sa.Engine, int]] = []
        for engine in self.databases:
            with engine.connect() as tx:
                found += [(engine, pid) for pid in tx.scalars(query, {"own": OWN})]
        return found

    def cut(self, engine: sa.Engine, pid: int) -> None:
        with engine.connect() as tx:
            tx.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    def cut_off(self, name: str) -> None:
        """Every session of one process, and its lock with them: so a machine loses its network."""
        number = _number(self.worker_name(name)) if kind_of(name) == "worker" else 0
        query = sa.text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND (application_name = :name OR pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' "
            "AND ((classid::bigint << 32) | objid::bigint) = :lock))"
        )
        for engine in self.databases:
            with engine.connect() as tx:
                tx.execute(query, {"name": name, "lock": number})


def _named(url: str) -> str:
    """The URL of the test's own connections."""
    named = sa.make_url(url).update_query_dict({"application_name": OWN})
    return named.render_as_string(hide_password=False)


def _kept(request: Request) -> bool:
    return request.method == "POST" and request.path == "/charges"


@contextmanager
def several_processes(folder: Path, url: str, pci_url: str, **settings: str) -> Iterator[SeveralProcesses]:
    """The server, started, on two migrated databases."""
    with ExitStack() as stack:
        deployed_servers: list[DeployedServer] = []

        def balancers(*names: str) -> Callable[[], list[int]]:
            return lambda: [deployed_servers[0].ports[name] for name in names]

        web = stack.enter_context(balancing(balancers("web1", "web2")))
        pci = stack.enter_context(balancing(balancers("pci1", "pci2"), answer_s_max=PCI_ANSWER_S_MAX))
        banks = {
            name: stack.enter_context(
                balancing(balancers("sandbox"), answer_s_max=PATIENCE_S, breaks=True, keeps=_kept)
            )
            for name in MEMBERS
            if kind_of(name) in {"pci", "worker"}
        }
        server = make_server(
            folder,
            url,
            pci_url,
            PUBLIC_URL=web.url,
            PCI_PUBLIC_URL=pci.url,
            PCI_INTERNAL_URL=pci.url,
            **settings,
        )
        deployed_servers.append(server)
        stack.callback(server.close)
        server.members = MEMBERS
        server.own = {name: {"SANDBOX_URL": bank.url} for name, bank in banks.items()}
        served = [name for name in MEMBERS if kind_of(name) in {"web", "pci"}]
        server.ports |= dict(zip(served, free_ports(len(served)), strict=True))
        server.engine.dispose()
        server.engine, pci_engine = make_engine(_named(url), pool_size=24), make_engine(_named(pci_url))
        stack.callback(pci_engine.dispose)
        with server.engine.connect() as tx:
            sessions = int(tx.scalar(sa.text("SHOW max_connections")))
            assert sessions >= SESSIONS_MIN, f"PostgreSQL has room for {sessions} sessions: too few"
            position = tx.execute(sa.text("SELECT * FROM pg_walfile_name_offset(pg_current_wal_lsn())")).one()
        made = SeveralProcesses(
            server, (web, pci), banks, (server.engine, pci_engine), (position[0], position[1])
        )
        stack.callback(_thaw_all, made)
        made.all_ready()
        yield made


def _thaw_all(made: SeveralProcesses) -> None:
    """Nobody who is frozen hears SIGTERM."""
    for name in made.server.members:
        with suppress(KeyError):
            made.server.thaw(name)
