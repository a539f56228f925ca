"""`paybycall bill import`: a CSV file of bills, with its progress, and what was kept where it is stopped."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import BinaryIO

import click

from ivr.bills.csv_table import UnreadableFileError
from ivr.bills.import_csv import CsvImport, ImportListener
from ivr.cli import Fault, example
from ivr.cli.context import command_context, legible
from ivr.cli.options import decimal_option, spelling_of

_ERASE_LINE = "\r\033[2K"


@click.command("import", epilog=example("bill import bills.csv --dry-run", "bill import - < bills.csv"))
@click.argument("file", type=click.File("rb"))
@decimal_option
@click.option("--dry-run", is_flag=True, help="Report what would be stored, and store nothing.")
def command(*, file: BinaryIO, decimal: str | None, dry_run: bool) -> None:
    """Import bills from a CSV FILE (- for standard input).

    The first line names the columns, in any order, separated by commas, semicolons or tabs. Required:
    reference, amount, currency. Optional: minimum, due_date (YYYY-MM-DD), phone, paid_elsewhere, status
    (open, paid or withdrawn). Amounts can be given in minor units instead: amount_minor, minimum_minor,
    paid_elsewhere_minor. Before that line there may be lines sep=; and decimal=comma (or point), which does
    what --decimal does.

    Bad rows are reported with their line number; all good rows are stored. A bill whose phone or due date
    cannot be read is stored without it and reported, as is a bill that the gateway would not charge.
    Importing the same file again changes nothing.

    If a bill is paid or withdrawn, its open link is closed within a minute. A bill cannot become paid while a
    charge of it is under way: import that row again later.

    Exit status 1 if a row was refused, or if you stopped the import with Ctrl-C.
    """
    from ivr.cli.gateway import gateway_limits

    interrupts = _Interrupts()
    with command_context("HOME_COUNTRY") as at, _progress(file) as on_read, interrupts.watched():
        run = CsvImport(
            engine=at.engine,
            home_country=at.values["HOME_COUNTRY"],
            clock=at.clock,
            ids=at.ids,
            listener=ImportListener(
                refused=lambda row: _tell(f"line {row.line}: {row.reason}"),
                warned=lambda row: _tell(f"line {row.line}: stored, but {row.reason}"),
                read=on_read,
                storing=interrupts.held,
            ),
            gateway=gateway_limits(),
            spelling=spelling_of(decimal),
            dry_run=dry_run,
        )
        stopped = None
        try:
            run.run(file)
        except UnreadableFileError as fault:
            raise Fault(f"{fault} Result so far: {run.report}.") from None
        except KeyboardInterrupt:
            stopped = "at least" if interrupts.cut_short else "so far"
    if run.report.ignored_columns:
        names = ", ".join(legible(name) for name in run.report.ignored_columns)
        click.echo(f"Ignored columns: {names}.", err=True)
    kept = f"Nothing was stored (--dry-run): {run.report}." if dry_run else f"{run.report}."
    if stopped is not None:
        click.echo(f"Stopped. Result {stopped}: {kept} Import the file again to continue.", err=True)
        raise SystemExit(1)
    click.echo(kept)
    if run.report.refused:
        raise SystemExit(1)


def _tell(sentence: str) -> None:
    """On standard error, where the progress bar may stand on the line."""
    click.echo(f"{_ERASE_LINE if sys.stderr.isatty() else ''}{sentence}", err=True)


@contextmanager
def _progress(file: BinaryIO) -> Iterator[Callable[[int], None]]:
    """Moves a bar by so many bytes; there is none where nobody looks or the file's length is not known."""
    try:
        length = os.fstat(file.fileno()).st_size
    except OSError:
        length = 0
    if not length or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, label="Importing", file=sys.stderr) as bar:
        yield bar.update


class _Interrupts:
    """Ctrl-C waits while rows are stored and counted, so that what is said to be kept is true. Pressed
    again, it waits no longer.
    """

    def __init__(self) -> None:
        self._holds = False
        self._came = False
        self.cut_short = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        before = signal.signal(signal.SIGINT, self._on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def held(self) -> Iterator[None]:
        self._holds = True
        try:
            yield
        finally:
            self._holds = False
        if self._came:
            raise KeyboardInterrupt

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._holds and not self._came:
            self._came = True
            return
        self.cut_short = self._holds
        raise KeyboardInterrupt
