"""Fills databases as a release leaves them in the middle of its work: `python -m tests.releases.fill FOLDER`.

To be run once, with the very code of a release that has landed; README.md tells how. Time and ids are the
test's own, so a second run writes the same, but for what is sealed with random keys. What happened long ago
is played first; at the end nobody works any more, and calls stay on the line wherever a call can stand.
"""

import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa

from gateways.events import (
    DisputeState,
    DisputeUpdated,
    PaymentUpdated,
    PayoutFailed,
    PayoutSettled,
    RefundUpdated,
)
from gateways.settlement import LineKind, PayoutLine
from ivr.bills import store
from ivr.bills.bill import NewBill
from ivr.calls.remote_calls import RemoteCalls
from ivr.calls.store import forget_turns
from ivr.jobs.job_list import (
    CHARGE_ATTEMPT,
    FORGET_CARD,
    LOOK_AT_LINK,
    READ_PAYOUT,
    REFUND_PAYMENT,
    SEND_MESSAGE,
    VOID_ATTEMPT,
)
from ivr.jobs.store import migrate_work
from ivr.platform.database.engine import make_engine, reading
from ivr.platform.database.migrations import migrate
from ivr.simulators.phone.events import DialStatus
from ivr.web.api import keys as api_keys
from tests.releases.filler import HOUR_S, STRICT, Filler, phone
from tests.releases.open_calls import DiedError, StillOnTheLineError
from tests.support import schema
from tests.support.carrier_api import DROP, Fault, carrier_api
from tests.support.merchant_server import merchant_server
from tests.support.payer import CARD
from tests.support.phone import CALLED
from tests.support.server import SPANISH
from tests.support.server_parts import SubmissionPool

DECLINED = ("(declined)", "(expiry)", "(code)")
APPROVAL = ("(authentication)", "(expiry)", "(code)")
PAID = ("1", *CARD, "1")
KEPT = ("1", *CARD, "7")


def long_ago(fill: Filler) -> None:
    """What is over: payments and texts of every end, refunds, and a day on which nobody answered."""
    server, bank = fill.server, fill.server.bank
    with server.on.engine.begin() as tx:
        _, secret = api_keys.make(tx, "billing system", clock=server.clock, ids=fill.ids)
        revoked, _ = api_keys.make(tx, "an old program", clock=server.clock, ids=fill.ids)
        api_keys.revoke(tx, revoked.id, clock=server.clock)
    fill.api_key = secret.reveal()
    fill.ring(*PAID)
    server.pass_time(30)
    delivered = fill.last_attempt()
    fill.text_status(fill.text_of(delivered), "delivered")
    fill.ring(*PAID, to_number=SPANISH)
    server.pass_time(30)
    fill.text_status(fill.text_of(fill.last_attempt()), "undelivered", "30006")
    fill.carrier.faults.append(Fault(400, 21610))
    fill.ring(*PAID)  # they asked for no more texts: failed
    server.pass_time(30)
    fill.bill(9001, phone=None)
    fill.ring("30009001", *PAID, caller="anonymous", bill=None)  # nobody to text: spoken
    fill.ring("1", *DECLINED, "1", *DECLINED, "1")
    fill.ring(*PAID, bill={"billed_minor": 4973})  # the request was lost: fenced
    fill.ring("2", "20*00#", "1", *CARD, "1")  # a part
    server.pass_time(60)
    server.work.absent = True
    fill.ring(*PAID)  # nobody charged it in time: abandoned
    server.work.absent = False
    server.pass_time(600)
    fill.merchant.status = 500
    fill.ring(*PAID)  # its outcome is given up after three days
    server.pass_time(60)
    bank.harm("drop_after", "/charges", times=1)
    bank.harm("drop_before", "/lookups", times=1000)
    fill.ring(*PAID)  # nobody knows for a day: for a person
    server.pass_time(25 * HOUR_S)
    fill.heal()
    refunds(fill, delivered)
    server.pass_time(48 * HOUR_S)
    fill.merchant.status = 200
    money_from_the_gateway(fill, delivered)


def refunds(fill: Filler, attempt_id: str) -> None:
    """Approved, declined, and one for a person."""
    fill.refund(attempt_id, "first", 1000)
    fill.refund(attempt_id, "second", 274)  # the amount of which the bank declines
    fill.server.pass_time(60)
    fill.server.bank.harm("drop_after", "/refunds", times=1)
    fill.server.bank.harm("drop_before", "/lookups", times=1000)
    fill.refund(attempt_id, "third", 300)
    fill.server.pass_time(26 * HOUR_S)
    fill.heal()


