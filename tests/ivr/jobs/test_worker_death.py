"""A worker dies, or sleeps, in the middle of a charge: another finishes, and nothing is done twice."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from ivr.jobs.backlog import backlog
from ivr.jobs.enqueue import DurableWork
from ivr.jobs.job_list import CHARGE_ATTEMPT
from ivr.jobs.liveness_lock import LOCK_APPLICATION
from ivr.jobs.takeover import EXIT_LOCK_LOST
from tests.support import worker_process
from tests.support.job_effects import claim, effect, effects, metadata, subject
from tests.support.running_worker import running_worker
from tests.support.waiting import eventually

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

COUNT = 24
AT_ONCE = 8


@contextmanager
def _worker_process(database_url: str, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-m", worker_process.__name__, database_url, str(folder)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _ask(engine: sa.Engine, count: int) -> list[str]:
    metadata.create_all(engine)
    durable = DurableWork(engine)
    names = [f"att_{number}" for number in range(count)]
    with engine.begin() as tx:
        for name in names:
            tx.execute(sa.insert(subject).values(id=name))
            durable.enqueue(tx, CHARGE_ATTEMPT, name)
    return names


def _charge(engine: sa.Engine, subject_id: str, _nth: int) -> None:
    with engine.begin() as tx:
        if claim(tx, subject_id, "second"):
            tx.execute(sa.insert(effect).values(kind="charged", subject_id=subject_id, worker="second"))


def test_a_worker_killed_in_the_middle_loses_nothing(
    engine: sa.Engine, database_url: str, tmp_path: Path
) -> None:
    names = _ask(engine, COUNT)
    with _worker_process(database_url, tmp_path) as first:
        eventually(lambda: len(effects(engine, "started")) == AT_ONCE, what="the start of its first jobs")
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert backlog(engine) == {"running": AT_ONCE, "waiting": COUNT - AT_ONCE}
        with running_worker(engine, {CHARGE_ATTEMPT: lambda *job: _charge(engine, *job)}) as second:
            second.drain()
    assert sorted(effects(engine, "charged")) == sorted((name, "second") for name in names)


def test_a_paused_worker_keeps_its_jobs_and_one_declared_dead_does_nothing(
    engine: sa.Engine, database_url: str, tmp_path: Path
) -> None:
    names = _ask(engine, 4)
    with _worker_process(database_url, tmp_path) as first:
        eventually(lambda: len(effects(engine, "started")) == len(names), what="the start of its jobs")
        _put_to_sleep(first, engine)
        with running_worker(engine, {CHARGE_ATTEMPT: lambda *job: _charge(engine, *job)}) as second:
            with pytest.raises(AssertionError, match="still undone"):
                second.drain(timeout_s=0.5)  # it lives: nobody may touch its work
            _take_lock_away(engine)
            second.drain()
            by_second = sorted((name, "second") for name in names)
            assert sorted(effects(engine, "charged")) == by_second
            (tmp_path / "go").touch()
            first.send_signal(signal.SIGCONT)
            eventually(lambda: len(effects(engine, "refrained")) == len(names), what="its waking")
            assert first.wait(30) == EXIT_LOCK_LOST
            assert (tmp_path / "lost").exists()
            second.drain()
    assert sorted(effects(engine, "charged")) == by_second
    assert backlog(engine) == {}


def _put_to_sleep(process: "subprocess.Popen[bytes]", engine: sa.Engine) -> None:
    """Stops it, though not in the middle of a write: on SQLite that would hold up everybody."""

    def asleep() -> bool:
        process.send_signal(signal.SIGSTOP)
        if engine.dialect.name == "postgresql":
            return True
        with closing(sqlite3.connect(engine.url.database, timeout=0.2, isolation_level=None)) as probe:
            try:
                probe.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
                return False
            return True

    eventually(asleep, what="its sleep")


def _take_lock_away(engine: sa.Engine) -> None:
    """As a machine that hangs loses its connection, or as somebody tidies up files."""
    if engine.dialect.name == "sqlite":
        oldest = min(Path(f"{engine.url.database}.workers").iterdir(), key=lambda path: path.stat().st_mtime)
        oldest.unlink()
        return
    oldest_first = (
        "SELECT pg_terminate_backend((SELECT pid FROM pg_stat_activity WHERE application_name = :name "
        "AND datname = current_database() ORDER BY backend_start LIMIT 1))"
    )
    with engine.begin() as tx:
        assert tx.scalar(sa.text(oldest_first), {"name": LOCK_APPLICATION})
