"""A card keyed on a telephone, as the caller meets it: every field, every mistake, both languages."""

import xml.etree.ElementTree as ET

import pytest
from stdnum import luhn

from ivr.pci.field_checks import KEYS_TIMEOUT_S, LISTENING_ON_TIMEOUT_S, READING_TIMEOUT_S
from tests.support.card_entry import AMEX, RETURN_URL, VISA, CardEntryHarness, both_engines

MASTERCARD = "5555555555554444"
DINERS_14 = "36227206271667"
UNIONPAY_16 = "6200000000000005"
UNIONPAY_19 = "6205500000000000004"


def test_a_visa_goes_through_without_hash_and_without_a_wait(harness: CardEntryHarness) -> None:
    caller = harness.caller()
    assert caller.words == "Please enter your card number."
    assert caller.wanted == 16
    caller.key(VISA)
    assert caller.words.startswith("Now its expiry")
    assert caller.wanted == 4
    caller.key("0831")
    assert caller.words == "Now the three digits on the back."
    assert caller.wanted == 3
    caller.key("123")
    assert caller.words == "Thank you. One moment."
    caller.wait()
    assert caller.sent_to == RETURN_URL
    card = harness.gateway.cards[0]
    assert card.number.reveal() == VISA
    assert (card.expiry_month, card.expiry_year, card.code.reveal()) == (8, 2031, "123")
    assert card.postal_code is None
    assert harness.collected() == {
        "outcome": "collected",
        "token": "tok_1",
        "authorization": None,
        "brand": "visa",
        "last_four": "4242",
        "expiry_month": 8,
        "expiry_year": 2031,
        "decline": None,
        "url": None,
    }


def test_the_same_in_spanish(harness: CardEntryHarness) -> None:
    caller = harness.caller(language="es")
    assert caller.words == "Marque el número de la tarjeta."
    assert caller.gather.find("Say").attrib["language"] == "es-ES"
    caller.key(MASTERCARD)
    assert caller.words == "Ahora la fecha de caducidad: dos dígitos del mes y dos del año."
    caller.key("1228")
    assert caller.words == "Ahora los tres números de detrás."
    caller.key("999")
    assert caller.words == "Gracias. Un momento."
    assert caller.wait().sent_to == RETURN_URL
    assert harness.collected()["brand"] == "mastercard"


def test_every_gather_asks_for_a_number_of_digits_and_answers_silence(harness: CardEntryHarness) -> None:
    caller = harness.caller(postal_code=True)
    for keys in (VISA, "0831", "123"):
        assert caller.wanted > 0
        assert caller.gather.attrib["actionOnEmptyResult"] == "true"
        assert caller.gather.attrib["method"] == "POST"
        caller.key(keys)


@pytest.mark.parametrize("ending", ["#", ""])
def test_an_amex_ends_by_hash_or_pause_and_has_a_four_digit_code(
    harness: CardEntryHarness, ending: str
) -> None:
    caller = harness.caller().key(AMEX + ending)
    assert caller.words.startswith("Now its expiry")
    caller.key("0831")
    assert caller.words == "Now the four digits on the front, above the card number."
    assert caller.wanted == 4
    caller.key("1234")
    assert harness.gateway.cards[0].code.reveal() == "1234"
    assert harness.collected()["brand"] == "amex"


def test_a_diners_of_14_digits_ends_by_the_pause(harness: CardEntryHarness) -> None:
    assert harness.caller().key(DINERS_14).words.startswith("Now its expiry")


def test_more_digits_are_awaited_silently_for_brands_with_longer_numbers(harness: CardEntryHarness) -> None:
    caller = harness.caller().key(UNIONPAY_19[:16])
    assert caller.words == ""
    assert caller.wanted == 3
    assert caller.gather.attrib["timeout"] == str(LISTENING_ON_TIMEOUT_S)
    caller.key(UNIONPAY_19[16:])
    assert caller.words.startswith("Now its expiry")
    caller.key("0831").key("123")
    assert harness.gateway.cards[0].number.reveal() == UNIONPAY_19


@pytest.mark.parametrize("ending", ["", "#"])
def test_and_takes_sixteen_when_nothing_more_comes(harness: CardEntryHarness, ending: str) -> None:
    caller = harness.caller().key(UNIONPAY_16)
    assert caller.words == ""
    caller.key(ending)
    assert caller.words.startswith("Now its expiry")
    caller.key("0831").key("123")
    assert harness.gateway.cards[0].number.reveal() == UNIONPAY_16


