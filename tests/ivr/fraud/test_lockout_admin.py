"""Lockouts where people see and lift them: the API, the command line, metrics and the doctor."""

import os
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
import structlog
from click.testing import CliRunner

from gateways.secret import Secret
from ivr.cli import context, main
from ivr.doctor import internal_checks as inside
from ivr.doctor.checks import FaultError
from ivr.fraud import lockouts
from ivr.fraud.lockouts import EVERYBODY
from ivr.platform.clock import Clock
from ivr.platform.database.engine import reading
from ivr.platform.ids import RandomIds
from ivr.platform.lockout import Lockout, LockoutKind
from ivr.web.api import keys
from ivr.web.ops.metrics import Books, Metrics
from tests.support import schema
from tests.support.api_client import ApiClient
from tests.support.server import Server
from tests.support.server_checks import NAMES
from tests.support.time_and_ids import ManualClock

Start = Callable[..., Server]
HOUR = 3600


def lockout(engine: sa.Engine, clock: Clock, kind: LockoutKind, subject: str) -> None:
    with engine.begin() as tx:
        assert lockouts.begin(
            tx,
            kind,
            subject,
            number=1,
            now=clock.now(),
            until=clock.now().replace(hour=23),
            why="a test",
            call_id=None,
            ids=RandomIds(),
        )


def lock_card_out(server: Server) -> None:
    for nth in range(5):
        assert server.pci_parts.velocity.admits(f"entry.{nth}", Secret(NAMES["visa"]))
        with server.pci_parts.engine.begin() as tx:
            server.pci_parts.velocity.settle(tx, f"entry.{nth}", declined=True)


@pytest.fixture
def locked(request: pytest.FixtureRequest, start_server: Start) -> Server:
    """A caller, and a card, are locked out."""
    server = start_server(getattr(request, "param", "sqlite"))
    lockout(server.on.engine, server.clock, LockoutKind.CALLER, "+34600111222")
    lock_card_out(server)
    return server


@pytest.fixture
def api(locked: Server) -> ApiClient:
    with locked.on.engine.begin() as tx:
        _, secret = keys.make(tx, "fraud desk", clock=locked.clock, ids=locked.ids)
    return ApiClient(locked.web, secret.reveal(), set())


def test_both_processes_lockouts_are_listed_without_full_numbers(api: ApiClient) -> None:
    answer = api.get("/lockouts").json
    assert answer["complete"]
    shown = {one["kind"]: one for one in answer["lockouts"]}
    assert shown["caller"]["subject"] == "...1222"
    assert len(shown["card"]["subject"]) == 8
    assert "600111222" not in str(answer)
    assert {one["state"] for one in answer["lockouts"]} == {"locked_out"}


@pytest.mark.parametrize("locked", ["sqlite", "postgres"], indirect=True)
def test_each_is_lifted_at_once_and_by_whom_is_kept(api: ApiClient, locked: Server) -> None:
    for one in api.get("/lockouts").json["lockouts"]:
        lifted = api.send("DELETE", f"/lockouts/{one['id']}")
        assert lifted.status_code == 200
        assert (lifted.json["state"], lifted.json["lifted_by"]) == ("over", "api: fraud desk")
        again = api.send("DELETE", f"/lockouts/{one['id']}")
        assert (again.status_code, again.json["lifted_at"]) == (200, lifted.json["lifted_at"])
    assert api.get("/lockouts").json["lockouts"] == []
    assert len(api.get("/lockouts?which=all").json["lockouts"]) == 2
    with reading(locked.on.engine) as tx:
        lines = tx.execute(
            sa.select(schema.timeline.c.facts).where(schema.timeline.c.kind == "lockout.lifted")
        ).scalars()
        told = sorted((line["kind"], line["by"]) for line in lines)
    assert set(told) == {("caller", "api: fraud desk"), ("card", "api: fraud desk")}
    assert locked.pci_parts.velocity.admits("entry.9", Secret(NAMES["visa"]))


def test_where_the_pci_process_is_silent_the_list_says_so(api: ApiClient, locked: Server) -> None:
    [card] = [one for one in api.get("/lockouts").json["lockouts"] if one["kind"] == "card"]
    locked.pci_connection.down = True
    answer = api.get("/lockouts").json
    assert (answer["complete"], [one["kind"] for one in answer["lockouts"]]) == (False, ["caller"])
    refused = api.send("DELETE", f"/lockouts/{card['id']}")
    assert (refused.status_code, refused.json["code"]) == (503, "pci_unreachable")


