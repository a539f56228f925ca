"""A PCI process for each test, with a database of its own: SQLite, or by `@both_engines` PostgreSQL too."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ivr.pci.migrations import migrate_engine
from ivr.platform.database.engine import make_engine
from tests.support.card_entry import CardEntryHarness
from tests.support.databases import Databases, folder_in_memory
from tests.support.time_and_ids import ManualClock


@pytest.fixture(scope="session")
def pci_databases(postgres_url: Callable[[], str]) -> Iterator[Databases]:
    with folder_in_memory() as folder:
        yield Databases(folder, postgres_url, migrate_engine)


@pytest.fixture
def pci_kind() -> str:
    return "sqlite"


@pytest.fixture
def pci_engine(pci_kind: str, pci_databases: Databases) -> Iterator[sa.Engine]:
    url = pci_databases.url(pci_kind)
    engine = make_engine(url)
    yield engine
    engine.dispose()
    pci_databases.drop(url)


@pytest.fixture
def harness(pci_engine: sa.Engine, clock: ManualClock, tmp_path: Path) -> CardEntryHarness:
    return CardEntryHarness(pci_engine, clock, tmp_path)
