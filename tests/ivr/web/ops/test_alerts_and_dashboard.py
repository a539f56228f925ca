"""The files for Prometheus and Grafana: valid, of metrics that exist, and as docs/operations.md says."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ivr.platform.metrics import ALARMS
from tests.support.server import Server
from tests.support.tools import tool

ROOT = Path(__file__).parents[4]
RULES = ROOT / "deploy/prometheus/alerts.yml"
TESTS = ROOT / "deploy/prometheus/alerts_test.yml"
SCRAPED = ROOT / "deploy/prometheus/prometheus.yml"
DASHBOARD = ROOT / "deploy/grafana/paybycall.json"
OF_PROMETHEUS = {"up"}
_METRIC = re.compile(r"\b(?:paybycall|pci|process)_[a-z0-9_]+\b")
_LABELS = re.compile(r"\{[^}]*\}")
_SELECTED = re.compile(r'([a-z_]+)\{[^}]*?event=~?"([^"]+)"')


def promtool(*arguments: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [tool("promtool", package="prometheus"), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(RULES.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> Iterator[str]:
    """All PromQL of the dashboard."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def alarms() -> list[tuple[set[str], str]]:
    """Each row of the table in docs/operations.md: the alerts it names, and the whole row."""
    page = (ROOT / "docs/operations.md").read_text()
    table = page[page.index("## Worth an alarm") : page.index("## When something is down")]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    assert all(row.startswith("| `Paybycall") for row in rows)
    return [(set(re.findall(r"`(Paybycall\w+)`", row)), row) for row in rows]


@pytest.mark.slow
def test_promtool_takes_the_rules_and_each_alert_fires_when_it_should() -> None:
    promtool("check", "rules", str(RULES))
    promtool("check", "config", "--syntax-only", str(SCRAPED))
    promtool("test", "rules", TESTS.name, cwd=TESTS.parent)
    tried = {
        case["alertname"]
        for one in yaml.safe_load(TESTS.read_text())["tests"]
        for case in one["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert tried == {rule["alert"] for rule in rules()}


def test_promtool_reads_every_query_of_the_dashboard(tmp_path: Path) -> None:
    queries = [{"record": f"panel:{nth}", "expr": expr} for nth, expr in enumerate(expressions())]
    assert len(queries) > 20
    as_rules = tmp_path / "dashboard.yml"
    as_rules.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": queries}]}))
    promtool("check", "rules", str(as_rules))


def test_every_metric_that_is_named_exists(server: Server) -> None:
    from ivr.jobs.worker import Worker
    from ivr.worker import worker_app

    on = server.on
    work = dict.fromkeys(_all_jobs(), lambda *_: None)
    worker = worker_app(on, Worker(on.engine, on.clock, on.ids, work))
    shown = "".join(app.test_client().get("/metrics").text for app in (server.web, server.pci, worker))
    existing = {_base(name) for name in re.findall(r"^# TYPE (\S+)", shown, re.MULTILINE)}
    queries = [*(rule["expr"] for rule in rules()), *expressions()]
    named = {name for query in queries for name in _METRIC.findall(_LABELS.sub("", query))}
    assert len(named) > 20
    assert {_base(name) for name in named} - existing == set()
    for level, event in ALARMS:
        assert f'paybycall_log_lines_total{{event="{event}",level="{level}"}}' in shown, "from the start on"


def _all_jobs() -> tuple[Any, ...]:
    from ivr.jobs.job_list import ALL_JOBS

    return ALL_JOBS


def _base(name: str) -> str:
    """What its lines have in common: a counter's `_total`, a histogram's buckets."""
    return re.sub(r"_(?:total|bucket|count|sum|created)$", "", name)


def test_every_alarm_of_the_page_has_a_rule_and_every_rule_is_on_the_page() -> None:
    told = alarms()
    assert len(told) > 20
    assert set().union(*(names for names, _ in told)) == {rule["alert"] for rule in rules()}
    page = " ".join(row for _, row in told)
    counted = {
        event
        for rule in rules()
        for _, chosen in _SELECTED.findall(rule["expr"])
        for event in chosen.split("|")
    }
    assert counted == {event for _, event in ALARMS}
    assert [event for event in counted if f"`{event}`" not in page] == []


@pytest.mark.parametrize(("level", "event"), ALARMS)
def test_every_line_that_is_counted_is_logged_somewhere(level: str, event: str) -> None:
    sources = [path for path in (ROOT / "ivr").rglob("*.py") if path != ROOT / "ivr/platform/metrics.py"]
    assert any(f'"{event}"' in path.read_text() for path in sources), level


def test_the_dashboards_panels_do_not_overlap() -> None:
    seen: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & seen
        assert at["x"] + at["w"] <= 24
        seen |= cells
