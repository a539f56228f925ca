"""How values sound in each language, and recorded prompts."""

import re
from datetime import date, datetime
from pathlib import Path

import pytest
from babel import numbers
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language import (
    Amount,
    Digits,
    Name,
    PromptError,
    Prompts,
    Recorded,
    Recordings,
    Say,
    SpokenWords,
    speak,
)
from flows.language.languages import LANGUAGES
from flows.language.spanish_feminine import spelled_feminine
from flows.language.speech import aloud

AMOUNTS = [
    (4990, "EUR", "49 euros and 90 cents", "49 euros y 90 céntimos"),
    (100, "EUR", "1 euro", "1 euro"),
    (101, "EUR", "1 euro and 1 cent", "1 euro y 1 céntimo"),
    (200, "EUR", "2 euros", "2 euros"),
    (5, "EUR", "5 cents", "5 céntimos"),
    (1, "EUR", "1 cent", "1 céntimo"),
    (0, "EUR", "0 euros", "0 euros"),
    (1_234_567, "EUR", "12,345 euros and 67 cents", "12345 euros y 67 céntimos"),
    (100_000_000, "EUR", "1,000,000 euros", "1000000 de euros"),
    (100_000_050, "EUR", "1,000,000 euros and 50 cents", "1000000 de euros y 50 céntimos"),
    (199, "GBP", "1 pound and 99 pence", "una libra y 99 peniques"),
    (201, "GBP", "2 pounds and 1 penny", "2 libras y 1 penique"),
    (1250, "USD", "12 dollars and 50 cents", "12 dólares y 50 centavos"),
    (0, "GBP", "0 pounds", "0 libras"),
    (1500, "JPY", "1,500 yen", "1500 yenes"),
    (1, "JPY", "1 yen", "1 yen"),
    (1001, "KWD", "1 Kuwaiti dinar and 1 fils", "1 dinar kuwaití y 1 fils"),
    (12_500, "KWD", "12 Kuwaiti dinars and 500 fils", "12 dinares kuwaitíes y 500 fils"),
    # The figures 21 and 200 are read as masculine: before a feminine unit they are written in words.
    (2100, "GBP", "21 pounds", "veintiuna libras"),
    (20_001, "GBP", "200 pounds and 1 penny", "doscientas libras y 1 penique"),
    (1_195_000, "GBP", "11,950 pounds", "once mil novecientas cincuenta libras"),
    (3_112_100, "GBP", "31,121 pounds", "treinta y un mil ciento veintiuna libras"),
    (20_000_000, "GBP", "200,000 pounds", "doscientas mil libras"),
    (10_000, "GBP", "100 pounds", "100 libras"),
    (1_100, "GBP", "11 pounds", "11 libras"),
    (100_100, "SEK", "1,001 Swedish kronor", "mil una coronas suecas"),
    (22_100, "INR", "221 Indian rupees", "doscientas veintiuna rupias indias"),
    (200_000_100, "GBP", "2,000,001 pounds", "dos millones una libras"),
    (20_000_000_000, "GBP", "200,000,000 pounds", "200000000 de libras"),
    # At home nobody says whose pesos they are, and nobody anywhere says "colóns".
    (195_050, "UYU", "1,950 pesos and 50 centesimos", "1950 pesos y 50 centésimos"),
    (101, "UYU", "1 peso and 1 centesimo", "1 peso y 1 centésimo"),
    (250, "BRL", "2 reais and 50 centavos", "2 reales y 50 centavos"),
    (250, "DOP", "2 pesos and 50 centavos", "2 pesos y 50 centavos"),
    (250, "BOB", "2 bolivianos and 50 centavos", "2 bolivianos y 50 centavos"),
    (101, "CRC", "1 colón and 1 centimo", "1 colón y 1 céntimo"),
    (250, "CRC", "2 colones and 50 centimos", "2 colones y 50 céntimos"),
    (250, "VES", "2 bolívares and 50 centimos", "2 bolívares y 50 céntimos"),
    (250, "GTQ", "2 quetzales and 50 centavos", "2 quetzales y 50 centavos"),
    (250, "PEN", "2 soles and 50 centimos", "2 soles y 50 céntimos"),
    (250, "MXN", "2 pesos and 50 centavos", "2 pesos y 50 centavos"),
    # No subunit is known: the fraction is said, never guessed.
    (1201, "MRU", "12 Mauritanian ouguiyas and 1 hundredth", "12 uguiyas mauritanos y una centésima"),
    (1005, "LYD", "1 Libyan dinar and 5 thousandths", "1 dinar libio y 5 milésimas"),
]

