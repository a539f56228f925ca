"""Bills out of a CSV file, as a spreadsheet or a billing system writes it: good rows are kept, bad ones told
by line.

The file is read as a stream and stored in small transactions, so that no call waits for an import. The same
file again changes nothing. `ivr.bills.csv_table` reads the file itself.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import BinaryIO

import sqlalchemy as sa

from gateways.capability import Capabilities
from ivr.bills import store
from ivr.bills.bill import BillChangeError, BillError, NewBill, not_chargeable
from ivr.bills.csv_table import BadRow, Table, UnreadableFileError, read_table
from ivr.bills.fields import LeftOut, read_bill
from ivr.platform.amounts import Spelling
from ivr.platform.clock import Clock
from ivr.platform.ids import Ids

_ROWS_A_TRANSACTION = 200


@dataclass(frozen=True, slots=True)
class _Good:
    """A row that is to be stored."""

    line: int
    bill: NewBill
    left_out: list[str]


@dataclass(slots=True)
class Report:
    """What an import did: rows stored, by what storing them did, and rows refused."""

    stored: Counter[store.Change] = field(default_factory=Counter)
    refused: int = 0
    ignored_columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = [f"{self.stored[change]} {change}" for change in store.Change]
        return ", ".join([*counts, f"{self.refused} refused"])


@dataclass(frozen=True, kw_only=True)
class ImportListener:
    """Who hears of an import while it runs."""

    refused: Callable[[BadRow], None]
    """A row that is not stored."""
    warned: Callable[[BadRow], None] = lambda _: None
    """A row that is stored, and what is to be known of it."""
    read: Callable[[int], None] = lambda _: None
    """So many bytes of the file were read."""
    storing: Callable[[], AbstractContextManager[object]] = nullcontext
    """Entered while rows are stored and counted, which is not to be interrupted."""


@dataclass(slots=True, kw_only=True)
class CsvImport:
    """One import. `report` counts what is stored, also after a fault."""

    engine: sa.Engine
    home_country: str
    clock: Clock
    ids: Ids
    listener: ImportListener
    gateway: Capabilities
    """What it can charge."""
    spelling: Spelling = Spelling.UNSAID
    """Of the amounts, where the file does not say."""
    dry_run: bool = False
    """Finds out what would be stored, and stores nothing."""
    report: Report = field(default_factory=Report)
    line_of: dict[str, int] = field(default_factory=dict)
    """Reference -> the line on which it stands."""

    def run(self, file: BinaryIO) -> Report:
        """Stores the good rows of the whole file; raises `table.UnreadableFileError` where it is none."""
        batch: list[_Good] = []
        for row in self._good_rows(file):
            batch.append(row)
            if len(batch) == _ROWS_A_TRANSACTION:
                self._store(batch)
                batch = []
        self._store(batch)
        return self.report

    def _good_rows(self, file: BinaryIO) -> Iterator[_Good]:
        table = read_table(file, self.listener.read)
        spelling = self._spelling_of(table)
        self.report.ignored_columns = table.ignored_columns
        for row in table.rows:
            if isinstance(row, BadRow):
                self._refuse(row)
                continue
            left_out = LeftOut(refuse_two=False)
            try:
                bill = read_bill(
                    row.fields, home_country=self.home_country, spelling=spelling, on_left_out=left_out
                )
            except BillError as fault:
                self._refuse(BadRow(row.line, str(fault)))
                continue
            first = self.line_of.setdefault(bill.reference, row.line)
            if first != row.line:
                self._refuse(BadRow(row.line, f"reference is already used on line {first}"))
                continue
            yield _Good(row.line, bill, left_out.told)

    def _spelling_of(self, table: Table) -> Spelling:
        said = {self.spelling, table.spelling} - {Spelling.UNSAID}
        if len(said) > 1:
            raise UnreadableFileError("The decimal mark in the file differs from --decimal.")
        return said.pop() if said else Spelling.UNSAID

    def _store(self, batch: list[_Good]) -> None:
        if not batch:
            return
        with self.listener.storing():
            with self.engine.connect() as tx, tx.begin() as transaction:
                bills = [row.bill for row in batch]
                results = store.upsert_all(tx, bills, "import", clock=self.clock, ids=self.ids)
                if self.dry_run:
                    transaction.rollback()
            self.report.stored.update(one.change for one in results if isinstance(one, store.Stored))
        for row, result in zip(batch, results, strict=True):
            if isinstance(result, BillChangeError):
                self._refuse(BadRow(row.line, str(result)))
                continue
            chargeable = not_chargeable(row.bill, self.gateway)
            closes = store.LINK_CLOSES if result.closes_link else None
            for why in (*row.left_out, chargeable, closes):
                if why is not None:
                    self.listener.warned(BadRow(row.line, why))

    def _refuse(self, bad: BadRow) -> None:
        self.report.refused += 1
        self.listener.refused(bad)