@dataclass
class TellingGateway:
    """A gateway that tells the lines of payouts, as the sandbox does not."""

    lines: dict[str, list[PayoutLine]]
    gateway: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.gateway, name)

    def payout_lines(self, reference: str) -> list[PayoutLine]:
        return self.lines[reference]


def money_from_the_gateway(fill: Filler, attempt_id: str) -> None:
    """Disputes of every state, and payouts: read, failed, and one that nobody could read yet."""
    now = fill.server.clock.now()
    with reading(fill.server.on.engine) as tx:
        query = sa.select(schema.attempt.c.gateway_reference).where(schema.attempt.c.id == attempt_id)
        charge = str(tx.execute(query).scalar_one())
    ends = now + timedelta(days=9)
    for number, state in enumerate((DisputeState.OPEN, DisputeState.WON, DisputeState.LOST), start=1):
        told = DisputeUpdated(f"dp_{number}", charge, 4990, "EUR", "fraudulent", state, ends)
        fill.news("dispute", told)
    fill.news("dispute", DisputeUpdated("dp_4", "ch_of_nobody", 100, "EUR", "general", DisputeState.OPEN))
    line = PayoutLine(
        "txn_1", LineKind.CHARGE, "charge", 4990, 90, 4900, "EUR", now, now, charge, attempt_id, None, charge
    )
    back = PayoutLine(
        "txn_2", LineKind.REFUND, "refund", -1000, 0, -1000, "EUR", now, now, charge, attempt_id, "refund_1"
    )
    gateway = TellingGateway(
        {"po_1": [line, back], "po_2": [replace(line, reference="txn_3")]}, fill.server.on.gateway
    )
    fill.server.work.absent = True
    for reference, amount_minor in (("po_1", 3900), ("po_2", 4900)):
        fill.news("payout", PayoutSettled(reference, amount_minor, "EUR", now + timedelta(days=2)))
    for payout_id in ("payout_1", "payout_2"):
        fill.do(READ_PAYOUT, payout_id, gateway=gateway)
    fill.news("payout", PayoutFailed("po_2", 4900, "EUR", now + timedelta(days=2), "account_closed"))
    fill.server.work.absent = False


def locked_out(fill: Filler) -> None:
    """A call, a caller, a bill, a card and its BIN; the breaker was open, and a person closed it."""
    fill.ring("1", *DECLINED, "1", "(no_funds)", "(expiry)", "(code)", "1")
    fill.server.pass_time(60)
    for one in fill.api("GET", "/lockouts?which=all")["lockouts"]:
        if one["kind"] == "breaker":
            fill.api("DELETE", f"/lockouts/{one['id']}")


def bills_of_every_kind(fill: Filler) -> None:
    """By each source; withdrawn, overdue, paid elsewhere, in yen."""
    server = fill.server
    fill.api("POST", "/bills", json={"reference": "40000001", "amount_minor": 9900, "currency": "EUR"})
    fill.api(
        "POST",
        "/bills",
        json={"reference": "40000002", "amount_minor": 9900, "currency": "EUR", "status": "withdrawn"},
    )
    fill.api(
        "POST",
        "/bills",
        json={"reference": "40000003", "amount_minor": 9900, "currency": "EUR", "status": "paid"},
    )
    imported = NewBill(
        reference="40000004",
        currency="JPY",
        billed_minor=4990,
        minimum_minor=4990,
        due_date=server.clock.now().date() - timedelta(days=30),
        payer_phone=phone(9004),
        paid_elsewhere_minor=100,
    )
    with server.on.engine.begin() as tx:
        store.upsert(tx, imported, source="import", clock=server.clock, ids=fill.ids)
    fill.merchant.answer({"reference": "40000005", "amount_minor": 4990, "currency": "EUR"})
    fill.ring("40000005", bill=None)
    fill.merchant.answer({"error": "no such bill"}, status=404)
    fill.ring("10101010", "20202020", bill=None)  # guesses
    fill.merchant.answer({})


