"""`paybycall bill` and `paybycall apikey` as an operator uses them: with DATABASE_URL alone, faults as
sentences.
"""

from pathlib import Path

import pytest
import sqlalchemy as sa

from ivr.bills import store
from ivr.platform.database.engine import reading
from ivr.web.api import keys
from tests.ivr.cli.conftest import Run

ADD = ["bill", "add", "--reference", "12345678", "--amount", "49.90", "--currency", "EUR"]


@pytest.mark.slow
@pytest.mark.postgres
def test_a_bill_is_added_shown_and_listed(paybycall: Run, engine: sa.Engine) -> None:
    more = ["--minimum", "10", "--due", "2026-12-24", "--phone", "600123456"]
    assert paybycall(*ADD, *more).stdout == "Bill 12345678 added: 49.90 EUR.\n"
    assert paybycall(*ADD, *more).stdout == "Bill 12345678 unchanged: 49.90 EUR.\n"
    shown = paybycall("bill", "show", "12345678").stdout
    for text in ("49.90 EUR", "10.00 EUR", "2026-12-24", "+34600123456", "open", "cli"):
        assert text in shown
    assert "\n12345678   open" in paybycall("bill", "list").stdout
    assert "12345678" in paybycall("bill", "list", "--payable").stdout
    with reading(engine) as tx:
        assert store.find(tx, "12345678") is not None


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (["--amount", "x"], "amount must be an amount, like 49.90.\n"),
        (["--amount", ""], "amount is missing: give amount"),
        (
            ["--amount", "1.000"],
            "amount has three digits after a single mark, so it can be read in two ways: ",
        ),
        (["--amount", "15,000"], "amount has three digits"),
        (["--amount", "49.9000"], "amount has more decimals than EUR, which has 2.\n"),
        (["--amount", "1.000", "--decimal", "point"], "amount has more decimals than EUR"),
        (["--minimum", "1.000"], "minimum has three digits"),
        (["--amount-minor", "4990"], "amount is given twice"),
        (["--minimum-minor", "4.9"], "minimum_minor must be a whole number"),
        (["--currency", "EURO"], "currency must be an ISO 4217 code, like EUR.\n"),
        (["--currency", "XAU"], "currency must be money that people pay with"),
        (["--reference", "1234"], "reference must be exactly 8 digits"),
    ],
)
def test_faults_are_sentences_and_status_2(paybycall: Run, changed: list[str], sentence: str) -> None:
    result = paybycall(*ADD, *changed)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(sentence)


def test_amounts_as_people_write_them(paybycall: Run) -> None:
    add = ["bill", "add", "--currency", "EUR", "--reference"]
    for number, (written, minor) in enumerate(
        (
            (["--amount", "49,90"], "49.90"),
            (["--amount", "1\u202f000,50 €", "--minimum-minor", "100"], "1000.50"),
            (["--amount", "1.000", "--decimal=comma"], "1000.00"),
            (["--amount", "1,000", "--decimal=point"], "1000.00"),
            (["--amount-minor", "4990"], "49.90"),
        )
    ):
        added = paybycall(*add, f"1000000{number}", *written)
        assert added.stdout == f"Bill 1000000{number} added: {minor} EUR.\n", added.stderr


def test_an_odd_phone_or_due_date_is_left_out_with_a_word(paybycall: Run) -> None:
    added = paybycall(*ADD, "--phone", "\x1b[2J", "--due", "2026-12-24T00:00:00")
    assert (added.exit_code, added.stdout) == (0, "Bill 12345678 added: 49.90 EUR.\n")
    due, phone = added.stderr.splitlines()
    assert due == "Stored, but without its due_date, which must be a date written as YYYY-MM-DD."
    assert phone.startswith("Stored, but without its phone, which must be a phone number")


