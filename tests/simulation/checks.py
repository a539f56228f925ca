"""What must hold of a world once everything has healed: money, words, texts, and no trace of a card.

Each check says in a sentence what does not hold; a world without sentences is clean. The gateway's books are
the truth, ours are held against them.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import sqlalchemy as sa

from ivr.finance import ledger
from ivr.messaging.templates import ReceiptText, not_charged, receipt
from ivr.payments.attempts.states import HOLDING, State
from ivr.payments.refunds.store import REFUND_FINAL, RefundState
from ivr.payments.saved_cards.store import CardState
from ivr.pci import tables as pci_schema
from ivr.platform.database.engine import reading
from tests.simulation.callers import CARDS, SimulatedCaller
from tests.simulation.deployment import Deployment
from tests.simulation.simulated_gateway import Refunded, Taken, Truth, fingerprint
from tests.support import schema

_BARE = re.compile(r"(?<![\w.:])(?:0931|973|9731)(?![\w:]|\.\d)")
"""An expiry or code that stands alone: inside an id, a moment or a measure the same digits are chance."""
_NUMBERS = re.compile("|".join(CARDS.values()))
_TOKEN = re.compile(r"\b(?:tok|pm)_\w+")
_OF_A_CARD = ("token", "expiry_month", "expiry_year", "card_entry_id")
"""What a session keeps of a card between its entry and its charge."""
_GAPS = re.compile(r"(?<=\d)(?:, |[ -])(?=\d)")


@dataclass(frozen=True, slots=True)
class Tables:
    """Our books, read at once."""

    attempts: Mapping[str, Any]
    bills: Mapping[str, Any]
    refunds: Mapping[str, Any]
    saved_cards: list[Any]
    calls: list[Any]
    confirmations: list[Any]
    entries: list[Any]
    moves: list[Any]
    """The payments', in the order of their commits."""
    heard_at: Mapping[str, datetime]
    """When a webhook was taken, by its gateway and its id."""
    receivable: Mapping[str, int]
    """By what an entry is of: what the gateway owes us for it."""
    total_minor: int

    @classmethod
    def read(cls, deployment: Deployment) -> "Tables":
        accounts = [ledger.receivable(bank.name) for bank in deployment.banks]
        entry, line = schema.ledger_entry, schema.ledger_line
        with reading(deployment.web_database.engine) as tx:
            rows = {
                table.name: tx.execute(sa.select(table)).all()
                for table in (
                    schema.attempt,
                    schema.bill,
                    schema.refund,
                    schema.saved_card,
                    schema.call,
                    schema.confirmation,
                    schema.gateway_event,
                )
            }
            owed = sa.select(entry.c.source_id, line.c.amount_minor).select_from(entry.join(line))
            return cls(
                attempts={row.id: row for row in rows["attempt"]},
                bills={row.id: row for row in rows["bill"]},
                refunds={row.id: row for row in rows["refund"]},
                saved_cards=list(rows["saved_card"]),
                calls=list(rows["call"]),
                confirmations=list(rows["confirmation"]),
                moves=list(tx.execute(sa.select(schema.attempt_move).order_by(schema.attempt_move.c.id))),
                heard_at={f"{row.gateway} {row.event_id}": row.at for row in rows["gateway_event"]},
                entries=list(tx.execute(sa.select(entry))),
                receivable={
                    row.source_id: row.amount_minor
                    for row in tx.execute(owed.where(line.c.account.in_(accounts)))
                },
                total_minor=tx.execute(sa.select(sa.func.sum(line.c.amount_minor))).scalar() or 0,
            )


def money(books: Tables, truth: Truth) -> Iterator[str]:
    """Our books are the gateway's, to the cent."""
    yield from _charges(books, truth)
    yield from _refunds(books, truth)
    yield from _bills(books, truth)
    if books.total_minor:
        yield f"the ledger does not balance: {books.total_minor} is left over"
    for attempt in books.attempts.values():
        if attempt.state in HOLDING:
            yield f"{attempt.id} is still {attempt.state}"
        elif attempt.token is not None or attempt.gateway_authorization is not None:
            yield f"{attempt.id} is {attempt.state} and keeps what stands for a card"
    for key in truth.held:
        yield f"the issuer still holds the amount of {key}"
    for key in truth.open:
        yield f"the gateway still has {key} open"
    for key in truth.payable:
        yield f"the page of {key} can still be paid"
    for call in books.calls:
        if call.status != "ended":
            yield f"{call.id} never ended"