def cards_and_links(fill: Filler) -> None:
    """Cards that are kept, forgotten and on their way to either; links of callers who ring again."""
    server = fill.server
    callers = {}
    for name in ("offered", "delete", "pays", "forgotten", "forgetting"):
        call, _ = fill.ring(*KEPT)
        callers[name] = call.from_number
        fill.bill(fill.count + 5000, phone=call.from_number)
        server.pass_time(60)
    fill.api("DELETE", f"/cards/{fill.card_of(callers['forgotten'])}")
    server.pass_time(60)
    server.work.absent = True
    fill.api("DELETE", f"/cards/{fill.card_of(callers['forgetting'])}")
    fill.die(FORGET_CARD, fill.card_of(callers["forgetting"]), "forget_card")
    server.work.absent = False
    for name in ("menu", "menu_part", "closing", "renewing", "sends_again", "paid_elsewhere", "payable"):
        part = ("2", "20*00#", "1") if name == "menu_part" else ("1",)
        call, _ = fill.ring(*part, *APPROVAL, "1")
        callers[name] = call.from_number
    server.pass_time(20)
    fill.callers = callers


def on_the_line(fill: Filler) -> None:
    """Calls that stand wherever a call can stand, and nobody works."""
    server, callers = fill.server, fill.callers
    server.work.absent = True
    fill.news("payout", PayoutSettled("po_3", 100, "EUR", server.clock.now() + timedelta(days=2)))
    fill.news("payment", PaymentUpdated(fill.last_attempt(state="fenced")))
    fill.news("refund", RefundUpdated("refund_1"))
    reference = fill.value(schema.bill.c.reference, payer_phone=callers["paid_elsewhere"])
    fill.api(
        "POST",
        "/bills",
        json={"reference": reference, "amount_minor": 4990, "currency": "EUR", "status": "paid"},
    )
    fill.ring(name="asks_language", to_number=CALLED, bill=None)
    fill.ring(name="asks_reference", bill=None)
    fill.ring(name="offers_all_or_part")
    fill.ring(name="offers_all", bill={"minimum_minor": 4990})
    fill.ring(name="offers_less", bill={"billed_minor": 2 * 10**12})
    fill.ring("2", name="asks_amount")
    fill.ring("2", "20*00#", name="confirms_amount")
    fill.ring("1", name="card_number")
    fill.ring("1", "(visa)", name="card_expiry")
    fill.ring("1", "(visa)", "(expiry)", name="card_code", to_number=SPANISH)
    fill.ring("1", *CARD, name="confirms_or_keeps")
    fill.bill(9002, phone=None)
    fill.ring("30009002", "1", *CARD, name="confirms", caller="anonymous", bill=None)
    again = {"bill": None}
    fill.ring("1", name="offers_saved_card", caller=callers["offered"], **again)
    fill.ring("1", "9", name="asks_to_delete", caller=callers["delete"], **again)
    fill.ring(name="link_is_open", caller=callers["menu"], **again)
    fill.ring(name="link_is_open_for_a_part", caller=callers["menu_part"], **again)
    fill.ring("0", name="rings_a_person", person=holds_the_line)
    fill.ring(*["(silence)"] * 6, name="rings_a_person_for_help", person=holds_the_line)
    with patch.object(RemoteCalls, "make", side_effect=DiedError):
        fill.merchant.answer({"reference": "40000006", "amount_minor": 4990, "currency": "EUR"})
        fill.ring("40000006", name="look_up_not_answered", bill=None)
        fill.ring("1", name="card_entry_not_opened")
    fill.ring("1", "(visa)", "(expiry)", name="card_entry_not_collected")
    with patch.object(RemoteCalls, "make", side_effect=DiedError):
        fill.key("card_entry_not_collected", "(code)")
    ends_of_the_moment(fill)
    with fill.beside(SANDBOX_CARD_ENTRY="authorize"):
        fill.ring("1", name="confirms_amount_before_card")
        fill.ring("1", "1", name="card_number_to_authorize")
    with fill.beside(CARD_ENTRY="pay"):
        fill.ring("1", name="card_at_the_carrier")
    waits_for_the_worker(fill)


def holds_the_line(_: str) -> DialStatus:
    """The person's telephone rings."""
    raise StillOnTheLineError


