"""Lists as people, programs and spreadsheets read them: tables, JSON, CSV, totals and periods."""

import csv
import io
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from ivr.cli import listing, main
from ivr.cli.listing import Layout, Listing, ListRequest
from ivr.cli.options import list_options
from ivr.cli.payment_list import PAYMENTS
from ivr.payments.queries import feed as payments
from ivr.platform.database.engine import reading
from ivr.web.api.documents.payments import payment_document
from tests.ivr.cli.conftest import Run
from tests.support import schema
from tests.support.fake_gateway import FakeGateway
from tests.support.payment_services import PaymentServices


@pytest.fixture
def services(engine: sa.Engine) -> PaymentServices:
    return PaymentServices(engine, bank=FakeGateway(name="sandbox"))


def rows(output: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(output)))


# --- periods ---


@click.command()
@list_options("Made")
def _within(asked: ListRequest) -> None:
    click.echo(f"{asked.since} {asked.until}")


@pytest.mark.parametrize(
    ("given", "since", "until"),
    [
        (("--since", "2026-11-01", "--until", "2026-11-30"), (11, 1, 0, 0), (12, 1, 0, 0)),
        (("--since", "2026-11-01", "--until", "2026-11-01"), (11, 1, 0, 0), (11, 2, 0, 0)),
        (("--until", "2026-11-30T00:00"), None, (11, 30, 0, 0)),
        (("--since", "2026-11-01T00:00+01:00"), (10, 31, 23, 0), None),
        (("--since", "2026-11-01 10:30Z"), (11, 1, 10, 30), None),
        (("--until", "9999-12-31"), None, None),
    ],
)
def test_a_day_is_included_and_a_moment_is_where_it_ends(
    given: tuple[str, ...], since: tuple[int, ...] | None, until: tuple[int, ...] | None
) -> None:
    ran = CliRunner().invoke(_within, given)
    moments = [None if at is None else datetime(2026, *at, tzinfo=UTC) for at in (since, until)]  # type: ignore[arg-type]
    assert (ran.exit_code, ran.output) == (0, "{} {}\n".format(*moments))


@pytest.mark.parametrize(
    "given",
    [
        ("--until", "10000-01-01"),
        ("--since", "yesterday"),
        ("--since", "2026-11-02", "--until", "2026-11-01"),
        ("--since", "2026-11-02T10:00", "--until", "2026-11-02T10:00"),
    ],
)
def test_a_period_that_is_none(given: tuple[str, ...]) -> None:
    assert CliRunner().invoke(_within, given).exit_code == 2


def test_a_limit_that_a_period_does_not_have_is_told() -> None:
    @click.command()
    @list_options("Made")
    def within(asked: ListRequest) -> None:
        click.echo(f"{asked.has_period} {asked.limit}")

    for given, is_told in (
        (("--since", "2026-11-01"), False),
        (("--limit", "5"), False),
        (("--since", "2026-11-01", "--limit", "5"), True),
        (("--until", "2026-11-01", "--limit", "50"), True),
    ):
        assert ("--limit has no effect" in CliRunner().invoke(within, given).stderr) == is_told


# --- layouts ---

_THINGS = Listing(
    "things",
    (listing.text("NAME", "name"), listing.state("STATE", "state"), listing.amount("PAID", "paid_minor")),
    ("name", "paid", "paid_minor", "currency", "more.at"),
    sums={"paid_minor": "PAID"},
    sums_by=("currency", "state"),
)


def thing(name: str, minor: int = 100, currency: str = "EUR", state: str = "approved") -> dict[str, Any]:
    return {"name": name, "state": state, "paid_minor": minor, "currency": currency, "more": {"at": "now"}}


def printed(layout: Layout, *things: dict[str, Any]) -> str:
    @click.command()
    def command() -> None:
        _THINGS.print(things, layout, none="There are none.")

    return CliRunner().invoke(command).stdout


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\t=1", "?=1"),
        (" =1+1", "' =1+1"),
        ("a;=1+1", "a;'=1+1"),
        ("a; -1;+2;@x", "a;' -1;'+2;'@x"),
        ("x\t=1", "x?=1"),
        ("https://bank.example/?a=1&b=-2", "https://bank.example/?a=1&b=-2"),
        ("+34600123456", "+34600123456"),
        ("-12.50", "-12.50"),
        ('a "b", c', 'a "b", c'),
        ("two\nlines", "two?lines"),
        ("\x1b[2J", "?[2J"),
    ],
)
def test_no_spreadsheet_runs_what_is_in_a_file(value: str, written: str) -> None:
    assert rows(printed(Layout.CSV, thing(value)))[0]["name"] == written


def test_amounts_are_decimals_of_their_currency() -> None:
    things = [
        thing("a", 4990),
        thing("b", 5, "JPY"),
        thing("c", -1005, "KWD"),
        thing("d", 1_000_000_000_000_005),
    ]
    found = rows(printed(Layout.CSV, *things))
    assert [one["paid"] for one in found] == ["49.90", "5", "-1.005", "10000000000000.05"]
    assert (found[0]["paid_minor"], found[0]["currency"], found[0]["more_at"]) == ("4990", "EUR", "now")


