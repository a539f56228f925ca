"""Receipts: everything a payer needs, in their language, in two segments at most."""

import re
from dataclasses import replace

import pytest
from babel import numbers
from babel.localedata import locale_identifiers
from hypothesis import given
from hypothesis import strategies as st

from flows.language import Noun, read_noun
from ivr.messaging import templates as texts
from ivr.messaging.segments import Encoding, segments
from ivr.messaging.templates import LinkOffer, ReceiptText, languages, link, not_charged, receipt
from ivr.platform.settings.line import Wording

LONG = (
    "Ayuntamiento de Alcalá de Henares, Concejalía de Hacienda y Gestión Tributaria, "
    "Servicio de Recaudación Ejecutiva y Atención al Contribuyente"
)
NAMES = [
    "Demo Town Hall",
    "Ayuntamiento de Alcalá de Henares",
    LONG,
    LONG * 3,
    "á" * 400,
    "€" * 400,
    "😀" * 200,
    "",
]
AMOUNTS = [
    (4990, "EUR"),
    (123_456_789_01, "EUR"),
    (500, "JPY"),
    (1_234, "KWD"),
    (99_999_999, "INR"),
    (1, "USD"),
]


def facts(merchant: str = "Demo Town Hall", amount_minor: int = 4990, currency: str = "EUR") -> ReceiptText:
    return ReceiptText(
        merchant, amount_minor, currency, bill="12345678", last_four="4242", reference="87654321"
    )


def test_as_a_payer_reads_it() -> None:
    assert receipt(facts(), "en") == (
        "Demo Town Hall: €49.90 received. Bill 12345678, card ending in 4242, payment ref. 87654321. "
        "Thank you."
    )
    assert receipt(facts("Ayuntamiento de Alcalá de Henares"), "es") == (
        "Ayuntamiento de Alcala de Henares: pago de 49,90 € recibido. Factura 12345678, "
        "tarjeta terminada en 4242, ref. de pago 87654321. Gracias."
    )


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("merchant", NAMES)
@pytest.mark.parametrize(("amount_minor", "currency"), AMOUNTS)
def test_two_segments_at_most_and_nothing_needed_is_lost(
    language: str, merchant: str, amount_minor: int, currency: str
) -> None:
    text = receipt(facts(merchant, amount_minor, currency), language)
    assert segments(text)[1] <= 2
    assert all(needed in text for needed in ("12345678", "4242", "87654321"))
    assert texts.written(amount_minor, currency, language) in text


@pytest.mark.slow
@given(st.text(max_size=300), st.integers(1, 10**13), st.sampled_from(["EUR", "USD", "JPY", "INR", "KWD"]))
def test_whatever_the_merchant_is_called(merchant: str, amount_minor: int, currency: str) -> None:
    for language in languages():
        text = receipt(facts(merchant, amount_minor, currency), language)
        assert segments(text)[1] <= 2
        assert "87654321" in text


def test_our_own_words_need_no_accents_that_double_the_text() -> None:
    for language in languages():
        for made in (receipt, not_charged):
            assert segments(made(facts(), language)) == (Encoding.GSM_7, 1)


def test_a_long_name_is_cut_at_a_word_that_says_something() -> None:
    assert receipt(facts(f"{LONG} 北京"), "es").startswith("Ayuntamiento de Alcalá...:")
    assert "...: pago de 49,90 €" in receipt(facts(LONG * 2), "es")


def test_a_long_name_is_cut_only_once_its_accents_are_gone() -> None:
    text = receipt(facts(LONG), "es")
    assert "Atencion al Contribuyente: pago de 49,90 €" in text
    assert segments(text) == (Encoding.GSM_7, 2)


ACCENTED = "Ayuntamiento de Málaga"


@pytest.mark.parametrize("language", ["en", "es"])
def test_an_accent_in_the_name_neither_doubles_nor_cuts_a_text(language: str) -> None:
    for made in (receipt, not_charged):
        text = made(facts(ACCENTED), language)
        assert segments(text) == (Encoding.GSM_7, 1)
        assert text.startswith("Ayuntamiento de Malaga: ")
    offered = link(offer(ACCENTED), language)
    assert segments(offered)[0] is Encoding.GSM_7
    assert offered.startswith("Ayuntamiento de Malaga: ")


