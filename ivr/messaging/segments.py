"""How many segments a text message takes, and in which alphabet: what the merchant pays for.

GSM-7 holds é, ñ, ü, ¿ and ¡ but not á, í, ó or ú: a single one of those turns the whole text into UCS-2, with
less than half the length; `folded` gives the plain letters instead. Source: 3GPP TS 23.038, 23.040.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "\f^{}\\[~]|€"
"""These take two places: an escape and themselves."""
_WIDTHS = dict.fromkeys(_BASIC, 1) | dict.fromkeys(_EXTENDED, 2)
_SIGNS = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014\u00b7", "''\"\"--.")
"""Curly quotation marks, long dashes and the dot of "Col·legi": they have no plain form by Unicode."""


class Encoding(StrEnum):
    """The alphabets of a text message."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


@dataclass(frozen=True, slots=True)
class SegmentSize:
    """How many places a message of one segment has, and each segment of a longer one."""

    alone: int
    joined: int


SIZES = {Encoding.GSM_7: SegmentSize(160, 153), Encoding.UCS_2: SegmentSize(70, 67)}


def segments(text: str) -> tuple[Encoding, int]:
    """The alphabet that the text needs, and the number of segments it takes (an empty text takes one)."""
    if all(character in _WIDTHS for character in text):
        return Encoding.GSM_7, _count([_WIDTHS[character] for character in text], SIZES[Encoding.GSM_7])
    widths = [len(character.encode("utf-16-be")) // 2 for character in text]
    return Encoding.UCS_2, _count(widths, SIZES[Encoding.UCS_2])


def folded(text: str) -> str:
    """The text with plain letters for those that GSM-7 lacks: "Málaga" becomes "Malaga", "España" and "Café"
    stay. What has no plain letter in GSM-7 stays too, as Greek and Chinese do.
    """
    return "".join(_plain(character) for character in unicodedata.normalize("NFC", text))


def _plain(character: str) -> str:
    if character in _WIDTHS:
        return character
    parts = unicodedata.normalize("NFKD", character).translate(_SIGNS)
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    return plain if plain and all(one in _WIDTHS for one in plain) else character


def _count(widths: list[int], size: SegmentSize) -> int:
    if sum(widths) <= size.alone:
        return 1
    count, used = 1, 0
    for width in widths:
        if used + width > size.joined:  # a character is never cut in two
            count, used = count + 1, 0
        used += width
    return count
