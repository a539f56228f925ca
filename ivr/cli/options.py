"""The options that several commands share, each declared once."""

import functools
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from ivr.cli import Fault
from ivr.cli.listing import LIMIT_MAX, Layout, ListRequest
from ivr.platform.amounts import Spelling

T = TypeVar("T")

# --- how it is printed ---

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document, for a program.")
"""Of a command that shows one thing."""


def layouts(function: Callable[..., T]) -> Callable[..., T]:
    """Adds `--json` and `--csv`; the command gets `layout`."""

    @functools.wraps(function)
    def chosen(*args: Any, as_json: bool, as_csv: bool, **kwargs: Any) -> T:
        if as_json and as_csv:
            raise click.UsageError("Give --json or --csv, not both.")
        layout = Layout.JSON if as_json else Layout.CSV if as_csv else Layout.TABLE
        return function(*args, layout=layout, **kwargs)

    as_csv = click.option("--csv", "as_csv", is_flag=True, help="CSV with headings, for a spreadsheet.")
    return json_option(as_csv(chosen))


# --- which rows of a list ---


def list_options(of: str, *own: Callable[[Any], Any]) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Adds `--since`, `--until`, `--limit`, `--json` and `--csv`; the command gets `asked`, a ListRequest.
    `of`: what a period goes by, "Created"; `own`: options of this list alone, which `--help` shows before
    `--limit`.

    A day is a day in UTC and belongs to the period as a whole, also as its last one; a moment with a time is
    where the period begins, or ends without it.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(function)
        def requested(
            *args: Any,
            since: datetime | None,
            until: datetime | None,
            limit: int,
            layout: Layout,
            **kwargs: Any,
        ) -> T:
            if since is not None and until is not None and since >= until:
                raise click.UsageError("--since must be before --until.")
            asked = ListRequest(since, until, limit, layout)
            if asked.has_period and _is_limited(click.get_current_context()):
                click.echo("--limit has no effect with --since or --until: all rows are listed.", err=True)
            return function(*args, asked=asked, **kwargs)

        limit = click.option(
            "--limit",
            default=50,
            show_default=True,
            type=click.IntRange(1, LIMIT_MAX),
            help="How many at most, without --since and --until.",
        )
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
        made = limit(layouts(requested))
        for option in reversed(own):
            made = option(made)
        return since(until(made))

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
        raise click.BadParameter("write it like 2026-11-22 or 2026-11-22T10:00:00Z") from None


# --- amounts, read as a CSV file's cells are ---

decimal_option = click.option(
    "--decimal",
    type=click.Choice(["point", "comma"]),
    help="The decimal mark of the amounts. Without it 1.000 and 1,000 are refused: each could mean two "
    "amounts.",
)


def spelling_of(mark: str | None) -> Spelling:
    """Of the value of `--decimal`."""
    return Spelling.UNSAID if mark is None else Spelling(mark)


def amount_of(given: Mapping[str, str | None], currency: str, mark: str | None) -> int | None:
    """Minor units of --amount or --amount-minor, `given` by these names; None where neither was given. An
    empty one is refused: it may be a variable that nobody set.
    """
    from ivr.bills.bill import BillError
    from ivr.bills.fields import read_amount

    if any(value is not None and not value.strip() for value in given.values()):
        raise Fault("The amount is empty. Leave the option out, or give an amount.")
    try:
        return read_amount(given, "amount", currency, spelling_of(mark))
    except BillError as fault:
        raise Fault(f"{fault}.") from None


# --- the question before a command that moves money, or has a card deleted ---

yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation; for scripts.")


def confirm(question: str, *, yes: bool) -> None:
    """Returns where the person agrees, or gave --yes; raises Fault otherwise, and then nothing was done.

    Without a terminal there is nobody to ask, so that a script which forgot --yes moves no money.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Fault(
            f"{question} Nothing was done: there is no terminal to ask you on. Add --yes to go ahead."
        )
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise Fault("Nothing was done.")
