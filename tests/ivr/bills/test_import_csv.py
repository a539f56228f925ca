"""Bills out of a CSV file: what spreadsheets write is read, bad rows are told by line, a repeat changes
nothing.
"""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateways.contract import Capabilities, CardEntry
from ivr.amounts import Spelling
from ivr.bills import store
from ivr.bills.import_csv import CsvImport, Listener, Report
from ivr.bills.store import Change
from ivr.bills.table import BadRow, UnreadableFileError, read_table
from ivr.clock import ManualClock
from ivr.ids import RandomIds
from ivr.storage.engine import reading
from ivr.storage.schema import bill

HEADER = "reference,amount,currency,minimum,due_date,phone\n"

CASES = Path(__file__).parent / "cases"
ANY_GATEWAY = Capabilities(CardEntry.TOKENIZE)

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is refused before any database is asked: once is enough."""


@pytest.fixture
def bring(engine: sa.Engine, clock: ManualClock) -> Any:
    """Imports text or bytes; gives the report and the refused rows, or those that were taken with a word."""

    def bring(content: str | bytes, *, told: str = "refused", **more: Any) -> tuple[Report, list[BadRow]]:
        heard: dict[str, list[BadRow]] = {"refused": [], "warned": []}
        run = importer(engine, clock, Listener(**{name: rows.append for name, rows in heard.items()}), **more)
        raw = content.encode() if isinstance(content, str) else content
        return run.run(io.BytesIO(raw)), heard[told]

    return bring


def importer(engine: sa.Engine, clock: ManualClock, listener: Listener, **more: Any) -> CsvImport:
    more = {"home_country": "ES", "gateway": ANY_GATEWAY, **more}
    return CsvImport(engine, clock=clock, ids=RandomIds(), listener=listener, **more)


def stored(engine: sa.Engine, reference: str) -> Any:
    with reading(engine) as tx:
        return store.find(tx, reference)


def counts(report: Report) -> tuple[int, int, int, int]:
    return (*(report.stored[change] for change in Change), report.refused)  # type: ignore[return-value]


def test_good_rows_are_kept_and_bad_ones_told_by_line(engine: sa.Engine, bring: Any) -> None:
    report, refused = bring(
        HEADER
        + "12345678,49.90,EUR,10,2026-12-24,600123456\n"
        + "1234567,49.90,EUR,,,\n"
        + "\n"
        + "22345678,-5,EUR,,,\n"
        + "32345678,5,EUR,,,,x\n"
        + "12345678,49.90,EUR,10,2026-12-24,600123456\n"
        + "42345678,5,EUR,,,\n"
    )
    assert counts(report) == (2, 0, 0, 4)
    assert [(row.line, row.reason.split()[0]) for row in refused] == [
        (3, "reference"),
        (5, "amount"),
        (6, "has"),
        (7, "reference"),
    ]
    assert refused[3].reason == "reference stands on line 2 already"
    assert stored(engine, "12345678").payer_phone == "+34600123456"
    assert stored(engine, "42345678").billed_minor == 500


def test_the_same_file_again_changes_nothing(engine: sa.Engine, bring: Any) -> None:
    content = HEADER + "".join(f"{10_000_000 + n},{n}.00,EUR,,,\n" for n in range(1, 451))
    assert counts(bring(content)[0]) == (450, 0, 0, 0)
    assert counts(bring(content)[0]) == (0, 0, 450, 0)
    assert counts(bring(content.replace(",7.00,", ",8.00,"))[0]) == (0, 1, 449, 0)


def test_as_a_spanish_spreadsheet_saves_it(engine: sa.Engine, bring: Any) -> None:
    content = (
        "\ufeffsep=;\r\nReference;Nombre;Amount;Currency;Minimum\r\n"
        '12345678;"Muñoz; José\r\nhijo";49,90;EUR;10,50\r\n1;x;1;EUR;\r\n'
    )
    report, refused = bring(content)
    assert counts(report) == (1, 0, 0, 1)
    assert [row.line for row in refused] == [5]
    assert report.ignored_columns == ("nombre",)
    assert (stored(engine, "12345678").billed_minor, stored(engine, "12345678").minimum_minor) == (4990, 1050)


THOUSANDS = (
    "reference;amount;currency;minimum;paid_elsewhere\n"
    "12345678;1,234;KWD;;\n22345678;1.234;JPY;;\n32345678;1,234;EUR;;\n42345678;9.000,00;EUR;1.000;\n"
    "52345678;9.000,00;EUR;;1.000\n"
)


@one_database
def test_an_amount_with_two_readings_is_refused_unless_the_mark_is_said(
    engine: sa.Engine, bring: Any
) -> None:
    report, refused = bring(THOUSANDS)
    assert counts(report) == (0, 0, 0, 5)
    assert all("two ways: say --decimal=point or --decimal=comma" in row.reason for row in refused)
    for said in (bring(THOUSANDS, spelling=Spelling.COMMA), bring("decimal=comma\n" + THOUSANDS)):
        assert counts(said[0])[3] == 1
        assert "more decimals than EUR" in said[1][0].reason
    assert stored(engine, "12345678").billed_minor == 1234
    assert stored(engine, "22345678").billed_minor == 1234
    assert stored(engine, "42345678").minimum_minor == 100_000
    assert stored(engine, "52345678").paid_elsewhere_minor == 100_000
    with pytest.raises(UnreadableFileError, match="another decimal mark"):
        bring("sep=;\ndecimal=comma\n" + THOUSANDS, spelling=Spelling.POINT)


CaseResult = tuple[dict[str, int], list[tuple[int, str]]]
CASES_READ: dict[str, CaseResult] = {
    "amount_paid_elsewhere.csv": ({"20000005": 200_000}, [(3, "paid_elsewhere has three digits")]),
    "amount_thousands.csv": ({}, [(line, "amount has three digits") for line in (2, 3, 4, 5)]),
    "excel_bom_twice.csv": ({"20000210": 4990}, []),
    "excel_mac_cr.csv": ({"20000211": 4990, "20000212": 1000}, []),
    "excel_nbsp.csv": (
        {"20000215": 4990, "20000216": 100_000, "20000217": 4990, "20000218": 100_000},
        [],
    ),
    "excel_trailing_blank.csv": (
        {"20000101": 4990, **dict.fromkeys(("20000102", "20000103", "20000104", "20000105"), 1000)},
        [],
    ),
    "excel_utf16le_tab.csv": ({"20000201": 4990}, []),
    "excel_utf8_tab.csv": ({"20000201": 4990}, []),
}


@one_database
def test_files_as_spreadsheets_save_them(engine: sa.Engine, bring: Any) -> None:
    assert {path.name for path in CASES.iterdir()} == set(CASES_READ)
    for name, (bills, reasons) in CASES_READ.items():
        _, refused = bring((CASES / name).read_bytes())
        assert {one: stored(engine, one).billed_minor for one in bills} == bills, name
        assert [
            (row.line, row.reason.startswith(why)) for row, (_, why) in zip(refused, reasons, strict=True)
        ] == [(line, True) for line, _ in reasons], name
    assert stored(engine, "20000105").due_date is not None


BOTH_PHONES = "read as +468123456 or as +46468123456: write it with + and the country's code"

ROWS = "reference;amount;currency;phone\n12345678;1 049,90 €;EUR;+34600123456\n22345678;10;EUR\n"
ROWS = ROWS.replace(" ", "\u00a0")
SAVED_AS = {
    "UTF-8 with LF": ROWS.encode(),
    "CR": ROWS.replace("\n", "\r").encode(),
    "CR CR LF": ROWS.replace("\n", "\r\r\n").encode(),
    "every end of a line": ROWS.replace("\n", "\r\n", 1).replace("+34600123456\n", "+34600123456\r").encode(),
    "LF CR": ROWS.replace("\n", "\n\r").encode(),
    "blank lines first": ("\n \u00a0\r\n;;;\n" + ROWS).encode(),
    "the end of a DOS file": ROWS.encode() + b"\x1a",
    "UTF-16, little end first": ROWS.encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + ROWS.encode("utf-16-be"),
    "UTF-16 without a mark": ROWS.encode("utf-16-le"),
    "UTF-16 with CR": ("\ufeff\ufeff" + ROWS.replace("\n", "\r")).encode("utf-16-le"),
    "the code page of Western Windows": ROWS.encode("cp1252"),
    "tabs": ROWS.replace(";", "\t").encode(),
    "sep= and tabs": ("sep=\t\r\n" + ROWS.replace(";", "\t")).encode(),
    "sep= and tabs, written out": ("sep=\\t\n" + ROWS.replace(";", "\t")).encode(),
    "sep= in quotation marks": ('\ufeff"sep=|"\n' + ROWS.replace(";", "|")).encode(),
    "sep=; that was saved again": ("sep=;;;\n" + ROWS).encode(),
    "empty fields behind": ROWS.replace("\n", ";;;\n").encode(),
    "no end of the last line": ROWS.encode().rstrip(),
    "blanks around": ROWS.replace(";", " ;\u202f").encode(),
    "names in capitals": ROWS.replace("reference;amount", '"Reference\u00a0"; AMOUNT').encode(),
}


@one_database
def test_however_it_is_saved_it_says_the_same(engine: sa.Engine, bring: Any) -> None:
    for kind, content in SAVED_AS.items():
        with engine.begin() as tx:
            tx.execute(bill.delete())
        report, refused = bring(content)
        assert refused == [], kind
        assert counts(report) == (2, 0, 0, 0), kind
        assert stored(engine, "12345678").billed_minor == 104_990, kind
        assert stored(engine, "12345678").payer_phone == "+34600123456", kind


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04\x14\x00", "a workbook (.xlsx or .ods): save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a workbook (.xls)"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xff\xfe\0\0" + "reference".encode("utf-32-le"), "UTF-32"),
        ("\ufeffreference".encode("utf-32-be"), "UTF-32"),
        (b"\x1f\x8b\x08\0", "a packed file (.gz)"),
        (b"\n <!DOCTYPE html><table>", "a web page"),
        (b'<?xml version="1.0"?>', "a web page or XML"),
        (b'\xef\xbb\xbf {"reference": 1}', "JSON"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        ("\ufeff\r\n;;\r\n".encode("utf-16-le"), "is empty"),
        (bytes(5000), "zero bytes"),
        (b"ref\0erence;amount;currency\n", "zero bytes"),
        (b'"reference;amount;currency\n', "first line: a quotation mark is opened and not closed"),
        (b"sep=a\nreference", "sep= names no mark"),
        (b"sep=\nreference", "sep= names no mark"),
        (b"sep=,\nreference;amount;currency\n", 'separated by "," as sep= says'),
        (b"decimal=.\nreference;amount;currency\n", "decimal= says point or comma"),
        (b"decimal=comma\nsep=;\ndecimal=point\nreference;amount;currency\n", "two decimal marks"),
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
        (b"12345678;1;EUR\0\n22345678;1;EUR", {2: "currency holds a zero byte or a character that no"}),
        (b"1234\xff\xfe5678;1;EUR\n12345678;1\0;EUR", {3: "amount holds a zero byte"}),
        (b"12345678;1;EUR;\0\n22345678;1;EUR;\x81", {2: "", 3: ""}),
        (b"12345678;1;EUR;a;b\n", {2: "has 5 fields where the first line names 4"}),
        (b'"12345678;1;EUR\n22345678;1;EUR\n', {2: "line 3: a quotation mark is opened and not closed"}),
        (b'"1"2345678;1;EUR\n22345678;1;EUR\n', {2: "line 2: something stands behind a closing quot"}),
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
    assert row.reason.endswith("put amounts, and texts, that hold a comma in quotation marks")


def test_a_file_that_is_cut_within_a_character_says_so() -> None:
    table = read_table(io.BytesIO("reference;amount;currency\n12345678;1;EUR\n2".encode("utf-16")[:-1]))
    with pytest.raises(UnreadableFileError, match="ends within a character"):
        list(table.rows)


def test_a_comma_that_cuts_an_amount_in_two_is_not_taken_for_a_shorter_row() -> None:
    """49,10 without quotation marks is 49 and a minimum of 10 only by chance."""
    header = b"reference,currency,amount,minimum,phone\n"
    [cut, whole, quoted] = read_table(
        io.BytesIO(header + b'12345678,EUR,49,10\n12345678,EUR,49,10,\n12345678,EUR,"49,10"\n')
    ).rows
    assert isinstance(cut, BadRow)
    assert "cuts in two" in cut.reason
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


def test_what_is_left_out_and_what_cannot_be_charged_is_told(engine: sa.Engine, bring: Any) -> None:
    content = (
        "reference;amount;currency;phone;due_date\n12345678;10;EUR;unknown;2026-12-24 00:00\n"
        "22345678;10;EUR;+34600123456;2026-12-24\n32345678;10;EUR;468123456;\n42345678;10;ISK;;\n"
    )
    takes_euros = Capabilities(CardEntry.TOKENIZE, currencies=frozenset({"EUR"}))
    report, warned = bring(content, told="warned", home_country="SE", gateway=takes_euros)
    assert counts(report) == (4, 0, 0, 0)
    assert [(row.line, row.reason) for row in warned] == [
        (2, "without its due_date, which must be a day written YYYY-MM-DD"),
        (2, "without its phone, which is what carriers send for a withheld number: leave it out"),
        (4, f"without its phone, which can be {BOTH_PHONES}"),
        (5, "the gateway does not take ISK: callers cannot pay this bill"),
    ]
    assert (stored(engine, "12345678").payer_phone, stored(engine, "12345678").due_date) == (None, None)


def test_a_dry_run_says_what_would_be_and_stores_nothing(engine: sa.Engine, bring: Any) -> None:
    bring(HEADER + "12345678,1,EUR,,,\n22345678,1,EUR,,,\n")
    content = HEADER + "12345678,1,EUR,,,\n22345678,2,EUR,,,\n32345678,1,EUR,,,\n4,1,EUR,,,\n"
    would = bring(content, dry_run=True)
    assert counts(would[0]) == (1, 1, 1, 1)
    assert stored(engine, "32345678") is None
    assert stored(engine, "22345678").billed_minor == 100
    assert bring(content) == would


def test_a_line_in_another_code_page_spoils_only_its_own_fields(engine: sa.Engine, bring: Any) -> None:
    report, refused = bring(
        b"reference,name,amount,currency\n12345678,Jos\xe9,49.90,EUR\n2234567\xe9,x,1,EUR\n32345678,y,1,EUR\n"
    )
    assert counts(report) == (2, 0, 0, 1)
    assert refused[0].line == 3


def test_an_open_quotation_mark_is_told_with_what_it_swallowed(bring: Any) -> None:
    report, refused = bring(HEADER + '12345678,1,EUR,,,\n"22345678,1,EUR,,,\n32345678,1,EUR,,,\n')
    assert counts(report) == (1, 0, 0, 1)
    assert refused[0].line == 3
    assert "as far as line 4" in refused[0].reason


def test_text_that_would_be_code_elsewhere_is_only_refused(engine: sa.Engine, bring: Any) -> None:
    report, refused = bring(
        HEADER + '"\'; DROP TABLE bill; --",1,EUR,,,\n=HYPERLINK(1),1,EUR,,,\n12345678,=1+1,EUR,,,\n'
        "22345678,1,EUR,,,<script>\n32345678,1,\x00\x1b[2J,,,\n"
    )
    assert counts(report) == (1, 0, 0, 4)
    assert stored(engine, "22345678").payer_phone is None
    assert all(row.reason.isprintable() for row in refused)
    assert stored(engine, "12345678") is None


def test_what_is_being_paid_is_refused_and_the_rest_kept(engine: sa.Engine, bring: Any) -> None:
    bring(HEADER + "22345678,50,EUR,,,\n")
    with engine.begin() as tx:
        tx.execute(bill.update().values(reserved_minor=5_000))
    report, refused = bring(HEADER + "32345678,1,EUR,,,\n22345678,40,EUR,,,\n12345678,1,EUR,,,\n")
    assert counts(report) == (2, 0, 0, 1)
    assert refused[0].line == 3
    assert "being paid" in refused[0].reason


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"ref,amount,currency\n",
        b"reference,amount,amount,currency\n",
        b"\xff\xfer\x00e\x00f\x00",
        b'"reference,amount,currency\n',
        b"x" * 100_000,
    ],
)
@one_database
def test_a_file_without_our_columns_is_refused_whole(bring: Any, content: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        bring(content)


def test_a_line_without_end_stops_the_import_after_what_is_stored(
    engine: sa.Engine, clock: ManualClock
) -> None:
    rows = "".join(f"{10_000_000 + n},1,EUR,,,\n" for n in range(250))
    run = importer(engine, clock, Listener(refused=lambda _: None))
    with pytest.raises(UnreadableFileError, match="Line 252"):
        run.run(io.BytesIO((HEADER + rows + "9" * 70_000).encode()))
    assert counts(run.report) == (200, 0, 0, 0)


_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=12)
_GOOD = st.integers(10_000_000, 99_999_999).map(lambda n: [str(n), "49.90", "EUR", "x"])


@given(st.lists(_GOOD | st.lists(_CELL, min_size=4, max_size=4), max_size=12), st.sampled_from(",;"))
def test_every_written_row_is_read_again(rows: list[list[str]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerows([["reference", "amount", "currency", "note"], *rows])
    read = list(read_table(io.BytesIO(out.getvalue().encode())).rows)
    assert not [row for row in read if isinstance(row, BadRow)]
    assert len(read) == sum(1 for row in rows if any(cell.strip() for cell in row))


@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_are_rows_or_a_sentence(noise: bytes) -> None:
    for row in read_table(io.BytesIO(HEADER.encode() + noise)).rows:
        assert row.line > 1
