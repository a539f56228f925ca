"""A full disk, or a database that only answers reads: `/readyz` of each process says so, on real ones."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from ivr.platform.database.availability import READ_ONLY, folder_fault, write_fault
from ivr.platform.database.engine import make_engine
from ivr.platform.readiness import WRITES_EVERY, Readiness
from ivr.web.ops import health
from tests.support.databases import Databases
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.time_and_ids import ManualClock

pytestmark = pytest.mark.slow

FULL = "No space left on device"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", size_kb=4096) as mounted:
        yield mounted


def test_a_folder_takes_writes_until_its_disk_is_full(disk: SmallDisk, tmp_path: Path) -> None:
    assert folder_fault(disk.folder, "TMPDIR") is None
    assert list(disk.folder.iterdir()) == []
    disk.fill()
    assert folder_fault(disk.folder, "TMPDIR") == f"TMPDIR cannot be written to: {FULL}."
    assert "No such file" in (folder_fault(tmp_path / "nowhere", "TMPDIR") or "")


def test_sqlite_on_a_full_disk(disk: SmallDisk) -> None:
    engine = make_engine(f"sqlite:///{disk.folder}/town.db")
    with engine.begin() as tx:
        tx.exec_driver_sql("CREATE TABLE one (n INTEGER)")
        assert write_fault(engine) is None, "somebody else writes at this moment"
    assert write_fault(engine) is None
    disk.fill()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM one").scalar_one() == 0, "it answers reads"
    assert FULL in (write_fault(engine) or "")
    disk.empty()
    assert write_fault(engine) is None
    engine.dispose()


def test_a_probe_leaves_nothing(tmp_path: Path) -> None:
    """Neither a file, nor a byte in the write-ahead log."""
    engine = make_engine(f"sqlite:///{tmp_path}/town.db")
    with engine.begin() as tx:
        tx.exec_driver_sql("CREATE TABLE one (n INTEGER)")
    before = sorted((one.name, one.stat().st_size) for one in tmp_path.iterdir())
    assert write_fault(engine) is None
    assert sorted((one.name, one.stat().st_size) for one in tmp_path.iterdir()) == before
    engine.dispose()


@pytest.fixture
def postgres_on_a_small_disk(
    tmp_path: Path, postgres_url: Callable[[], str]
) -> Iterator[tuple[sa.Engine, SmallDisk]]:
    """A database whose files stand on a disk of their own."""
    with psycopg.connect(postgres_url().replace("+psycopg", ""), autocommit=True) as server:
        [place] = server.execute("SHOW data_directory").fetchone() or [""]
        if not Path(place).is_dir():
            pytest.skip(f"mount needs a PostgreSQL server on this machine, and {place} is not here")
        name = f"paybycall_small_{os.getpid()}"
        folder = Path("/tmp") / name  # noqa: S108 - the server's user may not enter the test's own folder
        with small_disk(folder, size_kb=32 * 1024, mode=0o700) as disk:
            owner = Path(place).stat()
            os.chown(folder, owner.st_uid, owner.st_gid)
            server.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
            server.execute(f"CREATE DATABASE {name} TABLESPACE {name}")
            url = sa.make_url(postgres_url()).set(database=name).render_as_string(hide_password=False)
            engine = make_engine(url)
            try:
                yield engine, disk
            finally:
                engine.dispose()
                server.execute(f"DROP DATABASE {name} WITH (FORCE)")
                server.execute(f"DROP TABLESPACE {name}")
        folder.rmdir()


@pytest.mark.postgres
def test_postgresql_on_a_full_disk(postgres_on_a_small_disk: tuple[sa.Engine, SmallDisk]) -> None:
    engine, disk = postgres_on_a_small_disk
    assert write_fault(engine) is None
    disk.fill()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1, "it answers reads"
    assert FULL in (write_fault(engine) or "")
    disk.empty()
    assert write_fault(engine) is None


@pytest.mark.postgres
def test_postgresql_that_only_reads(databases: Databases) -> None:
    url = databases.url("postgres")
    reads_only = sa.make_url(url).update_query_dict({"options": "-c default_transaction_read_only=on"})
    plain = sa.create_engine(reads_only.set(drivername="postgresql+psycopg"))
    assert write_fault(plain) == READ_ONLY
    plain.dispose()
    databases.drop(url)


def test_web_and_worker_are_not_ready_on_a_full_disk(disk: SmallDisk, clock: ManualClock) -> None:
    engine = make_engine(f"sqlite:///{disk.folder}/town.db")
    with engine.begin() as tx:
        tx.exec_driver_sql("CREATE TABLE one (n INTEGER)")
    metrics = disk.folder / "metrics"
    metrics.mkdir()
    web = Readiness("web", health.parts_of_web(engine, clock, str(metrics)))
    worker = Readiness("worker", health.parts_of_worker(engine, clock, lambda: True))
    assert web.look()["database"] is worker.look()["database"] is web.look()["metrics"] is None
    disk.fill()
    assert web.look()["database"] is None, "what writes is asked now and then"
    clock.advance(WRITES_EVERY.total_seconds())
    for readiness in (web, worker):
        found = readiness.look()
        assert FULL in (found["database"] or "")
        assert readiness.status(found) == ("not ready", 503)
    assert FULL in (web.look()["metrics"] or "")
    engine.dispose()
