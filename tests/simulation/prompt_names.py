"""What callers hear, told by its prompt: the same in every language.

A sentence that no prompt makes has no name, and a caller answers it as somebody who did not understand.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from flows.language import Prompts, server_prompts
from flows.language.prompts import Literal, languages_in
from flows.pay_bill.flow import flow as pay_bill
from ivr import pci
from ivr.carriers.twilio.pay.verb import pay_prompts

NOT_CHARGED = frozenset(
    {
        "card.declined",
        "card.enough",
        "card.no_more",
        "card.unavailable",
        "card.given_up",
        "charge.refused",
        "charge.needs_authentication",
        "charge.no_authentication",
        "charge.no_longer_due",
        "charge.not_sent",
        "charge.not_sent_pending",
        "card.unavailable_pending",
        "link.unavailable",
    }
)
"""Prompts that tell the caller: you were not charged."""
CHARGED = frozenset({"receipt.texted", "receipt.spoken"})
TEXT_PROMISED = {
    "receipt.texted": {"receipt"},
    "promise.texted": {"receipt", "link"},
    "link.sent_minutes": {"link"},
    "link.sent_hours": {"link"},
}
"""Prompts that promise a text, and of which purposes it may be."""
HINTS = frozenset(
    {
        *("host.again", "host.back", "host.offer_person", "host.hang_up", "bill.not_yours"),
        "host.again_slower",
        *("pci.hint.star", "pci.hint.leave", "pci.hint.again", "pci.hint.hang_up"),
        *("pay.star", "pay.hang_up"),
    }
)
"""What is said behind a question; they are no question themselves."""
_CARD_ENTRY = "pci."


@cache
def _known() -> list[tuple[re.Pattern[str], str]]:
    """Every prompt of the server, the longest first: what is said is that prompt, or begins with it."""
    found = sorted(_patterns(), key=lambda each: -len(each[0]))
    return [(re.compile(pattern), key) for pattern, key in found]


def _patterns() -> Iterator[tuple[str, str]]:
    folder = Path(pci.__file__).parent
    books = (
        ("", Prompts.load(pay_bill.folder, languages_in(pay_bill.folder))),
        ("", server_prompts()),
        (_CARD_ENTRY, Prompts.load(folder, languages_in(folder))),
        ("", pay_prompts(languages_in(pay_bill.folder))),
    )
    for prefix, prompts in books:
        for language in prompts.languages:
            for key in sorted(prompts.keys(language)):
                parts = [
                    squeezed(one.text) if isinstance(one, Literal) else ".+"
                    for one in prompts.find(language, key).segments
                ]
                if any(part != ".+" for part in parts):  # the merchant's own sentences have no name
                    yield "".join(parts), prefix + key


def squeezed(text: str) -> str:
    return re.sub(r"(?:\\ |\s)+", r"\\s*", re.escape(text))


@cache
def _hints() -> re.Pattern[str]:
    return re.compile(f"(?:\\s+(?:{'|'.join(pattern for pattern, key in _patterns() if key in HINTS)}))+$")


@lru_cache(maxsize=4096)
def without_hints(text: str) -> str:
    """A question that is said in pieces is heard as one text, with the hints behind it."""
    return _hints().sub("", text)


@lru_cache(maxsize=4096)
def named(text: str) -> str:
    """The key of the prompt; card entry's begin with `pci.`; empty where it is none of ours."""
    text = without_hints(text)
    return next((key for pattern, key in _known() if pattern.fullmatch(text)), "")


def is_card_entry(text: str) -> bool:
    """Whether a card is asked for by this sentence, by us or by the carrier in our words."""
    return named(text).startswith((_CARD_ENTRY, "pay."))
