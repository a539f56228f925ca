"""`paybycall bill import` at a terminal: Ctrl-C says what was kept, and the bar leaves the words alone."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ivr.cli.bill_import import _Interrupts
from ivr.platform.database.engine import reading
from tests.support.schema import bill
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from ivr.cli import main; main()", "bill", "import"]
HEADER = "reference,amount,currency\n"


def started(database_url: str, *arguments: str, **more: Any) -> subprocess.Popen[str]:
    environ = {**os.environ, "DATABASE_URL": database_url, "HOME_COUNTRY": "ES", "GATEWAY": ""}
    return subprocess.Popen([*COMMAND, *arguments], env=environ, text=True, stdout=subprocess.PIPE, **more)


def stored(engine: sa.Engine) -> int:
    with reading(engine) as tx:
        return tx.execute(sa.select(sa.func.count()).select_from(bill)).scalar_one()


def test_ctrl_c_says_what_was_kept(database_url: str, engine: sa.Engine) -> None:
    """Whose standard input stands still has read the first piece, and stored its rows by the batch."""
    run = started(database_url, "-", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stdin is not None
    run.stdin.write(HEADER + "".join(f"{10_000_000 + n},1,EUR\n" for n in range(5000)))
    run.stdin.flush()
    eventually(lambda: stored(engine) >= 3000, what="the first piece")
    run.send_signal(signal.SIGINT)
    out, told = run.communicate(timeout=30)
    kept = stored(engine)
    assert (run.returncode, out) == (1, "")
    assert told == (
        f"Stopped. Result so far: {kept} added, 0 changed, 0 unchanged, 0 refused. "
        "Import the file again to continue.\n"
    )


def test_ctrl_c_waits_while_rows_are_stored_and_a_second_one_does_not() -> None:

    def store(interrupts: _Interrupts, presses: int) -> None:
        with interrupts.watched(), interrupts.held():
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)
            done.append("stored")

    done: list[str] = []
    patient, impatient = _Interrupts(), _Interrupts()
    with pytest.raises(KeyboardInterrupt):
        store(patient, 1)
    assert (done, patient.cut_short) == (["stored"], False)
    with pytest.raises(KeyboardInterrupt):
        store(impatient, 2)
    assert (done, impatient.cut_short) == (["stored"], True)
    store(_Interrupts(), 0)
    with patient.watched(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_bar_at_a_terminal(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "bills.csv"
    file.write_text(HEADER + "12345678,1,EUR\n1,1,EUR\n")
    ours, theirs = pty.openpty()
    run = started(database_url, str(file), stdin=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    out, _ = run.communicate(timeout=30)
    seen = os.read(ours, 65_536).decode()
    os.close(ours)
    assert (run.returncode, out) == (1, "1 added, 0 changed, 0 unchanged, 1 refused.\n")
    assert "Importing  [" in seen
    assert "\r\x1b[2Kline 3: reference must be exactly 8 digits" in seen
