"""How the merchant words what payers hear and read: what it calls a bill, and where its amounts are read.

Speech, texts, pages and what the gateway shows all go by it, so that a fine is a fine everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.language import Noun


@dataclass(frozen=True, slots=True)
class Wording:
    """The merchant's, or the line's."""

    home_country: str = ""
    """ISO code: its own currency is written there as everybody there writes it. Empty: nowhere."""
    nouns: Mapping[str, Noun] = field(default_factory=dict)
    """What a bill is called, by language; where there is none, the language's own word."""


PLAIN = Wording()
