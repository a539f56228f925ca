"""Amounts as others write them: each spelling has one reading or is refused, with the true reason."""

import pytest
from babel.numbers import list_currencies
from hypothesis import given
from hypothesis import strategies as st

from ivr.platform.amounts import AmountError, Spelling, currency_of, read, read_minor
from ivr.platform.money import decimals, plain

JSON, UNSAID, POINT, COMMA = Spelling

TWO_READINGS = "two ways"
TOO_MANY = "more decimals"
MISPLACED = "in a wrong place"
NO_TEXT = "digits with a decimal point"
NO_AMOUNT = "must be an amount"
SIGN = "not have a sign or parentheses"
MULTIPLE = "thousands or millions"
OTHER_SIGN = "not a symbol"

TABLE: list[tuple[str, str, dict[Spelling, int | str]]] = [
    ("49.90", "EUR", {JSON: 4990, UNSAID: 4990, POINT: 4990, COMMA: MISPLACED}),
    ("49,90", "EUR", {JSON: NO_TEXT, UNSAID: 4990, POINT: MISPLACED, COMMA: 4990}),
    ("49.9", "EUR", {JSON: 4990, UNSAID: 4990}),
    ("49", "EUR", {JSON: 4900, UNSAID: 4900, POINT: 4900, COMMA: 4900}),
    ("0049.90", "EUR", {JSON: 4990, UNSAID: 4990}),
    ("0", "EUR", {JSON: 0, UNSAID: 0}),
    # three digits after a single mark
    ("1.000", "EUR", {JSON: TWO_READINGS, UNSAID: TWO_READINGS, POINT: TOO_MANY, COMMA: 100_000}),
    ("1,000", "EUR", {JSON: NO_TEXT, UNSAID: TWO_READINGS, POINT: 100_000, COMMA: TOO_MANY}),
    ("15.000", "CLP", {JSON: TWO_READINGS, UNSAID: TWO_READINGS, POINT: TOO_MANY, COMMA: 15_000}),
    ("150.000", "COP", {JSON: TWO_READINGS, UNSAID: TWO_READINGS, COMMA: 15_000_000}),
    ("1.234", "KWD", {JSON: TWO_READINGS, UNSAID: TWO_READINGS, POINT: 1234, COMMA: 1_234_000}),
    ("1234.567", "KWD", {JSON: TWO_READINGS, UNSAID: TWO_READINGS, POINT: 1_234_567, COMMA: MISPLACED}),
    ("0.500", "KWD", {JSON: TWO_READINGS, UNSAID: TWO_READINGS, POINT: 500, COMMA: MISPLACED}),
    ("0.000", "EUR", {JSON: TWO_READINGS, UNSAID: TWO_READINGS}),
    # more decimals than there are, trailing zeros or not
    ("49.9000", "EUR", {JSON: TOO_MANY, UNSAID: TOO_MANY}),
    ("500.0", "JPY", {JSON: TOO_MANY, UNSAID: TOO_MANY, POINT: TOO_MANY}),
    ("500,00", "CLP", {UNSAID: TOO_MANY, COMMA: TOO_MANY}),
    ("4.9", "KWD", {JSON: 4900, UNSAID: 4900}),
    ("1 000,500", "EUR", {UNSAID: TOO_MANY}),
    # thousands that can be nothing else
    ("2.000,00", "EUR", {JSON: NO_TEXT, UNSAID: 200_000, POINT: MISPLACED, COMMA: 200_000}),
    ("2,000.00", "EUR", {UNSAID: 200_000, POINT: 200_000, COMMA: MISPLACED}),
    ("1.234.567", "EUR", {JSON: NO_TEXT, UNSAID: 123_456_700, POINT: MISPLACED, COMMA: 123_456_700}),
    ("12,34,567.89", "INR", {UNSAID: 123_456_789, POINT: 123_456_789}),
    ("1 000,00", "EUR", {JSON: NO_TEXT, UNSAID: 100_000}),
    ("1\u00a0000,00", "EUR", {UNSAID: 100_000}),
    ("1\u202f000", "EUR", {UNSAID: 100_000, POINT: 100_000, COMMA: 100_000}),
    ("1\u2009000", "CLP", {UNSAID: 1000}),
    ("1'234.50", "CHF", {UNSAID: 123_450}),
    ("1\u2019234", "CHF", {UNSAID: 123_400}),
    ("1 000,500", "KWD", {UNSAID: 1_000_500}),
    # marks that nobody writes so
    ("1.234,567.89", "EUR", {UNSAID: MISPLACED}),
    ("1,234,567.89", "EUR", {UNSAID: 123_456_789, COMMA: MISPLACED}),
    ("1,23,45", "EUR", {UNSAID: MISPLACED}),
    ("1.00.000", "EUR", {UNSAID: MISPLACED}),
    ("1234,567,890", "EUR", {UNSAID: MISPLACED}),
    ("49 90", "EUR", {UNSAID: MISPLACED}),
    ("1 000'000", "EUR", {UNSAID: MISPLACED}),
    ("49..90", "EUR", {UNSAID: MISPLACED}),
    ("49,90.", "EUR", {UNSAID: NO_AMOUNT}),
    ("1.", "EUR", {JSON: NO_TEXT, UNSAID: NO_AMOUNT}),
    (".5", "EUR", {JSON: NO_TEXT, UNSAID: NO_AMOUNT}),
    # blanks and the currency's own sign
    ("\u00a049,90\u2007", "EUR", {UNSAID: 4990}),
    ("\t49.90 ", "EUR", {JSON: 4990, UNSAID: 4990}),
    ("49,90 €", "EUR", {JSON: NO_TEXT, UNSAID: 4990}),
    ("49,90\u00a0€", "EUR", {UNSAID: 4990}),
    ("€49.90", "EUR", {UNSAID: 4990}),
    ("49.90 EUR", "EUR", {UNSAID: 4990}),
    ("eur 49,90", "EUR", {UNSAID: 4990}),
    ("49.90 Usd", "EUR", {UNSAID: OTHER_SIGN}),
    ("49,90 zł", "PLN", {UNSAID: 4990}),
    ("$ 15.000,00", "MXN", {UNSAID: 1_500_000}),
    ("1.000 €", "EUR", {UNSAID: TWO_READINGS}),
    ("49,90 $", "EUR", {UNSAID: OTHER_SIGN}),
    ("49.90 USD", "EUR", {UNSAID: OTHER_SIGN}),
    ("€49.90€", "EUR", {UNSAID: OTHER_SIGN}),
    # a sign that also stands for thousands or millions
    ("K49.90", "ZMW", {UNSAID: 4990}),
    ("5K", "ZMW", {UNSAID: MULTIPLE, POINT: MULTIPLE}),
    ("1,5 K", "PGK", {UNSAID: MULTIPLE, COMMA: MULTIPLE}),
    ("5M", "LSL", {UNSAID: MULTIPLE}),
    ("49.90%", "EUR", {UNSAID: OTHER_SIGN}),
    # no amounts
    ("-5", "EUR", {JSON: NO_TEXT, UNSAID: SIGN}),
    ("+5", "EUR", {UNSAID: SIGN}),
    ("(5.00)", "EUR", {UNSAID: SIGN}),
    ("5-", "EUR", {UNSAID: SIGN}),
    ("\u22125", "EUR", {UNSAID: SIGN}),
    ("1e3", "EUR", {JSON: NO_TEXT, UNSAID: "exponent"}),
    ("1,5E+05", "EUR", {UNSAID: "exponent"}),
    ("1e999999999", "EUR", {UNSAID: "exponent"}),
    ("NaN", "EUR", {JSON: NO_TEXT, UNSAID: NO_AMOUNT}),
    ("Infinity", "EUR", {UNSAID: NO_AMOUNT}),
    ("=1+1", "EUR", {UNSAID: NO_AMOUNT}),
    ("0x10", "EUR", {UNSAID: NO_AMOUNT}),
    ("1_000", "EUR", {JSON: NO_TEXT, UNSAID: NO_AMOUNT}),
    ("1/2", "EUR", {UNSAID: NO_AMOUNT}),
    ("٤٩", "EUR", {JSON: NO_TEXT, UNSAID: "digits 0 to 9"}),
    ("\uff14\uff19", "EUR", {JSON: NO_TEXT, UNSAID: "digits 0 to 9"}),
    ("4٩", "EUR", {UNSAID: "digits 0 to 9"}),
    ("\u0664\u0669\u066b\u0669\u0660", "EUR", {UNSAID: "digits 0 to 9"}),
    ("49.90\n", "EUR", {JSON: NO_TEXT, UNSAID: NO_AMOUNT}),
    ("49.90\x00", "EUR", {JSON: NO_TEXT, UNSAID: NO_AMOUNT}),
    ("", "EUR", {JSON: NO_TEXT, UNSAID: NO_AMOUNT}),
    ("9" * 61, "EUR", {JSON: "longer", UNSAID: "longer"}),
]


