"""Runs `make demo` and `make call` as processes, and the pseudo-terminal that a person sits at."""

import os
import pty
import select
import shutil
import subprocess
import sys
import termios
import time
from pathlib import Path

import psutil

from tests.support.http_phone_line import PATIENCE_S
from tests.support.server_processes import ROOT

PAYBYCALL = str(Path(sys.executable).parent / "paybycall")


class DemoRun:
    """A folder with the Procfile, as a clone has it, and the commands that were started there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(ROOT / "Procfile", folder)
        self._started: list[subprocess.Popen[bytes]] = []

    def begin(
        self, *words: str, stdin: int = subprocess.DEVNULL, out: int = subprocess.PIPE, **variables: str
    ) -> subprocess.Popen[bytes]:
        """`paybycall call`, or another command."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        environ = {**kept, "PATH": os.defpath, "PYTHONUNBUFFERED": "1", **variables}
        ringing = subprocess.Popen(
            [PAYBYCALL, *(words or ("call",))],
            cwd=self.folder,
            env=environ,
            stdin=stdin,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._started.append(ringing)
        return ringing

    def ring(self, *words: str, **variables: str) -> tuple[int, str]:
        """Exit status and what was printed."""
        ringing = self.begin(*words, **variables)
        printed, _ = ringing.communicate(timeout=2 * PATIENCE_S)
        return ringing.returncode, printed.decode()

    def change_procfile(self, name: str, command: str) -> None:
        path = self.folder / "Procfile"
        lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{name}:")]
        path.write_text("\n".join([*lines, f"{name}: {command}"]) + "\n")

    def left_behind(self) -> list[psutil.Process]:
        """The server's processes of this run: they are known by the databases that they were given."""
        return [each for each in psutil.process_iter() if str(self.folder) in _database_of(each)]

    def clear(self) -> None:
        """A test that failed leaves nobody behind either."""
        for each in self._started:
            if each.poll() is None:
                each.kill()
                each.wait()
        for left in self.left_behind():
            left.kill()


def _database_of(process: psutil.Process) -> str:
    try:
        return process.environ().get("DATABASE_URL", "")
    except psutil.Error:
        return ""


class Terminal:
    """A real pseudo-terminal with a person before it."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.screen = ""
        self._seen = 0

    def sees(self, text: str) -> None:
        """Waits for this, behind what was waited for before."""
        until = time.monotonic() + PATIENCE_S
        while (found := self.screen.find(text, self._seen)) < 0:
            assert time.monotonic() < until, f"never saw {text!r} on\n{self.screen}"
            self.look(0.1)
        self._seen = found + len(text)

    def look(self, wait_s: float) -> None:
        if select.select([self.master], [], [], wait_s)[0]:
            self.screen += os.read(self.master, 65536).decode(errors="replace").replace("\r", "")

    def types(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def close(self) -> None:
        os.close(self.master)
        os.close(self.slave)