def test_a_phone_that_two_people_could_have(paybycall: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_COUNTRY", "SE")
    both = "can be read as +468123456 or as +46468123456: write it with + and the country code.\n"
    added, listed = paybycall(*ADD, "--phone", "468123456"), paybycall("card", "list", "468123456")
    assert (added.exit_code, added.stdout, added.stderr) == (2, "", f"phone {both}")
    assert (listed.exit_code, listed.stdout, listed.stderr) == (2, "", f"This number {both}")


def test_what_is_not_there(paybycall: Run) -> None:
    assert paybycall("bill", "show", "' OR 1=1").exit_code == 2
    assert paybycall("bill", "list").exit_code == 0
    assert paybycall("bill", "import", "nowhere.csv").exit_code == 2
    assert paybycall("apikey", "revoke", "key_1").exit_code == 2


def test_an_import_tells_each_bad_row_and_ends_with_1(paybycall: Run, tmp_path: Path) -> None:
    file = tmp_path / "bills.csv"
    file.write_text("reference,amount,currency,name\n12345678,49.90,EUR,x\n1,1,EUR,y\n")
    result = paybycall("bill", "import", str(file))
    assert (result.exit_code, result.stdout) == (1, "1 added, 0 changed, 0 unchanged, 1 refused.\n")
    assert result.stderr.splitlines()[0].startswith("line 3: reference must be exactly 8 digits")
    assert result.stderr.splitlines()[1] == "Ignored columns: name."


def test_a_dry_run_and_the_mark_before_the_decimals(paybycall: Run) -> None:
    rows = "reference;amount;currency\n12345678;1.000;EUR\n"
    refused = paybycall("bill", "import", "-", input=rows)
    assert (refused.exit_code, refused.stdout) == (1, "0 added, 0 changed, 0 unchanged, 1 refused.\n")
    dry = paybycall("bill", "import", "-", "--dry-run", "--decimal=comma", input=rows)
    would = "Nothing was stored (--dry-run): 1 added, 0 changed, 0 unchanged, 0 refused.\n"
    assert (dry.exit_code, dry.stdout) == (0, would)
    assert paybycall("bill", "list").stdout == ""
    paybycall("bill", "import", "-", input=f"decimal=comma\n{rows}")
    assert "1000.00 EUR" in paybycall("bill", "list").stdout


def test_an_import_from_standard_input(paybycall: Run) -> None:
    result = paybycall("bill", "import", "-", input="reference;amount;currency\r\n12345678;49,90;EUR\r\n")
    assert (result.exit_code, result.stdout) == (0, "1 added, 0 changed, 0 unchanged, 0 refused.\n")


def test_no_csv_at_all(paybycall: Run) -> None:
    result = paybycall("bill", "import", "-", input="hello")
    assert result.exit_code == 2
    assert result.stderr.startswith("The first line must name the columns")


def test_settings_that_are_missing_or_wrong(
    paybycall: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    assert "paybycall migrate" in paybycall("bill", "list").stderr
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/no/such/folder.db")
    assert f"The folder {tmp_path}/no/such does not exist" in paybycall("bill", "list").stderr
    for url in ("nonsense", "oracle://x"):
        monkeypatch.setenv("DATABASE_URL", url)
        assert paybycall("bill", "list").stderr.startswith(
            "DATABASE_URL must begin with sqlite:/// or postgresql://"
        )
    monkeypatch.delenv("DATABASE_URL")
    result = paybycall("bill", "list")
    assert (result.exit_code, result.stderr.startswith("Set DATABASE_URL:")) == (2, True)


@pytest.mark.postgres
def test_a_key_is_shown_once_and_works_until_it_is_revoked(paybycall: Run, engine: sa.Engine) -> None:
    made = paybycall("apikey", "create", "billing system")
    secret = made.stdout.strip()
    assert secret.startswith("pbc_")
    assert len(secret) > 40
    with reading(engine) as tx:
        key = keys.find(tx, secret)
        kept = tx.execute(sa.text("SELECT hashed FROM api_key")).scalar_one()
    assert key is not None
    assert kept not in secret
    assert secret.removeprefix("pbc_") not in kept
    listed = paybycall("apikey", "list").stdout
    assert "billing system" in listed
    assert "active" in listed
    assert secret not in listed
    for _ in range(2):
        assert paybycall("apikey", "revoke", key.id).exit_code == 0
    assert "revoked" in paybycall("apikey", "list").stdout
    with reading(engine) as tx:
        assert keys.find(tx, secret) is None


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x1b[2J", "two\nlines"])
def test_names_that_no_key_can_have(paybycall: Run, name: str) -> None:
    result = paybycall("apikey", "create", name)
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.fixture
def stripe(paybycall: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that charges at least 0.50 EUR is set up."""
    monkeypatch.setenv("GATEWAY", "stripe")
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_1")


@pytest.mark.usefixtures("stripe")
def test_a_bill_that_the_gateway_does_not_charge_is_taken_with_a_word(paybycall: Run) -> None:
    assert paybycall(*ADD).stderr == ""
    for changed, sentence in (
        (
            ["--amount", "0.49"],
            "Stored, but the gateway charges at least 0.50 EUR: callers cannot pay this bill.\n",
        ),
        (
            ["--minimum", "0.10"],
            "Stored, but the gateway charges at least 0.50 EUR: callers cannot pay less at once.\n",
        ),
        (
            ["--amount", "1000000.00"],
            (
                "Stored, but the gateway charges at most 999999.99 EUR at once: "
                "callers cannot pay this bill.\n"
            ),
        ),
        (
            ["--amount", "1000000.00", "--minimum", "5"],
            (
                "Stored, but the gateway charges at most 999999.99 EUR at once: "
                "callers can pay it only in parts.\n"
            ),
        ),
    ):
        added = paybycall(*ADD, *changed)
        assert (added.exit_code, added.stderr) == (0, sentence)
        assert added.stdout.startswith("Bill 12345678 changed")
    for reference, currency, amount, sentence in (
        (
            "20000001",
            "ISK",
            "500",
            "Stored, but the gateway does not accept ISK: callers cannot pay this bill.\n",
        ),
        ("20000002", "KWD", "4,99", ""),
        ("20000003", "IDR", "9999999999,99", ""),
        (
            "20000004",
            "KWD",
            "1 000,005",
            "Stored, but the gateway charges in steps of 0.010 KWD: callers cannot pay this bill in full.\n",
        ),
    ):
        added = paybycall(*ADD, "--reference", reference, "--currency", currency, "--amount", amount)
        assert (added.exit_code, added.stderr) == (0, sentence)


@pytest.mark.usefixtures("stripe")
def test_rows_that_the_gateway_does_not_charge_are_taken_with_a_word(paybycall: Run) -> None:
    rows = (
        "reference;amount;currency\n12345678;0,49;EUR\n1;0,10;EUR\n12345679;0,50;EUR\n"
        "12345670;1.000.000,00;EUR\n12345671;500;ISK\n"
    )
    result = paybycall("bill", "import", "-", input=rows)
    assert (result.exit_code, result.stdout) == (1, "4 added, 0 changed, 0 unchanged, 1 refused.\n")
    [small, bad, large, foreign] = sorted(result.stderr.splitlines())
    assert small.startswith("line 2: stored, but the gateway charges at least 0.50 EUR: ")
    assert bad.startswith("line 3: reference ")
    assert large.startswith("line 5: stored, but the gateway charges at most 999999.99 EUR at once: ")
    assert foreign == "line 6: stored, but the gateway does not accept ISK: callers cannot pay this bill"


def test_without_a_gateway_nothing_is_too_small(paybycall: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for gateway in ("", "nobank"):
        monkeypatch.setenv("GATEWAY", gateway)
        added = paybycall(*ADD, "--amount", "0.01")
        assert (added.exit_code, added.stderr) == (0, "")


@pytest.mark.parametrize(
    "command", [["bill", "show"], ["payment", "list", "--bill"], ["apikey", "revoke"], ["payout", "show"]]
)
def test_what_is_no_text_is_refused_with_a_sentence(paybycall: Run, command: list[str]) -> None:
    """Bytes that are not UTF-8, as Python hands them over; both databases refuse them, each in its way."""
    told = paybycall(*command, "\udcff")
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr == "An argument is not text in UTF-8.\n"
