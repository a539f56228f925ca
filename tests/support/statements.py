"""Which SQL of the product the tests ran on SQLite alone: `pytest --statements FILE` writes a list of it.

A statement counts once however its values, and the databases' own spelling, differ: it is compiled for no
database in particular. What a test itself asks, what migrations do and what dbos does are no statements of
the product. Processes that tests start are not looked into.
"""

import os
import re
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine.default import StrCompileDialect
from sqlalchemy.sql.compiler import SQLCompiler

ROOT = Path(__file__).parents[2]
PRODUCT = f"{ROOT}/ivr/"
NOT_ITS_OWN = ("/ivr/platform/database/engine.py", "/migrations/", "/site-packages/dbos/")
VALUE = re.compile(r"(\?|%\(\w+\)s|:\w+)(::[A-Z]+( WITH TIME ZONE| PRECISION)?)?")
SEVERAL = re.compile(r"\(VALUE(, VALUE)+\)|\(__\[POSTCOMPILE_\w+\]\)")
GENERAL = StrCompileDialect()  # type: ignore[no-untyped-call]


class Statements:
    """Where each statement stands in the product, and a test that ran it, by database."""

    def __init__(self) -> None:
        self.sites: dict[str, dict[str, str]] = {"sqlite": {}, "postgresql": {}}
        self._seen: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def listen(self) -> None:
        sa.event.listen(sa.Engine, "before_cursor_execute", self._run)

    def _run(
        self, connection: sa.Connection, _cursor: Any, text: str, _values: Any, context: Any, _: bool
    ) -> None:
        kind = connection.dialect.name
        if (kind, text) in self._seen or text.startswith("PRAGMA "):
            return
        site = _site(sys._getframe(1))
        if site is None:
            return
        with self._lock:
            self._seen.add((kind, text))
            self.sites[kind].setdefault(_shape(text, context), f"{site} in {_test()}")

    def add(self, others: dict[str, dict[str, str]]) -> None:
        for kind, sites in others.items():
            self.sites[kind] |= sites

    def only_on_sqlite(self) -> dict[str, str]:
        return {
            shape: site
            for shape, site in self.sites["sqlite"].items()
            if shape not in self.sites["postgresql"]
        }


def _test() -> str:
    return os.environ.get("PYTEST_CURRENT_TEST", "no test").partition(" ")[0]


def _site(frame: FrameType | None) -> str | None:
    """The file and line of the product that runs the statement, or None where somebody else does."""
    while frame is not None:
        path = frame.f_code.co_filename
        if any(part in path for part in NOT_ITS_OWN):
            return None
        if path.startswith(PRODUCT):
            return f"{path.removeprefix(f'{ROOT}/')}:{frame.f_lineno}"
        if path.startswith(f"{ROOT}/tests/") and path != __file__:
            return None
        frame = frame.f_back
    return None


def _shape(text: str, context: Any) -> str:
    compiled = getattr(context, "compiled", None)
    if isinstance(compiled, SQLCompiler):
        text = str(compiled.statement.compile(dialect=GENERAL, column_keys=compiled.column_keys))
    return SEVERAL.sub("(VALUES)", VALUE.sub("VALUE", " ".join(text.split())))


class StatementsPlugin:
    """Collects what pytest-xdist's workers saw, and writes the list at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found = Statements()
        self._found.listen()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["statements"] = self._found.sites

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._found.add(getattr(node, "workeroutput", {}).get("statements", {}))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        missing = self._found.only_on_sqlite()
        ran = {kind: len(sites) for kind, sites in self._found.sites.items()}
        lines = [f"{site}: {shape}" for shape, site in missing.items()]
        self._path.write_text("\n".join(sorted(lines)) + "\n")
        terminalreporter.section("statements of the product")
        terminalreporter.line(f"{ran}; on SQLite alone {len(missing)}: {self._path}")
