"""How a list is printed: as a table for people, by `--json` for programs, by `--csv` for spreadsheets.

A list names its fields once; every command prints through here, so that all of them have the same options,
the same headings and totals. Rows are printed as they come, so a long list needs no memory.
"""

import csv
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import chain, islice
from typing import Any

import click

from ivr.cli.context import legible
from ivr.platform.money import decimal, plain

ListRow = Mapping[str, Any]
"""One row, as the API gives it: its names, its texts, minor units as whole numbers."""

LIMIT_MAX = 500
_MEASURED_ROWS = 500
"""How many rows say how wide a table's columns are."""
_GAP = "  "
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
"""A negative amount or a phone number: no spreadsheet runs it as a formula."""
_BEGINS_FORMULA = re.compile("(^|;)(?=\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20])")
"""Also in their full-width forms, which spreadsheets take for the same, and behind a semicolon, where many
countries' spreadsheets begin a new cell.
"""
_GOOD = frozenset({"approved", "paid", "active", "won", "kept", "arrived"})
_BAD = frozenset({"declined", "needs_review", "lost", "failed", "locked_out"})
_OPEN = frozenset({"pending", "unknown", "half_open", "open"})


class Layout(StrEnum):
    """How a list is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class ListRequest:
    """The rows from `since` on, up to `until` without it (UTC); without a period the first `limit` rows."""

    since: datetime | None
    until: datetime | None
    limit: int
    layout: Layout

    @property
    def has_period(self) -> bool:
        return self.since is not None or self.until is not None

    @property
    def fetched(self) -> int:
        """How many rows to read without a period: one more than is shown tells that there are more."""
        return self.limit + 1


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table. `colours`: it holds a state."""

    heading: str
    cell: Callable[[ListRow], str]
    is_right: bool = False
    colours: bool = False


def text(heading: str, name: str) -> Column:
    return Column(heading, lambda row: legible(_text(_value(row, name))))


def state(heading: str, name: str) -> Column:
    return Column(heading, lambda row: legible(_text(_value(row, name))), colours=True)


def amount(heading: str, name: str) -> Column:
    """Of minor units, with the currency of the row."""

    def cell(row: ListRow) -> str:
        minor = _value(row, name)
        return "-" if minor is None else plain(minor, row["currency"])

    return Column(heading, cell, is_right=True)


def minute(heading: str, name: str) -> Column:
    """Of a moment in RFC 3339, which is UTC."""

    def cell(row: ListRow) -> str:
        at = _value(row, name)
        return "-" if at is None else f"{at[:10]} {at[11:16]}Z"

    return Column(heading, cell)


