"""The lock by which the living know the dead."""

import subprocess
import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
import sqlalchemy as sa

from ivr.jobs.liveness_lock import LOCK_APPLICATION, FileLock, LivenessLock, LockTakenError, hold
from ivr.jobs.takeover import EXIT_LOCK_LOST, TakeOver
from ivr.platform.database.engine import make_engine
from tests.support.waiting import eventually

pytestmark = pytest.mark.postgres


def take_away(engine: sa.Engine, worker: str) -> None:
    """Frees a living worker's lock behind its back."""
    if engine.dialect.name == "sqlite":
        (Path(f"{engine.url.database}.workers") / worker).unlink()
        return
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name"
    with engine.begin() as tx:
        assert tx.scalar(sa.text(ended + " AND datname = current_database()"), {"name": LOCK_APPLICATION})


def _is_free(lock: LivenessLock, worker: str) -> bool:
    with lock.try_lock_of(worker) as is_dead:
        return is_dead


def test_a_living_worker_keeps_its_lock_and_a_gone_one_does_not(engine: sa.Engine) -> None:
    mine, other = hold(engine, "worker_1"), hold(engine, "worker_2")
    assert mine.is_ours()
    with mine.try_lock_of("worker_2") as is_dead:
        assert not is_dead
    with pytest.raises(LockTakenError, match="worker_2"):
        hold(engine, "worker_2")
    other.release()
    eventually(lambda: _is_free(mine, "worker_2"), what="the end of its session")
    with mine.try_lock_of("worker_2") as is_dead:
        assert is_dead
        third = hold(engine, "worker_3")
        with third.try_lock_of("worker_2") as is_dead_for_third:
            assert not is_dead_for_third  # one takes over at a time
        third.release()
    mine.release()
    assert not mine.is_ours()


def test_a_lock_that_was_taken_away_is_noticed_and_stays_lost(engine: sa.Engine) -> None:
    lock = hold(engine, "worker_1")
    take_away(engine, "worker_1")
    assert not lock.is_ours()
    again = hold(engine, "worker_1")
    assert not lock.is_ours()
    lock.release()
    assert again.is_ours()  # the loser's release leaves the winner's lock alone
    again.release()


@pytest.mark.slow
def test_the_files_of_the_dead_are_removed(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from ivr.jobs.liveness_lock import FileLock\n"
    code += "FileLock(Path(sys.argv[1]), 'worker_dead'); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert [path.name for path in tmp_path.iterdir()] == ["worker_dead"]
    living = FileLock(tmp_path, "worker_living")
    FileLock(tmp_path, "worker_new").release()
    assert [path.name for path in tmp_path.iterdir()] == ["worker_living"]
    living.release()
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a database file"):
        hold(make_engine("sqlite://"), "worker_1")


class LostLock:
    """A lock that was taken away."""

    def is_ours(self) -> bool:
        return False

    def try_lock_of(self, worker: str) -> AbstractContextManager[bool]:
        return nullcontext(False)

    def release(self) -> None:
        pass


def test_a_worker_without_its_lock_stops_first() -> None:
    lost: LivenessLock = LostLock()
    stopped = threading.Event()
    no_client, no_runs = object(), object()  # a look at either would raise
    loop = TakeOver(no_client, lost, no_runs, "worker_1", 0.01, stopped.set)
    loop.watch()
    assert stopped.wait(5)
    loop.stop()


@pytest.mark.slow
def test_by_default_it_leaves_at_once() -> None:
    code = "import threading; from ivr.jobs.takeover import leave_at_once\n"
    code += "threading.Thread(target=threading.Event().wait).start(); leave_at_once()"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == EXIT_LOCK_LOST
