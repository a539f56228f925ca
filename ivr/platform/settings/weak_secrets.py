"""Refuses secrets of the operator's own making that are easy to guess, and a value that two settings share.

Whoever guesses such a secret can sign as web, PCI or the merchant.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

from gateways.secret import Secret

LENGTH_MIN = 32
"""`openssl rand -hex 16` gives as many: 128 bits."""
ADVICE = "make one with `openssl rand -hex 32`"
_DIFFERENT_MIN = 6
"""Of 32 random hexadecimal digits, 14 are different on average. Fewer than 6 happen once in ten billion
secrets, also in 40 random decimal digits.
"""
_IN_ORDER_MAX = 2 / 3
_REPEATED_MAX = 1 / 3
_LEFT_MIN = 12
_ROWS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = {pair for row in _ROWS for one in (row, row[::-1]) for pair in pairwise(one)}
_USUAL = re.compile(
    "admin|amet|character|changeme|change|default|demo|development|dolor|dummy|example|fingerprint|foobar|generate"
    "|here|hello|horse|insert|internal|ipsum|letmein|lorem|merchant|metrics|password|paybycall|placeholder|please"
    "|production|pwd|qwerty|random|replace|sample|sandbox|secret|something|supersecret|test|todo|token|value"
    "|webhook|welcome|your|with|this|that|than|more|least|must|long|very|"
    r"\b(?:a|an|and|at|be|by|for|hex|in|is|it|key|me|my|of|or|our|s|the|to|us|we|32|64)\b|[\s_.,:;'\"/-]+"
)
"""Words of examples and placeholders, and what stands between them."""
_PLACEHOLDER = re.compile(r"\.{5}|^(?:[\w-]*\.{3}|<[\w ,.:-]*>|\$\(.*\)|\$\{.*\}|\{\{.*\}\})$")
"""What is to be filled in. Passwords with symbols, as managers make them, have some of these by chance."""


def weakness(value: str) -> str | None:
    """Why this secret is too easy to guess, as the end of a sentence that begins with its setting's name;
    None if it is not. The value is never repeated.
    """
    if len(value) < LENGTH_MIN:
        return f"must be {LENGTH_MIN} random characters or more: {ADVICE}"
    if _PLACEHOLDER.search(value):
        return f"must be a value of your own, not a placeholder: {ADVICE}"
    left = _USUAL.sub("", value.lower().replace("_", " "))
    if len(left) < _LEFT_MIN:
        return f"must be random, not made of usual words: {ADVICE}"
    if any(_is_regular(one) for one in (value.lower(), left)):
        return f"must be random, without repetition or sequence: {ADVICE}"
    return None


def _is_regular(text: str) -> bool:
    """Few different characters, a pattern that repeats, or keys that lie side by side."""
    if len(set(text)) < _DIFFERENT_MIN:
        return True
    triples = [text[at : at + 3] for at in range(len(text) - 2)]
    if 1 - len(set(triples)) / len(triples) > _REPEATED_MAX:
        return True
    pairs = list(pairwise(text))
    in_order = sum(one == other or (one, other) in _NEIGHBOURS for one, other in pairs)
    return in_order > _IN_ORDER_MAX * len(pairs)


def used_twice(secrets: Mapping[str, Secret | Sequence[Secret]]) -> list[str]:
    """A sentence for each two settings that have a value in common."""
    values = {name: set(revealed(given)) for name, given in sorted(secrets.items())}
    return [
        f"{one} and {other} have the same value; each must have its own: {ADVICE}."
        for one, other in combinations(values, 2)
        if values[one] & values[other]
    ]


def revealed(given: Secret | Sequence[Secret]) -> list[str]:
    """The bare values of a setting's one secret, or of its two; none where it is empty."""
    return [one.reveal() for one in ([given] if isinstance(given, Secret) else given) if one]