def ends_of_the_moment(fill: Filler) -> None:
    """What a worker was doing: charges without an answer, texts on their way, refunds just asked for."""
    bank = fill.server.bank
    for name in ("taken", "never_arrived"):
        fill.ring(*PAID[:-1], name=f"charge_{name}")
        fill.key(f"charge_{name}", "1")
        bank.harm("drop_after" if name == "taken" else "drop_before", "/charges", times=1)
        fill.do(CHARGE_ATTEMPT, fill.last_attempt())
    bank.harm("drop_after", "/charges", times=1)
    fill.hang_up(*PAID)
    fill.do(CHARGE_ATTEMPT, fill.last_attempt())
    texts: dict[str, str] = {}
    for name in ("kept", "sending", "maybe_sent", "held", "queued", "sent", "refund"):
        fill.hang_up(*(KEPT if name == "kept" else PAID))
        fill.do(CHARGE_ATTEMPT, fill.last_attempt())
        texts[name] = fill.text_of(fill.last_attempt())
    fill.die(SEND_MESSAGE, texts["sending"], "send")
    fill.carrier.faults.append(DROP)
    fill.do(SEND_MESSAGE, texts["maybe_sent"])
    fill.carrier.faults.append(Fault(401, 20003))
    fill.do(SEND_MESSAGE, texts["held"])
    fill.do(SEND_MESSAGE, texts["sent"])
    paid = fill.last_attempt()
    fill.refund(paid, "fourth", 100)
    bank.harm("drop_before", "/refunds", times=1)
    fill.do(REFUND_PAYMENT, fill.last_refund())
    fill.refund(paid, "fifth", 200)


def waits_for_the_worker(fill: Filler) -> None:
    """Callers who hear "one moment": begun early, confirmed at last, so that nothing is too late."""
    callers = fill.callers
    again = {"bill": None}
    fill.ring("1", *CARD, name="charge")
    fill.ring("1", *CARD, name="charge_and_keep")
    fill.ring("1", *CARD, name="charge_was_sent")
    fill.ring("1", name="charge_saved_card", caller=callers["pays"], **again)
    fill.ring("1", *APPROVAL, name="sends_link")
    fill.ring(name="closes_link", caller=callers["closing"], **again)
    fill.ring(name="renews_link", caller=callers["renewing"], **again)
    fill.ring(name="sends_link_again", caller=callers["sends_again"], **again)
    fill.ring("1", "(visa)", "(expiry)", name="card_is_sent")
    fill.key("closes_link", "1")
    fill.key("renews_link", "2")
    fill.key("sends_link_again", "2")
    fill.do(LOOK_AT_LINK, fill.last_attempt(state="link_closing", payer_phone=callers["sends_again"]))
    fill.key("sends_link_again", pauses=2)
    fill.key("sends_link", "1")
    fill.do(CHARGE_ATTEMPT, fill.last_attempt())
    fill.key("sends_link", pauses=2)
    fill.key("charge", "1")
    fill.key("charge_and_keep", "7")
    fill.key("charge_saved_card", "1")
    fill.key("charge_was_sent", "1")
    fill.die(CHARGE_ATTEMPT, fill.last_attempt(), "charge")
    with fill.beside(SANDBOX_CARD_ENTRY="authorize"):
        fill.ring("1", "1", *CARD, name="charge_authorized")
    with patch.object(SubmissionPool, "submit"):  # the PCI process dies as it begins to send the card
        fill.key("card_is_sent", "(code)")


def of_an_authorizing_gateway(fill: Filler) -> None:
    """The card goes to the gateway as it is keyed: what was released, what is being released."""
    server = fill.server
    server.work.absent = True
    fill.hang_up("1", "1", *CARD)
    server.pass_time(40)
    server.work.absent = False
    server.pass_time(60)
    server.work.absent = True
    fill.hang_up("1", "1", *CARD)
    server.pass_time(40)
    released = fill.last_attempt()
    fill.do(CHARGE_ATTEMPT, released)
    fill.die(VOID_ATTEMPT, released, "void")


def main(into: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, carrier_api() as carrier, merchant_server() as merchant:
        fill = Filler(Path(folder), carrier, merchant)
        engine = make_engine(fill.database_url)
        migrate(engine)
        migrate_work(engine)
        with fill.serving():
            long_ago(fill)
        with fill.serving(**STRICT):
            locked_out(fill)
        with fill.serving(SANDBOX_CARD_ENTRY="authorize"):
            of_an_authorizing_gateway(fill)
        with fill.serving() as server:
            bills_of_every_kind(fill)
            cards_and_links(fill)
            on_the_line(fill)
            forget_turns(engine, server.clock.now())
            into.mkdir(exist_ok=True)
            fill.write(engine, into)
        engine.dispose()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