CURRENCIES = sorted(
    # Old currencies are told apart by their years: a name that holds a number proves nothing here.
    code
    for code in numbers.list_currencies()
    if not re.search(r"\d", numbers.get_currency_name(code, locale="en"))
)


@pytest.mark.parametrize(("minor", "currency", "english", "spanish"), AMOUNTS)
def test_an_amount_is_said_in_units(minor: int, currency: str, english: str, spanish: str) -> None:
    assert aloud(Amount(minor, currency), "en") == english
    assert aloud(Amount(minor, currency), "es") == spanish


@settings(deadline=None)  # the first look at a locale reads its file
@given(
    minor=st.integers(0, 10**12),
    currency=st.sampled_from(CURRENCIES),
    language=st.sampled_from(sorted(LANGUAGES)),
)
def test_every_amount_can_be_counted_again_from_what_was_said(
    minor: int, currency: str, language: str
) -> None:
    places = numbers.get_currency_precision(currency)
    said = aloud(Amount(minor, currency), language)
    figures = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", said)]
    major, rest = divmod(minor, 10**places)
    wanted = [major] * bool(major or not rest) + [rest] * bool(rest)
    assert figures == [count for count in wanted if language == "en" or count in figures]
    assert len(figures) == len(wanted) or re.search("una |ientas ", said), "the others are in words"


@given(st.integers(0, 10**12 - 1))
def test_a_number_in_words_is_that_number(count: int) -> None:
    """In words where a voice would read the figures in the wrong gender, and only there."""
    said = spelled_feminine(count, "libras")
    thousands, rest = divmod(count % 10**6, 1000)
    differs = rest % 10 == 1 != rest % 100 - 10 or max(thousands, rest) > 199
    if said is None:
        assert not differs
        return
    assert spelled_feminine(count, "euros") is None
    assert _counted(said) == count
    units = said.rpartition("millones" if "millones" in said else "millón")[2]
    assert not re.search(r"ientos|uno$|un$|ún$", units), "feminine to the end"


def _counted(said: str) -> int:
    total = part = 0
    for word in said.replace("millones", "millón").split():
        if word == "millón":
            total, part = (total + part) * 10**6, 0
        elif word == "mil":
            total, part = total + max(part, 1) * 1000, 0
        elif word != "y":
            part += _SPANISH[word]
    return total + part


_UNITS = """dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis
diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis
veintisiete veintiocho veintinueve"""
_TENS = """treinta cuarenta cincuenta sesenta setenta ochenta noventa cien"""
_HUNDREDS = """dosc tresc cuatroc quin seisc setec ochoc novec"""
_SPANISH = {
    **dict.fromkeys(("un", "una"), 1),
    **dict.fromkeys(("veintiún", "veintiuna"), 21),
    "ciento": 100,
    **{word: number for number, word in enumerate(_UNITS.split(), start=2)},
    **{word: 10 * number for number, word in enumerate(_TENS.split(), start=3)},
    **{f"{word}ientos": 100 * number for number, word in enumerate(_HUNDREDS.split(), start=2)},
    **{f"{word}ientas": 100 * number for number, word in enumerate(_HUNDREDS.split(), start=2)},
}


@pytest.mark.parametrize(
    ("value", "english", "spanish"),
    [
        (Digits("4242"), "4 2 4 2", "4 2 4 2"),
        (Digits("1234 5678"), "1 2 3 4, 5 6 7 8", "1 2 3 4, 5 6 7 8"),
        (Digits("0"), "0", "0"),
        (
            Name("Ayuntamiento de Móstoles & Co"),
            "Ayuntamiento de Móstoles & Co",
            "Ayuntamiento de Móstoles & Co",
        ),
        (date(2026, 11, 22), "22 November 2026", "22 de noviembre de 2026"),
        (date(2027, 1, 1), "1 January 2027", "1 de enero de 2027"),
        (3, "3", "3"),
        (12345, "12,345", "12345"),
        (1950, "1,950", "1950"),
    ],
)
def test_other_values(value: object, english: str, spanish: str) -> None:
    assert aloud(value, "en") == english  # type: ignore[arg-type]
    assert aloud(value, "es") == spanish  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [True, 4.2, "text", None, Amount(-1, "EUR"), Amount(100, "XXZ")])
def test_what_cannot_be_said_is_an_error(value: object) -> None:
    with pytest.raises(PromptError):
        aloud(value, "en")  # type: ignore[arg-type]


