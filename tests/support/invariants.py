"""What must hold of several processes on one PostgreSQL once nothing is under way: the bank's word and ours
agree to the cent, every payer heard the truth, nobody left work behind, no card is left anywhere.

`wait` first, then `check`. The bank is asked for its own records, so that our books are not their own judge.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ivr.jobs.backlog import backlog, failed_jobs
from ivr.payments.attempts.states import HOLDING, State
from ivr.pci.tables import card_entry
from ivr.platform.database.engine import reading
from tests.support import schema
from tests.support.many_callers import ManyCallers
from tests.support.server_checks import CARDS, card_traces, check_money
from tests.support.several_processes import SeveralProcesses

_LOST_LINE = re.compile(r"AdminShutdown|server closed the connection|connection is (?:lost|closed)")
"""PostgreSQL ended the session: what the test did itself."""
_CONNECTS = re.compile(r" in (?:__connect|connect)$")
EXPECTED_EVENTS = {"carrier_fallback", "worker_died", "worker_lock_lost"}
LOOK_S = 0.3
_SEALED = [column for column in card_entry.c if column.name.startswith(("sealed_", "result_"))]


def is_expected_error(entry: dict[str, Any]) -> bool:
    """Whether an error in a log is what killing and cutting off must lead to."""
    if entry["process"] == "pci" and "OperationalError" in entry.get("error", ()):
        # It says no words of an error. One that got no session is another matter, of which there are too few.
        return not any(_CONNECTS.search(frame) for frame in entry["where"])
    why = f"{entry.get('exception', '')} {entry.get('error', '')} {entry['event']}"
    return entry["event"] in EXPECTED_EVENTS or bool(_LOST_LINE.search(why))


def wait(several: SeveralProcesses) -> None:
    """Until nothing is under way; the story tells what is.

    A PCI process that was dead when a caller hung up keeps what was keyed, sealed, until it sweeps. Here the
    carrier says it once more, as it may: no test has ten minutes.
    """
    several.all_ready()
    for entry in _sealed_entries(several):
        several.server.repeat_hang_up(entry.call_sid)
    left: list[str] = []

    def is_finished() -> bool:
        before = list(left)
        left[:] = unfinished(several)
        if left and left != before:
            several.tell(f"under way: {', '.join(left)}")
        return not left

    several.until(is_finished, "rest", every_s=LOOK_S)


def unfinished(several: SeveralProcesses) -> list[str]:
    """What is still under way."""
    server = several.server
    attempts = schema.attempt.c
    held = server.rows(sa.select(attempts.id, attempts.state).where(attempts.state.in_(HOLDING)))
    queued = server.rows(sa.select(schema.confirmation.c.id).where(schema.confirmation.c.state == "queued"))
    sealed = [entry.id for entry in _sealed_entries(several)]
    keys = list((server.folder / "keys" / "entries").iterdir())
    missing = [name for name in server.members if not server.is_ready(name)]
    found = [*map(str, held), *map(str, queued), *sealed, *map(str, keys), *missing]
    if not found:  # asked last: it costs most
        work = backlog(server.engine)
        found += [f"{work[kind]} jobs {kind}" for kind in ("waiting", "running") if work[kind]]
    return found


def _sealed_entries(several: SeveralProcesses) -> list[Any]:
    """The card entries of which something sealed is kept."""
    kept = sa.or_(*[column.is_not(None) for column in _SEALED])
    with reading(several.databases[1]) as tx:
        return list(tx.execute(sa.select(card_entry).where(kept)).all())


def check(several: SeveralProcesses, crowd: ManyCallers, outcomes: list[dict[str, Any]]) -> None:
    """Raises AssertionError where anything does not hold. `outcomes` is what the merchant was told."""
    server = several.server
    check_money(server.engine, server.bank_rows)
    assert not server.rows(sa.select(schema.bill).where(schema.bill.c.reserved_minor != 0))
    attempts = {one.id: one for one in server.rows(sa.select(schema.attempt))}
    approved = {id_ for id_, one in attempts.items() if one.state == State.APPROVED}
    _the_bank_agrees(several, approved)
    _payers_heard_the_truth(several, crowd, attempts)
    told = [one["data"]["payment_id"] for one in outcomes if one["type"] == "payment.approved"]
    assert set(told) == approved
    assert failed_jobs(server.engine) == []
    assert several.faults == []
    _no_card_is_left(several)
    server.excused = is_expected_error
    server.check_files()


def _the_bank_agrees(several: SeveralProcesses, approved: set[str]) -> None:
    server = several.server
    movements = server.bank_rows("SELECT key, amount_minor, metadata FROM movement WHERE state = 'approved'")
    assert {row["key"] for row in movements} == approved
    taken: Counter[str] = Counter()
    for row in movements:
        taken[json.loads(row["metadata"])["bill"]] += row["amount_minor"]
    billed = {row.reference: row for row in server.rows(sa.select(schema.bill))}
    assert {reference: row.paid_minor for reference, row in billed.items() if row.paid_minor} == taken
    assert all(taken[reference] <= row.billed_minor for reference, row in billed.items())
    sent = Counter(request.document["key"] for bank in several.banks.values() for request in bank.seen)
    assert not [key for key, times in sent.items() if times > 1], "a charge was sent twice"


def _payers_heard_the_truth(several: SeveralProcesses, crowd: ManyCallers, attempts: dict[str, Any]) -> None:
    calls = {
        row.id: row.call_sid
        for row in several.server.rows(sa.select(schema.call.c.id, schema.call.c.call_sid))
    }
    paid = Counter(calls[one.call_id] for one in attempts.values() if one.state == State.APPROVED)
    for rung in crowd.rungs:
        if "You have paid" in rung.words:
            assert paid[rung.call_sid] == 1, rung.words
        elif "not charged" in rung.words:
            assert paid[rung.call_sid] == 0, rung.words
    texts = several.server.rows(sa.select(schema.confirmation))
    for text in texts:
        charged = attempts[text.attempt_id].state == State.APPROVED
        told = ("received" in text.body, "nothing was charged" in text.body)
        assert told == (charged, not charged), text.body
    printed = "".join(path.read_text() for path in several.server.logs.glob("worker*"))
    for text in texts:
        assert printed.count(text.body) <= 1, text.body


def _no_card_is_left(several: SeveralProcesses) -> None:
    """Not in a table, ours or the engine's, and not in what PostgreSQL keeps of them."""
    for engine in several.databases:
        tables = sa.MetaData()
        for name in (None, "dbos"):
            if sa.inspect(engine).has_schema(name or "public"):
                tables.reflect(engine, schema=name)
        with reading(engine) as tx:
            for table in tables.sorted_tables:
                for row in tx.execute(sa.select(table)):
                    text = repr([value for value in row if isinstance(value, str | dict | list)])
                    numbers = [name for name, number in CARDS.items() if number in text]
                    assert not (numbers if table.schema else card_traces(text)), table.name
    for path, content in _kept_by_postgres(several):
        assert not [name for name, number in CARDS.items() if number.encode() in content], path


def _kept_by_postgres(several: SeveralProcesses) -> Iterator[tuple[Path, bytes]]:
    """The files of the two databases, and the log of what was written since the server was started; nothing
    where the server is on another machine.
    """
    first, offset = several.written_from
    for engine in several.databases:
        with reading(engine) as tx:
            home = Path(tx.scalar(sa.text("SHOW data_directory")))
            number = tx.scalar(sa.text("SELECT oid FROM pg_database WHERE datname = current_database()"))
            last, end = tx.execute(
                sa.text("SELECT * FROM pg_walfile_name_offset(pg_current_wal_lsn())")
            ).one()
        if not home.is_dir():
            return
        for path in (home / "base" / str(number)).iterdir():
            yield path, path.read_bytes()
    for path in sorted((home / "pg_wal").glob("0*")):
        if first <= path.name <= last:
            written = path.read_bytes()[: end if path.name == last else None]
            yield path, written[offset if path.name == first else 0 :]
