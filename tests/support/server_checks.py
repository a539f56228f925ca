"""What must hold of a server after any call, however it went: documents, logs, money, and no trace of a card.

`facts` tells what came of the calls in a few lines, for the foot of a dialogue file.
"""

import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import sqlalchemy as sa

from ivr.payments.attempts.states import HOLDING, State
from ivr.platform import money
from ivr.platform.database.engine import reading
from ivr.simulators.phone.schema import validate
from tests.support import schema
from tests.support.server import Server

CARDS = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "amex": "378282246310005",
    "unionpay_19": "6205500000000000004",
    "declined": "4000000000000002",
    "no_funds": "4000000000009995",
    "lost": "4000000000009987",
    "stolen": "4000000000009979",
    "expired": "4000000000000069",
    "wrong_code": "4000000000000127",
    "issuer_down": "4000000000000119",
    "blocked": "4100000000000019",
    "authentication": "4000002500003155",
}
"""The public test cards, by what the bank says to them."""
KEYED = {"expiry": "0931", "code": "973", "amex_code": "9731"}
"""The other keys of a card entry, as dialogues name them."""
NAMES = {**CARDS, **KEYED, "everything": f"1{CARDS['visa']}{KEYED['expiry']}{KEYED['code']}1"}
_BARE = re.compile(r"(?<![\w.:])(?:" + "|".join(KEYED.values()) + r")(?![\w:])")
"""An expiry or code that stands alone: inside an id or a moment the same digits are chance."""
_BAD = {"error", "critical", "exception"}
_HOLD_TOKENS = {"call", "attempt", "saved_card"}
"""The tables in which what stands for a card may wait, and nothing else."""


def check(server: Server) -> None:
    """Raises AssertionError where anything does not hold."""
    server.clock.settle()
    assert not server.work.failed, server.work.failed
    _documents(server)
    _logs(server)
    check_money(server.on.engine, server.bank.rows)
    for where, text in everything_written(server):
        traces = card_traces(text)
        assert not traces, f"{traces} in {where}"
        assert where in _HOLD_TOKENS or not any(one in text for one in server.bank.ids.secrets), where


def card_traces(text: str) -> list[str]:
    """The names of what stands there of a card."""
    compact = re.sub(r"(?<=\d)(?:, |[ -])(?=\d)", "", text)
    found = [name for name, number in CARDS.items() if number in text or number in compact]
    return found + _BARE.findall(text)


def _documents(server: Server) -> None:
    for each in server.transport.posted:
        if each.answer.content_type == "text/xml":
            assert not (faults := validate(each.answer.body.decode())), (each.url, faults)


def _logs(server: Server) -> None:
    surprises = [
        entry
        for entry in server.logs
        if entry["log_level"] in _BAD and str(entry["event"]) not in server.expected
    ]
    assert not surprises, surprises


def everything_written(server: Server) -> Iterator[tuple[str, str]]:
    """The log before it is scrubbed, every value of the web database, and its very files."""
    for entry in server.logs:
        yield "the log", repr(entry)
    with reading(server.on.engine) as connection:
        for table in schema.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                yield table.name, repr([value for value in row if isinstance(value, str | dict | list)])
    database = server.on.engine.url.database or ""
    if server.on.engine.dialect.name == "sqlite":
        for suffix in ("", "-wal"):
            content = _read(database + suffix)
            assert not [name for name, number in CARDS.items() if number.encode() in content]
    for each in server.transport.posted:
        yield each.url, each.answer.body.decode()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path with a suffix on its end
            return file.read()
    except FileNotFoundError:
        return b""


