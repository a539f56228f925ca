"""docs/metrics-and-logs.md lists every metric with its help, and every event of the log."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from ivr.jobs.job_list import ALL_JOBS
from ivr.jobs.worker import Worker
from ivr.platform.metrics import ALARMS
from ivr.worker import worker_app
from tests.support.server import Server

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/metrics-and-logs.md").read_text(encoding="utf-8")
METRICS, _, EVENTS = PAGE.partition("## Log events")
ROW = re.compile(r"^\| `([a-z_]+)` \|(?: [a-z, ]+ \|)? (.+) \|$", re.MULTILINE)
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
WRITES = {"tell", "write_log", "say", "_try"}
"""Names under which a function that takes the event's name and logs it is called."""


def test_the_page_lists_every_metric_and_its_help(server: Server) -> None:
    on = server.on
    worker = worker_app(on, Worker(on.engine, on.clock, on.ids, dict.fromkeys(ALL_JOBS, lambda *_: None)))
    shown = "".join(app.test_client().get("/metrics").text for app in (server.web, server.pci, worker))
    told = dict(re.findall(r"^# HELP ((?:paybycall|pci)_\S+) (.*)$", shown, re.MULTILINE))
    assert {name: told[name] for name in told if not name.endswith("_created")} == dict(ROW.findall(METRICS))


def test_the_page_lists_every_event_of_the_log() -> None:
    listed = [event for event, _ in ROW.findall(EVENTS)]
    assert sorted(listed) == sorted(set(_events()))


def _events() -> Iterator[str]:
    yield from (event for _, event in ALARMS)  # some of them are logged by the value of an enum
    for folder in ("ivr", "flows", "gateways"):
        for path in (ROOT / folder).rglob("*.py"):
            if "migrations" not in path.parts:
                yield from _events_of(ast.parse(path.read_text(encoding="utf-8")))


def _events_of(tree: ast.Module) -> Iterator[str]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        given = [keyword.value for keyword in call.keywords if keyword.arg == "log_as"]
        if _logs(call.func):
            given += call.args[:1]
        elif ast.unparse(call).startswith("partial(tell, "):
            given += call.args[1:2]
        for value in given:
            for part in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                if isinstance(part, ast.Constant) and re.fullmatch("[a-z_]+", str(part.value)):
                    yield str(part.value)


def _logs(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr in LEVELS
    return isinstance(function, ast.Name) and function.id in WRITES
