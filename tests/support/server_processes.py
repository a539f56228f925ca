"""The processes of a server under test: started as the Procfile has them, any number of each, and killed,
frozen or stopped by name.

`web`, `web1` and `web2` are all of the Procfile's kind `web`; each has a port and a log of its own. What
could go wrong is a process that died by itself: `start` says so, for whatever it was.
"""

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from ivr.demo.processes import Processes, read_procfile
from tests.support.http_phone_line import PATIENCE_S
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
ONE_OF_EACH = ("sandbox", "web", "pci", "worker")


def kind_of(name: str) -> str:
    """The Procfile's name of a process; the bank has none there, and is called by its own."""
    return name.rstrip("0123456789")


@dataclass
class ServerProcesses:
    """`start` them, `kill` them, wait until they are there. From one thread at a time."""

    folder: Path
    environ: dict[str, str]
    ports: dict[str, int]
    processes: Processes
    members: tuple[str, ...] = field(default=ONE_OF_EACH, kw_only=True)
    """What belongs to this server, and is brought `all_up`."""
    own: dict[str, dict[str, str]] = field(default_factory=dict, kw_only=True)
    """Settings of one process alone."""
    _restarts: int = field(default=0, kw_only=True)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def log(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text()

    def start(self, *names: str) -> None:
        """Starts them all at once, and waits until they are ready."""
        for name in names:
            self.launch(name)
        served = [name for name in names if kind_of(name) != "worker"]
        self.processes.wait_until_ready({name: self._ready_url(name) for name in served})
        eventually(lambda: all(map(self.is_ready, names)), timeout_s=PATIENCE_S, what="a worker")

    def launch(self, name: str) -> None:
        """Starts one, and does not wait for it. The log of its last life is kept under another name."""
        log = self.logs / f"{name}.log"
        if log.exists():
            self._restarts += 1
            log.rename(self.logs / f"{name}.{self._restarts}.log")
        self.processes.start(name, self._command(name), port=self.ports.get(name))

    def is_ready(self, name: str) -> bool:
        """Whether it serves, or, of a worker, takes work."""
        if kind_of(name) == "worker":
            return "worker_started" in self.log(name)
        try:
            return requests.get(self._ready_url(name), timeout=PATIENCE_S).ok
        except requests.RequestException:
            return False

    def _command(self, name: str) -> list[str]:
        if name == "sandbox":
            bank = ["--port", str(self.ports["sandbox"]), "--database", self.environ["SANDBOX_DATABASE"]]
            bank += ["--notify", f"{self.environ['PUBLIC_URL']}/gateways/sandbox/webhook"]
            return ["paybycall", "sandbox", *bank]
        # In pg_stat_activity each connection bears the name of its process.
        own = {"PGAPPNAME": name, **self.own.get(name, {})}
        settings = [f"{setting}={value}" for setting, value in own.items()]
        return ["env", *settings, *read_procfile(ROOT / "Procfile")[kind_of(name)]]

    def _ready_url(self, name: str) -> str:
        path = "health" if name == "sandbox" else "readyz"
        return f"http://127.0.0.1:{self.ports[name]}/{path}"

    def popen(self, name: str) -> subprocess.Popen[bytes]:
        return self.processes._running[name]

    def kill(self, *names: str) -> None:
        """As kill -9, with all workers."""
        for name in names:
            process = self.processes._running.pop(name)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill_children(self, name: str) -> None:
        """As kill -9 to its workers alone: their parent starts new ones."""
        for child in psutil.Process(self.popen(name).pid).children():
            child.kill()

    def anew(self, *names: str) -> None:
        self.kill(*names)
        self.start(*names)

    def follow(self, name: str) -> int:
        """A second one on the same port takes over; the exit status of the first."""
        first = self.processes._running.pop(name)
        self.launch(name)
        return first.wait(PATIENCE_S)

    def stop(self, name: str) -> int:
        """SIGTERM, as `ask_to_stop`, until it has ended; its exit status."""
        self.ask_to_stop(name)
        return self.stopped(name)

    def stopped(self, name: str) -> int:
        """Its exit status, once it has ended. It is killed where it does not end, and the test fails."""
        process = self.processes._running.pop(name)
        try:
            return process.wait(PATIENCE_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def ask_to_stop(self, name: str, *, group: bool = False) -> None:
        """SIGTERM to the process itself, or to all its workers too: supervisors do either."""
        if group:
            os.killpg(self.popen(name).pid, signal.SIGTERM)
        else:
            self.popen(name).terminate()

    def freeze(self, name: str) -> None:
        """It listens and never answers."""
        os.killpg(self.popen(name).pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.popen(name).pid, signal.SIGCONT)

    def reap(self) -> dict[str, int]:
        """Forgets those that have ended; their exit statuses."""
        found = {name: process.poll() for name, process in self.processes._running.items()}
        ended = {name: status for name, status in found.items() if status is not None}
        for name in ended:
            del self.processes._running[name]
        return ended

    def missing(self) -> list[str]:
        """The members that do not run."""
        return [name for name in self.members if name not in self.processes._running]

    def all_up(self) -> None:
        """Starts whatever a test left dead."""
        self.reap()
        self.start(*self.missing())
