"""No text keeps a card number, however it is written, and what is none stays readable."""

import random
from time import process_time

import pytest
from stdnum import luhn

from ivr.platform.card_mask import MASK, mask_cards

PAN = "4242424242424242"
GROUPS = ["4242"] * 4
JOINTS = [
    *(
        "",
        " ",
        "-",
        ".",
        "+",
        "_",
        "\t",
        "\n",
        "\r\n",
        "  ",
        "   ",
        ",",
        ", ",
        " - ",
        "/",
        ":",
        ";",
        "|",
        "*",
        "#",
        "&",
    ),
    *("\u00a0", "\u2009", "\u2009\u2009", "\u202f", "\u200b", "\ufeff", "\u2013", "\u3000"),
    *("%20", "%2D", "%2d", "%0A", "%0D%0A", "%3A", "%41", "%C2%A0", "%E2%80%89"),
    *("', '", '", "', "', b'"),
    *(r"\t", r"\n", r"\r\n", r"\xa0", r"\u2009", r"\U00002009", r"\xe2\x80\x89"),
]
FORMS = [
    PAN,
    "378282246310005",
    "6212345678901232",
    "3782822463100051234",
    f"9{PAN}",
    f"1763812345{PAN}",
    f"1763812345 {PAN}",
    f"{PAN} 123",
    f"{PAN}123",
    f"{PAN}1230123",
    f"{PAN} 12 30 123",
    "500000000009 12 30",
    f"1 {PAN}",
    "1 " * 50 + PAN,
    "4242 4242 4242 4242 123",
    *("".join(chr(zero + int(digit)) for digit in PAN) for zero in (0xFF10, 0x660, 0x6F0, 0x966, 0x1D7CE)),
    PAN.replace("2", "\u00b2"),
    "".join(f"%3{digit}" for digit in PAN),
    "".join(f"\\u003{digit}" for digit in PAN),
]


@pytest.mark.parametrize("text", [*(joint.join(GROUPS) for joint in JOINTS), *FORMS], ids=ascii)
def test_a_card_is_masked_with_what_is_keyed_around_it(text: str) -> None:
    assert mask_cards(f"<{text}>") == f"<{MASK}>"
    assert mask_cards(f"x%3D{text}") in {f"x%3D{MASK}", f"x{MASK}"}
    assert PAN not in mask_cards(text * 2)


def test_what_is_no_card_stays_as_it_is() -> None:
    for text in (
        "424242424241",
        "2026-11-22T10:00:00.123457Z",
        "call 12345678",
        "CA0123456789abcdef",
        "4242 and 4242 and 4242 4242",
        "4242    4242    4242    4242",
        "x\u00b2 \u0661",
        "100%",
        "\\",
        "1" * 40,
    ):
        assert mask_cards(text) == text


def test_a_run_that_nobody_can_read_is_masked_unexamined() -> None:
    """No thirteen to nineteen ones in a row pass the check."""
    assert mask_cards("x" + "1" * 41 + "y") == f"x{MASK}y"
    assert mask_cards("1 " * 41) == f"{MASK} "


def test_every_run_of_13_to_19_digits_that_passes_luhn_is_masked() -> None:
    chance = random.Random(20261122)  # noqa: S311 - no secret
    for length in [*range(13, 25)] * 40:
        digits = "".join(chance.choices("0123456789", k=length))
        joint = chance.choice(["", " ", "-", "\u2009/", ", "])
        cut = chance.randrange(length + 1)
        parts = (digits[start : start + size] for size in range(13, 20) for start in range(length - size + 1))
        expected = any(map(luhn.is_valid, parts))
        assert (MASK in mask_cards(digits[:cut] + joint + digits[cut:])) == expected, (digits, joint, cut)


@pytest.mark.slow
def test_long_texts_take_no_longer_than_their_length() -> None:
    """A quadratic search of these would take minutes."""
    texts = ["1", "1 ", "%2", "%31", "1%", " ", "1" * 40 + "x", "1" * 11 + "    ", "1', '", "\\u0031", "\\x3"]
    for text in texts:
        began = process_time()
        mask_cards(text * (200_000 // len(text)))
        assert process_time() - began < 5, text
