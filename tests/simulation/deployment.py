"""A deployment of a simulation: its databases, made once, and how each of its processes is composed.

One deployment serves world after world: between two of them every table and every key is emptied. The
processes are composed as their entry points compose them, on a clock, ids, a queue and a network of the
world; what costs a process its start (prompts read from files, the trusted certificates of the machine) is
read once.
"""

import contextlib
import functools
import io
import shutil
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from werkzeug.routing import Rule

from flows.language import Noun, Prompts
from flows.language.prompts import NO_NOUNS
from ivr.app import make_web
from ivr.dependencies import Dependencies
from ivr.jobs.job_list import Work
from ivr.payments import timeouts as patience
from ivr.pci import tables as pci_schema
from ivr.pci.app import create_app
from ivr.pci.dependencies import PciDependencies, build_pci
from ivr.pci.key_directory import DirectoryKeys
from ivr.pci.migrations import migrate as migrate_pci
from ivr.pci.settings import load_pci_config
from ivr.pci.tokenizers import card_gateway
from ivr.platform.clock import Clock
from ivr.platform.database.engine import make_engine
from ivr.platform.database.migrations import migrate
from ivr.platform.ids import Ids
from ivr.platform.settings.web_settings import load_config
from ivr.simulators.phone.pay import NOTHING_INSTALLED, PayHabits
from ivr.worker import handlers
from tests.simulation.database import WatchedDatabase
from tests.simulation.simulated_gateway import SimulatedGateway
from tests.simulation.simulated_stripe import on_the_worlds_clock
from tests.simulation.two_gateways import TwoGateways
from tests.support import schema
from tests.support.phone import PCI, WEB
from tests.support.running_server import environment

INSIDE = "cards.inside"
"""Where the web process reaches the PCI process."""


class TaskPool(Executor):
    """Cards on their way to the gateway, each in a task of the PCI process that took it on."""

    def __init__(self, begin: Callable[[Callable[[], object]], object]) -> None:
        self._begin = begin

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._begin(lambda: fn(*args, **kwargs))
        return Future()


@dataclass(frozen=True, slots=True)
class PciLife:
    """One life of a PCI process."""

    app: Any
    pci_parts: PciDependencies


class Deployment:
    """A server on SQLite in a folder, with one gateway and the settings of its own way of taking cards."""

    def __init__(self, folder: Path, bank: SimulatedGateway, name: str, settings: Mapping[str, str]) -> None:
        self.bank = bank
        self.name = name
        self._folder = folder
        self._keys = folder / "keys"
        self._settings = settings
        self._read_settings()
        migrate_pci(self.pci_config.database_url)
        self.web_database = WatchedDatabase("the web database", make_engine(self.config.database_url))
        migrate(self.web_database.engine)
        self.pci_database = WatchedDatabase("the PCI database", make_engine(self.pci_config.database_url))

    def _read_settings(self) -> None:
        """As every process reads them at its start."""
        bank, folder = self.bank, self._folder
        changes = {**bank.settings, "GATEWAY": bank.name, **self._settings}
        url = f"sqlite:///{folder}/web.db"
        environ = environment(folder, url, f"http://{bank.host}", f"http://{INSIDE}", changes)
        self.config = load_config(environ)
        self.pci_config = load_pci_config(environ)

    @property
    def banks(self) -> Sequence[SimulatedGateway]:
        """Every gateway that may hold money of this server."""
        return self.bank.banks if isinstance(self.bank, TwoGateways) else (self.bank,)

    def switch_gateways(self) -> None:
        """From now on a process that starts reads the other gateway in its settings."""
        assert isinstance(self.bank, TwoGateways), f"{self.name} has one gateway"
        self.bank.switch()
        self._read_settings()

    @property
    def origins(self) -> Mapping[str, str]:
        """Which kind of process answers for which origin of the carrier's."""
        return {WEB: "web", PCI: "pci"}

    @property
    def habits(self) -> PayHabits:
        """What the carrier has installed for this merchant."""
        connector = self.bank.connector() if self.config.carrier_takes_cards else None
        return PayHabits(connectors={"Default": connector}) if connector else NOTHING_INSTALLED

    def empty(self) -> None:
        """As new."""
        for database, tables in ((self.web_database, schema), (self.pci_database, pci_schema)):
            with database.engine.begin() as tx:
                for table in reversed(tables.metadata.sorted_tables):
                    tx.execute(table.delete())
        shutil.rmtree(self._keys, ignore_errors=True)
        if self.bank.name != self.banks[0].name:
            self.switch_gateways()

    def keys_left(self) -> list[str]:
        """What the keys' home still keeps."""
        return sorted(str(path.relative_to(self._keys)) for path in self._keys.rglob("*") if path.is_file())

    def dependencies(self, clock: Clock, ids: Ids, work: Work) -> Dependencies:
        gateway = self.bank.adapter(self.config.gateway_settings)
        return Dependencies(self.config, self.web_database.engine, work, gateway, clock, ids)

    def web(self, on: Dependencies) -> Any:
        return make_web(on)

    def worker(self, on: Dependencies, texts: io.StringIO) -> Any:
        """Its handlers; `texts` is what it prints for payers to read."""
        with contextlib.redirect_stdout(texts):
            return handlers(on)

    def pci(self, clock: Clock, ids: Ids, pool: Executor) -> PciLife:
        read = self.pci_config
        pci_parts = build_pci(
            read,
            engine=self.pci_database.engine,
            clock=clock,
            ids=ids,
            keys=DirectoryKeys(
                read.key_directory, clock, generation_s=read.key_generation_s, life_s=read.key_life_s
            ),
            gateway=card_gateway(read.gateway, read.gateway_settings),
            executor=pool,
        )
        return PciLife(create_app(pci_parts), pci_parts)

    def close(self) -> None:
        self.web_database.engine.dispose()
        self.pci_database.engine.dispose()


def _no_builder(*_: object) -> None:
    raise AssertionError("no route of the server is ever built from its name")


@contextmanager
def quick_starts() -> Iterator[None]:
    """For the length of a block, what every start of a process reads anew is read once; and what stays
    open for hours is looked at less often: by the real measure that takes longer than all the rest.
    """
    load = Prompts.load

    @functools.cache
    def read(folder: Path, languages: tuple[str, ...], nouns: tuple[tuple[str, Noun], ...]) -> Prompts:
        return load(folder, languages, dict(nouns))

    def read_once(folder: Path, languages: Iterable[str], nouns: Mapping[str, Noun] = NO_NOUNS) -> Prompts:
        return read(folder, tuple(languages), tuple(nouns.items()))

    with (
        on_the_worlds_clock(),
        mock.patch.object(Prompts, "load", read_once),
        mock.patch.object(patience, "CARD_LOOK_S", 180),
        mock.patch.object(patience, "ASK_AGAIN", replace(patience.ASK_AGAIN, most_s=1800)),
        mock.patch.object(Rule, "_compile_builder", return_value=_no_builder),
        mock.patch.object(ssl, "create_default_context", return_value=ssl.create_default_context()),
    ):
        yield
