"""A withheld number in every form that carriers give it: a word, that word spelt on a keypad, a placeholder.

Twilio documents +266696687 (anonymous), +7378742833 (restricted), +2562533 (blocked), +8656696 (unknown) and
+86282452253 (unavailable); carriers on the way put a country's code or a trunk prefix before them. Some of
these are also a person's number. Such a caller has no identity here: two people must never share one
customer.
"""

import re

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

_KINDS = (
    "anonymous",
    "blocked",
    "concealed",
    "hidden",
    "private",
    "restricted",
    "suppressed",
    "unavailable",
    "undisclosed",
    "unidentified",
    "unknown",
    "unlisted",
    "unpublished",
    "withheld",
)
_WHOSE = ("caller", "name", "number")
WORDS = frozenset(
    {
        *("coinline", "nocallerid", "noname", "nonumber", "notavailable", "notprovided", "outofarea"),
        "payphone",
        *_KINDS,
        *(kind + whose for kind in _KINDS for whose in _WHOSE),
        *(whose + kind for kind in _KINDS for whose in _WHOSE),
    }
)
_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
SPELT = frozenset(word.translate(_KEYPAD) for word in WORDS)
_ENDS = tuple(SPELT)
_CODES = frozenset(str(code) for code in COUNTRY_CODE_TO_REGION_CODE)
_TRUNKS = {"7": "8", "36": "06", "370": "8", "375": "8", "993": "8"}
"""Trunk prefixes other than 0 and 1, behind the codes of the countries that have them."""
_BEFORE = (
    frozenset({""})
    | _CODES
    | {f"{code}1" for code in _CODES}
    | {f"{code}{trunk}" for code, trunk in _TRUNKS.items()}
)
"""What carriers put before a word: nothing, +1, a country's code, and a trunk prefix behind it."""
_DIALLED_ABROAD = "011"
_NO_LETTER = re.compile(r"[^a-z]")
_IN_A_ROW = "01234567890123456789"


def is_word(text: str) -> bool:
    """Whether this is a word for a withheld number, also with blanks, as a SIP address or a name in quotes.

    >>> is_word('"No Caller ID" <sip:anonymous@anonymous.invalid>'), is_word("bob")
    (True, False)
    """
    lowered = text.lower()
    parts = {lowered, *re.split(r"[<>\"]", lowered)}
    users = {re.sub(r"^\s*(?:sips?|tel):", "", part).partition("@")[0] for part in parts}
    return any(_NO_LETTER.sub("", user) in WORDS for user in users)


def is_spelt(digits: str) -> bool:
    """Whether the digits spell such a word, alone or behind a country's code, 1, or a trunk prefix.

    >>> is_spelt("266696687"), is_spelt("17378742833"), is_spelt("34600123456")
    (True, True, False)
    """
    if not digits.endswith(_ENDS):
        return False
    for word in SPELT:
        if digits.endswith(word):
            before = digits.removesuffix(word).removeprefix(_DIALLED_ABROAD).lstrip("0")
            if before in _BEFORE or before.removesuffix("0") in _BEFORE:
                return True
    return False


def is_placeholder(national: str) -> bool:
    """Whether a national number that is no valid one is a filler: one digit over and over, or all in a row.

    >>> is_placeholder("0000000000"), is_placeholder("123456789"), is_placeholder("600123456")
    (True, True, False)
    """
    return len(set(national)) <= 1 or national in _IN_A_ROW or national in _IN_A_ROW[::-1]
