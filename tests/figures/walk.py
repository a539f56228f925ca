"""Which files a webhook goes through, counted over one real call to the real web application."""

import io
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from urllib.parse import parse_qs

from tests.conftest import migrate_all
from tests.figures.source import PRODUCT
from tests.support.databases import Databases
from tests.support.payer import WAY, pay
from tests.support.phone import WEB, WsgiTransport
from tests.support.running_server import Servers

ROOT = Path(__file__).parents[2]


@dataclass
class Trace:
    """What ran while one webhook was answered: functions of the product, and in which files they stand."""

    path: str
    digits: str
    files: set[str] = field(default_factory=set)
    functions: set[CodeType] = field(default_factory=set)
    calls: int = 0
    crossings: int = 0


class TracedApp:
    """A WSGI application, with one trace for each request: calls between functions of the product.

    Who calls a function of another file crosses to it, and back when it returns: two crossings. What a
    library calls (Flask a view) is called by whoever called the library. Imports do not count, and nor does
    what stands before the application: the simulated telephone that sent the webhook.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self.traces: list[Trace] = []
        self._files: dict[CodeType, str | None] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        trace = Trace(environ["PATH_INFO"], parse_qs(body.decode()).get("Digits", [""])[0])
        self.traces.append(trace)

        def hear(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and (file := self._file(frame.f_code)):
                caller = self._caller(frame)
                trace.files.add(file)
                trace.functions.add(frame.f_code)
                trace.calls += 1
                trace.crossings += 2 * (caller is not None and caller != file)

        sys.setprofile(hear)
        try:
            return iter(list(self._app(environ, start_response)))
        finally:
            sys.setprofile(None)

    def _file(self, code: CodeType) -> str | None:
        if code not in self._files:
            path = Path(code.co_filename)
            of_product = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PRODUCT
            shown = of_product and code.co_name != "<module>"
            self._files[code] = str(path.relative_to(ROOT)) if shown else None
        return self._files[code]

    def _caller(self, frame: FrameType) -> str | None:
        """The file of the product's function that called this one, be it through a library."""
        behind = frame.f_back
        while behind is not None and behind.f_code is not TracedApp.__call__.__code__:
            if file := self._file(behind.f_code):
                return file
            behind = behind.f_back
        return None


def trace_call() -> list[Trace]:
    """A caller rings and pays by keyed card: the web process's webhooks, in order.

    The same call was made once before, so that nothing is loaded for the first time.
    """
    with running_server() as server:
        for _ in range(2):
            server.reset()
            server.add_bill()
            app = TracedApp(server.transport.apps[WEB])
            transport = WsgiTransport({**server.transport.apps, WEB: app})
            pay(server, WAY["tokenize"], transport=transport)
        return app.traces


@contextmanager
def running_server() -> Iterator[Any]:
    """A server on SQLite, outside of pytest."""

    def no_postgres() -> str:
        raise AssertionError("figures are taken on SQLite")

    with tempfile.TemporaryDirectory(prefix="figures-") as folder:
        servers = Servers(Path(folder), Databases(Path(folder), no_postgres, migrate_all))
        try:
            with servers.one("sqlite", {}) as server:
                yield server
        finally:
            servers.close()


def first(traces: list[Trace]) -> Trace:
    return next(trace for trace in traces if trace.path.endswith("/voice/incoming"))


def charge(traces: list[Trace]) -> Trace:
    """The webhook in which the caller said yes to the charge: the last time they keyed 1."""
    return [trace for trace in traces if trace.digits == "1"][-1]
