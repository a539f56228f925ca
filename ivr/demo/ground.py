"""Where the demo stands: a folder for its databases and logs, free ports, secrets of its own, and the
environment of it all.

May import `ivr.ids` alone. The secrets are made once and kept with mode 0600; the environment is written to
`env`, so that every other command can be tried on the demo's data.
"""

import json
import os
import shlex
import socket
from dataclasses import dataclass
from pathlib import Path

from ivr.ids import Ids

CALLER = "+34600000001"
CALLED = "+34910000000"
_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where keys belong; the folder in it is private


@dataclass(frozen=True, slots=True)
class Ground:
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


def free_ports(count: int) -> list[int]:
    """Ports that are free on the loopback address, all different."""
    holders = [socket.socket() for _ in range(count)]
    try:
        for holder in holders:
            holder.bind(("127.0.0.1", 0))
        return [holder.getsockname()[1] for holder in holders]
    finally:
        for holder in holders:
            holder.close()


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


def prepare(folder: Path, ids: Ids, inherited: dict[str, str]) -> Ground:
    """Makes the folder and the environment; `inherited` is what the processes need of ours (PATH, HOME)."""
    folder = folder.resolve()
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    ports = dict(zip(("web", "pci", "sandbox", "worker"), free_ports(4), strict=True))
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
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(settings.items())]
    descriptor = os.open(folder / "env", os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
    kept = {name: value for name, value in inherited.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    return Ground(folder, {**kept, **settings}, ports, by_carrier)
