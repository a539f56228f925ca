"""`paybycall payment` as finance uses it: what was paid is found, a refund is asked for durably, a person
decides.
"""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from gateways.events import DisputeState, DisputeUpdated, GatewayEvent, RefundedExternally
from ivr.cli import context as cli_context
from ivr.cli import main
from ivr.jobs.backlog import backlog
from ivr.payments.attempts import store as records
from ivr.payments.attempts.states import State
from ivr.payments.links import store as pay_link
from ivr.platform.database.engine import make_engine
from ivr.platform.database.migrations import migrate
from tests.ivr.cli.conftest import Run
from tests.support import schema
from tests.support.fake_gateway import FakeGateway, Fate
from tests.support.link_gateway import LinkGateway
from tests.support.payment_services import PaymentServices
from tests.support.time_and_ids import ManualClock


@pytest.fixture
def services(engine: sa.Engine) -> PaymentServices:
    return PaymentServices(engine, bank=FakeGateway(name="sandbox"))


@pytest.fixture
def paybycall(paybycall: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("GATEWAY", "sandbox")
    monkeypatch.setenv("SANDBOX_URL", "http://127.0.0.1:9")  # no bank listens here
    return partial(paybycall, "payment")


@pytest.fixture
def undecided(services: PaymentServices) -> str:
    """A payment that nobody could resolve for a day."""
    services.bank.fates.append(Fate.LOST_REPLY)
    attempt_id = services.confirmed()
    services.run(services.work.waiting()[0])
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.attempt).values(state=State.NEEDS_REVIEW))
    return attempt_id


def test_listed_and_shown(paybycall: Run, services: PaymentServices) -> None:
    assert paybycall("list").stdout == ""
    first, second = services.paid(), services.paid()
    one = services.attempt(first)
    listed = paybycall("list").stdout
    assert references(listed) == [services.attempt(second).reference, one.reference]
    heading, newest, *_ = listed.splitlines()
    assert heading.split() == ["REFERENCE", "CREATED", "STATE", "AMOUNT", "REFUNDED", "BILL", "PAID", "BY"]
    assert "40.00 EUR" in newest
    assert "visa 4242" in newest
    assert listed.splitlines()[-1].split() == ["approved", "2", "80.00", "EUR", "0.00", "EUR"]
    for name in (first, one.reference):
        shown = paybycall("show", name).stdout
        assert f"ref_{first}" in shown
        assert f"http://127.0.0.1:9/?id=ref_{first}" in shown
        assert "approved" in shown
        assert "tok_good" not in shown
    assert paybycall("show", "att' OR 1=1").exit_code == 2


@pytest.mark.slow
@pytest.mark.postgres
def test_found_by_what_finance_holds(paybycall: Run, services: PaymentServices) -> None:
    call, bill = services.begin_call(), services.add_bill()
    [reference] = select(services, schema.bill.c.reference)
    for name, of in ((call, "call"), (reference, "bill")):
        none = paybycall("show", name)
        assert (none.exit_code, none.stderr) == (2, f"There is no payment of this {of} yet.\n")
    first = services.make(bill, call_id=call)
    assert first is not None
    services.confirm(first)
    services.run_due()
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, first, 1_000, asked_by="ana")
    services.run_due()
    own = paybycall("show", first).stdout
    assert f"re_{refund.id}" in own
    for name in (f"ref_{first}", refund.id, f"re_{refund.id}", call, reference):
        assert paybycall("show", name).stdout == own
    second = services.make(bill, 1_000, call_id=call)
    assert second is not None
    for name, of in ((call, "call"), (reference, "bill")):
        several = paybycall("show", name)
        assert several.exit_code == 0
        assert f"2 payments of this {of}. To see one: paybycall payment show REFERENCE" in several.stderr
        listed = set(references(several.stdout))
        assert listed == {services.attempt(first).reference, services.attempt(second).reference}
    for name in (call, reference, f"ref_{first}", refund.id):
        assert paybycall("refund", name).exit_code == 2, "money moves by a payment's own name alone"
    unknown = paybycall("show", "ch_1")
    assert (unknown.exit_code, "once the payout was read" in unknown.stderr) == (2, True)


