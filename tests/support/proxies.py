"""nginx and Caddy with the files of `deploy/`, on free ports, before stand-ins for web and pci.

Only what belongs to a machine is put in the place of what is shipped: ports, certificates, folders.
"""

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import trustme
import urllib3

from ivr.demo.environment import free_ports
from tests.support.http_phone_line import PATIENCE_S
from tests.support.tools import ROOT, tool
from tests.support.waiting import eventually

HOSTS = {"web": "pay.example.org", "pci": "card.example.org"}
SHIPPED_PORTS = {"web": 8000, "pci": 8001}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    process: ClassVar["Process"]

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the proxy gave it up
            return
        self.process.heard.append((self.command, self.path, body))
        self.send_response_only(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """A test's output stays readable."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def cut(self) -> None:
        """Ends the connections that a proxy keeps."""
        for one in self.open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A proxy that gives up a body that is too long is no error of ours."""


@dataclass
class Process:
    """A stand-in for web or pci: it answers 200 to everything, and keeps what it heard."""

    port: int
    heard: list[tuple[str, str, bytes]] = field(default_factory=list)

    _server: _Server | None = None

    def accept(self) -> None:
        handler = type("Handler", (_Handler,), {"process": self})
        self._server = _Server(self.port, handler)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def refuse(self) -> None:
        """Nobody listens there until `accept`."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut()
            self._server = None


@dataclass
class Proxy:
    """A running proxy; `logs` is the folder with all that it writes."""

    processes: dict[str, Process]
    port: int
    internal_port: int
    """Where web reaches pci: pci-internal.caddy, paybycall-pci-internal.conf."""
    folder: Path

    def ask(
        self, name: str, method: str, path: str, body: bytes = b"", *, port: int | None = None
    ) -> tuple[int, bool]:
        """The status, and whether the process behind this host heard it."""
        host, process = HOSTS[name], self.processes[name]
        before = len(process.heard)
        pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1", port or self.port, server_hostname=host, cert_reqs="CERT_NONE", timeout=PATIENCE_S
        )
        with pool:
            answer = pool.urlopen(
                method, path, body=body or None, headers={"Host": host}, retries=False, redirect=False
            )
        return answer.status, len(process.heard) > before

    def written(self) -> dict[str, str]:
        """Everything that stands in its files."""
        return {str(path): path.read_text("latin-1") for path in self.folder.rglob("*") if path.is_file()}


def _replaced(text: str, changes: Mapping[str, str]) -> str:
    for shipped, here in changes.items():
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    return text


NGINX_CONF = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
worker_processes 1;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/temporary/body;
    proxy_temp_path {folder}/temporary/proxy;
    include {folder}/*.conf;
}}
"""


def _nginx(folder: Path, processes: Mapping[str, Process], port: int, internal_port: int) -> list[str]:
    ca = trustme.CA()
    certificate = ca.issue_cert(*HOSTS.values())
    certificate.cert_chain_pems[0].write_to_path(str(folder / "fullchain.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "privkey.pem"))
    for name, host, listens, shipped_port in (
        ("web", HOSTS["web"], port, 443),
        ("pci", HOSTS["pci"], port, 443),
        ("pci-internal", HOSTS["pci"], internal_port, 8443),
    ):
        shipped = (ROOT / f"deploy/nginx/paybycall-{name}.conf").read_text()
        changes = {
            f"listen {shipped_port} ssl": f"listen 127.0.0.1:{listens} ssl",
            f"    listen [::]:{shipped_port} ssl;\n": "",
            f"/etc/letsencrypt/live/{host}": str(folder),
            "/var/log/nginx": str(folder),
        }
        if name in processes:
            changes[f"127.0.0.1:{SHIPPED_PORTS[name]}"] = f"127.0.0.1:{processes[name].port}"
        (folder / f"paybycall-{name}.conf").write_text(_replaced(shipped, changes))
    main = folder / "nginx"
    main.write_text(NGINX_CONF.format(folder=folder))
    return [tool("nginx"), "-p", str(folder), "-c", str(main)]


def _caddy(folder: Path, _processes: Mapping[str, Process], port: int, internal_port: int) -> list[str]:
    own = f"{{\n\tlocal_certs\n\tskip_install_trust\n\tadmin off\n\thttps_port {port}\n"
    shipped = (ROOT / "deploy/caddy/Caddyfile").read_text()
    hasty = _replaced(shipped, {"lb_try_duration 10s": "lb_try_duration 100ms"})
    (folder / "Caddyfile").write_text(hasty.replace("{\n", own, 1))
    (folder / "sites").mkdir()
    internal = (ROOT / "deploy/caddy/pci-internal.caddy").read_text()
    (folder / "sites/pci-internal.caddy").write_text(_replaced(internal, {"}:8443": f"}}:{internal_port}"}))
    return [tool("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


PROXIES: dict[str, Callable[[Path, Mapping[str, Process], int, int], list[str]]] = {
    "nginx": _nginx,
    "caddy": _caddy,
}


@contextmanager
def running_proxy(kind: str, folder: Path) -> Iterator[Proxy]:
    """The proxy before two stand-ins, for the length of a block."""
    web, pci, port, internal_port = free_ports(4)
    processes = {"web": Process(web), "pci": Process(pci)}
    (folder / "temporary").mkdir()
    command = PROXIES[kind](folder, processes, port, internal_port)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "WEB_UPSTREAM": f"127.0.0.1:{web}",
        "PCI_UPSTREAM": f"127.0.0.1:{pci}",
    }
    with ExitStack() as stack:
        for process in processes.values():
            process.accept()
            stack.callback(process.refuse)
        with (folder / "output").open("wb") as output:
            running = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
        try:
            proxy = Proxy(processes, port, internal_port, folder)

            def answers() -> bool:
                assert running.poll() is None, (folder / "output").read_text()
                try:
                    return proxy.ask("pci", "GET", "/")[0] == 404
                except urllib3.exceptions.HTTPError:
                    return False

            eventually(answers, timeout_s=PATIENCE_S, what=f"an answer of {kind}")
            yield proxy
        finally:
            running.terminate()
            running.wait(PATIENCE_S)
