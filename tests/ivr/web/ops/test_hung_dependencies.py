"""What hangs holds neither a probe, nor the threads that calls need, nor the doctor."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog

from ivr.doctor.checks import FaultError, examine
from ivr.platform.database.engine import make_engine
from ivr.platform.readiness import SLOW, Part, Readiness
from ivr.web.ops.health import parts_of_web
from tests.support.time_and_ids import ManualClock
from tests.support.waiting import eventually


def test_a_hung_database_is_reported_to_every_probe_in_time() -> None:
    hangs, asked = threading.Event(), []

    def database() -> str | None:
        asked.append(threading.current_thread().name)
        hangs.wait(60)
        return None

    parts = [Part("files", lambda: None), Part("database", database), Part("schema", lambda: None)]
    readiness = Readiness("web", parts, within_s=0.05)
    try:
        with ThreadPoolExecutor(16) as probes:
            seen = list(probes.map(lambda _: readiness.look(), range(64), timeout=30))
        assert seen == [{"files": None, "database": SLOW, "schema": SLOW}] * 64
        assert readiness.status(seen[0]) == ("not ready", 503)
        assert asked == ["readiness"]
    finally:
        hangs.set()
    eventually(lambda: set(readiness.look().values()) == {None}, what="the database")


def test_a_health_look_logs_by_its_request_and_raises_bugs() -> None:
    seen = []

    def broken() -> str | None:
        seen.append(structlog.contextvars.get_contextvars())
        raise ZeroDivisionError

    with structlog.contextvars.bound_contextvars(request_id="req_1"), pytest.raises(ZeroDivisionError):
        Readiness("web", [Part("a", broken)]).look()
    assert seen == [{"request_id": "req_1"}]


def test_lock_files_that_cannot_be_read_are_told(tmp_path: Path, clock: ManualClock) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/town.db")
    folder = tmp_path / "town.db.workers"
    folder.mkdir()
    (folder / "loop").symlink_to("loop")
    found = Readiness("web", parts_of_web(engine, clock)).look()
    assert found["worker"] == "Whether a worker runs cannot be seen: Too many levels of symbolic links."


def test_a_check_of_the_doctor_ends_in_time() -> None:
    hangs = threading.Event()

    def drips() -> str:
        hangs.wait(60)
        return "never said"

    def fails() -> str:
        raise FaultError("Mend this.")

    try:
        found = list(examine([("web", drips), ("pci", fails), ("gateway", lambda: "well")], within_s=0.05))
    finally:
        hangs.set()
    assert [(one.name, one.well, one.said) for one in found] == [
        (
            "web",
            False,
            "This check did not end within 0.05 s: what it asks answers too slowly, or not at all.",
        ),
        ("pci", False, "Mend this."),
        ("gateway", True, "well"),
    ]