def test_a_moment_is_said_by_its_day() -> None:
    assert aloud(datetime(2026, 11, 22, 23, 59), "en") == "22 November 2026"  # noqa: DTZ001 - a day, no instant


def test_an_unknown_language_is_an_error_and_never_silence() -> None:
    prompts = Prompts(Path("folder"), {"fr": {"due": "Vous devez {due}."}, "en": {"due": "You owe {due}."}})
    with pytest.raises(PromptError, match="'fr'"):
        speak(Say("due", due=Amount(100, "EUR")), "fr", prompts)
    with pytest.raises(PromptError, match="no prompts in 'de'"):
        speak(Say("due", due=Amount(100, "EUR")), "de", prompts)


@pytest.fixture
def prompts() -> Prompts:
    return Prompts(
        Path("folder"),
        {
            "en": {
                "wait": "One moment.",
                "due": "You owe {due}. To pay it, press 1.",
                "card": "{brand} {last_four}.",
            }
        },
    )


def test_the_words_around_a_value_are_kept_as_they_are(prompts: Prompts) -> None:
    said = speak(Say("due", due=Amount(4990, "EUR")), "en", prompts)
    assert said == (SpokenWords("You owe 49 euros and 90 cents. To pay it, press 1."),)


@pytest.mark.parametrize("values", [{}, {"due": 1, "more": 2}, {"other": 1}])
def test_values_and_placeholders_must_match(prompts: Prompts, values: dict[str, int]) -> None:
    with pytest.raises(PromptError, match="due"):
        speak(Say("due", **values), "en", prompts)


def test_a_recording_replaces_a_whole_prompt(prompts: Prompts) -> None:
    recordings = Recordings({"en": {"wait": ("https://example.com/wait.mp3",)}})
    assert speak(Say("wait"), "en", prompts, recordings) == (Recorded("https://example.com/wait.mp3"),)


def test_recordings_around_a_value_which_stays_synthesized(prompts: Prompts) -> None:
    recordings = Recordings({"en": {"due": ("https://example.com/owe.mp3", "https://example.com/pay.mp3")}})
    assert speak(Say("due", due=Amount(100, "EUR")), "en", prompts, recordings) == (
        Recorded("https://example.com/owe.mp3"),
        SpokenWords("1 euro"),
        Recorded("https://example.com/pay.mp3"),
    )


def test_a_recording_that_no_longer_fits_its_prompt_is_an_error(prompts: Prompts) -> None:
    recordings = Recordings({"en": {"due": ("https://example.com/owe.mp3",)}}, "voices.toml")
    with pytest.raises(PromptError, match=r"voices\.toml: en: due: .* 2 stretches .* 1 recordings"):
        speak(Say("due", due=Amount(100, "EUR")), "en", prompts, recordings)
    with pytest.raises(PromptError, match="2 stretches"):
        recordings.check(prompts)


def test_a_recording_of_no_prompt_is_found_at_start(prompts: Prompts) -> None:
    with pytest.raises(PromptError, match="en: gone: there is no such prompt"):
        Recordings({"en": {"gone": ("https://example.com/a.mp3",)}}).check(prompts)
    with pytest.raises(PromptError, match="fr: wait: there is no such prompt"):
        Recordings({"fr": {"wait": ("https://example.com/a.mp3",)}}).check(prompts)
    Recordings({"en": {"wait": ("https://example.com/a.mp3",)}}).check(prompts)


def test_recordings_are_loaded_from_a_file(tmp_path: Path, prompts: Prompts) -> None:
    path = tmp_path / "recordings.toml"
    path.write_text(
        '[en]\nwait = "https://example.com/w.mp3"\ndue = ["https://example.com/1", "https://example.com/2"]\n'
    )
    recordings = Recordings.load(path)
    recordings.check(prompts)
    assert speak(Say("wait"), "en", prompts, recordings) == (Recorded("https://example.com/w.mp3"),)


@pytest.mark.parametrize(
    "text",
    ["[en", 'en = "https://example.com"', "[en]\nwait = 3", "[en]\nwait = []", '[en]\nwait = "file.mp3"'],
)
def test_an_unusable_recordings_file_is_told_with_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recordings.toml"
    path.write_text(text)
    with pytest.raises(PromptError, match=re.escape(str(path))):
        Recordings.load(path)
    with pytest.raises(PromptError, match="missing"):
        Recordings.load(tmp_path / "none.toml")