def check_money(engine: sa.Engine, bank_rows: Callable[[str], list[dict[str, Any]]]) -> None:
    """What the bank took is what the books hold, each payment is confirmed once, no bill is overpaid."""
    with reading(engine) as connection:
        bills = connection.execute(sa.select(schema.bill)).all()
        attempts = connection.execute(sa.select(schema.attempt)).all()
        entries = connection.execute(sa.select(schema.ledger_entry)).all()
        receivable = connection.execute(
            sa.select(schema.ledger_entry.c.source_id, schema.ledger_line.c.amount_minor)
            .join(schema.ledger_line)
            .where(schema.ledger_line.c.account == "gateway:sandbox:receivable")
        ).all()
        confirmed = (
            connection.execute(
                sa.select(schema.confirmation.c.attempt_id).where(schema.confirmation.c.purpose == "receipt")
            )
            .scalars()
            .all()
        )
        links = connection.execute(
            sa.select(schema.confirmation.c.attempt_id).where(schema.confirmation.c.purpose == "link")
        ).scalars()
        linked = [one.id for one in attempts if one.method == "link"]
        assert set(links) <= set(linked)
    approved = sorted(one.id for one in attempts if one.state == State.APPROVED)
    assert sorted(one.source_id for one in entries if one.kind == "charge") == approved
    assert len(set(confirmed)) == len(confirmed)
    promised = {one.id for one in attempts if one.promised_at is not None}
    assert set(approved) <= set(confirmed) <= set(approved) | promised
    for bill in bills:
        own = [one for one in attempts if one.bill_id == bill.id]
        paid = [one.amount_minor - one.refunded_minor for one in own if one.state == State.APPROVED]
        assert bill.paid_minor == sum(paid)
        assert bill.reserved_minor == sum(one.amount_minor for one in own if one.state in HOLDING)
        assert bill.paid_minor + bill.reserved_minor <= bill.billed_minor
    moved = bank_rows("SELECT key, kind, amount_minor FROM movement WHERE state = 'approved'")
    taken = {
        row["key"]: -row["amount_minor"] if row["kind"] == "refund" else row["amount_minor"] for row in moved
    }
    books = {row.source_id: row.amount_minor for row in receivable}
    open_ones = {one.id for one in attempts if one.state in HOLDING}
    assert books.items() <= taken.items()
    assert taken.keys() - books.keys() <= open_ones, "the bank moved money that our books do not know"
    for one in attempts:
        if one.state not in HOLDING:
            assert one.token is None
            assert one.gateway_authorization is None


def facts(server: Server) -> list[str]:
    """What came of the calls so far."""
    return list(chain(_calls(server), _attempts(server), _bills(server), _cards(server), _texts(server)))


def _calls(server: Server) -> Iterator[str]:
    with reading(server.on.engine) as connection:
        calls = connection.execute(sa.select(schema.call).order_by(schema.call.c.started_at)).all()
    for call in calls[-1:]:
        yield f"call {call.status}, {call.ended_because}, at {call.session['step']}"


def _attempts(server: Server) -> Iterator[str]:
    with reading(server.on.engine) as connection:
        moves = schema.attempt_move
        for one in connection.execute(sa.select(schema.attempt).order_by(schema.attempt.c.reference)):
            states = connection.execute(
                sa.select(moves.c.state).where(moves.c.attempt_id == one.id).order_by(moves.c.id)
            ).scalars()
            card = f" by {one.brand} {one.last_four}" if one.last_four else ""
            card = " by link" if one.method == "link" else card
            why = f" ({one.decline})" if one.decline else ""
            amount = money.plain(one.amount_minor, one.currency)
            yield f"payment {one.reference}, {amount}{card}: {', '.join(states)}{why}"


def _bills(server: Server) -> Iterator[str]:
    with reading(server.on.engine) as connection:
        for one in connection.execute(sa.select(schema.bill).order_by(schema.bill.c.reference)):
            shown = [money.plain(each, one.currency) for each in (one.billed_minor, one.paid_minor)]
            held = f", {one.reserved_minor} reserved" if one.reserved_minor else ""
            yield f"bill {one.reference}: {shown[1]} paid of {shown[0]}{held}"


def _cards(server: Server) -> Iterator[str]:
    with reading(server.on.engine) as connection:
        for one in connection.execute(
            sa.select(schema.saved_card).order_by(schema.saved_card.c.consented_at)
        ):
            why = f" ({one.forgotten_by.partition(':')[0]})" if one.forgotten_by else ""
            expiry = f"{one.expiry_month:02}/{one.expiry_year}"
            yield f"card {one.brand} {one.last_four}, {expiry}: {one.state}{why}"
            yield f"agreed in {one.consent_language} to {one.consent_prompt}: {one.consent_wording}"


def _texts(server: Server) -> Iterator[str]:
    with reading(server.on.engine) as connection:
        for one in connection.execute(
            sa.select(schema.confirmation).order_by(schema.confirmation.c.created_at)
        ):
            to = f" to {one.recipient}" if one.recipient else ""
            what = "confirmation" if one.purpose == "receipt" else "link"
            yield f"{what} {one.channel} {one.state}{to} in {one.language}"


def card_data_left(server: Server) -> list[str]:
    """The columns of the PCI process's database in which something of a card still waits, sealed."""
    from ivr.pci.tables import card_entry

    sealed = [column for column in card_entry.c if column.name.startswith(("sealed_", "wrapped_", "result_"))]
    with reading(server.pci_parts.engine) as connection:
        rows = connection.execute(sa.select(card_entry)).all()
    return [column.name for row in rows for column in sealed if getattr(row, column.name) is not None]
