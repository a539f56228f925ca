"""Waiting for what another thread or process does, with a limit, instead of sleeping for a guess."""

import time
from collections.abc import Callable

import sqlalchemy as sa


def eventually(
    condition: Callable[[], bool], *, timeout_s: float = 30.0, what: str = "it", every_s: float = 0.01
) -> None:
    """Returns as soon as `condition` holds; fails where it does not within the time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout_s} s"
        time.sleep(every_s)


def until_a_transaction_waits(engine: sa.Engine) -> None:
    """For a lock that another one holds. SQLite has one writer, and nobody sees who waits."""
    if engine.dialect.name != "postgresql":
        return
    waiting = sa.text(
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE NOT granted AND datname = current_database()"
    )

    def one_waits() -> bool:
        with engine.connect() as connection:
            return bool(connection.execute(waiting).scalar_one())

    eventually(one_waits, timeout_s=10, what="a wait for the lock")