@pytest.mark.parametrize("name", ["Δήμος Μάλαγα", "北京市á", "Ayuntamiento de Málaga 😀"])
def test_a_name_that_no_folding_makes_cheap_keeps_its_accents(name: str) -> None:
    assert receipt(facts(name), "en").startswith(f"{name}: ")


def test_a_name_keeps_its_accents_where_the_amount_is_dear_anyway() -> None:
    text = receipt(facts("Málaga", 99_999_999, "INR"), "en")
    assert segments(text)[0] is Encoding.UCS_2
    assert text.startswith("Málaga: ₹")


def test_who_was_not_charged_reads_how_to_pay() -> None:
    assert not_charged(facts(), "en") == (
        "Demo Town Hall: your payment of €49.90 for bill 12345678 did not go through: nothing was charged. "
        "To pay, call us again. Ref. 87654321."
    )
    assert not_charged(facts(), "es") == (
        "Demo Town Hall: su pago de 49,90 € de la factura 12345678 no se ha realizado: "
        "no se le ha cobrado nada. Para pagar, vuelva a llamar. Ref. 87654321."
    )


def test_a_short_name_is_kept_and_its_braces_are_no_placeholders() -> None:
    assert receipt(facts("A {amount} & B\n Ltd."), "en").startswith("A {amount} & B Ltd.: €49.90")


def test_a_language_without_texts_gets_english() -> None:
    assert receipt(facts(), "xx") == receipt(facts(), "en")


def test_every_language_has_the_same_texts_with_the_same_values() -> None:
    assert languages() == ("en", "es")
    placeholders = {
        language: {key: sorted(re.findall(r"{(\w+)}", text)) for key, text in texts._texts(language).items()}
        for language in languages()
    }
    assert placeholders["en"] == placeholders["es"]


# Links ------------------------------------------------------------------------------------------------------

URL = f"https://pay.example.com/pay/{'7k3m9' * 5}x"


def offer(merchant: str = "Demo Town Hall", amount_minor: int = 4990, currency: str = "EUR") -> LinkOffer:
    return LinkOffer(merchant, amount_minor, currency, bill="12345678", url=URL, minutes_left=60)


def test_a_link_as_a_payer_reads_it() -> None:
    assert link(offer(), "en") == (
        f"Demo Town Hall: payment link from your call: €49.90, bill 12345678: {URL} (expires in 60 min)."
    )
    assert link(offer("Ayuntamiento de Alcalá"), "es") == (
        "Ayuntamiento de Alcala: enlace de pago de su llamada: 49,90 €, factura 12345678: "
        f"{URL} (caduca en 60 min)."
    )


def test_a_link_for_who_has_not_heard_why() -> None:
    assert link(replace(offer(), unheard=True), "en") == (
        f"Demo Town Hall: not paid yet. Approve €49.90 for bill 12345678 at {URL} (expires in 60 min)."
    )
    assert link(replace(offer(), unheard=True), "es") == (
        f"Demo Town Hall: pago no completado. Autorice 49,90 €, factura 12345678, en {URL} "
        "(caduca en 60 min)."
    )


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("merchant", NAMES)
@pytest.mark.parametrize(("amount_minor", "currency"), AMOUNTS)
def test_a_link_is_never_cut(language: str, merchant: str, amount_minor: int, currency: str) -> None:
    offered = offer(merchant, amount_minor, currency)
    for text in (link(offered, language), link(replace(offered, unheard=True), language)):
        _holds_the_link(text)


def _holds_the_link(text: str) -> None:
    assert segments(text)[1] <= 2
    assert f" {URL} " in text, "with blanks around it, so that a phone makes nothing else of it"
    assert "12345678" in text


@pytest.mark.parametrize(
    ("minutes", "told"),
    [
        (0, "0 min"),
        (29, "29 min"),
        (119, "119 min"),
        (120, "2 h"),
        (160, "2 h 40 min"),
        (178, "2 h 58 min"),
        (1439, "24 h"),
        (1440, "24 h"),
    ],
)
def test_how_long_a_link_lives(minutes: int, told: str) -> None:
    facts = LinkOffer("Demo", 100, "EUR", "12345678", URL, minutes)
    assert f"(expires in {told})" in link(facts, "en")
    assert URL not in repr(facts)


