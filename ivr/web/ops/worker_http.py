"""The worker's own port: `/healthz`, `/readyz` and `/metrics`, on a thread beside its work.

Work goes on where the port is taken: that is logged, and tried again until it is free.
"""

import socket
import threading
from typing import TYPE_CHECKING

import structlog

from ivr.platform.wsgi.handover import bind
from ivr.platform.wsgi.http import HttpServer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = structlog.get_logger()
THREADS = 2
BODY_BYTES_MAX = 1000
TRY_AGAIN_S = 5.0
_STOP_S = 2.0
_LOOK_S = 0.5


class WorkerHttp:
    """Serves from `start` to `stop`."""

    def __init__(
        self, application: "WSGIApplication", host: str, port: int, *, try_again_s: float = TRY_AGAIN_S
    ) -> None:
        self._application = application
        self._host = host
        self._port = port
        self._try_again_s = try_again_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker-http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(_STOP_S + 2 * _LOOK_S)

    def _run(self) -> None:
        listening = self._listen()
        if listening is None:
            return
        server = HttpServer(self._application, listening, threads=THREADS, body_bytes_max=BODY_BYTES_MAX)
        host, port = listening.getsockname()[:2]
        log.info("serving", host=host, port=port)
        while not self._ended.is_set():
            server.step(_LOOK_S)
        server.drain(_STOP_S)

    def _listen(self) -> socket.socket | None:
        """None where it is stopped before the port is free."""
        told = False
        while True:
            try:
                return bind(self._host, self._port)
            except OSError as fault:
                if not told:
                    log.warning(
                        "worker_port_taken",
                        sentence=f"/healthz and /metrics of this worker do not answer: port {self._port} on "
                        f"{self._host}: {fault.strerror}. Set WORKER_PORT to a free port, or to 0 for none.",
                    )
                    told = True
            if self._ended.wait(self._try_again_s):
                return None
