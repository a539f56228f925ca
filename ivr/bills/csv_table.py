"""A CSV file of bills, read row by row: its columns are named by its first line, in any order.

A row that cannot be read is a value, so that the rows after it are read all the same; only a file without our
columns is an error. Before the names a file may say `sep=;` as Excel writes it, and `decimal=comma`.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, BinaryIO

from ivr.bills.fields import NAMES
from ivr.bills.text_lines import UnreadableFileError, text_lines
from ivr.platform import amounts
from ivr.platform.amounts import SPACES, AmountError, Spelling

__all__ = ["BadRow", "Row", "Table", "UnreadableFileError", "read_table"]

_AMOUNTS = ("amount", "minimum", "paid_elsewhere")
_LEFT_OUT = ("due_date", "phone", "status")
"""Columns that hold nothing which could be the decimals of an amount."""
_GOES_ON = re.compile(r"[0-9]{1,3}(?:[^0-9/-].*)?")
"""How an amount goes on behind a comma."""
_DELIMITERS = ",;\t"
_SAYS_DELIMITER = re.compile(r'"?sep=(?P<delimiter>\\t|.?)"?[,;\t ]*', re.IGNORECASE)
_BLANK = SPACES + _DELIMITERS + "\x1a"
"""Of a line that says nothing; DOS ends a file with the last one."""
_OPTIONAL = ("due_date", "phone")
"""Where they cannot be read the bill is kept without them."""
_UNREAD = ("\0", "\ufffd")
_FAULTS = (
    ("unexpected end of data", "a quotation mark is not closed"),
    (
        "expected after",
        "there is text after a closing quotation mark; a quotation mark inside a field is written twice",
    ),
    ("field limit", "a field is too long; is a quotation mark not closed?"),
)
"""What Python's reader of CSV says, and what a person has to know."""
_SAYS_DECIMAL = re.compile(r'"?(?:--)?decimal=(?P<mark>[a-z]*|[.,])"?[,;\t ]*', re.IGNORECASE)


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
    spelling: Spelling
    """Of its amounts, as far as the file says."""
    rows: Iterator[Row | BadRow]


def read_table(file: BinaryIO, on_read: Callable[[int], None] = lambda _: None) -> Table:
    """Reads the line of columns; raises UnreadableFileError where it does not name ours. `on_read` hears of
    bytes as they are read.
    """
    lines = text_lines(file, on_read)
    first, said_delimiter, spelling, skipped = _preamble(lines)
    delimiter = said_delimiter or max(_DELIMITERS, key=first.count)
    reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip(SPACES).lower() for name in next(reader, [])]
    except csv.Error as fault:
        raise UnreadableFileError(f"The first line cannot be read: {_fault(fault)}.") from None
    _check_columns(columns, said_delimiter)
    ignored = tuple(name for name in columns if name and name not in NAMES)
    return Table(ignored, spelling, _rows(reader, columns, delimiter, skipped))


def _preamble(lines: Iterator[str]) -> tuple[str, str | None, Spelling, int]:
    """The line of columns, what the lines before it say of delimiter and decimals, and how many these are."""
    delimiter, spelling, skipped = None, Spelling.UNSAID, 0
    while True:
        line = next(lines, "")
        said = line.strip("\r\n")
        if not line:
            raise UnreadableFileError("The file is empty.")
        if not said.strip(_BLANK):
            pass
        elif found := _SAYS_DELIMITER.fullmatch(said):
            delimiter = "\t" if found["delimiter"] == "\\t" else found["delimiter"]
            if delimiter.isalnum() or delimiter in ' "':
                raise UnreadableFileError(
                    "The line sep= must name a character that separates columns, such as ; or ,."
                )
        elif found := _SAYS_DECIMAL.fullmatch(said.strip(SPACES)):
            spelling = _said_mark(found["mark"].lower(), spelling)
        else:
            return line, delimiter, spelling, skipped
        skipped += 1


def _said_mark(mark: str, before: Spelling) -> Spelling:
    if mark not in {Spelling.POINT, Spelling.COMMA}:
        raise UnreadableFileError("The line decimal= must say point or comma.")
    if before not in {Spelling.UNSAID, mark}:
        raise UnreadableFileError("There are two lines decimal= with different marks: remove one of them.")
    return Spelling(mark)


def _check_columns(columns: Sequence[str], said_delimiter: str | None) -> None:
    if any("\0" in name for name in columns):
        raise UnreadableFileError("The first line contains zero bytes: this is not a text file.")
    amount = "amount_minor" if "amount_minor" in columns else "amount"
    missing = [name for name in ("reference", amount, "currency") if name not in columns]
    if missing:
        by = f'"{said_delimiter}" as sep= says' if said_delimiter else "commas, semicolons or tabs"
        raise UnreadableFileError(
            f"The first line must name the columns, separated by {by}; "
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
        )
    twice = [name for name in NAMES if columns.count(name) > 1]
    if twice:
        raise UnreadableFileError(f"The first line names a column twice: {', '.join(twice)}.")


def _rows(reader: Any, columns: list[str], delimiter: str, skipped: int) -> Iterator[Row | BadRow]:
    """Empty fields at the end of a row may be left out, or be too many: spreadsheets write both."""
    ours = [(index, name) for index, name in enumerate(columns) if name in NAMES]
    while True:
        line = reader.line_num + skipped + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            yield BadRow(line, f"cannot be read, up to line {reader.line_num + skipped}: {_fault(fault)}")
            continue
        filled = len(cells)
        while filled and not cells[filled - 1].strip().strip(_BLANK):
            filled -= 1
        if not filled:
            continue
        if filled > len(columns):
            quote = (
                ": put amounts and texts that contain a comma in quotation marks" if delimiter == "," else ""
            )
            yield BadRow(line, f"has {filled} fields, but the first line names {len(columns)}{quote}")
        elif delimiter == "," and _may_be_cut(columns, cells):
            yield BadRow(
                line, "may have an amount that is split at its comma: put amounts in quotation marks"
            )
        else:
            cells += [""] * (len(columns) - len(cells))
            fields = {name: cells[index] for index, name in ours}
            yield _unread(line, fields) or Row(line, fields)


def _unread(line: int, fields: dict[str, str]) -> BadRow | None:
    for name, text in fields.items():
        if name not in _OPTIONAL and any(char in text for char in _UNREAD):
            return BadRow(line, f"{name} contains a character that cannot be read")
    return None


def _fault(fault: csv.Error) -> str:
    return next((ours for theirs, ours in _FAULTS if theirs in str(fault)), str(fault))


def _may_be_cut(columns: Sequence[str], cells: Sequence[str]) -> bool:
    """Whether 49,90 without quotation marks can be meant by two fields: where they are an amount together,
    and either the row has not as many fields as it should, or the second one is no day, phone or status.
    Where the currency comes behind them it cannot be: it would stand in another column.
    """
    if "currency" in columns[len(cells) :]:
        return False
    place = columns.index("currency")
    is_whole_row = len(cells) == len(columns)
    return any(
        name in _AMOUNTS
        and place < index
        and (not is_whole_row or behind in _LEFT_OUT)
        and _GOES_ON.fullmatch(cells[index + 1])
        and _is_amount(f"{cells[index]},{cells[index + 1]}", cells[place])
        for index, (name, behind) in enumerate(pairwise([*columns, ""][: len(cells)]))
    )


def _is_amount(text: str, currency: str) -> bool:
    """Whether somebody may write an amount so."""
    for spelling in (Spelling.POINT, Spelling.COMMA):
        with suppress(AmountError):
            amounts.read(text, amounts.currency_of(currency), spelling)
            return True
    return False