def test_a_late_hash_is_no_mistake_and_the_question_is_asked_again(harness: CardEntryHarness) -> None:
    caller = harness.caller()
    caller.key(VISA + "#")  # the hash spills into the next Gather
    assert caller.words.startswith("Now its expiry")
    for _ in range(5):
        caller.key("#")
        assert caller.words.startswith("Now its expiry")
    caller.key("0831").key("123")
    assert harness.collected()["outcome"] == "collected"


TOLD_ONCE = (
    "To start over, press star. To leave the card, press star twice."
    " To hear this again, press hash, the key at the bottom right. You can hang up now: nothing is charged."
)


def test_help_keys_are_named_at_the_first_mistake_and_star_at_a_wrong_number(
    harness: CardEntryHarness,
) -> None:
    caller = harness.caller()
    assert "star" not in caller.words
    assert _waits(caller.gather) == (8, 3)
    caller.silence()
    assert caller.words.endswith(f"and enter your card number. {TOLD_ONCE}")
    assert _waits(caller.gather) == (12, 3)
    assert caller.key(VISA[:-1] + "3#").words.endswith("card number again. To start over, press star.")
    assert caller.key("#").words == "Please enter your card number."
    assert not caller.key("4242#").words.endswith("star.")
    assert "star" not in caller.key(VISA).words
    assert caller.key("99#").words.endswith(TOLD_ONCE)


def test_a_star_alone_is_answered_soon_with_the_short_question(harness: CardEntryHarness) -> None:
    """The carrier ends a Gather at one key, which is the hash: the wait behind any other key is short."""
    caller = harness.caller()
    for keys, words in ((VISA, "Now its"), ("0831", "Now the three")):
        assert _waits(caller.gather)[1] <= KEYS_TIMEOUT_S
        assert caller.key("*").words.startswith("Cleared. Please enter")
        assert _waits(caller.gather) == (READING_TIMEOUT_S, KEYS_TIMEOUT_S)
        assert caller.key(keys).words.startswith(words)
    assert caller.key("**").sent_to == RETURN_URL


def _waits(gather: ET.Element) -> tuple[int, int]:
    """Seconds for the first key, and for the next."""
    timeout_s = int(gather.attrib["timeout"])
    return timeout_s + sum(int(pause.attrib["length"]) for pause in gather.iter("Pause")), timeout_s


def test_a_pause_half_way_is_no_mistake(harness: CardEntryHarness) -> None:
    caller = harness.caller()
    for part, left in ((VISA[:4], 12), (VISA[4:8], 8), (VISA[8:12], 4)):
        caller.key(part)
        assert caller.words == "Please go on."
        assert caller.wanted == left
    caller.key(VISA[12:])
    caller.key("08")
    assert caller.words == "Please go on."
    caller.key("31").key("1").key("2").key("3")
    card = harness.gateway.cards[0]
    assert (card.number.reveal(), card.expiry_month, card.code.reveal()) == (VISA, 8, "123")


def test_an_amex_read_in_groups_needs_no_hash(harness: CardEntryHarness) -> None:
    caller = harness.caller().key(AMEX[:4]).key(AMEX[4:10])
    assert caller.wanted == 5
    assert caller.key(AMEX[10:]).words.startswith("Now its expiry")


NUMBER_MISTAKES = [
    ("4242#", "That number was too short."),
    ("9999999999999999", "I do not know that kind of card."),
    ("5555555555554445", "One of those digits is not right."),
    (VISA[:-1] + "3#", "One of those digits is not right."),
    (AMEX[:-1] + "6#", "One of those digits is not right."),
    (AMEX + "5", "That number was too long."),
]


@pytest.mark.parametrize(("keys", "words"), NUMBER_MISTAKES)
def test_each_mistake_in_the_number_has_its_own_words(
    harness: CardEntryHarness, keys: str, words: str
) -> None:
    caller = harness.caller().key(keys)
    assert caller.words.startswith(words)
    assert caller.wanted == 16
    assert caller.key(VISA).words.startswith("Now its expiry")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("1331", "There is no such month."),
        ("0031", "There is no such month."),
        ("1026", "By that date, the card has expired."),
        ("0847", "That year is too far ahead."),
        ("083#", "That date was too short."),
    ],
)
def test_each_mistake_in_the_date_has_its_own_words(harness: CardEntryHarness, keys: str, words: str) -> None:
    caller = harness.caller().key(VISA).key(keys)
    assert caller.words.startswith(words)
    assert caller.wanted == 4
    assert caller.key("1126").words.startswith("Now the three digits")  # good through the end of this month


def test_a_short_code_is_told_where_the_code_is(harness: CardEntryHarness) -> None:
    caller = harness.caller().key(VISA).key("0831").key("12#")
    assert caller.words.startswith("The security code has three digits.")
    assert caller.wanted == 3


