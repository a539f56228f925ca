"""What the merchant calls a bill: "recibo", "multa", "fine".

Prompts and texts set the noun, and what agrees with it, in brackets: "Ya está [pagada] [esta factura]." So
they read as they are heard where the merchant says nothing, and hold no grammar that a translator must learn.
A merchant names its noun with the article where the language has genders: "el recibo", "la multa".
"""

import re
from dataclasses import dataclass

from flows.language.languages import LANGUAGES

_IN_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_WORDS_MAX, _LENGTH_MAX = 3, 20
"""A text has room for so many letters."""


class NounError(ValueError):
    """A noun that cannot be used; the message says how to write it."""


@dataclass(frozen=True, slots=True)
class Noun:
    """One language's word for a bill."""

    word: str
    masculine: bool = False


def read_noun(text: str, language: str) -> Noun:
    """The merchant's noun as it is set: "fine", "el recibo". Raises NounError where it is unclear."""
    words = text.split()
    rules = LANGUAGES.get(language)
    if rules is None:
        raise NounError(f"there is no language {language!r}")
    feminine, masculine = rules.articles
    article = words.pop(0) if words and words[0] in rules.articles else None
    noun = " ".join(words)
    if not 1 <= len(words) <= _WORDS_MAX or len(noun) > _LENGTH_MAX or not noun.replace(" ", "").isalpha():
        raise NounError(f"{text!r} is no noun of {_WORDS_MAX} words and {_LENGTH_MAX} letters at most")
    if rules.masculine and article is None:
        raise NounError(f"{text!r} needs its article: {masculine} {noun}, or {feminine} {noun}")
    return Noun(noun, masculine=bool(rules.masculine) and article == masculine)


def with_noun(template: str, language: str, noun: Noun | None = None) -> str:
    """The template without its brackets, and with this noun in them in place of the language's own."""
    return _IN_BRACKETS.sub(lambda found: _phrase(found[1], language, noun), template)


def _phrase(phrase: str, language: str, noun: Noun | None) -> str:
    rules = LANGUAGES.get(language)
    if noun is None or rules is None:
        return phrase
    said = re.sub(rf"\b{rules.bill}\b", noun.word, phrase, flags=re.IGNORECASE)
    if noun.masculine:
        for feminine, masculine in rules.masculine.items():
            said = re.sub(rf"\b{feminine}\b", masculine, said, flags=re.IGNORECASE)
    return said[:1].upper() + said[1:] if phrase[:1].isupper() else said
