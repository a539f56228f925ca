"""Reads settings from the environment, and refuses those that cannot work.

All missing and wrong values are told at once, a sentence each that says what to set. The value of a secret is
never repeated.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from gateways.settings import Setting, Values, settings_of, with_values
from ivr.platform.settings.weak_secrets import revealed, used_twice, weakness

T = TypeVar("T")


class SettingsError(Exception):
    """Settings are missing or unusable; the message holds one sentence a line, each saying what to set."""


def read_settings(kind: type[T], environ: Mapping[str, str], faults: Callable[[T], Iterable[str]]) -> T:
    """A process's settings. `faults`: a sentence for each thing that one setting alone cannot show.

    Raises SettingsError.
    """
    settings = settings_of(kind)
    values = read_all(settings, environ)
    read = with_values(kind, values)
    told = used_twice({one.name: values[one.name] for one in settings if one.secret})
    told += faults(read)
    if values["ENVIRONMENT"] == "production":
        told += _without_tls(settings, values)
    refuse(told)
    return read


def read_all(settings: Iterable[Setting[Any]], environ: Mapping[str, str]) -> dict[str, Any]:
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
            values[setting.name] = parse(setting, given)
        except ValueError as fault:
            shown = f" is {without_secrets(given)!r}; it" if is_shown(setting) else ""
            faults.append(f"{setting.name}{shown} {fault}.")
    refuse(faults)
    return values


def parse(setting: Setting[Any], given: str) -> Any:
    """The value of this text; raises ValueError with the end of a sentence."""
    value = setting.read(given)
    if setting.strong:
        for one in revealed(value):
            if why := weakness(one):
                raise ValueError(why)
    return value


def refuse(faults: list[str]) -> None:
    """Raises SettingsError where there are faults."""
    if faults:
        raise SettingsError("\n".join(faults))


def wrong(name: str, value: str, must: str) -> str:
    """The sentence for a value that was read and cannot work."""
    return f"{name} is {without_secrets(value)!r}; it must {must}."


def is_shown(setting: Setting[Any]) -> bool:
    """Whether a text of this setting that cannot be read may be shown."""
    return not (setting.secret or setting.has_password)


def without_secrets(value: str) -> str:
    """The value to be shown: of a URL without user, password and query."""
    scheme, separator, rest = value.partition("://")
    if not separator:
        return value
    _, signed_in, place = rest.rpartition("@")  # of a password with an @ in it, nothing is shown
    place, asked, _query = place.partition("?")
    return f"{scheme}://{'***@' if signed_in else ''}{place}{'?***' if asked else ''}"


def _without_tls(settings: Iterable[Setting[Any]], values: Values) -> list[str]:
    return [
        wrong(one.name, values[one.name], "begin with https:// in production")
        for one in settings
        if one.needs_tls and values[one.name].lower().startswith("http://")
    ]