@pytest.mark.parametrize(
    "name", ["\u4f1a\u8a08", "e\u0301\u0301\u0301\u0301", "caf\u00e9", "\uff21", "a\u200bb"]
)
def test_columns_stand_below_each_other_in_every_script(name: str) -> None:
    table, _, _ = printed(Layout.TABLE, thing(name), thing("four")).partition("\n\n")
    heading, *lines = table.splitlines()
    at = heading.index("STATE")
    for line in lines:
        assert listing.width_of(line[: line.index("approved")]) == at


def test_a_list_that_is_cut_says_what_is_added_up() -> None:
    @click.command()
    def command() -> None:
        asked = ListRequest(None, None, 1, Layout.TABLE)
        _THINGS.print_asked([thing("a"), thing("b")], asked, none="")

    assert "Only the first 1 are listed and added up." in CliRunner().invoke(command).stderr


def test_totals_are_by_currency_and_state() -> None:
    things = [thing("a"), thing("b", 250), thing("c", 7, "JPY"), thing("d", 1, state="declined")]
    told = json.loads(printed(Layout.JSON, *things))
    assert told["things"] == things
    assert [tuple(one.values()) for one in told["totals"]] == [
        ("EUR", "approved", 2, "3.50", 350),
        ("EUR", "declined", 1, "0.01", 1),
        ("JPY", "approved", 1, "7", 7),
    ]
    table, _, totals = printed(Layout.TABLE, *things).partition("\n\n")
    assert table.splitlines()[:2] == ["NAME  STATE         PAID", "a     approved  1.00 EUR"]
    assert totals.splitlines() == [
        "TOTAL     COUNT      PAID",
        "approved      2  3.50 EUR",
        "declined      1  0.01 EUR",
        "approved      1     7 JPY",
    ]


def test_a_list_of_nothing() -> None:
    assert printed(Layout.TABLE) == ""
    assert printed(Layout.CSV) == "name,paid,paid_minor,currency,more_at\n"
    assert json.loads(printed(Layout.JSON)) == {"things": [], "totals": []}


# --- colours ---


def test_colours_are_for_terminals_that_want_them(
    paybycall: Run, services: PaymentServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    services.paid()
    assert "\x1b[32mapproved" in paybycall("payment", "list", color=True).stdout
    assert "\x1b" not in paybycall("payment", "list").stdout, "a pipe"
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in paybycall("payment", "list", color=True).stdout


# --- the lists themselves ---


def move(services: PaymentServices, attempt_id: str, state: str) -> None:
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).where(schema.attempt.c.id == attempt_id).values(state=state))


def test_payments_as_the_api_gives_them(paybycall: Run, services: PaymentServices) -> None:
    paid = services.paid()
    move(services, services.paid(), "declined")
    told = json.loads(paybycall("payment", "list", "--json").stdout)
    shown = {one["id"]: one for one in told["payments"]}
    with reading(services.engine) as tx:
        payment = payments.show(tx, paid)
    assert payment is not None
    assert shown[paid] == payment_document(payment, shown[paid]["gateway_url"])
    assert json.loads(paybycall("payment", "show", paid, "--json").stdout) == shown[paid]
    in_csv = {name.partition(".")[0] for name in PAYMENTS.fields}
    assert shown[paid].keys() - in_csv == {"refunds"}, "a field of the API has no column in the CSV file"
    assert [(one["state"], one["count"], one["amount"]) for one in told["totals"]] == [
        ("approved", 1, "40.00"),
        ("declined", 1, "40.00"),
    ]
    found = {one["id"]: one for one in rows(paybycall("payment", "list", "--csv").stdout)}
    assert found.keys() == shown.keys()
    for name in ("reference", "state", "amount", "currency", "created_at", "gateway_url"):
        assert found[paid][name] == shown[paid][name]
    first = paybycall("payment", "list", "--limit", "1", "--json")
    assert (len(json.loads(first.stdout)["payments"]), json.loads(first.stdout)["has_more"]) == (1, True)
    assert "Only the first 1 are listed" in first.stderr


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (("--state", "declined"), {"declined"}),
        (("--state", "approved", "--state", "declined"), {"approved", "declined"}),
        (("--state", "not_charged"), {"not_charged"}),
        (("--state", "fenced"), {"not_charged"}),
        (("--state", "pending"), set()),
    ],
)
def test_payments_of_a_state(
    paybycall: Run, services: PaymentServices, given: tuple[str, ...], found: set[str]
) -> None:
    services.paid()
    for state in ("declined", "fenced"):
        move(services, services.paid(), state)
    told = json.loads(paybycall("payment", "list", "--json", *given).stdout)
    assert {one["state"] for one in told["payments"]} == found
    assert paybycall("payment", "list", "--state", "nonsense").exit_code == 2


