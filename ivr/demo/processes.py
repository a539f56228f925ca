"""The server's processes as the Procfile has them: started, waited for, and stopped whatever happens.

Each process leads a group of its own, so that stopping it stops its workers too, and a Ctrl-C at the terminal
reaches the phone alone. What they print goes to a log file each.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from ivr.demo.environment import DemoEnvironment

STOP_S_MAX = 10
READY_S_MAX = 60
LEAVING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a supervisor, a terminal that was closed."""


class StartError(Exception):
    """A process did not start; the message names it and its log."""


def read_procfile(path: Path, needed: Collection[str] = ()) -> dict[str, list[str]]:
    """Process -> command; raises StartError where there is no such file, or not all of `needed` in it."""
    try:
        lines = [line.partition(":") for line in path.read_text().splitlines() if line.strip()]
    except FileNotFoundError:
        raise StartError(f"There is no {path} here. Run this in the project's folder.") from None
    procfile = {name.strip(): shlex.split(command) for name, _, command in lines}
    if missing := [name for name in needed if not procfile.get(name)]:
        raise StartError(f"The {path} has no {', '.join(missing)}.")
    return procfile


class Processes:
    """Started processes, to be used as a context: leaving it stops them all."""

    def __init__(self, environ: dict[str, str], logs: Path) -> None:
        beside = str(Path(sys.executable).parent)
        self._environ = {**environ, "PATH": beside + os.pathsep + environ.get("PATH", os.defpath)}
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _undisturbed():  # a second Ctrl-C is not waited for: we are leaving already
            self._stop()

    def run(self, name: str, command: list[str]) -> None:
        """Runs a command to its end; raises StartError where it fails."""
        log = self._logs / f"{name}.log"
        with log.open("wb") as file:
            done = subprocess.run(  # noqa: S603 - the Procfile's own command
                command,
                env=self._environ,
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        if done.returncode:
            raise StartError(f"{name} failed; see {log}")

    def start(self, name: str, command: list[str], *, port: int | None = None) -> None:
        """Starts a process; a signal that comes meanwhile is heard once we know whom to stop."""
        environ = self._environ if port is None else {**self._environ, "PORT": str(port)}
        with _undisturbed() as came, (self._logs / f"{name}.log").open("wb") as file:
            self._running[name] = subprocess.Popen(  # noqa: S603 - the Procfile's own command
                command,
                env=environ,
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        for number in came:
            signal.raise_signal(number)

    def wait_until_ready(self, urls: dict[str, str]) -> None:
        """Waits for each process to answer; raises StartError where any died or one took too long."""
        give_up_at = time.monotonic() + READY_S_MAX
        waiting = dict(urls)
        while waiting:
            self.check()
            for name, url in list(waiting.items()):
                if _answers(url):
                    del waiting[name]
            if time.monotonic() > give_up_at:
                name = next(iter(waiting))
                raise StartError(f"{name} is not ready; see {self._logs / name}.log")
            time.sleep(0.1)

    def pid(self, name: str) -> int:
        """The process id of a started process; its children are its own group."""
        return self._running[name].pid

    def check(self) -> None:
        """Raises StartError where a process died."""
        for name in self._running:
            self._must_live(name)

    def _must_live(self, name: str) -> None:
        if self._running[name].poll() is not None:
            raise StartError(f"{name} stopped by itself; see {self._logs / name}.log")

    def _stop(self) -> None:
        for process in self._running.values():
            _signal_group(process, signal.SIGTERM)
        give_up_at = time.monotonic() + STOP_S_MAX
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, give_up_at - time.monotonic()))
            _signal_group(process, signal.SIGKILL)
            process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@contextlib.contextmanager
def _undisturbed() -> Iterator[list[int]]:
    """Signals that would end us only note themselves, so that no process is left behind."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda heard, _: came.append(heard)) for number in LEAVING}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as response:  # noqa: S310 - our own loopback address
            return bool(response.status == 200)  # noqa: PLR2004
    except (URLError, OSError):
        return False


def start_server(processes: Processes, demo: DemoEnvironment, tell: Callable[[str], object]) -> None:
    """Starts the Procfile's processes and the sandbox bank; raises StartError where one does not start."""
    names = ("web", "worker") if demo.by_carrier else ("web", "pci", "worker")
    tell(f"Starting {', '.join(names[:-1])} and worker, with the sandbox bank ...")
    procfile = read_procfile(Path("Procfile"), ("release", *names))
    processes.run("release", procfile["release"])
    bank = [
        "--port",
        str(demo.ports["sandbox"]),
        "--database",
        str(demo.folder / "sandbox-bank.db"),
    ]
    bank += ["--notify", f"{demo.environ['PUBLIC_URL']}/gateways/sandbox/webhook"]
    processes.start("sandbox", ["paybycall", "sandbox", *bank])
    for name in names:
        processes.start(name, procfile[name], port=demo.ports.get(name))
    ready = {
        "sandbox": f"{demo.environ['SANDBOX_URL']}/",
        "web": f"{demo.environ['PUBLIC_URL']}/readyz",
    }
    if not demo.by_carrier:
        ready["pci"] = f"{demo.environ['PCI_PUBLIC_URL']}/readyz"
    processes.wait_until_ready(ready)


_OF_A_TEXT = ("  +--", "  | ")


class Texts:
    """What was sent since it was last asked."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = 0

    def new(self) -> list[str]:
        """The lines of the texts since then; a line that is not whole yet comes the next time."""
        with self._log.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")
        self._read += len(whole[0]) + len(whole[1])
        lines = whole[0].decode(errors="replace").splitlines()
        return [line for line in lines if line.startswith(_OF_A_TEXT)]