@pytest.mark.parametrize(
    ("text", "currency", "spelling", "wanted"),
    [(text, currency, spelling, wanted) for text, currency, by in TABLE for spelling, wanted in by.items()],
)
def test_one_reading_or_none(text: str, currency: str, spelling: Spelling, wanted: int | str) -> None:
    if isinstance(wanted, int):
        assert read(text, currency, spelling) == wanted
        return
    with pytest.raises(AmountError, match=wanted) as refused:
        read(text, currency, spelling)
    assert str(refused.value).isprintable()
    assert text.strip() in {"", "49.90"} or text not in str(refused.value)


def test_the_way_out_is_told() -> None:
    with pytest.raises(AmountError, match="--decimal=point or --decimal=comma"):
        read("1.000", "EUR", UNSAID)
    with pytest.raises(AmountError, match="minor units"):
        read("1.000", "EUR", JSON)


NOT_MONEY = (
    "XXX XTS XAU XAG XPD XPT XDR XSU XUA XBA XBB XBC XBD XFU XFO XRE XEU BOV CHE CHW CLF COU MXV USN UYI UYW"
)


def test_only_money_is_owed() -> None:
    for code in NOT_MONEY.split():
        with pytest.raises(AmountError, match="people pay with"):
            currency_of(code)
    taken = {code for code in list_currencies() if code.startswith("X") and code not in NOT_MONEY}
    assert {currency_of(code.lower()) for code in taken} == {"XAF", "XCD", "XCG", "XOF", "XPF"}
    assert currency_of("\u00a0eur ") == "EUR"
    for code in ("", "EURO", "XXL", "€", "\u0415UR", "<b>"):
        with pytest.raises(AmountError, match="ISO 4217"):
            currency_of(code)


