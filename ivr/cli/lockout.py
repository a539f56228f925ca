"""`paybycall lockout list|lift`: who may try no more cards for now, and lifting that."""

from typing import TYPE_CHECKING

import click

from ivr.cli.desk import Desk, desk, legible, who
from ivr.cli.faults import Fault, sentences

if TYPE_CHECKING:
    from ivr.defences.office import Office, Shown

_SETTINGS = ("CARD_ENTRY", "PCI_INTERNAL_URL", "INTERNAL_SECRET")


@click.group("lockout")
def command() -> None:
    """List and lift lock-outs: who may try no more cards.

    Of calls, callers, bills, cards and BINs, and the breaker.
    """


@command.command("list")
@click.option("--all", "also_over", is_flag=True, help="Also those that are over, of the last 30 days.")
@sentences
def list_lock_outs(*, also_over: bool) -> None:
    """List lock-outs, the newest first.

    Exit status 1 where those of cards and BINs are missing.
    """
    with desk(*_SETTINGS) as at:
        found = _office(at).listed(also_over=also_over)
    for one in found.lock_outs:
        click.echo(_line(one))
    if not found.complete:
        click.echo(f"Those of cards and BINs are not listed: {found.missing_because}.", err=True)
        raise SystemExit(1)
    if not found.lock_outs:
        click.echo("Nobody is locked out.", err=True)


def _line(one: "Shown") -> str:
    ends = f"until {one.until:%Y-%m-%d %H:%M}Z"
    if one.lifted_at is not None:
        ends = f"lifted {one.lifted_at:%Y-%m-%d %H:%M}Z by {legible(one.lifted_by)}"
    began = f"{one.since:%Y-%m-%d %H:%M}Z"
    return f"{one.id}  {one.kind:<8}{legible(one.subject):<12}  {one.state}  {began} {ends}  {one.why}"


@command.command("lift")
@click.argument("lock_out_id", metavar="ID")
@sentences
def lift(lock_out_id: str) -> None:
    """Lift a lock-out at once. Your name is kept with it."""
    from ivr.pci_client import PciRefusedError, PciUnreachableError

    with desk(*_SETTINGS) as at:
        try:
            lifted = _office(at).lift(lock_out_id, by=who())
        except (PciUnreachableError, PciRefusedError) as fault:
            raise Fault(f"It is not lifted: {fault}.") from None
    if lifted is None:
        raise Fault("There is no lock-out of this id: paybycall lockout list --all")
    click.echo(f"{lifted.id} is over: cards are taken again.")


def _office(at: Desk) -> "Office":
    from ivr.defences.office import Office
    from ivr.pci_client import PciClient

    if at.values["CARD_ENTRY"] == "pay":
        return Office(at.engine, None, at.clock)
    pci = PciClient(at.values["PCI_INTERNAL_URL"], at.values["INTERNAL_SECRET"], clock=at.clock, ids=at.ids)
    return Office(at.engine, pci, at.clock)
