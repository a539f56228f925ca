"""Where REFUSE_SKIPS is set, as in CI, a skipped test fails the run: a missing program must hide no test.

Two marks are exempt: `smoke` (asks a real gateway with a real key) and `published_specs` (needs API
descriptions that are not part of this repository).
"""

import os

import pytest

EXEMPT = frozenset({"smoke", "published_specs"})


def refused_skips(config: pytest.Config) -> list[str]:
    """Test and reason of each skip that is not exempt."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skips = [] if reporter is None else reporter.stats.get("skipped", [])
    return [
        f"{one.nodeid}: {_reason(one)}" for one in skips if not EXEMPT & set(getattr(one, "keywords", ()))
    ]


def _reason(report: pytest.TestReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if not os.environ.get("REFUSE_SKIPS") or hasattr(session.config, "workerinput"):
        return
    if refused_skips(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if os.environ.get("REFUSE_SKIPS") and (refused := refused_skips(config)):
        terminalreporter.section("skipped, and REFUSE_SKIPS is set", red=True)
        for line in refused:
            terminalreporter.line(line)
