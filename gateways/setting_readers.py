"""How the text of a setting is read. Each raises ValueError with the end of a sentence, "must be ..."."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from gateways.secret import Secret

_DIGITS_MAX = 9


def text(value: str) -> str:
    return value.strip()


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """A whole number from `least` to `most`."""

    def read(value: str) -> int:
        given = value.strip()
        is_number = given.isascii() and given.isdigit() and len(given) <= _DIGITS_MAX
        if not is_number or int(given) < least or (most is not None and int(given) > most):
            bounds = f", {least} or more" if most is None else f" from {least} to {most}"
            raise ValueError(f"must be a whole number{bounds}")
        return int(given)

    return read


def one_of(*allowed: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value.strip() not in allowed:
            raise ValueError(f"must be {', '.join(allowed[:-1])} or {allowed[-1]}")
        return value.strip()

    return read


def yes_or_no(value: str) -> bool:
    return one_of("yes", "no")(value) == "yes"


def secret(value: str) -> Secret:
    return Secret(value.strip())


def secrets(value: str) -> tuple[Secret, ...]:
    """One secret, or two separated by a comma while one is rotated; none where the default is empty."""
    found = tuple(Secret(part.strip()) for part in value.split(",") if part.strip())
    if value.strip() and not found:
        raise ValueError("must be a secret, not a comma")
    if len(found) > 2:  # noqa: PLR2004 - the new one and the old one
        raise ValueError("must be one value, or two separated by a comma")
    return found


def url(value: str) -> str:
    """A URL to which paths are joined: no query, no sign-in, no slash at the end."""
    trimmed = value.strip().rstrip("/")
    try:
        parts = urlsplit(trimmed)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("must be a URL with a host and, if needed, a number as port") from None
    if not trimmed.startswith(("http://", "https://")) or not host or " " in trimmed:
        raise ValueError("must be a URL that begins with https:// (or http:// in development)")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be a URL without ?, # and @")
    return trimmed


def mapping(value: str) -> Mapping[str, str]:
    """`en=Amy,es=Lucia` as a dict; empty text is an empty one."""
    return _pairs(value, ",", "must be pairs like en=value,es=value")


def sentences(value: str) -> Mapping[str, str]:
    """`en=A sentence.|es=Una frase.` as a dict; empty text is an empty one."""
    return _pairs(value, "|", "must be sentences like en=A sentence.|es=Una frase.")


def _pairs(value: str, separator: str, must: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in value.split(separator) if part.strip()]
    if any(not equals or not key.strip() or not given.strip() for key, equals, given in pairs):
        raise ValueError(must)
    return {key.strip(): given.strip() for key, _, given in pairs}
