"""Where the demo stands: a folder for its databases and logs, free ports, secrets of its own, and the
environment of it all.

The secrets are made once and kept with mode 0600; the environment is written to `env`, so that every other
command can be tried on the demo's data.
"""

import fcntl
import json
import os
import shlex
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ivr.platform.ids import Ids

CALLER = "+34600000001"
CALLED = "+34910000000"
"""Asks for the language; each language has a number of its own, which ends in 01, 02, ..."""
LANGUAGES = "en,es"
ANY_PORTS = {"web": 0, "pci": 0, "worker": 0, "sandbox": 0}
USUAL_PORTS = {"web": 8000, "pci": 8001, "worker": 8002, "sandbox": 8099}
_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where keys belong; the folder in it is private


@dataclass(frozen=True, slots=True)
class DemoEnvironment:
    """The demo's folder and environment."""

    folder: Path
    environ: dict[str, str]
    ports: dict[str, int]
    """Process -> port."""
    by_carrier: bool = False
    """The carrier takes the cards: there is no PCI process."""

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def shown(self) -> Path:
        """The folder as a person in the project's folder writes it."""
        return self.folder.relative_to(Path.cwd()) if self.folder.is_relative_to(Path.cwd()) else self.folder


def free_ports(count: int) -> list[int]:
    """Ports that are free on the loopback address, all different."""
    return list(ports_like(dict.fromkeys(map(str, range(count)), 0)).values())


def ports_like(wanted: Mapping[str, int]) -> dict[str, int]:
    """Process -> port on the loopback address, all different: the one wanted where it is free, else any."""
    with ExitStack() as held:
        return {name: held.enter_context(_holding(port)).getsockname()[1] for name, port in wanted.items()}


def _holding(port: int) -> socket.socket:
    """A socket bound to this port, or to any where another program listens there."""
    holder = socket.socket()
    holder.setsockopt(
        socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
    )  # a server that has just ended is no obstacle
    try:
        holder.bind(("127.0.0.1", port))
    except OSError:
        holder.bind(("127.0.0.1", 0))
    return holder


def _secrets(path: Path, ids: Ids) -> dict[str, str]:
    made = {
        "TWILIO_ACCOUNT_SID": "AC" + ids.secret().encode().hex()[:32],
        "TWILIO_AUTH_TOKEN": ids.secret(),
        "INTERNAL_SECRET": ids.secret(),
        "MERCHANT_SECRET": ids.secret(),
        "SANDBOX_WEBHOOK_SECRET": ids.secret(),
    }
    if path.exists() and made.keys() > json.loads(path.read_text()).keys():
        path.unlink()  # of an earlier release
    if not path.exists():
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(made, file)
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def running(folder: Path, inherited: dict[str, str]) -> DemoEnvironment:
    """The demo that runs in this folder, as its `env` has it."""
    folder = folder.resolve()
    settings: dict[str, str] = {}
    for line in (folder / "env").read_text().splitlines():
        name, _, value = shlex.split(line)[1].partition("=")
        settings[name] = value
    return DemoEnvironment(folder, {**_kept(inherited), **settings}, {}, settings.get("CARD_ENTRY") == "pay")


def number_of(languages: str, language: str) -> str | None:
    """The number that greets in this language, out of LANGUAGES; None: the demo does not speak it."""
    return {spoken: number for number, spoken in _numbers(languages).items()}.get(language)


def _numbers(languages: str) -> dict[str, str]:
    spoken = [each.strip() for each in languages.split(",") if each.strip()]
    return {f"{CALLED[:-2]}{count:02}": language for count, language in enumerate(spoken, start=1)}


def _kept(inherited: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in inherited.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}


def prepare(
    folder: Path, ids: Ids, inherited: dict[str, str], wanted: Mapping[str, int] = ANY_PORTS
) -> DemoEnvironment:
    """Makes the folder and the environment. `inherited` is what the processes need of ours (PATH, HOME),
    `wanted` the ports, which others may have taken.
    """
    folder = folder.resolve()
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    ports = ports_like(wanted)
    keys = _MEMORY / f"paybycall-demo-{os.getuid()}" if _MEMORY.is_dir() else folder / "keys"
    settings = {
        "ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{folder / 'paybycall.db'}",
        "PUBLIC_URL": f"http://127.0.0.1:{ports['web']}",
        "GATEWAY": "sandbox",
        "SANDBOX_URL": f"http://127.0.0.1:{ports['sandbox']}",
        "SANDBOX_DATABASE": str(folder / "sandbox-bank.db"),
        "CHANNEL": "console",
        "HOST": "127.0.0.1",
        **_secrets(folder / "secrets.json", ids),
    }
    by_carrier = inherited.get("CARD_ENTRY", "").strip() == "pay"
    if by_carrier:  # no PCI process, and nothing of it to set
        del settings["INTERNAL_SECRET"]
        settings["CARD_ENTRY"] = "pay"
    else:
        settings |= {
            "PCI_DATABASE_URL": f"sqlite:///{folder / 'pci.db'}",
            "PCI_KEY_DIRECTORY": str(keys),
            "PCI_PUBLIC_URL": f"http://127.0.0.1:{ports['pci']}",
            "PCI_INTERNAL_URL": f"http://127.0.0.1:{ports['pci']}",
        }
    for name in (
        "SANDBOX_CARD_ENTRY",
        "LANGUAGES",
        "PERSON_NUMBER",
        "MERCHANT_NAME",
        "MERCHANT_PHONE",
        "TIME_ZONE",
        "LOG_LEVEL",
        "LINK_EXPIRES_MIN",
    ):
        if name in inherited:
            settings[name] = inherited[name]
    settings.setdefault("LANGUAGES", LANGUAGES)
    numbers = _numbers(settings["LANGUAGES"]).items()
    settings["LANGUAGE_BY_NUMBER"] = ",".join(f"{number}={language}" for number, language in numbers)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(settings.items())]
    descriptor = os.open(folder / "env", os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
    return DemoEnvironment(folder, {**_kept(inherited), **settings}, ports, by_carrier)


_READY = b"ready"


class FolderLock:
    """The lock, to be used as a context."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path, *, alone: bool) -> Self | None:
        """The lock, for a demo (`alone`) or a call; None where somebody else's use forbids it."""
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if alone:
            os.ftruncate(descriptor, 0)
        return cls(descriptor)

    def say_ready(self) -> None:
        os.pwrite(self._descriptor, _READY, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


def is_ready(folder: Path) -> bool:
    """Whether the demo that has the lock can be rung."""
    return (folder / "lock").read_bytes() == _READY
