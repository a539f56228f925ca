"""Bills out of a CSV file: what spreadsheets write is read, bad rows are told by line, a repeat changes
nothing.
"""

import io
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateways.capability import Capabilities, CardEntry
from ivr.bills import store
from ivr.bills.csv_table import BadRow, UnreadableFileError
from ivr.bills.import_csv import CsvImport, ImportListener, Report
from ivr.bills.store import Change
from ivr.platform.amounts import Spelling
from ivr.platform.database.engine import reading
from ivr.platform.ids import RandomIds
from tests.support.schema import bill
from tests.support.time_and_ids import ManualClock

HEADER = "reference,amount,currency,minimum,due_date,phone\n"

CASES = Path(__file__).parent / "cases"
ANY_GATEWAY = Capabilities(CardEntry.TOKENIZE)


@pytest.fixture
def bring(engine: sa.Engine, clock: ManualClock) -> Any:
    """Imports text or bytes; gives the report and the refused rows, or those that were taken with a word."""

    def bring(content: str | bytes, *, told: str = "refused", **more: Any) -> tuple[Report, list[BadRow]]:
        heard: dict[str, list[BadRow]] = {"refused": [], "warned": []}
        run = importer(
            engine, clock, ImportListener(**{name: rows.append for name, rows in heard.items()}), **more
        )
        raw = content.encode() if isinstance(content, str) else content
        return run.run(io.BytesIO(raw)), heard[told]

    return bring


def importer(engine: sa.Engine, clock: ManualClock, listener: ImportListener, **more: Any) -> CsvImport:
    more = {"home_country": "ES", "gateway": ANY_GATEWAY, **more}
    return CsvImport(engine=engine, clock=clock, ids=RandomIds(), listener=listener, **more)


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
    assert refused[3].reason == "reference is already used on line 2"
    assert stored(engine, "12345678").payer_phone == "+34600123456"
    assert stored(engine, "42345678").billed_minor == 500


@pytest.mark.postgres
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


def test_an_amount_with_two_readings_is_refused_unless_the_mark_is_said(
    engine: sa.Engine, bring: Any
) -> None:
    report, refused = bring(THOUSANDS)
    assert counts(report) == (0, 0, 0, 5)
    assert all("two ways: use --decimal=point or --decimal=comma" in row.reason for row in refused)
    for said in (bring(THOUSANDS, spelling=Spelling.COMMA), bring("decimal=comma\n" + THOUSANDS)):
        assert counts(said[0])[3] == 1
        assert "more decimals than EUR" in said[1][0].reason
    assert stored(engine, "12345678").billed_minor == 1234
    assert stored(engine, "22345678").billed_minor == 1234
    assert stored(engine, "42345678").minimum_minor == 100_000
    assert stored(engine, "52345678").paid_elsewhere_minor == 100_000
    with pytest.raises(UnreadableFileError, match="decimal mark in the file differs"):
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


def test_files_as_spreadsheets_save_them(engine: sa.Engine, bring: Any) -> None:
    assert {path.name for path in CASES.iterdir()} == set(CASES_READ)
    for name, (bills, reasons) in CASES_READ.items():
        _, refused = bring((CASES / name).read_bytes())
        assert {one: stored(engine, one).billed_minor for one in bills} == bills, name
        assert [
            (row.line, row.reason.startswith(why)) for row, (_, why) in zip(refused, reasons, strict=True)
        ] == [(line, True) for line, _ in reasons], name
    assert stored(engine, "20000105").due_date is not None


BOTH_PHONES = "read as +468123456 or as +46468123456: write it with + and the country code"

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


def test_however_it_is_saved_it_says_the_same(engine: sa.Engine, bring: Any) -> None:
    for kind, content in SAVED_AS.items():
        with engine.begin() as tx:
            tx.execute(bill.delete())
        report, refused = bring(content)
        assert refused == [], kind
        assert counts(report) == (2, 0, 0, 0), kind
        assert stored(engine, "12345678").billed_minor == 104_990, kind
        assert stored(engine, "12345678").payer_phone == "+34600123456", kind


def test_what_is_left_out_and_what_cannot_be_charged_is_told(engine: sa.Engine, bring: Any) -> None:
    content = (
        "reference;amount;currency;phone;due_date\n12345678;10;EUR;unknown;2026-12-24 00:00\n"
        "22345678;10;EUR;+34600123456;2026-12-24\n32345678;10;EUR;468123456;\n42345678;10;ISK;;\n"
    )
    takes_euros = Capabilities(CardEntry.TOKENIZE, currencies=frozenset({"EUR"}))
    report, warned = bring(content, told="warned", home_country="SE", gateway=takes_euros)
    assert counts(report) == (4, 0, 0, 0)
    assert [(row.line, row.reason) for row in warned] == [
        (2, "without its due_date, which must be a date written as YYYY-MM-DD"),
        (2, "without its phone, which is what carriers send for a withheld number: leave it empty"),
        (4, f"without its phone, which can be {BOTH_PHONES}"),
        (5, "the gateway does not accept ISK: callers cannot pay this bill"),
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
    assert "up to line 4" in refused[0].reason


def test_text_that_would_be_code_elsewhere_is_only_refused(engine: sa.Engine, bring: Any) -> None:
    report, refused = bring(
        HEADER + '"\'; DROP TABLE bill; --",1,EUR,,,\n=HYPERLINK(1),1,EUR,,,\n12345678,=1+1,EUR,,,\n'
        "22345678,1,EUR,,,<script>\n32345678,1,\x00\x1b[2J,,,\n"
    )
    assert counts(report) == (1, 0, 0, 4)
    assert stored(engine, "22345678").payer_phone is None
    assert all(row.reason.isprintable() for row in refused)
    assert stored(engine, "12345678") is None


@pytest.mark.postgres
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
def test_a_file_without_our_columns_is_refused_whole(bring: Any, content: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        bring(content)


def test_a_line_without_end_stops_the_import_after_what_is_stored(
    engine: sa.Engine, clock: ManualClock
) -> None:
    rows = "".join(f"{10_000_000 + n},1,EUR,,,\n" for n in range(250))
    run = importer(engine, clock, ImportListener(refused=lambda _: None))
    with pytest.raises(UnreadableFileError, match="Line 252"):
        run.run(io.BytesIO((HEADER + rows + "9" * 70_000).encode()))
    assert counts(run.report) == (200, 0, 0, 0)
