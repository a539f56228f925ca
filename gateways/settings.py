"""How a setting is declared: once, as a field of a frozen dataclass that holds its value.

    @dataclass(frozen=True, slots=True)
    class StripeSettings(GatewaySettings):
        api_base: str = setting("STRIPE_API_BASE", "The URL of the Stripe API.", url, "https://api.stripe.com")

What a process reads and refuses, `paybycall config` and docs/settings.md all come from these fields. It
stands here and not in `ivr`, so that a gateway can declare its own.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from gateways.setting_readers import whole

T = TypeVar("T")
S = TypeVar("S")
Values = Mapping[str, Any]
"""The values of settings, by name."""


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One setting: its environment variable, a sentence for the operator, and how its text is read."""

    name: str
    help: str
    read: Callable[[str], T]
    """Raises ValueError with the end of a sentence that begins with the name: "must be ..."."""
    default: str | None = None
    """The text taken where the variable is not set; None: it must be set."""
    secret: bool = False
    """Never shown."""
    strong: bool = False
    """A secret that the operator makes: refused where it is easy to guess."""
    has_password: bool = False
    """A URL with a password: never shown where it cannot be read."""
    needs_tls: bool = False
    """In production it must begin with https://."""
    unless: tuple[str, str] | None = None
    """Another setting and its value with which this one need not be set (where it has no default)."""
    absent: Any = ""
    """Its value then."""

    def is_needed(self, environ: Mapping[str, str]) -> bool:
        """Whether it must be set in this environment."""
        if self.default is not None:
            return False
        return self.unless is None or environ.get(self.unless[0], "").strip() != self.unless[1]


def setting(
    name: str,
    help: str,  # noqa: A002 - as `Setting` names it
    read: Callable[[str], T],
    default: str | None = None,
    *,
    secret: bool = False,
    strong: bool = False,
    has_password: bool = False,
    needs_tls: bool = False,
    unless: tuple[str, str] | None = None,
) -> T:
    """A field with a setting of its own. Of one that two processes read, each has a `field_of`."""
    return field_of(Setting(name, help, read, default, secret, strong, has_password, needs_tls, unless))


def number(name: str, help: str, default: int, least: int = 1, most: int | None = None) -> int:  # noqa: A002
    """A field with a whole number from `least` to `most`."""
    return setting(name, help, whole(least, most), str(default))


def field_of(setting: Setting[T]) -> T:
    """A field that holds this setting's value."""

    def value(values: Values) -> T:
        found: T = values[setting.name]
        return found

    return composed(lambda: (setting,), value, is_shown=not setting.has_password)


@dataclass(frozen=True, slots=True)
class _Source:
    settings: Callable[[], Iterable[Setting[Any]]]
    build: Callable[[Values], Any]


def composed(
    settings: Callable[[], Iterable[Setting[Any]]], build: Callable[[Values], T], *, is_shown: bool = True
) -> T:
    """A field built from the values of several settings. `is_shown`: by the dataclass's repr."""
    made: T = dataclasses.field(metadata={"source": _Source(settings, build)}, repr=is_shown)
    return made


def section(kind: type[S]) -> S:
    """A field that is itself a dataclass of settings."""
    return composed(lambda: settings_of(kind), lambda values: with_values(kind, values))


def settings_of(kind: type) -> tuple[Setting[Any], ...]:
    """The settings of a dataclass, in the order of its fields."""
    sources = [field.metadata["source"] for field in dataclasses.fields(kind)]
    return tuple(one for source in sources for one in source.settings())


def with_values(kind: type[S], values: Values) -> S:
    """The dataclass with these values."""
    fields = dataclasses.fields(kind)  # type: ignore[arg-type] # a dataclass, as every caller's is
    return kind(**{field.name: field.metadata["source"].build(values) for field in fields})


class UnknownGatewayError(LookupError):
    """No gateway has that name; the message lists those that there are."""


class GatewaySettings:
    """What one of our processes needs to know of a gateway's settings, whatever the gateway."""

    __slots__ = ()
    is_live: ClassVar[bool] = True
    """False: no real money; production refuses it."""
    has_connector: ClassVar[bool] = False
    """Whether the carrier's Pay verb has a connector for it."""
    unknown_references: ClassVar[tuple[tuple[str, ...], str]] = ((), "")
    """How references begin that are known here only once their payout was read, and a sentence about it."""
    card_entry: str
    """tokenize or authorize; of web and worker alone, from the setting `<GATEWAY>_CARD_ENTRY`."""

    def faults(self, *, in_production: bool) -> Iterable[str]:  # noqa: ARG002 - of the gateways
        """A sentence for each thing that is wrong with these settings together."""
        return ()
