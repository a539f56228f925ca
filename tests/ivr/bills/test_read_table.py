"""The table in a CSV file: its rows as they are written, or the true reason why one cannot be read."""

import csv
import io

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ivr.bills.csv_table import BadRow, UnreadableFileError, read_table

_GOOD = st.integers(10_000_000, 99_999_999).map(lambda n: [str(n), "49.90", "EUR", "x"])
_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00\ufffd"), max_size=12)
BLANK = " ,;\t\x1a"
"""A row of nothing else says nothing; DOS ends a file with the last one."""
HEADER = "reference,amount,currency,minimum,due_date,phone\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04\x14\x00", "a spreadsheet (.xlsx or .ods). Save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a spreadsheet (.xls)"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xff\xfe\0\0" + "reference".encode("utf-32-le"), "UTF-32"),
        ("\ufeffreference".encode("utf-32-be"), "UTF-32"),
        (b"\x1f\x8b\x08\0", "a compressed file (.gz)"),
        (b"\n <!DOCTYPE html><table>", "a web page"),
        (b'<?xml version="1.0"?>', "a web page or an XML file"),
        (b'\xef\xbb\xbf {"reference": 1}', "JSON"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        ("\ufeff\r\n;;\r\n".encode("utf-16-le"), "is empty"),
        (bytes(5000), "zero bytes"),
        (b"ref\0erence;amount;currency\n", "zero bytes"),
        (b'"reference;amount;currency\n', "first line cannot be read: a quotation mark is not closed"),
        (b"sep=a\nreference", "sep= must name a character"),
        (b"sep=\nreference", "sep= must name a character"),
        (b"sep=,\nreference;amount;currency\n", 'separated by "," as sep= says'),
        (b"decimal=.\nreference;amount;currency\n", "decimal= must say point or comma"),
        (b"decimal=comma\nsep=;\ndecimal=point\nreference;amount;currency\n", "two lines decimal="),
        (b"reference;betrag;currency\n", "tabs; amount is missing"),
        (b"a,b\n", "reference, amount, currency are missing"),
    ],
)
def test_what_is_no_csv_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError) as refused:
        read_table(io.BytesIO(content))
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("rows", "reasons"),
    [
        (b"12345678;1;EUR\0\n22345678;1;EUR", {2: "currency contains a character that cannot be read"}),
        (b"1234\xff\xfe5678;1;EUR\n12345678;1\0;EUR", {3: "amount contains a character that cannot be read"}),
        (b"12345678;1;EUR;\0\n22345678;1;EUR;\x81", {2: "", 3: ""}),
        (b"12345678;1;EUR;a;b\n", {2: "has 5 fields, but the first line names 4"}),
        (b'"12345678;1;EUR\n22345678;1;EUR\n', {2: "line 3: a quotation mark is not closed"}),
        (b'"1"2345678;1;EUR\n22345678;1;EUR\n', {2: "line 2: there is text after a closing quot"}),
        (b'"' + b"x" * 140_000, None),
    ],
)
def test_a_row_that_cannot_be_read_is_told_with_the_true_reason(
    rows: bytes, reasons: dict[int, str] | None
) -> None:
    table = read_table(io.BytesIO(b"reference;amount;currency;phone\n" + rows))
    if reasons is None:
        with pytest.raises(UnreadableFileError, match="Line 2 is longer"):
            list(table.rows)
        return
    told = {row.line: row.reason for row in table.rows if isinstance(row, BadRow)}
    assert {line: told.get(line, "") for line in reasons if reasons[line] not in told.get(line, "")} == {}
    assert all("universal" not in reason for reason in told.values())


def test_a_comma_in_an_amount_is_named_where_a_row_has_too_many_fields() -> None:
    [row] = read_table(io.BytesIO(b"reference,amount,currency\n12345678,49,90,EUR\n")).rows
    assert isinstance(row, BadRow)
    assert row.reason.endswith("put amounts and texts that contain a comma in quotation marks")


def test_a_file_that_is_cut_within_a_character_says_so() -> None:
    table = read_table(io.BytesIO("reference;amount;currency\n12345678;1;EUR\n2".encode("utf-16")[:-1]))
    with pytest.raises(UnreadableFileError, match="ends in the middle of a character"):
        list(table.rows)


def test_a_comma_inside_an_amount_does_not_shorten_the_row() -> None:
    """49,10 without quotation marks is 49 and a minimum of 10 only by chance."""
    header = b"reference,currency,amount,minimum,phone\n"
    [cut, whole, quoted] = read_table(
        io.BytesIO(header + b'12345678,EUR,49,10\n12345678,EUR,49,10,\n12345678,EUR,"49,10"\n')
    ).rows
    assert isinstance(cut, BadRow)
    assert "split at its comma" in cut.reason
    assert not isinstance(whole, BadRow)
    assert not isinstance(quoted, BadRow)
    [short] = read_table(io.BytesIO(b"reference,amount,minimum,currency,phone\n12345678,49,10,EUR\n")).rows
    assert not isinstance(short, BadRow), "where the currency comes behind, there is one reading"


@pytest.mark.parametrize(
    ("columns", "row", "is_cut"),
    [
        ("amount,minimum,due_date", "149,90 €", True),  # 149 and a minimum of 90
        ("amount,minimum,due_date", "123,001.50", True),
        ("amount,minimum,due_date", "1 234,56", True),
        ("amount,minimum,due_date", "1.234,56", True),
        ("amount,minimum,due_date", "149.90,20.00", False),
        ("amount,minimum,due_date", "149,20.00", False),
        ("amount,minimum", "149,90,", True),  # as many fields as where the minimum is empty
        ("amount,minimum", "149,90", False),
        ("amount,minimum", "149.90,20,", False),
        ("amount,due_date", "149,90", True),
        ("amount,phone", "149,9", True),
        ("amount,due_date", "149,2026-12-24", False),
        ("amount,phone", "149,600123456", False),
        ("amount,note", "149,90", False),
        ("amount,note", "149,90,", True),
    ],
)
def test_an_amount_in_any_spelling_that_a_comma_cuts_is_refused(columns: str, row: str, is_cut: bool) -> None:
    content = f"reference,currency,{columns}\n12345678,EUR,{row}\n"
    [found] = read_table(io.BytesIO(content.encode())).rows
    assert isinstance(found, BadRow) is is_cut, found


@pytest.mark.slow
@example([["", "", "", "\x1a"]], ",")
@example([["", "", "", ";"], ["", "", "", "x"]], ",")
@given(st.lists(_GOOD | st.lists(_CELL, min_size=4, max_size=4), max_size=12), st.sampled_from(",;"))
def test_every_written_row_is_read_again(rows: list[list[str]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerows([["reference", "amount", "currency", "note"], *rows])
    read = list(read_table(io.BytesIO(out.getvalue().encode())).rows)
    assert not [row for row in read if isinstance(row, BadRow)]
    assert len(read) == sum(1 for row in rows if any(cell.strip().strip(BLANK) for cell in row))


@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_are_rows_or_a_sentence(noise: bytes) -> None:
    for row in read_table(io.BytesIO(HEADER.encode() + noise)).rows:
        assert row.line > 1
