"""How a setting is declared, read and refused: each process lists its own, from the environment alone.

All missing and wrong values are told at once, a sentence each that says what to set. A secret's value is
never repeated. `paybycall config` prints the lists; a test holds that docs/settings.md has each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateways.secret import Secret
from ivr.platform.settings.weak_secrets import weakness

T = TypeVar("T")
_DIGITS_MAX = 9


class SettingsError(Exception):
    """Settings are missing or unusable; the message holds one sentence a line, each saying what to set."""


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One setting: its environment variable, how its text is read, and a sentence for the operator."""

    name: str
    help: str
    read: Callable[[str], T]
    default: str | None = None
    """The text taken where the variable is not set; None: it must be set."""
    secret: bool = False
    unless: tuple[str, str] | None = None
    """Another setting and its value with which this one need not be set (where it has no default)."""
    absent: Any = ""
    """What it is then."""
    has_password: bool = False
    """A URL with a password: it is never shown where it cannot be read."""

    def is_needed(self, environ: Mapping[str, str]) -> bool:
        """Whether it must be set in this environment."""
        if self.default is not None:
            return False
        return self.unless is None or environ.get(self.unless[0], "").strip() != self.unless[1]


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


def secret(value: str) -> Secret:
    """A secret that somebody else made: the carrier, the gateway."""
    return Secret(value.strip())


def secrets(value: str) -> tuple[Secret, ...]:
    """One such secret, or two separated by a comma while one is rotated; none where the default is empty."""
    found = tuple(Secret(part.strip()) for part in value.split(",") if part.strip())
    if value.strip() and not found:
        raise ValueError("must be a secret, not a comma")
    if len(found) > 2:  # noqa: PLR2004 - the new one and the old one
        raise ValueError("must be one value, or two separated by a comma")
    return found


def own_secret(value: str) -> Secret:
    """A secret that the operator makes, which must be hard to guess; empty text is none."""
    found = secret(value)
    if found and (why := weakness(found.reveal())):
        raise ValueError(why)
    return found


def own_secrets(value: str) -> tuple[Secret, ...]:
    """The same, or two separated by a comma while one is rotated."""
    found = secrets(value)
    for one in found:
        if why := weakness(one.reveal()):
            raise ValueError(why)
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


def time_zone(value: str) -> tzinfo:
    """A time zone by its name in the IANA database, or UTC."""
    name = value.strip()
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name) if "/" in name and not name.startswith("Etc/") else _no_zone()
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return _no_zone()


def _no_zone() -> tzinfo:
    raise ValueError("must be UTC or the name of a time zone by its city, such as Europe/Madrid")


def url_with_query(value: str) -> str:
    """A URL to which something is posted; it may have a query. Empty text is none."""
    given = value.strip()
    if not given:
        return ""
    base, _, query = given.partition("?")
    scheme, separator, rest = base.partition("://")
    url(scheme.lower() + separator + rest)
    if not (given.isascii() and given.isprintable()) or " " in query or "#" in query:
        raise ValueError("must be percent-encoded")
    return given


def words(value: str) -> tuple[str, ...]:
    """Words separated by spaces or commas, in lower case, each once."""
    return tuple(dict.fromkeys(value.replace(",", " ").lower().split()))


def one_of(*allowed: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value.strip() not in allowed:
            raise ValueError(f"must be {', '.join(allowed[:-1])} or {allowed[-1]}")
        return value.strip()

    return read


def mapping(value: str) -> dict[str, str]:
    """`en=Amy,es=Lucia` as a dict; empty text is an empty one."""
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    if any(not equals or not key.strip() or not given.strip() for key, equals, given in pairs):
        raise ValueError("must be pairs like en=value,es=value")
    return {key.strip(): given.strip() for key, _, given in pairs}


def sentences(value: str) -> dict[str, str]:
    """`en=A sentence.|es=Una frase.` as a dict; empty text is an empty one."""
    pairs = [part.partition("=") for part in value.split("|") if part.strip()]
    if any(not equals or not key.strip() or not given.strip() for key, equals, given in pairs):
        raise ValueError("must be sentences like en=A sentence.|es=Una frase.")
    return {key.strip(): given.strip() for key, _, given in pairs}


def without_secrets(value: str) -> str:
    """The value to be shown: of a URL without user, password and query."""
    scheme, separator, rest = value.partition("://")
    if not separator:
        return value
    _, signed_in, place = rest.rpartition("@")  # of a password with an @ in it, nothing is shown
    place, asked, _query = place.partition("?")
    return f"{scheme}://{'***@' if signed_in else ''}{place}{'?***' if asked else ''}"


def read_all(settings: tuple[Setting[Any], ...], environ: Mapping[str, str]) -> dict[str, Any]:
    """Every setting's value by name; raises SettingsError with one sentence for each fault."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    for setting in settings:
        given = environ.get(setting.name, "").strip() or setting.default
        if given is None:
            if setting.is_needed(environ):
                faults.append(f"Set {setting.name}: {setting.help}")
            values[setting.name] = setting.absent
            continue
        try:
            values[setting.name] = setting.read(given)
        except ValueError as fault:
            is_shown = not (setting.secret or setting.has_password)
            shown = f" is {without_secrets(given)!r}; it" if is_shown else ""
            faults.append(f"{setting.name}{shown} {fault}.")
    if faults:
        raise SettingsError("\n".join(faults))
    return values
