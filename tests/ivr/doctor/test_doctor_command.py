"""The doctor's round: findings come one by one, and no check breaks the others, nor the command."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli import main
from ivr.cli.doctor import checks
from ivr.doctor.checks import DoctorCheck, FaultError, LastFaultError, examine
from tests.ivr.platform.settings.test_web_settings import DEVELOPMENT
from tests.support.carrier_api import ACCOUNT, TOKEN, CarrierApi
from tests.support.time_and_ids import ManualClock

pytestmark = pytest.mark.slow


def test_findings_come_one_by_one_and_a_broken_check_stops_none() -> None:
    def breaks() -> str:
        raise ZeroDivisionError("with a secret")

    def ails() -> str:
        raise FaultError("Mend it.")

    found = list(examine([("a", lambda: "well"), ("b", breaks), ("c", ails), ("d", lambda: "well")]))
    assert [(one.name, one.well) for one in found] == [("a", True), ("b", False), ("c", False), ("d", True)]
    assert found[1].said == "This check broke and found out nothing (ZeroDivisionError): report it."
    assert found[2].said == "Mend it."


def test_a_fault_that_leaves_nothing_to_try_is_the_last() -> None:
    def ails() -> str:
        raise LastFaultError("There is no database.")

    found = list(examine([("a", lambda: "well"), ("b", ails), ("c", lambda: "well")]))
    assert [(one.name, one.well) for one in found] == [("a", True), ("b", False)]


def test_a_database_that_goes_away_in_the_middle_is_a_sentence(tmp_path: Path) -> None:
    environ = DEVELOPMENT | {"DATABASE_URL": f"sqlite:///{tmp_path}/town.db"}
    assert (
        CliRunner()
        .invoke(main, ["migrate"], env=environ | {"PCI_DATABASE_URL": "", "CARD_ENTRY": "pay"})
        .exit_code
        == 0
    )

    def inside() -> Iterator[tuple[str, DoctorCheck]]:
        for name, check in checks(environ, ManualClock()):
            if name == "payments":
                for file in tmp_path.glob("town.db*"):
                    file.unlink() if file.is_file() else shutil.rmtree(file)
                tmp_path.rmdir()
            if name not in {"web", "pci", "shared secret", "carrier", "clock", "gateway"}:
                yield name, check

    last = list(examine(inside()))[-1]
    assert (last.name, last.well) == ("payments", False)
    assert last.said == f"The folder {tmp_path} does not exist: create it, or correct DATABASE_URL."


def test_without_settings_the_command_says_what_to_set() -> None:
    ran = CliRunner().invoke(
        main, ["doctor"], env=dict.fromkeys(["DATABASE_URL", "GATEWAY", "PUBLIC_URL"], "")
    )
    assert ran.exit_code == 1
    assert "FAULT  settings" in ran.output
    assert "Set DATABASE_URL" in ran.output
    assert ran.output.endswith("\n1 of 1 check failed.\n")


def test_the_command_tries_everything_and_fails_where_nothing_runs(
    tmp_path: Path, carrier: CarrierApi
) -> None:
    carrier.now = datetime.now(UTC)
    nowhere = "http://127.0.0.1:9"
    environ = {
        "ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{tmp_path}/town.db",
        "PCI_DATABASE_URL": f"sqlite:///{tmp_path}/pci.db",
        "PUBLIC_URL": nowhere,
        "PCI_INTERNAL_URL": nowhere,
        "PCI_PUBLIC_URL": nowhere,
        "INTERNAL_SECRET": "5b41f0c7e9d2a4863b5e0f1c7d8a92e3",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_API_BASE": carrier.url,
        "GATEWAY": "sandbox",
        "SANDBOX_URL": nowhere,
        "CHANNEL": "console",
    }
    empty = CliRunner().invoke(main, ["doctor"], env=environ)
    assert (
        f"FAULT  database      There is no database at {tmp_path}/town.db: run `paybycall migrate`"
        in empty.output
    )
    assert "database" in empty.output.splitlines()[-3], "what is in its tables is no question yet"
    assert empty.stderr == ""
    assert not list(tmp_path.iterdir())
    assert CliRunner().invoke(main, ["migrate"], env=environ).exit_code == 0
    ran = CliRunner().invoke(main, ["doctor"], env=environ)
    told = {
        line[7:21].strip(): line[:5].strip()
        for line in ran.output.splitlines()
        if line[:5].strip() in {"ok", "FAULT"}
    }
    assert told == {
        "settings": "ok",
        "web": "FAULT",
        "pci": "FAULT",
        "pci, public": "FAULT",
        "shared secret": "FAULT",
        "carrier": "ok",
        "clock": "ok",
        "gateway": "FAULT",
        "database": "ok",
        "worker": "FAULT",
        "payments": "ok",
        "refunds": "ok",
        "books": "ok",
        "ledger": "ok",
        "customers": "ok",
        "payouts": "ok",
        "card guard": "ok",
        "texts": "ok",
        "jobs": "ok",
    }
    assert "6 of 19 checks failed." in ran.output
    assert (ran.exit_code, ran.stderr) == (1, "")
    assert TOKEN not in ran.output
    as_json = CliRunner().invoke(main, ["doctor", "--json"], env=environ)
    assert as_json.exit_code == 1
    assert {one["name"]: "ok" if one["ok"] else "FAULT" for one in json.loads(as_json.stdout)} == told
    environ["PCI_DATABASE_URL"] = f"sqlite:///{tmp_path}/./town.db"
    same = CliRunner().invoke(main, ["doctor"], env=environ)
    assert "FAULT  settings      DATABASE_URL and PCI_DATABASE_URL name the same database" in same.output


@pytest.mark.parametrize(("mode", "asked"), [("gather", {"pci", "shared secret"}), ("pay", {"cards"})])
def test_the_pci_process_is_looked_for_only_where_there_is_one(
    mode: str, asked: set[str], tmp_path: Path
) -> None:
    environ = {
        "ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{tmp_path}/town.db",
        "PUBLIC_URL": "https://pay.example.org",
        "TWILIO_ACCOUNT_SID": "AC1",
        "TWILIO_AUTH_TOKEN": "token",
        "GATEWAY": "sandbox",
        "CHANNEL": "console",
        "CARD_ENTRY": mode,
    }
    if mode == "gather":
        environ |= {
            "PCI_INTERNAL_URL": "http://127.0.0.1:9",
            "INTERNAL_SECRET": "5b41f0c7e9d2a4863b5e0f1c7d8a92e3",
        }
    names = {name for name, _ in checks(environ, ManualClock())}
    assert names & {"pci", "shared secret", "cards"} == asked
    real = {
        "ENVIRONMENT": "production",
        "GATEWAY": "stripe",
        "STRIPE_API_KEY": "sk_live_1",
        "CHANNEL": "sms",
        "SMS_FROM": "+34910000000",
        "MERCHANT_NAME": "Example Town Hall",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "PCI_PUBLIC_URL": "https://card.example.org",
    }
    exposed = {name for name, _ in checks(environ | real, ManualClock())} - names
    of_pci = {"pci, public", "pci, closed"} if mode == "gather" else set()
    assert exposed == {"metrics", "proxy", "user"} | of_pci