def _charges(books: Tables, truth: Truth) -> Iterator[str]:
    entered = Counter(entry.source_id for entry in books.entries if entry.kind == "charge")
    times = Counter(one.key for one in truth.taken)
    for one in truth.taken:
        yield from _charge(books, one, times[one.key], entered[one.key])
    for attempt in books.attempts.values():
        if attempt.state == State.APPROVED and attempt.id not in times:
            yield f"{attempt.id} is approved, and the gateway charged nothing"
    for source_id in entered:
        if source_id not in times:
            yield f"the ledger has a charge {source_id} that the gateway does not have"


def _charge(books: Tables, one: Taken, times: int, entered: int) -> Iterator[str]:
    attempt = books.attempts.get(one.key)
    if attempt is None:
        yield f"the gateway charged {one.amount_minor} for bill {one.bill} under {one.key}, no attempt"
        return
    if times > 1:
        yield f"{one.key} was charged {times} times"
    if attempt.state != State.APPROVED:
        yield f"the gateway charged {one.key}, which is {attempt.state}"
    if (attempt.amount_minor, attempt.currency) != (one.amount_minor, one.currency):
        yield f"{one.key} is of {attempt.amount_minor}, and {one.amount_minor} was charged"
    if attempt.gateway_reference not in {None, one.reference}:
        yield f"{one.key} is {attempt.gateway_reference} here and {one.reference} at the gateway"
    if entered != 1:
        yield f"{one.key} was charged, and has {entered} entries in the ledger"
    if books.receivable.get(one.key) != one.amount_minor:
        yield f"the ledger says {books.receivable.get(one.key)} for {one.key}, charged {one.amount_minor}"


def _refunds(books: Tables, truth: Truth) -> Iterator[str]:
    entered = Counter(entry.source_id for entry in books.entries if entry.kind == "refund")
    known = {one.key for one in truth.given_back}
    for one in truth.given_back:
        yield from _refund(books, one, entered[one.key])
    for refund in books.refunds.values():
        if refund.state == RefundState.APPROVED and refund.id not in known:
            yield f"{refund.id} is approved, and the gateway gave nothing back"
        if refund.state not in REFUND_FINAL:
            yield f"{refund.id} is still {refund.state}"
    for attempt in books.attempts.values():
        given = sum(one.amount_minor for one in truth.given_back if one.charge_key == attempt.id)
        if given > attempt.amount_minor:
            yield f"more was given back of {attempt.id} than it took"
        if attempt.refunded_minor != given:
            yield f"{attempt.id} says {attempt.refunded_minor} is refunded, and {given} was given back"


def _refund(books: Tables, one: Refunded, entered: int) -> Iterator[str]:
    refund = books.refunds.get(one.key)
    if refund is None:
        yield f"the gateway gave {one.amount_minor} of {one.charge_key} back under {one.key}, no refund"
        return
    if refund.state != RefundState.APPROVED:
        yield f"the gateway gave {one.key} back, which is {refund.state}"
    if (refund.attempt_id, refund.amount_minor) != (one.charge_key, one.amount_minor):
        yield f"{one.key} is not what the gateway gave back"
    if entered != 1 or books.receivable.get(one.key) != -one.amount_minor:
        yield f"{one.key} was given back, and has {entered} entries in the ledger"


def _bills(books: Tables, truth: Truth) -> Iterator[str]:
    owners = {attempt.id: attempt.bill_id for attempt in books.attempts.values()}
    references = {bill.reference: bill.id for bill in books.bills.values()}
    net: Counter[str] = Counter()
    for one in truth.taken:
        net[owners.get(one.key) or references.get(one.bill or "", "")] += one.amount_minor
    for back in truth.given_back:
        net[owners.get(back.charge_key, "")] -= back.amount_minor
    for bill in books.bills.values():
        if net[bill.id] > bill.billed_minor:
            yield f"{net[bill.id]} was taken for {bill.id}, billed {bill.billed_minor}"
        if bill.paid_minor != net[bill.id]:
            yield f"{bill.id} says {bill.paid_minor} is paid, and {net[bill.id]} was taken"
        if bill.reserved_minor:
            yield f"{bill.reserved_minor} of {bill.id} is still reserved"


