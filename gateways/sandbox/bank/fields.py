"""The fields of a request, read strictly: what is missing or unusable is a 400 that names the field.

An error never repeats a value: it could be a card number.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from gateways.sandbox.currencies import AMOUNT_MAX_MINOR, CURRENCIES

_TEXT_MAX = 500


class MalformedError(ValueError):
    """A field is missing or unusable; the message names it."""


def document(body: object) -> Mapping[str, Any]:
    """The body itself."""
    if not isinstance(body, dict):
        raise MalformedError("the body must be a JSON object")
    return body


def text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not _is_text(value) or not 0 < len(value) <= _TEXT_MAX:
        raise MalformedError(f"{name} must be a text of 1 to {_TEXT_MAX} characters")
    return value


def optional_text(body: Mapping[str, Any], name: str) -> str:
    return text(body, name) if body.get(name) else ""


def whole(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= AMOUNT_MAX_MINOR:
        raise MalformedError(f"{name} must be a whole number from 1 to {AMOUNT_MAX_MINOR}")
    return value


def seconds(body: Mapping[str, Any], name: str) -> float:
    value = body.get(name, 0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 300:  # noqa: PLR2004
        raise MalformedError(f"{name} must be a number of seconds from 0 to 300")
    return float(value)


def flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if not isinstance(value, bool):
        raise MalformedError(f"{name} must be true or false")
    return value


def currency(body: Mapping[str, Any]) -> str:
    value = text(body, "currency")
    if value not in CURRENCIES:
        raise MalformedError("the bank does not accept this currency")
    return value


def metadata(body: Mapping[str, Any]) -> dict[str, str]:
    value = body.get("metadata", {})
    if not isinstance(value, dict) or not all(_is_text(one) for pair in value.items() for one in pair):
        raise MalformedError("metadata must be an object of texts")
    return dict(value)


def _is_text(value: Any) -> TypeGuard[str]:
    """Half a character (JSON can write one) can be neither kept nor sent."""
    return isinstance(value, str) and not any("\ud800" <= one <= "\udfff" for one in value)


def url(body: Mapping[str, Any], name: str) -> str:
    value = text(body, name)
    if urlsplit(value).scheme not in {"http", "https"}:
        raise MalformedError(f"{name} must be a URL that begins with http:// or https://")
    return value


def moment(body: Mapping[str, Any], name: str) -> datetime:
    try:
        value = datetime.fromisoformat(text(body, name))
    except ValueError:
        raise MalformedError(f"{name} must be a moment like 2026-11-22T10:00:00+00:00") from None
    if value.tzinfo is None:
        raise MalformedError(f"{name} must have a time zone")
    return value