@pytest.mark.parametrize("wrong", ["lockout_none", "cardlock_none", "nonsense", "lockout_1'--"])
def test_what_does_not_exist_is_not_lifted(api: ApiClient, wrong: str) -> None:
    assert api.send("DELETE", f"/lockouts/{wrong}").status_code == 404


def test_a_wrong_question_is_refused(api: ApiClient) -> None:
    assert api.get("/lockouts?which=mine").status_code == 400
    assert api.get("/lockouts?kind=caller").status_code == 400


@pytest.fixture
def commands(locked: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a person at the command line, whose logs nobody has set up."""
    structlog.reset_defaults()
    config = locked.on.config
    for name, value in {
        "DATABASE_URL": config.database_url,
        "PCI_INTERNAL_URL": config.pci_internal_url,
        "INTERNAL_SECRET": config.internal_secrets[0].reveal(),
    }.items():
        monkeypatch.setitem(os.environ, name, value)


@pytest.mark.usefixtures("commands")
def test_the_command_line_lists_and_lifts(locked: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "SystemClock", lambda: locked.clock)
    [ours] = [one for one in _listed(locked) if one.kind is LockoutKind.CALLER]
    listed = CliRunner().invoke(main, ["lockout", "list", "--all"])
    assert (listed.exit_code, listed.stderr, len(listed.stdout.splitlines())) == (0, "", 3)
    assert "...1222" in listed.stdout
    lifted = CliRunner().invoke(main, ["lockout", "lift", ours.id])
    said = f"Lockout {ours.id} is lifted: cards are accepted again.\n"
    assert (lifted.exit_code, lifted.stdout) == (0, said)
    assert _listed(locked) == []
    assert CliRunner().invoke(main, ["lockout", "lift", "lockout_none"]).exit_code == 2


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    ("is_down", "sentence"),
    [
        (False, r"refused \(403\): .*: INTERNAL_SECRET differs, or the clocks of the two machines differ"),
        (True, r"is not available \(HTTP 503\)"),
    ],
)
def test_a_list_that_lacks_the_cards_says_why_and_ends_with_1(
    locked: Server, is_down: bool, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the machine that the command runs on is ten minutes ahead."""
    ahead = ManualClock(locked.clock.now() + timedelta(minutes=10))
    monkeypatch.setattr(context, "SystemClock", lambda: ahead)
    locked.pci_connection.down = is_down
    listed = CliRunner().invoke(main, ["lockout", "list"])
    assert listed.exit_code == 1
    [_heading, line] = listed.stdout.splitlines()
    assert "...1222" in line
    said = rf"Lockouts of cards and BINs are missing: the PCI process {sentence}\.\n"
    assert re.fullmatch(said, listed.stderr), listed.stderr


def _listed(server: Server) -> list[Lockout]:
    with reading(server.on.engine) as tx:
        return lockouts.listed(tx, server.clock.now())


def test_metrics_and_the_doctor_tell_of_an_open_breaker(engine: sa.Engine, clock: ManualClock) -> None:
    metrics = Metrics(Books(engine, clock, dict))
    assert 'paybycall_card_breaker{state="closed"} 1.0' in metrics.exposition().decode()
    assert inside.cards_are_taken(engine, clock.now) == "cards are taken"
    lockout(engine, clock, LockoutKind.CALLER, "+34600111222")
    assert inside.cards_are_taken(engine, clock.now) == "cards are taken; active lockouts: 1"
    lockout(engine, clock, LockoutKind.BREAKER, EVERYBODY)
    shown = metrics.exposition().decode()
    for line in (
        'paybycall_card_breaker{state="open"} 1.0',
        'paybycall_lock_outs{kind="caller"} 1.0',
        'paybycall_lock_outs{kind="bill"} 0.0',
    ):
        assert line in shown
    assert "1222" not in shown
    with pytest.raises(FaultError, match="paybycall lockout list"):
        inside.cards_are_taken(engine, clock.now)
    clock.advance(24 * HOUR)
    with pytest.raises(FaultError):
        inside.cards_are_taken(engine, clock.now)
    assert 'paybycall_card_breaker{state="half_open"} 1.0' in metrics.exposition().decode()