@pytest.mark.slow
@pytest.mark.postgres
def test_a_refunded_payment_is_listed_in_the_month_it_was_made(
    paybycall: Run, services: PaymentServices
) -> None:
    early = services.attempt(services.paid())
    services.pass_time(30 * 86_400)
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, early.id, 1_000, asked_by="ana")
    services.run_due()
    late = services.attempt(services.paid())

    def of(*given: str) -> tuple[list[str], str]:
        ran = paybycall("payment", "list", "--json", *given)
        return [one["reference"] for one in json.loads(ran.stdout)["payments"]], ran.stderr

    november = ("--since", "2026-11-22", "--until", "2026-11-30")
    assert of(*november) == ([early.reference], "")
    assert of(*november, "--by", "settled") == ([early.reference], "")
    assert of(*november, "--by", "changed") == ([], "")
    assert of("--until", "2026-12-31") == ([early.reference, late.reference], "")
    old, told = of("--since", "2026-12-01")
    assert old == [early.reference, late.reference]
    assert "--by created" in told
    assert of("--since", "2026-12-01", "--by", "created") == ([late.reference], "")
    assert paybycall("payment", "list", "--by", "created").exit_code == 2
    for given, count in (([], 1), (["--since", "2026-12-01"], 1), (["--until", "2026-11-30"], 0)):
        listed = rows(paybycall("refund", "list", "--csv", *given).stdout)
        assert [one["id"] for one in listed] == [refund.id] * count
        assert [(one["payment_reference"], one["amount"]) for one in listed] == [
            (early.reference, "10.00")
        ] * count


@pytest.mark.postgres
@pytest.mark.slow
def test_bills_disputes_and_payouts_of_a_period(paybycall: Run, services: PaymentServices) -> None:
    add = ["bill", "add", "--currency", "EUR", "--reference", "12345678"]
    paybycall(*add, "--amount", "49.90", "--phone", "+34600123456")
    now = datetime(2026, 11, 22, 10, tzinfo=UTC)
    money = {"gateway": "sandbox", "amount_minor": 2000, "currency": "EUR"}
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.bill).values(updated_at=now))
        tx.execute(
            sa.insert(schema.payout).values(
                id="payout_1", reference="po_1", arrives=now, told_at=now, **money
            )
        )
        tx.execute(
            sa.insert(schema.dispute).values(
                **money,
                reference="dp_1",
                charge_reference="ch_1",
                reason='=HYPERLINK("http://evil")',
                state="open",
                **dict.fromkeys(("opened_at", "updated_at"), now),
            )
        )
    for command in ("bill", "payout", "dispute"):
        for given, count in (
            ([], 1),
            (["--since", "2026-11-22"], 1),
            (["--until", "2026-11-22"], 1),
            (["--until", "2026-11-22T10:00Z"], 0),
            (["--since", "2026-11-23"], 0),
        ):
            listed = rows(paybycall(command, "list", "--csv", *given).stdout)
            assert len(listed) == count, (command, given)
            told = json.loads(paybycall(command, "list", "--json", *given).stdout)
            assert [len(told[f"{command}s"]), len(told["totals"])] == [count, count]
    [bill] = rows(paybycall("bill", "list", "--csv").stdout)
    assert (bill["amount"], bill["payable"], bill["phone"]) == ("49.90", "49.90", "+34600123456")
    assert json.loads(paybycall("bill", "show", "12345678", "--json").stdout)["payments"] == []
    [dispute] = rows(paybycall("dispute", "list", "--csv").stdout)
    assert (dispute["amount"], dispute["reason"]) == ("20.00", '\'=HYPERLINK("http://evil")')
    shown = json.loads(paybycall("payout", "show", "po_1", "--json").stdout)
    assert (shown["lines"], shown["payout"]["reference"]) == ([], "po_1")


def test_other_lists_as_csv(paybycall: Run) -> None:
    paybycall("apikey", "create", "=billing")
    [key] = rows(paybycall("apikey", "list", "--csv").stdout)
    assert (key["name"], key["status"], key["revoked_at"]) == ("'=billing", "active", "")
    assert json.loads(paybycall("message", "list", "--json").stdout) == {"messages": []}
    assert json.loads(paybycall("card", "list", "+34600123456", "--json").stdout) == {"cards": []}
    assert paybycall("bill", "list", "--json", "--csv").exit_code == 2


# --- completion ---


@pytest.mark.slow
def test_bash_completes_commands_and_options() -> None:
    bash = shutil.which("bash")
    command = Path(shutil.which("paybycall") or ".venv/bin/paybycall").resolve()
    assert bash is not None
    script = f"""
        eval "$(_PAYBYCALL_COMPLETE=bash_source {command})"
        complete_words() {{
            COMPREPLY=() COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            _paybycall_completion {command}
            echo "${{COMPREPLY[@]}}"
        }}
        complete_words {command} pay
        complete_words {command} payment list --js
    """
    ran = subprocess.run([bash, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout.splitlines() == ["payment payout", "--json"], ran.stderr


@pytest.mark.parametrize(("shell", "current"), [("zsh", "2"), ("fish", "li")])
def test_zsh_and_fish_complete(shell: str, current: str) -> None:
    asked = {
        "_PAYBYCALL_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "paybycall payment li",
        "COMP_CWORD": current,
    }
    assert "list" in CliRunner().invoke(main, env=asked, prog_name="paybycall").output
