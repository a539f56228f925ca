"""Bills out of a CSV file: what spreadsheets write is read, bad rows are told by line, a repeat changes
nothing.
"""

import csv
import io
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.bills import store
from ivr.bills.import_csv import CsvImport, Report
from ivr.bills.store import Change
from ivr.bills.table import BadRow, UnreadableFileError, read_table
from ivr.clock import ManualClock
from ivr.ids import RandomIds
from ivr.storage.engine import reading
from ivr.storage.schema import bill

HEADER = "reference,amount,currency,minimum,due_date,phone\n"

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is refused before any database is asked: once is enough."""


@pytest.fixture
def bring(engine: sa.Engine, clock: ManualClock) -> Any:
    """Imports text or bytes; gives the report and the refused rows."""

    def bring(content: str | bytes) -> tuple[Report, list[BadRow]]:
        refused: list[BadRow] = []
        run = CsvImport(engine, home_country="ES", clock=clock, ids=RandomIds(), on_refused=refused.append)
        raw = content.encode() if isinstance(content, str) else content
        return run.run(io.BytesIO(raw)), refused

    return bring


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
        + "32345678,5,EUR,,\n"
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


@one_database
def test_a_comma_that_may_mean_thousands_is_never_guessed(engine: sa.Engine, bring: Any) -> None:
    report, _ = bring(
        "reference;amount;currency\n12345678;1,234;KWD\n22345678;1,234;JPY\n32345678;1,234;EUR\n42345678;1.234,56;EUR\n"
        "52345678;1,23;KWD\n"
    )
    assert counts(report) == (0, 0, 0, 5)


def test_a_line_that_is_not_utf8_spoils_only_its_own_fields(engine: sa.Engine, bring: Any) -> None:
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
    assert counts(report) == (0, 0, 0, 5)
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
        b"PK\x03\x04\x00\x00\n\x00",
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
    run = CsvImport(engine, home_country="ES", clock=clock, ids=RandomIds(), on_refused=lambda _: None)
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
