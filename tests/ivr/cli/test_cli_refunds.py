"""Commands that cannot be undone ask first, and the same refund asked for twice gives back once."""

import os
import subprocess
import sys

import click
import pytest
import sqlalchemy as sa

from ivr.payments.refunds.store import Refund
from ivr.platform.database.engine import make_engine
from tests.ivr.cli.conftest import Run
from tests.support import schema
from tests.support.commands import every_command
from tests.support.databases import Databases
from tests.support.fake_gateway import FakeGateway
from tests.support.payment_services import PaymentServices

ASK_FIRST = {"payment refund", "payment decide", "card delete"}
"""Each moves money, changes what the books say was charged, or has a card forgotten."""
ASK_NOTHING = {
    *("apikey create", "apikey list", "apikey revoke"),
    *("bill add", "bill import", "bill list", "bill show"),
    *("call", "card list", "config", "demo", "dispute list", "doctor", "flow check", "flow draw"),
    *(
        "lockout lift",
        "lockout list",
        "message list",
        "message resend",
        "migrate",
        "payment list",
        "payment show",
    ),
    *("payout list", "payout read", "payout show", "pci scope", "refund list", "sandbox"),
    *("serve pci", "serve web", "serve worker"),
}


@pytest.fixture
def services(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> PaymentServices:
    monkeypatch.setenv("GATEWAY", "sandbox")
    return PaymentServices(engine, bank=FakeGateway(name="sandbox"))


def refunds(services: PaymentServices) -> list[int]:
    """What was asked back, in minor units."""
    with services.engine.begin() as tx:
        return list(tx.execute(sa.select(schema.refund.c.amount_minor)).scalars())


def refund(services: PaymentServices, attempt_id: str, amount_minor: int) -> Refund:
    with services.engine.begin() as tx:
        return services.payments.refunds.ask(tx, attempt_id, amount_minor, asked_by="ana")


def test_without_a_terminal_nothing_is_refunded_unasked(paybycall: Run, services: PaymentServices) -> None:
    paid = services.attempt(services.paid())
    for amount in ([], ["--amount", "1.00"]):
        ran = paybycall("payment", "refund", paid.reference, *amount, input="y\n")
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert "Nothing was done: there is no terminal to ask you on" in ran.stderr
        assert "--yes" in ran.stderr
    assert refunds(services) == []


def test_a_script_that_runs_twice_refunds_once(paybycall: Run, services: PaymentServices) -> None:
    paid = services.attempt(services.paid())
    script = ("payment", "refund", paid.reference, "--amount", "1.00", "--yes")
    first, again = paybycall(*script), paybycall(*script)
    assert (first.exit_code, again.exit_code, refunds(services)) == (0, 2, [100])
    assert "Nothing of it has been refunded yet." in first.stderr
    assert "Already refunded: 1.00 EUR, pending, refund_" in again.stderr
    assert "1.00 EUR" in again.stderr.splitlines()[-1]
    assert "--idempotency-key" in again.stderr.splitlines()[-1]
    other = paybycall("payment", "refund", paid.reference, "--amount", "2.00", "--yes")
    assert (other.exit_code, refunds(services)) == (0, [100, 200])


def test_a_refund_that_was_refused_is_no_earlier_one(paybycall: Run, services: PaymentServices) -> None:
    paid = services.attempt(services.paid())
    services.bank.by_hand[paid.id] = 4_000
    refund(services, paid.id, 100)
    services.run_due()
    ran = paybycall("payment", "refund", paid.reference, "--amount", "1.00", "--yes")
    assert (ran.exit_code, "Nothing of it has been refunded yet." in ran.stderr) == (0, True)


@pytest.mark.slow
def test_the_same_key_is_the_same_refund(paybycall: Run, services: PaymentServices) -> None:
    paid = services.attempt(services.paid())
    command = ("payment", "refund", paid.reference, "--yes", "--idempotency-key")
    first = paybycall(*command, "case-7", "--amount", "1.00")
    again = paybycall(*command, "case-7", "--amount", "1.00")
    unasked = paybycall(*command[:3], "--idempotency-key", "case-7", "--amount", "1.00")
    assert (first.exit_code, again.exit_code, unasked.exit_code, refunds(services)) == (0, 0, 0, [100])
    assert "was requested earlier with this key; it is pending." in again.stdout
    assert again.stdout == unasked.stdout
    other = paybycall(*command, "case-7", "--amount", "2.00")
    assert (other.exit_code, "another amount" in other.stderr, refunds(services)) == (2, True, [100])
    once_more = paybycall(*command, "case-8", "--amount", "1.00")
    assert (once_more.exit_code, refunds(services)) == (0, [100, 100])
    for nonsense in ("", "two words", "k" * 81):
        assert paybycall(*command, nonsense).exit_code == 2


@pytest.mark.postgres
def test_the_key_of_a_program_is_known_at_the_command_line(paybycall: Run, services: PaymentServices) -> None:
    paid = services.attempt(services.paid())
    with services.engine.begin() as tx:
        asked, is_new = services.payments.refunds.ask_once(
            tx, paid.id, 100, key="case-7", asked_by="api: erp"
        )
        assert is_new
    ran = paybycall("payment", "refund", paid.id, "--amount", "1.00", "--yes", "--idempotency-key", "case-7")
    assert (ran.exit_code, asked.id in ran.stdout, refunds(services)) == (0, True, [100])


@pytest.mark.slow
def test_eight_digits_that_are_a_bills_too_move_no_money(paybycall: Run, services: PaymentServices) -> None:
    paid, other = services.attempt(services.paid()), services.add_bill()
    command = ("payment", "refund", paid.reference, "--amount", "1.00", "--yes", "--idempotency-key")
    assert paybycall(*command, "first").exit_code == 0
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.bill).where(schema.bill.c.id == other).values(reference=paid.reference))
    refused = paybycall(*command, "second")
    assert (refused.exit_code, refunds(services)) == (2, [100])
    assert f"give the payment's ID: {paid.id}" in refused.stderr
    decided = paybycall("payment", "decide", paid.reference, "--not-charged", "--yes")
    assert (decided.exit_code, "give the payment's ID" in decided.stderr) == (2, True)
    again = paybycall(*command, "first")
    assert (again.exit_code, "was requested earlier" in again.stdout) == (0, True)
    by_id = paybycall("payment", "refund", paid.id, *command[3:], "second")
    assert (by_id.exit_code, refunds(services)) == (0, [100, 100])


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "exit_code", "given_back"), [("y", 0, [100, 100]), ("n", 2, [100])])
def test_a_person_at_a_terminal_is_asked_and_told_what_was_refunded(
    databases: Databases, answer: str, exit_code: int, given_back: list[int]
) -> None:
    """A real terminal and a real process."""
    url = databases.url("sqlite")
    engine = make_engine(url)
    services = PaymentServices(engine, bank=FakeGateway(name="sandbox"))
    paid = services.paid()
    earlier = refund(services, paid, 100)
    keyboard, terminal = os.openpty()
    os.write(keyboard, f"{answer}\n".encode())
    try:
        ran = subprocess.run(
            [
                sys.executable,
                "-c",
                "from ivr.cli import main; main()",
                "payment",
                "refund",
                paid,
                "--amount",
                "1.00",
            ],
            stdin=terminal,
            capture_output=True,
            text=True,
            env={**os.environ, "DATABASE_URL": url, "GATEWAY": "sandbox"},
            timeout=60,
            check=False,
        )
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert (ran.returncode, refunds(services)) == (exit_code, given_back)
    assert f"Already refunded: 1.00 EUR, pending, {earlier.id}" in ran.stderr
    assert "Refund 1.00 EUR now? [y/N]" in ran.stderr
    engine.dispose()
    databases.drop(url)


def test_every_command_either_asks_first_or_cannot_do_harm() -> None:
    """A new command has to be put on one of the two lists."""
    found = {" ".join(names): one for names, one in every_command() if not isinstance(one, click.Group)}
    assert set(found) == ASK_FIRST | ASK_NOTHING
    asking = {name for name, one in found.items() if any(param.name == "yes" for param in one.params)}
    assert asking == ASK_FIRST