def test_eight_digits_that_are_a_bills_too(paybycall: Run, services: PaymentServices) -> None:
    reference = services.attempt(services.paid()).reference
    assert paybycall("show", reference).stderr == ""
    other = services.add_bill()
    with services.engine.begin() as tx:
        tx.execute(sa.update(schema.bill).where(schema.bill.c.id == other).values(reference=reference))
    shown = paybycall("show", reference)
    assert "approved" in shown.stdout
    assert f"paybycall payment list --bill {reference}" in shown.stderr


@pytest.mark.postgres
def test_the_payments_of_a_bill(
    paybycall: Run, services: PaymentServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.paid()
    services.clock.advance(60)
    paid = services.attempt(services.paid())
    [bill] = select(services, schema.bill.c.reference, schema.bill.c.id == paid.bill_id)
    shown = CliRunner().invoke(main, ["bill", "show", bill]).stdout.splitlines()
    [line] = [line for line in shown if line.startswith("payment ")]
    for part in (paid.reference, "approved", "40.00 EUR", f"{paid.created_at:%Y-%m-%d}"):
        assert part in line
    for more in ([], ["--since", "2026-11-22"]):
        assert references(paybycall("list", "--bill", bill, *more).stdout) == [paid.reference]
    assert paybycall("list", "--bill", "99999999").exit_code == 2


def test_a_dispute_stands_with_its_payment(paybycall: Run, services: PaymentServices) -> None:
    paid = services.paid()
    assert "\ndispute " not in paybycall("show", paid).stdout
    due = services.clock.now().replace(year=2027)
    told = DisputeUpdated("dp_1", f"ref_{paid}", 4_000, "EUR", "fraud\x1b[2J", DisputeState.OPEN, due)
    services.payments.gateway_events.take(GatewayEvent("evt_1", "dispute", told))
    shown = paybycall("show", "dp_1").stdout
    assert f"dispute            dp_1  open  40.00 EUR  fraud?[2J  answer by {due:%Y-%m-%d}\n" in shown
    assert services.attempt(paid).reference in CliRunner().invoke(main, ["dispute", "list"]).stdout


@pytest.mark.postgres
def test_a_gateway_discrepancy_is_shown_with_its_payment(paybycall: Run, services: PaymentServices) -> None:
    paid = services.paid()
    assert "\ndifference " not in paybycall("show", paid).stdout
    services.bank.by_hand[paid] = 4_000
    services.payments.gateway_events.take(GatewayEvent("evt_1", "charge.refunded", RefundedExternally(paid)))
    services.run_due()
    told = "given back elsewhere: 40.00 EUR in total was refunded at the gateway, and not by this server"
    assert told in paybycall("show", paid).stdout
    with services.engine.begin() as tx:
        services.payments.refunds.ask(tx, paid, asked_by="ana")
    services.run_due()
    assert "declined  requested by ana  over_refund" in paybycall("show", paid).stdout


@pytest.mark.postgres
def test_a_payout_names_payments_and_refunds(paybycall: Run, services: PaymentServices) -> None:
    paid = services.paid()
    with services.engine.begin() as tx:
        refund = services.payments.refunds.ask(tx, paid, 1_000, asked_by="ana")
        now = services.clock.now()
        payout = {"id": "payout_1", "gateway": "sandbox", "reference": "po_1", "amount_minor": 0}
        tx.execute(sa.insert(schema.payout).values(**payout, currency="EUR", arrives=now, told_at=now))
        for kind, source, refund_id in (("refund", "re_1", refund.id), ("dispute", "dp_1", None)):
            tx.execute(
                sa.insert(schema.payout_line).values(
                    payout_id="payout_1",
                    reference=f"txn_{source}",
                    kind=kind,
                    gateway_kind=kind,
                    **dict.fromkeys(("gross_minor", "fee_minor", "net_minor"), 0),
                    currency="EUR",
                    **dict.fromkeys(("occurred_at", "available_on"), now),
                    charge_reference=f"ref_{paid}",
                    refund_id=refund_id,
                    source_reference=source,
                )
            )
    reference = services.attempt(paid).reference
    _, dispute, back, *_ = CliRunner().invoke(main, ["payout", "show", "po_1"]).stdout.splitlines()
    assert dispute.split()[-4:] == [reference, "-", f"ref_{paid}", "dp_1"]
    assert back.split()[-4:] == [reference, refund.id, f"ref_{paid}", "re_1"]


@pytest.mark.postgres
def test_a_payout_that_failed_says_so_and_why(paybycall: Any, services: PaymentServices) -> None:
    now = services.clock.now()
    with services.engine.begin() as tx:
        told = {"gateway": "bank", "amount_minor": 100, "currency": "EUR", "arrives": now, "told_at": now}
        tx.execute(sa.insert(schema.payout).values(id="payout_1", reference="po_1", read_at=now, **told))
    assert "failed" not in CliRunner().invoke(main, ["payout", "list"]).stdout
    with services.engine.begin() as tx:
        failed = {"failed_at": now, "failure_code": "account_closed\x1b[2J"}
        tx.execute(sa.update(schema.payout).values(**failed))
    assert "  failed  account_closed?[2J  read\n" in CliRunner().invoke(main, ["payout", "list"]).stdout
    shown = CliRunner().invoke(main, ["payout", "show", "po_1"]).stderr
    assert f"This payout failed (account_closed?[2J), as the gateway reported on {now:%Y-%m-%d}: " in shown


def references(table: str) -> list[str]:
    """The first word of each row."""
    rows, _, _totals = table.partition("\n\n")
    return [line.split()[0] for line in rows.splitlines()[1:]]


def select(services: PaymentServices, column: sa.Column[Any], where: Any = None) -> list[Any]:
    with services.engine.begin() as tx:
        return list(tx.execute(sa.select(column).where(sa.true() if where is None else where)).scalars())


@pytest.mark.slow
@pytest.mark.postgres
def test_a_payment_by_link(paybycall: Run, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    monkeypatch.setattr(cli_context, "SystemClock", lambda: clock)
    services = PaymentServices(engine, clock, bank=LinkGateway(clock))
    attempt_id = services.linked()
    services.run_due()
    shown = paybycall("show", attempt_id).stdout
    with services.engine.begin() as tx:
        link = pay_link.of(tx, records.get(tx, attempt_id))
    assert link is not None
    assert re.search(r"^method +link$", shown, re.MULTILINE)
    assert re.search(r"^link expires +2026-11-22 \d\d:\d\d:\d\dZ$", shown, re.MULTILINE)
    assert "link               open for 60 more min; its text is not sent yet (console: queued)" in shown
    clock.advance(600)
    sent = schema.confirmation.update().values(
        sent_at=clock.now(), recipient="+34600111222", body=link.short_url
    )
    with services.engine.begin() as tx:
        tx.execute(sent.values(state="delivered", channel="sms"))
    later = paybycall("show", attempt_id).stdout
    assert "open for 50 more min; texted to ...1222 at 2026-11-22 " in later
    assert "(sms: delivered)" in later
    clock.advance(3600)
    assert "expired; the gateway is being asked whether it was paid" in paybycall("show", attempt_id).stdout
    for output in (shown, later):
        assert link.token.reveal() not in output, "who has it may pay"
        assert "https://bank.example/pay" not in output
    assert " link ----" in paybycall("list").stdout


def test_listed_since_a_moment_each_once(paybycall: Run, services: PaymentServices) -> None:
    services.paid()
    services.pass_time(7200)
    late = services.attempt(services.paid())
    for since in ("2026-11-22T11:00:00Z", "2026-11-22 12:00:00+01:00", "2026-11-22T11:00"):
        assert references(paybycall("list", "--since", since).stdout) == [late.reference]
    assert len(references(paybycall("list", "--since", "2026-11-22").stdout)) == 2
    for nonsense in ("yesterday", "0001-01-01T00:00:00+10:00", "9999-99-99"):
        assert paybycall("list", "--since", nonsense).exit_code == 2


@pytest.mark.slow
def test_a_refund_is_asked_for_with_its_work(paybycall: Run, services: PaymentServices) -> None:
    paid = services.paid()
    done = paybycall("refund", services.attempt(paid).reference, "--amount", "15.00", "--yes")
    assert (done.exit_code, done.stdout.endswith("of 15.00 EUR requested.\n")) == (0, True)
    assert backlog(services.engine)["waiting"] == 1
    assert services.attempt(paid).refunded_minor == 1500
    refused = paybycall("refund", paid, "--amount", "30")
    assert (refused.exit_code, refused.stderr[:15]) == (2, "Only 25.00 EUR ")
    for odd in (["--amount", "1e1"], ["--amount", "1.000"], ["--amount", ""], ["--amount-minor", "1.0"]):
        assert paybycall("refund", paid, *odd, "--yes").exit_code == 2
    assert "two ways" in paybycall("refund", paid, "--amount", "1.000").stderr
    assert services.attempt(paid).refunded_minor == 1500
    for amount, minor in ((["--amount", "1,00 €"], 1600), (["--amount-minor", "101"], 1701)):
        assert paybycall("refund", paid, *amount, "--yes").exit_code == 0
        assert services.attempt(paid).refunded_minor == minor
    assert "cli: " in paybycall("show", paid).stdout


@pytest.mark.parametrize(
    ("word", "state"), [("--charged", State.APPROVED), ("--not-charged", State.CANCELLED)]
)
def test_a_person_decides_once(
    paybycall: Run, services: PaymentServices, undecided: str, word: str, state: State
) -> None:
    assert (
        f"paybycall payment decide {services.attempt(undecided).reference}"
        in paybycall("show", undecided).stderr
    )
    assert paybycall("decide", undecided).exit_code == 2
    assert paybycall("decide", undecided, "--charged", "--not-charged").exit_code == 2
    assert services.state(undecided) == State.NEEDS_REVIEW
    if state is State.APPROVED:  # no bank listens here
        silent = paybycall("decide", undecided, word, "--gateway-reference", "ch_1", "--yes")
        assert (silent.exit_code, services.state(undecided)) == (2, State.NEEDS_REVIEW)
        assert "try again, or add --unchecked" in silent.stderr
    asked = (undecided, word, "--gateway-reference", "ch_1", "--unchecked")
    unasked = paybycall("decide", *asked)
    assert (unasked.exit_code, services.state(undecided)) == (2, State.NEEDS_REVIEW)
    assert "no terminal to ask you on" in unasked.stderr
    decided = paybycall("decide", *asked, "--yes")
    assert (decided.exit_code, services.state(undecided)) == (0, state)
    assert decided.stdout == f"{undecided} is now {state.public}.\n"
    assert services.attempt(undecided).gateway_reference == ("ch_1" if state is State.APPROVED else None)
    again = paybycall("decide", undecided, "--charged", "--yes")
    assert (again.exit_code, services.state(undecided)) == (2, state)
    assert "nothing to decide" in again.stderr


def test_a_charge_without_a_reference_is_told(
    paybycall: Run, services: PaymentServices, undecided: str
) -> None:
    decided = paybycall("decide", undecided, "--charged", "--yes")
    assert (decided.exit_code, services.state(undecided)) == (0, State.APPROVED)
    assert "can only be refunded in the gateway's dashboard" in decided.stderr


def test_without_a_gateway_or_a_refund(
    paybycall: Run, services: PaymentServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = services.paid()
    assert paybycall("decide", "refund_9", "--charged").exit_code == 2
    monkeypatch.setenv("GATEWAY", "nobank")
    assert "no gateway 'nobank'" in paybycall("refund", paid).stderr
    monkeypatch.delenv("GATEWAY")
    assert paybycall("refund", paid).stderr.startswith("Set GATEWAY:")
    assert services.attempt(paid).refunded_minor == 0


def test_without_room_for_work(paybycall: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/half.db"
    half = PaymentServices(make_engine(url), bank=FakeGateway(name="sandbox"))
    migrate(half.engine)
    monkeypatch.setenv("DATABASE_URL", url)
    assert "paybycall migrate" in paybycall("refund", half.paid()).stderr
    half.engine.dispose()
