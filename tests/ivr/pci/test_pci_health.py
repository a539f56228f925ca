"""Health, readiness, metrics and error pages: they tell the operator, and nothing of a card."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from gateways.contract import Declined
from gateways.declines import Decline
from gateways.secret import Secret
from ivr.pci.app import create_app
from ivr.platform.readiness import WRITES_EVERY
from tests.support.captured_logs import captured_logs
from tests.support.card_entry import VISA, CardEntryHarness
from tests.support.small_disk import small_disk
from tests.support.time_and_ids import ManualClock

WELL = {"database": "ok", "keys": "ok", "temporary files": "ok"}


def test_a_process_that_can_work_is_ready(harness: CardEntryHarness) -> None:
    assert harness.client.get("/healthz").json == {"status": "ok"}
    answer = harness.client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "parts": WELL}


def assert_not_ready(harness: CardEntryHarness, part: str, fault: str) -> None:
    """A stranger reads which part it is; the operator reads in the log what to do."""
    with captured_logs("info", "pci") as logged:
        answer = harness.client.get("/readyz")
    assert answer.status_code == 503
    parts = WELL | {part: "not ready"}
    assert answer.json == {"status": "not ready", "parts": parts}
    told = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [line["part"] for line in told if fault in line.get("fault", "")] == [part]


def test_a_database_of_an_earlier_release_is_not_ready(harness: CardEntryHarness) -> None:
    """One of a later release is: a deploy migrates first."""
    for version in ("of a later release", "0003", None):
        with harness.engine.begin() as tx:
            tx.execute(sa.text("DELETE FROM pci_schema_version"))
            if version:
                tx.execute(sa.text("INSERT INTO pci_schema_version VALUES (:one)"), {"one": version})
        if version == "of a later release":
            assert harness.client.get("/readyz").status_code == 200
        else:
            assert_not_ready(harness, "database", "paybycall migrate")
    assert harness.client.get("/healthz").status_code == 200


def test_a_database_that_is_away_is_not_ready(
    harness: CardEntryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise sa.exc.OperationalError("SELECT 1", {}, OSError("away"))

    monkeypatch.setattr("ivr.platform.database.schema_scripts.SchemaScripts.can_serve", fail)
    assert_not_ready(harness, "database", "PCI_DATABASE_URL")


def test_without_a_home_for_keys_it_is_not_ready_and_opens_no_entry(harness: CardEntryHarness) -> None:
    shutil.rmtree(harness.folder / "keys", ignore_errors=True)
    (harness.folder / "keys").write_text("in the way")
    assert_not_ready(harness, "keys", "PCI_KEY_DIRECTORY")
    opened = harness.open()
    assert opened.status_code == 500
    assert opened.json == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "request_id": opened.headers["X-Request-Id"],
    }


def test_a_full_disk_is_seen(pci_engine: sa.Engine, clock: ManualClock, tmp_path: Path) -> None:
    """Of the key directory, though the present key can still be read."""
    with small_disk(tmp_path / "disk", size_kb=1024) as disk:
        harness = CardEntryHarness(pci_engine, clock, disk.folder)
        assert harness.client.get("/readyz").json == {"status": "ok", "parts": WELL}
        disk.fill()
        assert harness.client.get("/readyz").status_code == 200, "what writes is asked now and then"
        clock.advance(WRITES_EVERY.total_seconds())
        assert_not_ready(harness, "keys", "PCI_KEY_DIRECTORY cannot be written to: No space left on device.")


def test_without_its_database_a_request_is_to_come_again(
    harness: CardEntryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    with harness.engine.begin() as tx:
        tx.exec_driver_sql("PRAGMA query_only = ON")
    opened = harness.open()
    assert (opened.status_code, opened.headers["Retry-After"]) == (503, "5")
    assert opened.mimetype == "application/problem+json"


def test_metrics_want_their_token(harness: CardEntryHarness) -> None:
    assert harness.client.get("/metrics").status_code == 200  # none is set: open
    client = _client(harness, metrics_token=Secret("metrics-token"))
    for wrong in (
        "",
        "metrics-token",
        "Bearer",
        "Bearer ",
        "Bearer other",
        "Basic metrics-token",
        "Bearer \xe9",
    ):
        answer = client.get("/metrics", headers={"Authorization": wrong} if wrong else {})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "pci_" not in answer.text
    assert "pci_" in client.get("/metrics", headers={"Authorization": "Bearer metrics-token"}).text
    assert client.get("/readyz").status_code == client.get("/healthz").status_code == 200


def _client(harness: CardEntryHarness, **changes: object) -> FlaskClient:
    parts = dataclasses.replace(harness.pci_parts, config=dataclasses.replace(harness.config, **changes))
    return create_app(parts).test_client()


def test_in_production_nobody_reads_metrics_without_a_token(harness: CardEntryHarness) -> None:
    answer = _client(harness, environment="production").get("/metrics", headers={"Authorization": "Bearer "})
    assert answer.status_code == 403
    assert "METRICS_TOKEN" in answer.json["detail"]
    client = _client(harness, environment="production", metrics_token=Secret("metrics-token"))
    shown = client.get("/metrics", headers={"Authorization": "Bearer metrics-token"}).text
    assert 'paybycall_ready{part="keys",process="pci"} 1.0' in shown
    assert (
        'paybycall_build_info{card_entry="gather",database="sqlite",gateway="sandbox",process="pci",' in shown
    )


def test_metrics_count_ends_and_mistakes(harness: CardEntryHarness) -> None:
    harness.caller().key("4242#").silence().key(VISA).key("0831").key("123")
    harness.gateway.token_answer = Declined(Decline.GENERIC, "no")
    harness.caller(entry_id="entry.call_1.8").card()
    metrics = harness.client.get("/metrics")
    assert metrics.mimetype == "text/plain"
    for line in (
        'pci_card_entries_total{outcome="collected"} 1.0',
        'pci_card_entries_total{outcome="declined"} 1.0',
        'pci_field_mistakes_total{field="number",kind="too_short"} 1.0',
        'pci_field_mistakes_total{field="number",kind="silent"} 1.0',
        "pci_gateway_seconds_count 2.0",
    ):
        assert line in metrics.text.splitlines()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", f"/pci/e/{VISA}/t/0", 405), ("GET", f"/{VISA}", 404), ("POST", f"/pci/e/x/t/{VISA}", 403)],
)
def test_an_error_page_repeats_nothing(
    harness: CardEntryHarness, method: str, path: str, status: int
) -> None:
    answer = harness.client.open(path, method=method, data={"Digits": VISA} if method == "POST" else None)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert VISA not in answer.text


def test_a_body_that_is_too_long_is_not_read(harness: CardEntryHarness) -> None:
    answer = harness.client.post("/pci/internal/entries", data=b"x" * 100_000)
    assert answer.status_code in {403, 413}
    assert answer.mimetype == "application/problem+json"
