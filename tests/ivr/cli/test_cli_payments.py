"""`paybycall payment` as finance uses it: what was paid is found, a refund is asked for durably, a person
decides.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from ivr.cli import main
from ivr.clock import ManualClock
from ivr.payments import pay_link, records
from ivr.payments.states import State
from ivr.storage import schema
from ivr.storage.engine import make_engine
from ivr.storage.migrate import migrate
from ivr.work.backlog import backlog
from tests.support.bank import Fate, TruthfulBank
from tests.support.link_bank import LinkBank
from tests.support.till import Till


class SandboxBank(TruthfulBank):
    """A bank of the name that GATEWAY has here."""

    name = "sandbox"


@pytest.fixture
def till(engine: sa.Engine) -> Till:
    return Till(engine, bank=SandboxBank())


@pytest.fixture
def paybycall(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("GATEWAY", "sandbox")
    monkeypatch.delenv("OUTCOME_URL", raising=False)

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(main, ["payment", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.fixture
def undecided(till: Till) -> str:
    """A payment that nobody could resolve for a day."""
    till.bank.fates.append(Fate.LOST_REPLY)
    attempt_id = till.confirmed()
    till.run(till.work.waiting()[0])
    with till.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(state=State.FOR_A_PERSON))
    return attempt_id


def test_listed_and_shown(paybycall: Any, till: Till) -> None:
    assert paybycall("list").stdout == ""
    first, second = till.paid(), till.paid()
    one = till.attempt(first)
    lines = paybycall("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [till.attempt(second).reference, one.reference]
    assert "40.00 EUR" in lines[0]
    assert "visa 4242" in lines[0]
    for name in (first, one.reference):
        shown = paybycall("show", name).stdout
        assert f"ref_{first}" in shown
        assert f"http://127.0.0.1:8099/?id=ref_{first}" in shown
        assert "approved" in shown
        assert "tok_good" not in shown
    assert paybycall("show", "att' OR 1=1").exit_code == 2


def test_a_payment_by_link(paybycall: Any, engine: sa.Engine) -> None:
    clock = ManualClock()
    till = Till(engine, clock, bank=LinkBank(clock))
    attempt_id = till.linked()
    till.run_due()
    shown = paybycall("show", attempt_id).stdout
    with till.engine.begin() as tx:
        link = pay_link.of(tx, records.get(tx, attempt_id))
    assert link is not None
    assert re.search(r"^method +link$", shown, re.MULTILINE)
    assert re.search(r"^link expires +2026-11-22 \d\d:\d\d:\d\dZ$", shown, re.MULTILINE)
    assert link.token.reveal() not in shown, "who has it may pay"
    assert " link ----" in paybycall("list").stdout


def test_listed_since_a_moment_each_once(paybycall: Any, till: Till) -> None:
    till.paid()
    till.pass_time(7200)
    late = till.attempt(till.paid())
    for since in ("2026-11-22T11:00:00Z", "2026-11-22 12:00:00+01:00", "2026-11-22T11:00"):
        lines = paybycall("list", "--since", since).stdout.splitlines()
        assert [line.split()[0] for line in lines] == [late.reference]
    assert len(paybycall("list", "--since", "2026-11-22").stdout.splitlines()) == 2
    for nonsense in ("yesterday", "0001-01-01T00:00:00+10:00", "9999-99-99"):
        assert paybycall("list", "--since", nonsense).exit_code == 2


def test_a_refund_is_asked_for_with_its_work(paybycall: Any, till: Till) -> None:
    paid = till.paid()
    done = paybycall("refund", till.attempt(paid).reference, "--amount", "15.00")
    assert (done.exit_code, done.stdout.endswith("of 15.00 EUR is asked for.\n")) == (0, True)
    assert backlog(till.engine)["waiting"] == 1
    assert till.attempt(paid).refunded_minor == 1500
    refused = paybycall("refund", paid, "--amount", "30")
    assert (refused.exit_code, refused.stderr[:15]) == (2, "Only 25.00 EUR ")
    assert paybycall("refund", paid, "--amount", "1e1").exit_code == 2
    assert "cli: " in paybycall("show", paid).stdout


@pytest.mark.parametrize(("word", "state"), [("--charged", State.APPROVED), ("--not-charged", State.FENCED)])
def test_a_person_decides_once(paybycall: Any, till: Till, undecided: str, word: str, state: State) -> None:
    assert (
        f"paybycall payment decide {till.attempt(undecided).reference}" in paybycall("show", undecided).stderr
    )
    assert paybycall("decide", undecided).exit_code == 2
    assert paybycall("decide", undecided, "--charged", "--not-charged").exit_code == 2
    assert till.state(undecided) == State.FOR_A_PERSON
    decided = paybycall("decide", undecided, word, "--gateway-reference", "ch_1")
    assert (decided.exit_code, till.state(undecided)) == (0, state)
    again = paybycall("decide", undecided, "--charged")
    assert (again.exit_code, till.state(undecided)) == (2, state)
    assert "nothing to decide" in again.stderr


def test_without_a_gateway_or_a_refund(paybycall: Any, till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    paid = till.paid()
    assert paybycall("decide", "refund_9", "--charged").exit_code == 2
    monkeypatch.setenv("GATEWAY", "nobank")
    assert "no gateway 'nobank'" in paybycall("refund", paid).stderr
    monkeypatch.delenv("GATEWAY")
    assert paybycall("refund", paid).stderr.startswith("Set GATEWAY:")
    assert till.attempt(paid).refunded_minor == 0


def test_without_room_for_work(paybycall: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/half.db"
    half = Till(make_engine(url), bank=SandboxBank())
    migrate(half.engine)
    monkeypatch.setenv("DATABASE_URL", url)
    assert "paybycall migrate" in paybycall("refund", half.paid()).stderr
    half.engine.dispose()