def test_a_receipt_without_a_card_reads_well() -> None:
    by_link = ReceiptText("Demo Town Hall", 4990, "EUR", "12345678", last_four="", reference="87654321")
    assert receipt(by_link, "en") == (
        "Demo Town Hall: €49.90 received. Bill 12345678, payment ref. 87654321. Thank you."
    )
    assert receipt(by_link, "es") == (
        "Demo Town Hall: pago de 49,90 € recibido. Factura 12345678, ref. de pago 87654321. Gracias."
    )


# In the merchant's words -----------------------------------------------------------------------------------

FINE = Wording("ES", {"en": read_noun("fine", "en"), "es": read_noun("la multa", "es")})
TAX = Wording("MX", {"es": read_noun("el recibo", "es"), "en": read_noun("tax demand", "en")})


def test_a_bill_is_called_what_the_merchant_calls_it() -> None:
    assert receipt(replace(facts(), wording=FINE), "en").endswith(
        "received. Fine 12345678, card ending in 4242, payment ref. 87654321. Thank you."
    )
    assert " de la multa 12345678 no se ha " in not_charged(replace(facts(), wording=FINE), "es")
    assert " del recibo 12345678 no se ha " in not_charged(replace(facts(), wording=TAX), "es")
    assert ": 49,90 €, multa 12345678: " in link(replace(offer(), wording=FINE), "es")


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("merchant", NAMES)
@pytest.mark.parametrize(("amount_minor", "currency"), AMOUNTS)
def test_the_longest_noun_fits_too(language: str, merchant: str, amount_minor: int, currency: str) -> None:
    wording = Wording(
        "", {"en": Noun("liquidación anual ab"), "es": Noun("liquidación anual ab", masculine=True)}
    )
    made = [
        receipt(replace(facts(merchant, amount_minor, currency), wording=wording), language),
        link(replace(offer(merchant, amount_minor, currency), wording=wording), language),
        not_charged(
            replace(facts(merchant, amount_minor, currency), wording=wording), language, may_be_pending=True
        ),
    ]
    assert all(segments(text)[1] <= 2 for text in made), made
    assert [text for text in made if "12345678" in text] == made


def test_who_may_see_a_held_amount_reads_that_it_goes() -> None:
    for language, word in (("en", "pending"), ("es", "pendiente")):
        text = not_charged(facts(), language, may_be_pending=True)
        assert word in text
        assert segments(text) == (Encoding.GSM_7, 1)


@pytest.mark.parametrize(
    ("minor", "currency", "home", "english", "spanish"),
    [
        (123456, "MXN", "MX", "$1,234.56", "$1,234.56"),
        (123456, "MXN", "ES", "MX$1,234.56", "1.234,56 MXN"),
        (123456, "MXN", "", "MX$1,234.56", "1.234,56 MXN"),
        (123456, "COP", "CO", "$1,234.56", "$1.234,56"),
        (123456, "EUR", "ES", "€1,234.56", "1.234,56 €"),
        (123456, "EUR", "DE", "€1,234.56", "1.234,56 €"),
        (123456, "USD", "US", "$1,234.56", "$1,234.56"),
        (123456, "GBP", "GB", "£1,234.56", "1.234,56 £"),
    ],
)
def test_an_amount_is_written_as_it_is_at_home(
    minor: int, currency: str, home: str, english: str, spanish: str
) -> None:
    assert (texts.written(minor, currency, "en", home), texts.written(minor, currency, "es", home)) == (
        english,
        spanish,
    )


def test_no_sign_of_home_makes_a_text_dear() -> None:
    """Wherever a merchant is at home, a text stays in the alphabet in which it was."""
    for country in sorted(
        {name.partition("_")[2] for name in locale_identifiers() if name.startswith("es_")}
    ):
        for currency in numbers.get_territory_currencies(country) if len(country) == 2 else ():
            for language in ("en", "es"):
                here = receipt(replace(facts(currency=currency), wording=Wording(country, {})), language)
                anywhere = receipt(facts(currency=currency), language)
                assert segments(here)[0] is Encoding.GSM_7 or segments(anywhere)[0] is Encoding.UCS_2