def day(heading: str, name: str) -> Column:
    return Column(heading, lambda row: (_value(row, name) or "-")[:10])


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list is of. `fields` are the columns of the CSV file: names of the document, `link.expires_at`
    for what is inside another, and `paid` for `paid_minor` as a decimal amount.
    """

    name: str
    """Of the rows in the JSON document, as in the API."""
    columns: Sequence[Column]
    fields: Sequence[str]
    sums: Mapping[str, str] = field(default_factory=dict)
    """Minor units that are added up, by their heading in the table."""
    sums_by: Sequence[str] = ("currency",)

    def print(
        self, rows: Iterable[ListRow], layout: Layout, *, none: str, facts: ListRow | None = None
    ) -> None:
        """Prints the rows. `none` is said on standard error where the table has none; `facts` stand beside
        the rows in the JSON document.
        """
        totals = _Totals(self.sums, self.sums_by)
        counted = totals.counted(rows) if self.sums else iter(rows)
        if layout is Layout.JSON:
            self._print_json(counted, totals, facts or {})
        elif layout is Layout.CSV:
            self._print_csv(counted)
        else:
            self._print_table(counted, totals, none)

    def print_asked(self, rows: Iterable[ListRow], asked: ListRequest, *, none: str) -> None:
        """Prints the rows of a period, or `limit` of the `fetched` rows and that there are more."""
        if asked.has_period:
            self.print(rows, asked.layout, none=none)
            return
        found = list(islice(rows, asked.fetched))
        has_more = len(found) > asked.limit
        self.print(found[: asked.limit], asked.layout, none=none, facts={"has_more": has_more})
        if has_more:
            what = "listed and added up" if self.sums else "listed"
            click.echo(
                f"Only the first {asked.limit} are {what}. Use --limit (up to {LIMIT_MAX}) to list more.",
                err=True,
            )

    def _print_json(self, rows: Iterator[ListRow], totals: "_Totals", facts: ListRow) -> None:
        click.echo(f'{{"{self.name}": [', nl=False)
        before = "\n  "
        for row in rows:
            click.echo(f"{before}{json.dumps(row)}", nl=False)
            before = ",\n  "
        click.echo("]" if before == "\n  " else "\n]", nl=False)
        more = {"totals": totals.documents(), **facts} if self.sums else facts
        click.echo("".join(f', "{name}": {json.dumps(value)}' for name, value in more.items()), nl=False)
        click.echo("}")

    def _print_csv(self, rows: Iterator[ListRow]) -> None:
        writer = csv.writer(_Output(), lineterminator="\n")
        writer.writerow(name.replace(".", "_") for name in self.fields)
        for row in rows:
            writer.writerow(_unexecuted(_text(_value(row, name))) for name in self.fields)

    def _print_table(self, rows: Iterator[ListRow], totals: "_Totals", none: str) -> None:
        measured = list(islice(rows, _MEASURED_ROWS))
        if not measured:
            click.echo(none, err=True)
            return
        _print_columns(self.columns, measured, rows)
        if self.sums:
            click.echo()
            _print_columns(totals.columns(), totals.documents(), iter(()))


class _Totals:
    """Counts and sums of rows, by currency and what else the list says."""

    def __init__(self, sums: Mapping[str, str], by: Sequence[str]) -> None:
        self._sums = sums
        self._by = by
        self._found: dict[tuple[str, ...], list[int]] = {}

    def counted(self, rows: Iterable[ListRow]) -> Iterator[ListRow]:
        for row in rows:
            of_kind = self._found.setdefault(
                tuple(str(row[name]) for name in self._by), [0] * (1 + len(self._sums))
            )
            of_kind[0] += 1
            for place, name in enumerate(self._sums, start=1):
                of_kind[place] += row[name] or 0
            yield row

    def documents(self) -> list[ListRow]:
        return [
            {**dict(zip(self._by, kind, strict=True)), "count": count, **self._amounts(kind, sums)}
            for kind, (count, *sums) in sorted(self._found.items())
        ]

    def _amounts(self, kind: tuple[str, ...], sums: Sequence[int]) -> dict[str, str | int]:
        currency = kind[self._by.index("currency")]
        found: dict[str, str | int] = {}
        for name, minor in zip(self._sums, sums, strict=True):
            found[name.removesuffix("_minor")] = decimal(minor, currency)
            found[name] = minor
        return found

    def columns(self) -> list[Column]:
        first, *others = reversed(self._by)
        return [
            state("TOTAL", first),
            *(text(name.upper(), name) for name in others if name != "currency"),
            Column("COUNT", lambda row: str(row["count"]), is_right=True),
            *(amount(heading, name) for name, heading in self._sums.items()),
        ]


def _print_columns(columns: Sequence[Column], measured: Sequence[ListRow], rest: Iterator[ListRow]) -> None:
    cells = [[column.cell(row) for column in columns] for row in measured]
    widths = [
        max(width_of(column.heading), *(width_of(row[place]) for row in cells))
        for place, column in enumerate(columns)
    ]
    headings = [_padded(column.heading, width, column) for column, width in zip(columns, widths, strict=True)]
    click.echo(click.style(_GAP.join(headings).rstrip(), bold=True))
    for row in chain(cells, ([column.cell(one) for column in columns] for one in rest)):
        shown = [
            _coloured(_padded(cell, width, column), cell, column)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ]
        click.echo(_GAP.join(shown).rstrip())


def _padded(cell: str, width: int, column: Column) -> str:
    missing = " " * (width - width_of(cell))
    return missing + cell if column.is_right else cell + missing


def width_of(shown: str) -> int:
    """How many columns of a terminal a text takes: two for a wide character, none for an accent that stands
    by itself.
    """
    if shown.isascii():
        return len(shown)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in shown
    )


def _coloured(padded: str, cell: str, column: Column) -> str:
    if not column.colours:
        return padded
    word = cell.partition(" ")[0]
    for words, colour in ((_GOOD, "green"), (_BAD, "red"), (_OPEN, "yellow")):
        if word in words:
            return click.style(padded, fg=colour)
    return padded


def _value(row: ListRow, name: str) -> Any:
    """Of a name, of a name within another, or the decimal amount of minor units."""
    if name in row:
        return row[name]
    outer, dot, inner = name.partition(".")
    if dot:
        return None if row[outer] is None else row[outer][inner]
    minor = row[f"{name}_minor"]
    return None if minor is None else decimal(minor, row["currency"])


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Output:
    """Standard output, as a CSV writer wants it."""

    def write(self, line: str) -> None:
        click.echo(line, nl=False)


def _unexecuted(value: str | None) -> str:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it."""
    if not value:
        return ""
    shown = legible(value)
    return shown if _NUMBER.fullmatch(shown) else _BEGINS_FORMULA.sub(r"\1'", shown)
