"""`--since` and `--until`, the same in every list.

A day is a day in UTC and belongs to the period as a whole, also as its last one; a moment with a time is
where the period begins, or ends without it.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

import click
from click.core import ParameterSource

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` on, up to `until` without it; both UTC."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_given(self) -> bool:
        return self.since is not None or self.until is not None


def period(of: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Adds `--since` and `--until`; the command gets `when`, a Period. `of`: what they go by, "Made"."""

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(function)
        def within(*args: Any, since: datetime | None, until: datetime | None, **kwargs: Any) -> T:
            if since is not None and until is not None and since >= until:
                raise click.UsageError("--since must be before --until.")
            if (since is not None or until is not None) and _is_limited(click.get_current_context()):
                click.echo("--limit has no effect with --since or --until: all rows are listed.", err=True)
            return function(*args, when=Period(since, until), **kwargs)

        until = click.option(
            "--until",
            metavar="WHEN",
            callback=_end,
            help=f"{of} until WHEN: a day is included as a whole, a moment is not included.",
        )
        since = click.option(
            "--since",
            metavar="WHEN",
            callback=_beginning,
            help=f"{of} since WHEN: a day in UTC, 2026-11-22, or a moment, 2026-11-22T10:00+01:00 (without "
            "an offset: UTC). With --since or --until all are listed, the earliest first.",
        )
        return since(until(within))

    return decorate


def _is_limited(command: click.Context) -> bool:
    """Whether --limit was given, and not left at its default."""
    return command.get_parameter_source("limit") is ParameterSource.COMMANDLINE


def _beginning(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    return None if value is None else _read(value)[0]


def _end(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    at, is_day = _read(value)
    try:
        return at + timedelta(days=1) if is_day else at
    except OverflowError:  # the last day that there is has none after it
        return None


def _read(value: str) -> tuple[datetime, bool]:
    """The moment in UTC, and whether a day was given, which begins then."""
    try:
        return datetime.combine(date.fromisoformat(value), time(), UTC), True
    except ValueError:
        pass
    try:
        given = datetime.fromisoformat(value)
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC), False
    except (ValueError, OverflowError):
        raise _unreadable() from None


def _unreadable() -> click.BadParameter:
    return click.BadParameter("write it like 2026-11-22 or 2026-11-22T10:00:00Z")
