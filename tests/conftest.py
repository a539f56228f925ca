"""What every test can ask for: databases, a clock that stands still, ids that count, a whole server."""

import gc
import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import sqlalchemy as sa
import structlog
from structlog.testing import capture_logs
from xdist.scheduler import LoadScopeScheduling

from ivr.jobs.store import migrate_work
from ivr.platform.database.engine import make_engine
from ivr.platform.database.migrations import migrate
from ivr.platform.logs import PINNED
from tests.support.databases import Databases, folder_in_memory, memory, postgres_server
from tests.support.recorded_jobs import RecordedJobs
from tests.support.refused_skips import pytest_sessionfinish, pytest_terminal_summary
from tests.support.statements import StatementsPlugin
from tests.support.time_and_ids import ManualClock, SequentialIds
from tests.support.update_option import pytest_addoption, seed, update_dialogues
from tests.support.which_databases import leaves_postgres_out, needs_postgres, pytest_generate_tests

__all__ = [
    "pytest_addoption",
    "pytest_generate_tests",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "seed",
    "update_dialogues",
]

if TYPE_CHECKING:
    from tests.support.running_server import Servers
    from tests.support.server import Server


hypothesis.settings.register_profile("the same in each run", derandomize=True, deadline=None, max_examples=50)
hypothesis.settings.load_profile("the same in each run")

structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback
"""With rich, which these tests install, structlog would draw a traceback for a second or more."""

SLOWEST = ("tests/e2e/", "tests/simulation/", "tests/ivr/payments/")
CALL_THE_SAME_SERVERS = frozenset(
    f"tests/e2e/test_{name}.py"
    for name in (
        "concurrent_calls",
        "killed_processes",
        "server_at_work",
        "on_the_wire",
        "stopping_gracefully",
    )
)

MAKE_CLEAN_ROOTS = frozenset({"tests/e2e/test_clean_root.py", "tests/e2e/test_dockerfile.py"})


SLOW_FOLDERS = tuple(
    f"tests/{name}/" for name in ("browser", "deploy", "docs", "e2e", "ivr/on_stripe", "simulation")
)
"""What starts processes, machines or browsers, or plays whole worlds: not part of `make check`."""


def pytest_configure(config: pytest.Config) -> None:
    if (folder := memory()) is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))  # where `tmp_path` is
    if path := config.getoption("--statements"):
        config.pluginmanager.register(StatementsPlugin(path))


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.nodeid.startswith(SLOW_FOLDERS):
        item.add_marker(pytest.mark.slow)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where no slow test is wanted, these folders need not be read."""
    path = f"{collection_path.relative_to(config.rootpath)}/"
    return True if config.getoption("markexpr") == "not slow" and path in SLOW_FOLDERS else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The slowest files come first, so that no worker begins one when the others are done; the running
    servers and the clean roots first of all. In one process the order stays as it was asked for.
    """
    if leaves_postgres_out(config):
        left_out = [item for item in items if needs_postgres(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not needs_postgres(item)]
    if not hasattr(config, "workerinput"):
        return
    sizes = Counter(item.path for item in items)

    def turn(item: pytest.Item) -> tuple[bool, int, int, str]:
        file = item.nodeid.partition("::")[0]
        slow = next((rank for rank, folder in enumerate(SLOWEST) if file.startswith(folder)), len(SLOWEST))
        return file not in CALL_THE_SAME_SERVERS | MAKE_CLEAN_ROOTS, slow, -sizes[item.path], file

    items.sort(key=turn)


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay in memory to the end. Without them the garbage collector has less to
    look through: a tenth of what the tests cost.
    """
    gc.collect()
    gc.freeze()


class ByFile(LoadScopeScheduling):
    """Deals tests out to workers by the file. Those that call the same running servers go to one worker, and
    those that make clean roots to one, since they wait for each other.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file in CALL_THE_SAME_SERVERS:
            return "servers"
        if file == "tests/simulation/test_worlds.py":  # each of its tests takes as long as a file
            return nodeid
        return "clean roots" if file in MAKE_CLEAN_ROOTS else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    return ByFile(config, log)


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> Iterator[object]:
    """A function that gives the server's URL, and starts one the first time somebody asks."""
    if leaves_postgres_out(request.config):

        def none() -> str:
            pytest.skip("--databases sqlite leaves PostgreSQL out")

        yield none
        return
    with ExitStack() as stack:
        found: list[str] = []

        def url() -> str:
            if not found:
                found.append(stack.enter_context(postgres_server()))
            return found[0]

        yield url


@pytest.fixture(scope="session")
def databases(postgres_url: Callable[[], str]) -> Iterator[Databases]:
    with folder_in_memory() as folder:
        yield Databases(folder, postgres_url, migrate_all)


def migrate_all(engine: sa.Engine) -> None:
    migrate(engine)
    migrate_work(engine)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """A fresh, migrated database: `tests.support.which_databases` says on which engines."""
    url = databases.url(request.param)
    yield url
    databases.drop(url)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    made = make_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture(autouse=True)
def process_as_it_was() -> Iterator[None]:
    """A test that sets up a process (its logs, its umask) leaves the next test alone."""
    umask = os.umask(0o022)
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    logger_class, record_factory = logging.getLoggerClass(), logging.getLogRecordFactory()
    loggers = [logging.getLogger(name) for name in (None, *PINNED, "stripe", "urllib3.connectionpool")]
    before = [(one, one.level, list(one.handlers), list(one.filters)) for one in loggers]
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    for logger, level, handlers, filters in before:
        logger.setLevel(level)
        logger.handlers, logger.filters = handlers, filters
    logging.setLoggerClass(logger_class)
    logging.setLogRecordFactory(record_factory)
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    os.umask(umask)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ids() -> SequentialIds:
    return SequentialIds()


@pytest.fixture
def work() -> RecordedJobs:
    return RecordedJobs()


@pytest.fixture(scope="session")
def servers(databases: Databases) -> Iterator["Servers"]:
    from tests.support.running_server import Servers

    with folder_in_memory() as folder:
        running = Servers(folder, databases)
        yield running
        running.close()


@pytest.fixture
def start_server(servers: "Servers") -> Iterator[Callable[..., "Server"]]:
    """The whole server, as new, with these settings; what must hold after any call is checked at the end."""
    from tests.support.server_checks import check

    with ExitStack() as stack:
        logs = stack.enter_context(
            capture_logs([structlog.contextvars.merge_contextvars, structlog.processors.format_exc_info])
        )
        started: list[Server] = []

        def start(kind: str = "sqlite", **changes: str) -> "Server":
            started.append(stack.enter_context(servers.one(kind, changes)))
            started[-1].logs = logs
            return started[-1]

        yield start
        for server in started:
            check(server)


@pytest.fixture
def server(start_server: Callable[..., "Server"]) -> "Server":
    return start_server()