def confirmations(books: Tables, truth: Truth, merchant: str, texts: str) -> Iterator[str]:
    """Each charge has one record that says so; no other payer reads that they paid; no text leaves twice."""
    charged = {one.key for one in truth.taken}
    found = Counter(one.attempt_id for one in books.confirmations if one.purpose == "receipt")
    for key in sorted(charged & books.attempts.keys()):
        if found[key] != 1:
            yield f"{key} was charged, and has {found[key]} confirmation records"
    for one in books.confirmations:
        if (printed := texts.count(one.body)) > 1:
            yield f"the text of {one.attempt_id} was sent {printed} times"
        if one.purpose != "receipt":
            continue
        attempt = books.attempts[one.attempt_id]
        facts = ReceiptText(
            merchant=merchant,
            amount_minor=attempt.amount_minor,
            currency=attempt.currency,
            bill=books.bills[attempt.bill_id].reference,
            last_four=attempt.last_four or "",
            reference=attempt.reference,
        )
        pending = not_charged(facts, one.language, may_be_pending=True)
        if one.attempt_id in charged:
            due = {receipt(facts, one.language)}
        elif attempt.state == State.VOIDED:
            due = {pending}
        else:
            due = {pending, not_charged(facts, one.language)}
        if one.body not in due:
            yield f"the confirmation of {one.attempt_id} says: {one.body}"


def saved_cards(books: Tables, truth: Truth, callers: Sequence[SimulatedCaller]) -> Iterator[str]:
    """A card is kept where its payer agreed to just that; what is forgotten is forgotten."""
    calls = {call.id: call.call_sid for call in books.calls}
    kept: set[str] = set()
    for card in books.saved_cards:
        caller = callers[int(calls[card.call_id].removeprefix("CA"), 16) - 1]
        if not any(words.endswith(card.consent_wording) for words in caller.agreed_to):
            yield f"{card.id} has a consent that nobody gave: {card.consent_wording}"
        if card.state == CardState.KEPT:
            kept.add(fingerprint(card.token))
            if not any(fingerprint(card.token) in names for names in truth.kept):
                yield f"{card.id} is kept here, and not at the gateway"
        elif card.state != CardState.FORGOTTEN:
            yield f"{card.id} is still {card.state}"
        elif card.token is not None:
            yield f"{card.id} is forgotten, and its token is there"
        if books.attempts[card.attempt_id].state != State.APPROVED:
            yield f"{card.id} came of {card.attempt_id}, which is {books.attempts[card.attempt_id].state}"
    for names in truth.kept:
        if not names & kept:
            yield "the gateway keeps a card that is not among ours"


def cards(deployment: Deployment, written: Iterable[tuple[str, str]]) -> Iterator[str]:
    """No digit of a card is left anywhere, and no key that opens anything."""
    for where, text in chain(written, _stored(deployment.web_database.engine, schema.metadata)):
        for trace in card_traces(text):
            yield f"{trace} stands in {where}"
    engine = deployment.pci_database.engine
    for where, text in _stored(engine, pci_schema.metadata):
        for trace in card_traces(text):
            yield f"{trace} stands in {where} of the PCI process"
    with reading(engine) as tx:
        for row in tx.execute(sa.select(pci_schema.card_entry)).mappings():
            for name, value in row.items():
                if isinstance(value, bytes):
                    yield f"{name} of a card entry still holds something"
    for name in deployment.keys_left():
        yield f"the key {name} is left"


def card_tokens(deployment: Deployment) -> Iterator[str]:
    """Nobody needs a card's token once its charge is asked for: no session keeps it then, and no call that
    has ended. May be asked at any moment.
    """
    with reading(deployment.web_database.engine) as tx:
        calls = tx.execute(sa.select(schema.call)).all()
    for call in calls:
        kept = [name for name in _OF_A_CARD if call.session.get(name) is not None]
        if call.session.get("charging") and kept:
            yield f"{call.id} waits for its charge, and its session keeps {', '.join(kept)}"
        if call.status == "ended" and (kept or _TOKEN.search(repr((call.session, call.intent)))):
            yield f"{call.id} has ended, and its session keeps {', '.join(kept) or 'a token'}"


def _stored(engine: sa.Engine, metadata: sa.MetaData) -> Iterator[tuple[str, str]]:
    """Every text of every row."""
    with reading(engine) as tx:
        for table in metadata.sorted_tables:
            for row in tx.execute(sa.select(table)):
                yield (
                    f"the table {table.name}",
                    repr([each for each in row if isinstance(each, str | dict | list | bytes)]),
                )


def card_traces(text: str) -> list[str]:
    """What stands there of a card."""
    if _NUMBERS.search(text) or _NUMBERS.search(_GAPS.sub("", text)):
        return ["a card number"]
    return ["an expiry or a code"] if _BARE.search(text) else []
