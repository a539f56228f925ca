"""The doctor: each fault has a sentence that says what to mend, and no check breaks the others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from click.testing import CliRunner

from gateways.contract import GatewayUnreachableError
from gateways.secret import Secret
from ivr.channels import confirmation as confirmations
from ivr.channels.states import Event
from ivr.channels.texts import Receipt
from ivr.cli import main
from ivr.cli.doctor import checks
from ivr.clock import ManualClock
from ivr.ids import SequentialIds
from ivr.ops import inside, outside
from ivr.ops.doctor import FaultError, LastFaultError, examine
from ivr.ops.living import living_workers
from ivr.ops.outside import Account
from ivr.payments.differences import Difference
from ivr.pci_client import PciRefusedError, PciUnreachableError
from ivr.storage.engine import make_engine
from ivr.storage.schema import attempt, attempt_move, refund
from ivr.work.locks import hold
from tests.support.approved import approved_attempt
from tests.support.carrier_api import ACCOUNT, TOKEN, CarrierApi, Fault, carrier_api
from tests.support.waiting import eventually
from tests.support.work import RecordedWork

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
URL = "https://pay.example.org"


@dataclass
class Said:
    """An HTTP answer."""

    status_code: int
    body: Any

    def json(self) -> object:
        if self.body is None:
            raise requests.JSONDecodeError("no JSON", "", 0)
        return self.body


def saying(status_code: int, body: Any) -> Callable[[str], Said]:
    return lambda _url: Said(status_code, body)


def silent(_url: str) -> Said:
    raise requests.ConnectTimeout


def test_findings_come_one_by_one_and_a_broken_check_stops_none() -> None:
    def breaks() -> str:
        raise ZeroDivisionError

    def ails() -> str:
        raise FaultError("Mend it.")

    found = list(examine([("a", lambda: "well"), ("b", breaks), ("c", ails), ("d", lambda: "well")]))
    assert [(one.name, one.well) for one in found] == [("a", True), ("b", False), ("c", False), ("d", True)]
    assert "ZeroDivisionError" in found[1].said
    assert found[2].said == "Mend it."


# Outside ----------------------------------------------------------------------------------------------------


def test_a_fault_that_leaves_nothing_to_try_is_the_last() -> None:
    def ails() -> str:
        raise LastFaultError("There is no database.")

    found = list(examine([("a", lambda: "well"), ("b", ails), ("c", lambda: "well")]))
    assert [(one.name, one.well) for one in found] == [("a", True), ("b", False)]


def test_a_process_that_answers() -> None:
    asked: list[str] = []

    def get(url: str) -> Said:
        asked.append(url)
        return Said(200, {"status": "ok"})

    assert outside.answers(get, "PUBLIC_URL", URL, "web") == f"{URL} answers"
    assert asked == [f"{URL}/healthz"]


@pytest.mark.parametrize(
    ("get", "part"),
    [
        (silent, "serve web"),
        (saying(200, None), "is not the web process"),
        (saying(502, None), "is not the web process"),
        (saying(404, {"status": "ok"}), "is not the web process"),
        (saying(200, {"status": "another's"}), "is not the web process"),
        (saying(200, ["ok"]), "is not the web process"),
    ],
)
def test_a_process_that_does_not(get: outside.Get, part: str) -> None:
    with pytest.raises(FaultError, match=part) as fault:
        outside.answers(get, "PUBLIC_URL", URL, "web")
    assert "PUBLIC_URL" in str(fault.value)


def test_the_pci_process_tells_what_it_lacks() -> None:
    assert outside.pci_is_ready(saying(200, {"status": "ok"}), URL)
    lacking = {"status": "not ready", "parts": {"database": "ok", "keys": "not ready"}}
    with pytest.raises(
        FaultError, match=r"^The PCI process's keys' home does not answer: .*PCI_KEY_DIRECTORY\.$"
    ):
        outside.pci_is_ready(saying(503, lacking), URL)
    for get in (silent, saying(503, ["?"]), saying(502, None)):
        with pytest.raises(FaultError, match="PCI_INTERNAL_URL"):
            outside.pci_is_ready(get, URL)


class Pci:
    """A PCI process that takes a signed request, or not."""

    def __init__(self, fault: Exception | None) -> None:
        self.fault = fault

    def end_call(self, call_sid: str) -> None:
        if self.fault:
            raise self.fault


@pytest.mark.parametrize(
    ("fault", "part"),
    [
        (PciRefusedError(403, "The signature does not match."), "INTERNAL_SECRET to the same value"),
        (PciUnreachableError("it does not answer"), "serve pci"),
    ],
)
def test_the_secret_has_to_be_the_same(fault: Exception, part: str) -> None:
    assert outside.secret_is_shared(Pci(None))
    with pytest.raises(FaultError, match=part):
        outside.secret_is_shared(Pci(fault))


def account(
    http_status: int = 200, status: str = "active", date: datetime | str = NOW
) -> Callable[[], Account]:
    shown = date if isinstance(date, str) else format_datetime(date, usegmt=True)
    return lambda: Account(http_status, status, shown)


def nobody() -> Account:
    raise requests.ConnectionError


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (account(401), "TWILIO_AUTH_TOKEN anew"),
        (account(403), "TWILIO_AUTH_TOKEN anew"),
        (account(404), "TWILIO_API_BASE"),
        (account(500), "HTTP 500"),
        (account(status="suspended"), "is suspended"),
        (account(status=""), "of unknown status"),
        (nobody, "TWILIO_API_BASE"),
    ],
)
def test_the_carrier_has_to_know_us(ask: outside.AskCarrier, part: str) -> None:
    assert outside.carrier_knows_us(account())
    with pytest.raises(FaultError, match=part):
        outside.carrier_knows_us(ask)


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (account(date=NOW - timedelta(seconds=90)), "90 s ahead"),
        (account(date=NOW + timedelta(seconds=90)), "90 s behind"),
        (account(date=""), "no Date"),
        (account(date="yesterday"), "no Date"),
        (nobody, "does not answer"),
    ],
)
def test_the_clock_has_to_be_right(ask: outside.AskCarrier, part: str) -> None:
    assert outside.clock_is_right(account(date=NOW + timedelta(seconds=15)), lambda: NOW)
    with pytest.raises(FaultError, match=part):
        outside.clock_is_right(ask, lambda: NOW)


@pytest.fixture
def carrier() -> Iterator[CarrierApi]:
    with carrier_api() as running:
        yield running


def test_the_account_is_asked_over_the_network(carrier: CarrierApi) -> None:
    told = outside.ask_carrier(ACCOUNT, Secret(TOKEN), carrier.url)
    assert (told.http_status, told.account_status) == (200, "active")
    assert outside.clock_is_right(lambda: told, lambda: carrier.now)
    assert outside.ask_carrier(ACCOUNT, Secret("old"), carrier.url).http_status == 401
    carrier.faults = [Fault(503)]
    assert outside.ask_carrier(ACCOUNT, Secret(TOKEN), carrier.url).http_status == 503


class Bank:
    """A gateway that answers, or not."""

    name = "bank"

    def __init__(self, fault: str | None = None) -> None:
        self.fault = fault

    def check(self) -> None:
        if self.fault:
            raise GatewayUnreachableError(self.fault)


def test_the_gateways_own_sentence_is_told() -> None:
    assert outside.gateway_answers(Bank())
    with pytest.raises(FaultError, match=r"Set BANK_KEY anew\."):
        outside.gateway_answers(Bank("Set BANK_KEY anew."))


# Inside -----------------------------------------------------------------------------------------------------


def test_the_database_has_to_be_of_this_release(engine: sa.Engine, tmp_path: Path) -> None:
    assert engine.dialect.name in inside.database_is_current(engine)
    with engine.begin() as tx:
        tx.execute(sa.text("UPDATE alembic_version SET version_num = 'older'"))
    with pytest.raises(FaultError, match="paybycall migrate"):
        inside.database_is_current(engine)
    away = make_engine(f"sqlite:///{tmp_path}/no/such/folder/town.db")
    with pytest.raises(FaultError, match="does not answer"):
        inside.database_is_current(away)


def test_a_worker_has_to_live(engine: sa.Engine) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert living_workers(engine, later) == 0
    with pytest.raises(FaultError, match="serve worker"):
        inside.worker_lives(lambda: living_workers(engine, later))
    one, other = hold(engine, "one"), hold(engine, "other")
    assert living_workers(engine, later) == 2
    assert inside.worker_lives(lambda: living_workers(engine, later)) == "2 workers at work"
    assert one.is_ours()
    one.release()  # the server notices in its own time
    eventually(lambda: living_workers(engine, later) == 1)
    assert inside.worker_lives(lambda: living_workers(engine, later)) == "1 worker at work"
    other.release()
    eventually(lambda: living_workers(engine, later) == 0)


def test_the_lock_file_of_a_dead_worker_is_no_life(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/town.db")
    folder = tmp_path / "town.db.workers"
    folder.mkdir()
    (folder / "dead").touch()
    assert living_workers(engine, datetime.now(UTC) + timedelta(minutes=1)) == 0
    assert living_workers(engine, datetime.now(UTC)) == 1, (
        "one that starts at this moment has not locked it yet"
    )


def test_a_payment_that_waits_for_a_person_or_is_unknown_for_long_is_told(
    engine: sa.Engine, clock: ManualClock
) -> None:
    with engine.begin() as tx:
        made = approved_attempt(tx, clock, reference="80000001")
    assert inside.no_payment_is_stuck(engine, clock.now)

    def become(**values: object) -> None:
        with engine.begin() as tx:
            tx.execute(attempt.update().where(attempt.c.id == made).values(**values))

    become(state="unknown", unknown_since=clock.now())
    clock.advance(3599)
    assert inside.no_payment_is_stuck(engine, clock.now)
    clock.advance(2)
    with pytest.raises(FaultError, match="more than an hour: 80000001"):
        inside.no_payment_is_stuck(engine, clock.now)
    become(state="for_a_person")
    with pytest.raises(FaultError, match="dashboard and decide: 80000001"):
        inside.no_payment_is_stuck(engine, clock.now)


def test_a_refund_that_waits_for_a_person_or_has_no_end_is_told(
    engine: sa.Engine, clock: ManualClock
) -> None:
    with engine.begin() as tx:
        made = approved_attempt(tx, clock, reference="80000001")
        tx.execute(
            refund.insert().values(
                id="refund_1",
                attempt_id=made,
                amount_minor=100,
                currency="EUR",
                state="asked",
                created_at=clock.now(),
            )
        )

    def become(state: str) -> None:
        with engine.begin() as tx:
            tx.execute(refund.update().values(state=state))

    for state in ("approved", "declined"):
        become(state)
        clock.advance(3601)
        assert inside.no_refund_is_stuck(engine, clock.now)
    for state in ("asked", "unknown"):
        become(state)
        with pytest.raises(FaultError, match="more than an hour: refund_1"):
            inside.no_refund_is_stuck(engine, clock.now)
    become("for_a_person")
    with pytest.raises(FaultError, match="dashboard and decide: refund_1"):
        inside.no_refund_is_stuck(engine, clock.now)


@pytest.mark.parametrize("kind", list(Difference))
def test_what_the_gateway_says_against_the_books_is_told_for_a_week(
    engine: sa.Engine, clock: ManualClock, kind: Difference
) -> None:
    with engine.begin() as tx:
        made = approved_attempt(tx, clock, reference="80000001")
        line = attempt_move.insert().values(attempt_id=made, state="approved", at=clock.now())
        tx.execute(line.values(event="approve"))
    assert inside.books_and_gateway_agree(engine, clock.now)
    with engine.begin() as tx:
        tx.execute(line.values(event=kind))
        tx.execute(line.values(event=kind))
    with pytest.raises(FaultError, match=r"our books: 80000001\. "):
        inside.books_and_gateway_agree(engine, clock.now)
    clock.advance(7 * 24 * 3600 + 1)
    assert inside.books_and_gateway_agree(engine, clock.now)


def test_a_text_that_never_arrived_is_told(
    engine: sa.Engine, clock: ManualClock, ids: SequentialIds, work: RecordedWork
) -> None:
    with engine.begin() as tx:
        made = confirmations.record(
            tx,
            attempt_id=approved_attempt(tx, clock, reference="80000001"),
            receipt=Receipt("Town", 4990, "EUR", "12345678", "4242", "80000001"),
            language="en",
            payer_phone="+34600000001",
            can_text=True,
            channel="sms",
            work=work,
            clock=clock,
            ids=ids,
        )
    assert inside.no_text_is_stuck(engine, clock.now)
    clock.advance(3601)
    with pytest.raises(FaultError, match="80000001: look at SMS_FROM"):
        inside.no_text_is_stuck(engine, clock.now)
    with engine.begin() as tx:
        confirmations.shift(tx, made.id, Event.CLAIM, clock.now(), tried_at=clock.now())
        confirmations.shift(tx, made.id, Event.REFUSED, clock.now(), error_code="21606")
    with pytest.raises(FaultError, match=r"80000001 \(the carrier says 21606\)"):
        inside.no_text_is_stuck(engine, clock.now)
    clock.advance(2 * 24 * 3600)  # nothing to mend in an old one
    assert inside.no_text_is_stuck(engine, clock.now)


def test_work_that_failed_or_that_nobody_does_is_told() -> None:
    assert inside.no_job_failed(list, list)
    many = [f"charge_attempt of attempt_{nth}" for nth in range(7)]
    with pytest.raises(FaultError, match=r"attempt_4 and 2 more\. The worker's log says why"):
        inside.no_job_failed(lambda: many, list)
    with pytest.raises(FaultError, match="old_job on send"):
        inside.no_job_failed(list, lambda: ["old_job on send"])


# The command ------------------------------------------------------------------------------------------------


def test_without_settings_the_command_says_what_to_set() -> None:
    ran = CliRunner().invoke(
        main, ["doctor"], env=dict.fromkeys(["DATABASE_URL", "GATEWAY", "PUBLIC_URL"], "")
    )
    assert ran.exit_code == 1
    assert "FAULT  settings" in ran.output
    assert "Set DATABASE_URL" in ran.output


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
        "INTERNAL_SECRET": "i" * 32,
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_API_BASE": carrier.url,
        "GATEWAY": "sandbox",
        "SANDBOX_URL": nowhere,
        "CHANNEL": "console",
    }
    empty = CliRunner().invoke(main, ["doctor"], env=environ)
    assert "run paybycall migrate" in empty.output
    assert "database" in empty.output.splitlines()[-3], "what is in its tables is no question yet"
    assert "doctor_check_broke" not in empty.stderr
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
        "pci, outside": "FAULT",
        "pci keys": "FAULT",
        "shared secret": "FAULT",
        "carrier": "ok",
        "clock": "ok",
        "gateway": "FAULT",
        "database": "ok",
        "worker": "FAULT",
        "payments": "ok",
        "refunds": "ok",
        "books": "ok",
        "card guard": "ok",
        "texts": "ok",
        "jobs": "ok",
    }
    assert "7 of 17 have to be mended." in ran.output
    assert ran.exit_code == 1
    assert TOKEN not in ran.output


@pytest.mark.parametrize(
    ("mode", "asked"), [("gather", {"pci", "pci keys", "shared secret"}), ("pay", {"cards"})]
)
def test_the_pci_process_is_looked_for_only_where_there_is_one(
    mode: str, asked: set[str], tmp_path: Path
) -> None:
    environ = {
        "ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{tmp_path}/town.db",
        "PUBLIC_URL": URL,
        "TWILIO_ACCOUNT_SID": "AC1",
        "TWILIO_AUTH_TOKEN": "token",
        "GATEWAY": "sandbox",
        "CHANNEL": "console",
        "CARD_ENTRY": mode,
    }
    if mode == "gather":
        environ |= {"PCI_INTERNAL_URL": "http://127.0.0.1:9", "INTERNAL_SECRET": "i" * 32}
    names = {name for name, _ in checks(environ, ManualClock())}
    assert names & {"pci", "pci keys", "shared secret", "cards"} == asked
