"""The doctor's checks of what a stranger must not reach, and of who runs our processes, in production alone.

They ask for what a proxy must refuse, so a refusal of any kind is well.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from gateways.http_client import NoAnswerError
from ivr.doctor.checks import FaultError
from ivr.doctor.external_checks import UNSIGNED, CheckedSite, Probe, ProbeAnswer

_SERVERS = ("web", "pci", "worker", "stream")


def metrics_are_closed(ask: Probe, sites: Sequence[CheckedSite]) -> str:
    """No stranger reads `/metrics` at a public address."""
    for site in sites:
        _require_reached(ask, site)
        answer = _tried(ask, "GET", f"{site.url}/metrics")
        if answer is not None and answer.status == HTTPStatus.OK and "# TYPE" in answer.body:
            raise FaultError(
                f"Strangers can read /metrics at {site.setting} ({site.url}): let the proxy refuse it, "
                f"and set "
                f"METRICS_TOKEN."
            )
    return "strangers cannot read /metrics"


def pci_is_closed(ask: Probe, site: CheckedSite) -> str:
    """The proxy before the PCI process passes nothing but what the carrier needs."""
    _require_reached(ask, site)
    internal = _tried(ask, "POST", f"{site.url}/pci/internal/lockouts")
    ready = _tried(ask, "GET", f"{site.url}/readyz")
    open_ones = []
    if internal is not None and "not signed" in internal.body:
        open_ones.append("/pci/internal/")
    if ready is not None and isinstance(ready.document().get("parts"), dict):
        open_ones.append("/readyz")
    if open_ones:
        raise FaultError(
            f"Strangers reach {' and '.join(open_ones)} at {site.setting} ({site.url}): let the proxy "
            f"pass /pci/e/ "
            f"and /pci/fallback, and nothing else."
        )
    return "strangers reach no other path of the PCI process"


def addresses_of(host: str) -> set[str]:
    """The addresses of a host as this machine resolves it; none where it does not."""
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except OSError:
        return set()


Resolve = Callable[[str], set[str]]


def proxy_cannot_be_avoided(
    ask: Probe, ports: Sequence[tuple[CheckedSite, int]], resolve: Resolve = addresses_of
) -> str:
    """The processes' own ports, where they speak plain http, do not answer at the public host. Where this
    machine takes that host for itself, what it reaches there says nothing about strangers.
    """
    for site, port in ports:
        host = urlsplit(site.url).hostname or ""
        if all(ip_address(one.partition("%")[0]).is_loopback for one in resolve(host)):
            continue
        place = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        answer = _tried(ask, "POST", place + site.path)
        if answer is not None and UNSIGNED in answer.body:
            raise FaultError(
                f"The {site.process} process answers strangers at {place} in plain http, past the proxy: "
                f"start it "
                f"with HOST=127.0.0.1, or let the firewall close the port."
            )
    return "no process of ours answers strangers past the proxy"


def _require_reached(ask: Probe, site: CheckedSite) -> None:
    """A path counts as closed only where the address answers at all."""
    if _tried(ask, "POST", site.url + site.path) is None:
        raise FaultError(f"This could not be tried, because {site.setting} ({site.url}) cannot be reached.")


def _tried(ask: Probe, method: str, url: str) -> ProbeAnswer | None:
    try:
        return ask(method, url)
    except NoAnswerError:
        return None


def nobody_is_root(
    processes: Path = Path("/proc"), me: int | None = None, ours: Path = Path(sys.executable).parent
) -> str:
    """None of our processes that can be seen from here runs as root; nor, if none is seen, this command."""
    running = list(_serving(processes, ours))
    if as_root := sorted({f"`paybycall serve {kind}`" for kind, user in running if user == 0}):
        verb = "runs" if len(as_root) == 1 else "run"
        raise FaultError(f"{' and '.join(as_root)} {verb} as root: use a user without rights of its own.")
    if not running and (os.geteuid() if me is None else me) == 0:
        raise FaultError(
            "This command runs as root, and no server process is seen here: run `paybycall` under a user "
            "of its own."
        )
    return "no process of ours runs as root, as far as can be seen from here"


def _serving(processes: Path, ours: Path) -> Iterator[tuple[str, int]]:
    """Kind and user of each `paybycall serve` of this installation, whose Python is in the folder `ours`."""
    for folder in processes.glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            status = (folder / "status").read_text()  # not the owner of the files: pci gives those to root
        except OSError:  # it has ended, or is hidden from us
            continue
        user = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Uid:"))
        said = [word.decode(errors="replace") for word in words]
        if Path(said[0]).parent != ours:
            continue
        for at, word in enumerate(said[:-2]):
            if Path(word).name == "paybycall" and said[at + 1] == "serve" and said[at + 2] in _SERVERS:
                yield said[at + 2], user
