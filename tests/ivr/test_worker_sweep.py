"""The worker's sweeper: the belt behind the durable queue, which a database that is away must not cut."""

import threading

import pytest
from structlog.testing import capture_logs

from ivr.worker import _sweep

pytestmark = pytest.mark.slow


class FailsOnce:
    """A payment service whose first sweep meets a database that is away; the third is the last."""

    def __init__(self, stop: threading.Event) -> None:
        self.sweeps = 0
        self._stop = stop

    def sweep(self) -> int:
        self.sweeps += 1
        if self.sweeps == 1:
            raise ConnectionError("the database is away")
        if self.sweeps == 3:
            self._stop.set()
        return 0


def test_a_sweep_that_fails_is_logged_and_not_the_last() -> None:
    stop = threading.Event()
    payments = FailsOnce(stop)
    with capture_logs() as logs:
        _sweep([payments.sweep], stop, every_s=0.001)
    assert payments.sweeps == 3
    assert [entry["event"] for entry in logs] == ["sweep_failed"]
