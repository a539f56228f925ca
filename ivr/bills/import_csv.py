"""Bills out of a CSV file, as a spreadsheet or a billing system writes it: good rows are kept, bad ones told
by line.

May import `ivr.bills`, `ivr.storage` and the leaves. The file is read as a stream and stored in small
transactions, so that no call waits for an import. The same file again changes nothing. `ivr.bills.table`
reads the file itself.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import sqlalchemy as sa

from ivr.bills import store
from ivr.bills.bill import BillChangeError, BillError, NewBill
from ivr.bills.fields import read_bill
from ivr.bills.least import too_small
from ivr.bills.table import BadRow, read_table
from ivr.clock import Clock
from ivr.ids import Ids

_ROWS_A_TRANSACTION = 200


@dataclass(slots=True)
class Report:
    """What an import did: rows stored, by what storing them did, and rows refused."""

    stored: Counter[store.Change] = field(default_factory=Counter)
    refused: int = 0
    ignored_columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = [f"{self.stored[change]} {change}" for change in store.Change]
        return ", ".join([*counts, f"{self.refused} refused"])


class CsvImport:
    """One import. `on_refused` hears of each bad row at once; `report` counts what is stored, also after a
    fault.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        home_country: str,
        clock: Clock,
        ids: Ids,
        on_refused: Callable[[BadRow], None],
        on_warned: Callable[[BadRow], None] = lambda _: None,
        least_minor: Mapping[str, int] | None = None,
    ) -> None:
        """`least_minor`: what the gateway charges at least, by currency; `on_warned` hears of each row that
        was stored below it, or whose bill has a link that is closed first.
        """
        self._engine = engine
        self._home_country = home_country
        self._clock = clock
        self._ids = ids
        self._on_refused = on_refused
        self._on_warned = on_warned
        self._least_minor = least_minor or {}
        self._line_of: dict[str, int] = {}
        self.report = Report()

    def run(self, file: BinaryIO) -> Report:
        """Stores the good rows of the whole file; raises `table.UnreadableFileError` where it is none."""
        batch: list[tuple[int, NewBill]] = []
        for row in self._good_rows(file):
            batch.append(row)
            if len(batch) == _ROWS_A_TRANSACTION:
                self._store(batch)
                batch = []
        self._store(batch)
        return self.report

    def _good_rows(self, file: BinaryIO) -> Iterator[tuple[int, NewBill]]:
        table = read_table(file)
        self.report.ignored_columns = table.ignored_columns
        for row in table.rows:
            if isinstance(row, BadRow):
                self._refuse(row)
                continue
            try:
                bill = read_bill(row.fields, home_country=self._home_country)
            except BillError as fault:
                self._refuse(BadRow(row.line, str(fault)))
                continue
            first = self._line_of.setdefault(bill.reference, row.line)
            if first != row.line:
                self._refuse(BadRow(row.line, f"reference stands on line {first} already"))
                continue
            yield row.line, bill

    def _store(self, batch: list[tuple[int, NewBill]]) -> None:
        """In the order of the references: two imports at once lock the same rows in the same order."""
        changes: list[store.Change] = []
        refused: list[BadRow] = []
        warned: list[BadRow] = []
        with self._engine.begin() as tx:
            for line, bill in sorted(batch, key=lambda row: row[1].reference):
                try:
                    change = store.upsert(tx, bill, "import", clock=self._clock, ids=self._ids)
                except BillChangeError as fault:
                    refused.append(BadRow(line, str(fault)))
                    continue
                changes.append(change)
                if warning := too_small(bill, self._least_minor):
                    warned.append(BadRow(line, warning))
                if store.waits_for_a_link(tx, bill, change):
                    warned.append(BadRow(line, store.LINK_CLOSES))
        self.report.stored.update(changes)
        for bad in sorted(refused, key=lambda bad: bad.line):
            self._refuse(bad)
        for row in sorted(warned, key=lambda row: row.line):
            self._on_warned(row)

    def _refuse(self, bad: BadRow) -> None:
        self.report.refused += 1
        self._on_refused(bad)
