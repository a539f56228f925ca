"""A request and an answer as values, and Stripe's form encoding read back into nested parameters.

Knows nothing of accounts. A request's body may hold a card number: neither it nor a header is in any repr.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Thing = dict[str, Any]
"""An object of Stripe's, as JSON has it."""


@dataclass(frozen=True)
class Request:
    """As it came over the wire; header names in lower case."""

    method: str
    path: str
    query: str = field(repr=False, default="")
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes = field(repr=False, default=b"")

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> "Request":
        parts = urlsplit(target)
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method.upper(), parts.path, parts.query, lower, body)

    @property
    def encoded(self) -> str:
        """The parameters: in the body of a POST, in the query of the others."""
        return self.body.decode() if self.method == "POST" else self.query


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Thing:
        return json.loads(self.body)


def json_answer(status: int, thing: Thing, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(
        status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(thing, indent=2).encode()
    )


def nested(encoded: str) -> Thing:
    """`card[number]=4&expand[0]=a` as nested dicts and lists; every leaf is still a string."""
    top: Thing = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        at, keys = top, _keys(name)
        for key in keys[:-1]:
            below = at.setdefault(key, {})
            at = below if isinstance(below, dict) else at.__setitem__(key, {}) or at[key]
        at[str(len(at)) if keys[-1] == "" else keys[-1]] = value
    return {name: _listed(name, value) for name, value in top.items()}


def _keys(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    return [head, *rest.removesuffix("]").split("][")] if bracket else [head]


def _listed(name: str, value: Any) -> Any:
    """A dict whose keys count from 0 is a list; metadata alone is never one, whatever its keys."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(key, below) for key, below in value.items()}
    counts = [str(number) for number in range(len(inner))]
    return list(inner.values()) if name != "metadata" and inner and list(inner) == counts else inner
