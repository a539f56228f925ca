"""An application on our HTTP server, in processes of its own, as web and pci are served."""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ivr.demo.environment import free_ports
from ivr.platform.wsgi.handover import PortTakenError, listen
from ivr.platform.wsgi.parent import Parent
from ivr.platform.wsgi.worker import ServedApp, WorkerProcess

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30
BODY_BYTES_MAX = 10_000


def shown_environ(_worker: WorkerProcess) -> "WSGIApplication":
    """Tells the environ of each request."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({name: str(value) for name, value in environ.items()}).encode()]

    return app


def about_itself(worker: WorkerProcess) -> "WSGIApplication":
    """Tells its process id and how many bytes came. `/slow` takes a second; `/replace` asks for another."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        length = len(environ["wsgi.input"].read())
        if environ["PATH_INFO"] == "/slow":
            time.sleep(1)
        if environ["PATH_INFO"] == "/replace":
            worker.replace()
        body = f"{os.getpid()} {length}".encode()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    return app


def slow_to_load(worker: WorkerProcess) -> "WSGIApplication":
    time.sleep(0.5)
    return about_itself(worker)


def broken(_worker: WorkerProcess) -> "WSGIApplication":
    raise RuntimeError("this application cannot be made")


def command(name: str, port: int, *, kind: str = "web", workers: int = 1) -> list[str]:
    return [sys.executable, "-m", "tests.support.served_app", name, kind, str(port), str(workers)]


def start(name: str, port: int, *, kind: str = "web", workers: int = 1) -> subprocess.Popen[bytes]:
    """A server of one of the applications above."""
    return subprocess.Popen(
        command(name, port, kind=kind, workers=workers),
        cwd=ROOT,
        env={"PATH": os.defpath, "SECRET_OF_THE_PROCESS": "x", "HTTP_PROXY": "x"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@contextmanager
def served(name: str) -> Iterator[int]:
    """Its port, while the server runs."""
    [port] = free_ports(1)
    running = start(name, port)
    try:
        yield port
    finally:
        running.terminate()
        running.communicate(timeout=PATIENCE_S)


if __name__ == "__main__":
    name, kind, port, workers = sys.argv[1:]
    load = getattr(importlib.import_module("tests.support.served_app"), name)
    try:
        listening = listen(kind, "127.0.0.1", int(port), os.environ)
    except PortTakenError as fault:
        sys.exit(str(fault))
    sys.exit(Parent(kind, listening, ServedApp(load, 4, BODY_BYTES_MAX), int(workers)).run())