def test_minor_units_are_digits_alone() -> None:
    assert read_minor("\u00a04990 ") == 4990
    for text in ("", "49.90", "4,990", "-1", "+1", "1e3", "٤", "1_0", "1 000", "9" * 19):
        with pytest.raises(AmountError):
            read_minor(text)


@given(st.integers(0, 10**15 - 1), st.sampled_from(["EUR", "JPY", "KWD", "USD", "CLP"]))
def test_what_is_shown_reads_back_to_the_cent_or_not_at_all(minor: int, currency: str) -> None:
    shown = plain(minor, currency).split()[0]
    assert read(shown, currency, POINT) == minor
    assert read(shown.replace(".", ","), currency, COMMA) == minor
    for spelling in (JSON, UNSAID):
        if decimals(currency) == 3:
            with pytest.raises(AmountError, match=TWO_READINGS):
                read(shown, currency, spelling)
        else:
            assert read(shown, currency, spelling) == minor


@given(st.text("0123456789.,' \u00a0", max_size=12), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_no_spelling_has_a_reading_that_another_contradicts(text: str, currency: str) -> None:
    """What is taken where nobody said which mark is the decimal one is taken for the same by whoever says."""
    readings = set()
    for spelling in (POINT, COMMA):
        try:
            readings.add(read(text, currency, spelling))
        except AmountError:
            continue
    try:
        unsaid = read(text, currency, UNSAID)
    except AmountError:
        return
    assert readings == {unsaid}
