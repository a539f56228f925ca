"""A CSV file of bills, read row by row: comma or semicolon, with or without a byte-order mark, CRLF or LF.

May import `ivr.money` alone. The first line names the columns (`COLUMNS`), in any order. A row that cannot be
read is a value, so that the rows after it are read all the same; only a file without our columns is an error.
A field that is not UTF-8 reads as replacement characters, which no field of a bill allows.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

from ivr import money

REQUIRED = ("reference", "amount", "currency")
COLUMNS = (*REQUIRED, "minimum", "due_date", "phone", "paid_elsewhere", "status")
_AMOUNTS = ("amount", "minimum", "paid_elsewhere")
_DECIMAL_COMMA = re.compile(r"[0-9]+,[0-9]{2}")
_COMMA_PLACES = 2
_LINE_MAX_BYTES = 65_536


class UnreadableFileError(Exception):
    """The file is no CSV of bills; the message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line on which it begins, counted from 1, and its fields by column."""

    line: int
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is not stored, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """The file, its rows still to be read."""

    ignored_columns: tuple[str, ...]
    rows: Iterator[Row | BadRow]


def read_table(file: BinaryIO) -> Table:
    """Reads the line of columns; raises UnreadableFileError where it does not name ours."""
    lines = _lines(file)
    first = next(lines, "")
    skipped = 0
    if first.strip().lower() in {"sep=;", "sep=,"}:  # a line that Excel writes and reads for itself
        first, skipped = next(lines, ""), 1
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
    except csv.Error:
        columns = []
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise UnreadableFileError(
            f"The first line must name the columns, separated by commas or semicolons: {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing."
        )
    twice = [name for name in COLUMNS if columns.count(name) > 1]
    if twice:
        raise UnreadableFileError(f"The first line names a column twice: {', '.join(twice)}.")
    ignored = tuple(name for name in columns if name and name not in COLUMNS)
    return Table(ignored, _rows(reader, columns, skipped))


def _lines(file: BinaryIO) -> Iterator[str]:
    encoding = "utf-8-sig"
    number = 1
    while raw := file.readline(_LINE_MAX_BYTES + 1):
        if len(raw) > _LINE_MAX_BYTES:
            raise UnreadableFileError(
                f"Line {number} is longer than {_LINE_MAX_BYTES} bytes: this is no CSV of bills."
            )
        yield raw.decode(encoding, errors="replace")
        encoding = "utf-8"
        number += 1


def _rows(reader: Any, columns: list[str], skipped: int) -> Iterator[Row | BadRow]:
    while True:
        line = reader.line_num + skipped + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            yield BadRow(line, f"cannot be read as far as line {reader.line_num + skipped}: {fault}")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            yield BadRow(line, f"has {len(cells)} fields where the first line names {len(columns)}")
            continue
        fields = {name: cell for name, cell in zip(columns, cells, strict=True) if name in COLUMNS}
        yield Row(line, _with_decimal_points(fields))


def _with_decimal_points(fields: dict[str, str]) -> dict[str, str]:
    """A decimal comma becomes a point, only before two decimals of a currency that has two: "1,234" is never
    guessed.
    """
    try:
        places = money.decimals(fields["currency"].strip().upper())
    except money.InvalidAmountError:
        return fields
    if places != _COMMA_PLACES:
        return fields
    return {
        name: cell.replace(",", ".") if name in _AMOUNTS and _DECIMAL_COMMA.fullmatch(cell.strip()) else cell
        for name, cell in fields.items()
    }