@both_engines
@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "I heard no keys."), ("es", "No he recibido ninguna tecla.")],
)
def test_silence_has_its_own_words_in_every_field(
    harness: CardEntryHarness, language: str, words: str
) -> None:
    caller = harness.caller(language=language, postal_code=True)
    for keys in (VISA, "0831", "123", "28013"):
        assert caller.silence().words.startswith(words)
        caller.key(keys)
    assert harness.collected()["outcome"] == "collected"


def test_a_field_that_was_taken_forgets_its_mistakes(harness: CardEntryHarness) -> None:
    caller = (
        harness.caller().silence().silence().silence().key(VISA).silence().silence().silence().key("0831")
    )
    caller.silence().silence().silence().key("123")
    assert harness.collected()["outcome"] == "collected"


@pytest.mark.parametrize("keys", ["", "4242#", "9999999999999999"])
def test_four_mistakes_or_silences_in_a_field_lead_back(harness: CardEntryHarness, keys: str) -> None:
    caller = harness.caller().key(keys).silence().key(keys)
    assert caller.sent_to is None
    caller.key(keys)
    assert caller.sent_to == RETURN_URL
    assert harness.collected()["outcome"] == "gave_up"
    assert harness.gateway.cards == []


def test_a_star_clears_the_field_and_what_follows_it_counts(harness: CardEntryHarness) -> None:
    caller = harness.caller().key("55*")
    assert caller.words == "Cleared. Please enter your card number again."
    caller.key("4111*" + VISA[:11])
    assert caller.words == "Cleared. Please go on."
    assert caller.wanted == 5
    caller.key(VISA[11:])
    caller.key("9*08").key("31")
    caller.key("123")
    card = harness.gateway.cards[0]
    assert (card.number.reveal(), card.expiry_month) == (VISA, 8)


def test_a_star_clears_also_what_was_keyed_before_a_pause(harness: CardEntryHarness) -> None:
    caller = harness.caller().key("5555").key("*").key(VISA).key("0831").key("123")
    assert caller.sent_to is not None
    assert harness.gateway.cards[0].number.reveal() == VISA


def test_a_star_does_not_make_a_whole_number_of_thirteen_digits(harness: CardEntryHarness) -> None:
    thirteen = "400000000000" + luhn.calc_check_digit("400000000000")  # the beginning of a longer number
    caller = harness.caller().key("41*" + thirteen)
    assert caller.words == "Cleared. Please go on."
    assert caller.wanted == 3


@pytest.mark.parametrize("keys", ["**", "4242**", VISA[:14] + "**"])
def test_two_stars_leave(harness: CardEntryHarness, keys: str) -> None:
    caller = harness.caller().key(keys)
    assert caller.sent_to == RETURN_URL
    assert harness.collected()["outcome"] == "left"


def test_two_stars_leave_also_where_a_gather_ended_between_them(harness: CardEntryHarness) -> None:
    caller = harness.caller().key(VISA).key("083**")
    assert caller.sent_to == RETURN_URL
    assert harness.collected()["outcome"] == "left"


def test_zero_is_a_digit(harness: CardEntryHarness) -> None:
    harness.caller().key("6011111111111117").key("1030").key("000")
    assert harness.gateway.cards[0].code.reveal() == "000"


@pytest.mark.parametrize(("keys", "code"), [("28013", "28013"), ("123#", "123"), ("12", "12")])
def test_a_postal_code_where_the_gateway_wants_one(harness: CardEntryHarness, keys: str, code: str) -> None:
    caller = harness.caller(postal_code=True).card()
    assert caller.words == "Lastly, the digits of the postal code your bank has for you."
    caller.key(keys)
    postal_code = harness.gateway.cards[0].postal_code
    assert postal_code is not None
    assert postal_code.reveal() == code


@pytest.mark.slow
def test_whoever_clears_for_ever_is_led_back(harness: CardEntryHarness) -> None:
    caller = harness.caller()
    for _ in range(100):
        if caller.sent_to is not None:
            break
        caller.key("4*")
    assert caller.sent_to == RETURN_URL
    assert harness.collected()["outcome"] == "gave_up"


def test_keys_that_no_telephone_has_are_dropped(harness: CardEntryHarness) -> None:
    caller = harness.caller()
    caller.follow(caller.gather.attrib["action"], {"Digits": "4242-4242 4242é4242<&"})
    assert caller.words.startswith("Now its expiry")


def test_nothing_that_was_keyed_is_ever_said_or_stands_in_a_url(harness: CardEntryHarness) -> None:
    caller = harness.caller()
    texts = []
    for keys in ("4242#", VISA, "1331", "0831", "12#", "987"):
        caller.key(keys)
        texts.append(caller.text)
    assert not [text for text in texts for keyed in ("4242", "1331", "0831", "987") if keyed in text]
