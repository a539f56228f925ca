"""What a payer reads: the texts of `templates.<language>.toml`, filled in, in two segments at most.

Where a text is too long, the end of the merchant's name is cut. Its accents are dropped where they alone
would double the price. A language without texts gets those in English.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from flows.language import Noun, with_noun
from ivr.messaging.segments import Encoding, folded, segments
from ivr.platform.money import written
from ivr.platform.settings.line import PLAIN, Wording

SEGMENTS_MAX = 2
_FOLDER = Path(__file__).parent
_DEFAULT = "en"
_CUT = "..."
"""Marks a name that was cut; the ellipsis character is not in GSM-7."""

_CONNECTING = frozenset(
    {"", "of", "the", "and", "for", "de", "del", "el", "la", "las", "los", "y", "e", "en"}
)
"""A name does not end in one of these."""


@dataclass(frozen=True, slots=True)
class ReceiptText:
    """The facts of a receipt."""

    merchant: str
    amount_minor: int
    currency: str
    bill: str
    last_four: str
    reference: str
    wording: Wording = PLAIN


@dataclass(frozen=True, slots=True)
class LinkOffer:
    """The facts of a text that carries a link. It does not hold the payment's reference: by that a receipt is
    told apart in the carrier's list.
    """

    merchant: str
    amount_minor: int
    currency: str
    bill: str
    url: str = field(repr=False)
    minutes_left: int
    unheard: bool = False
    """Its payer left while a card was charged, and does not know yet that their bank wants their approval."""
    wording: Wording = PLAIN


MINUTES_TOLD_MAX = 119
"""What lives longer is told in hours."""


@cache
def languages() -> tuple[str, ...]:
    """The languages that have texts."""
    return tuple(sorted(path.name.split(".")[1] for path in _FOLDER.glob("templates.*.toml")))


def receipt(facts: ReceiptText, language: str) -> str:
    """The receipt in that language, with as much of the merchant's name as fits. Of a payment by link no card
    may be known.
    """
    return _filled("receipt" if facts.last_four else "receipt_by_link", facts, language)


def not_charged(facts: ReceiptText, language: str, *, may_be_pending: bool = False) -> str:
    """For somebody who was promised a word and was not charged. `may_be_pending`: their bank may show an
    amount that was held and let go.
    """
    return _filled("not_charged_pending" if may_be_pending else "not_charged", facts, language)


def link(facts: LinkOffer, language: str) -> str:
    """The text that carries a link: the merchant's name is cut, never the URL."""
    key = "link_unheard" if facts.unheard else "link"
    return _filled(key, facts, language, url=facts.url, left=time_left(facts.minutes_left))


def time_left(minutes: int) -> str:
    """How long a payer still has: "45 min", "2 h 40 min". A minute short of a full hour is that hour."""
    if minutes <= MINUTES_TOLD_MAX:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if rest == 59:  # noqa: PLR2004 - a link that was just made for full hours
        return f"{hours + 1} h"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def _filled(key: str, facts: ReceiptText | LinkOffer, language: str, **more: str) -> str:
    """In two segments at most. Where no letter of the merchant's name would be left, the short text is taken:
    a name or a currency sign outside GSM-7 leaves less than half the length.
    """
    spoken = language if language in languages() else _DEFAULT
    values = {"amount": _amount(facts, spoken), "bill": facts.bill, **more}
    if isinstance(facts, ReceiptText):
        values |= {"last_four": facts.last_four, "reference": facts.reference}
    noun = _plain_noun(facts.wording, spoken)
    full, *short = (
        with_noun(_texts(spoken)[one], spoken, noun) for one in (key, f"{key}_short") if one in _texts(spoken)
    )
    name = " ".join(facts.merchant.split())
    plain = folded(name)
    if segments(full.format(merchant=plain, **values))[0] is Encoding.GSM_7:
        name = plain
    fitting = (_fitted(one, name, values) for one in (full, *short))
    return next((text for text in fitting if text), full.format(merchant="-", **values))


def _fitted(template: str, name: str, values: Mapping[str, str]) -> str | None:
    """The text with as much of the name as fits; None where a name has to go altogether."""
    text = template.format(merchant=name or "-", **values)
    while segments(text)[1] > SEGMENTS_MAX:
        name = _shorter(name)
        if not name:
            return None
        text = template.format(merchant=name + _CUT, **values)
    return text


def _plain_noun(wording: Wording, language: str) -> Noun | None:
    """Without accents: a single one would double the price of the text."""
    noun = wording.nouns.get(language)
    return None if noun is None else replace(noun, word=folded(noun.word))


def _amount(facts: ReceiptText | LinkOffer, language: str) -> str:
    """As it is written at the merchant's home, unless its sign alone doubles the price of the text ("₡")."""
    at_home = written(facts.amount_minor, facts.currency, language, facts.wording.home_country)
    anywhere = written(facts.amount_minor, facts.currency, language)
    costs_more = segments(at_home)[0] is not Encoding.GSM_7 and segments(anywhere)[0] is Encoding.GSM_7
    return anywhere if costs_more else at_home


def _shorter(name: str) -> str:
    """Without its last word, or its last letter where it is one word."""
    words = name.split(" ")[:-1]
    while words and words[-1].lower().strip(".,;:-&") in _CONNECTING:
        words.pop()
    return " ".join(words).rstrip(".,;:-") or name[:-1]


@cache
def _texts(language: str) -> dict[str, str]:
    with (_FOLDER / f"templates.{language}.toml").open("rb") as file:
        return tomllib.load(file)
