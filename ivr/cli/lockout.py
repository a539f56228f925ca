"""`paybycall lockout list|lift`: who may try no more cards for now, and lifting that."""

import click

from ivr.cli import Fault, example
from ivr.cli.context import CommandContext, command_context, who
from ivr.cli.listing import Layout, Listing, minute, state, text
from ivr.cli.options import layouts
from ivr.fraud.lockout_admin import LockoutAdmin
from ivr.web.api.documents.lockouts import lockout_document

_LOCKOUTS = Listing(
    "lockouts",
    (
        text("ID", "id"),
        text("KIND", "kind"),
        text("WHO", "subject"),
        state("STATE", "state"),
        minute("SINCE", "since"),
        minute("UNTIL", "until"),
        minute("LIFTED", "lifted_at"),
        text("BY", "lifted_by"),
        text("WHY", "why"),
    ),
    ("id", "kind", "subject", "state", "since", "until", "why", "call_id", "lifted_at", "lifted_by"),
)
_SETTINGS = ("CARD_ENTRY", "PCI_INTERNAL_URL", "INTERNAL_SECRET")


@click.group("lockout", epilog=example("lockout list"))
def command() -> None:
    """List and lift lockouts.

    Whoever is locked out cannot pay by card for a while: a call, a caller, a bill, a card or a BIN; or
    everybody, while the breaker is open.
    """


@command.command("list", epilog=example("lockout list", "lockout list --all --json"))
@click.option("--all", "also_over", is_flag=True, help="Also lockouts of the last 30 days that are over.")
@layouts
def list_lockouts(*, also_over: bool, layout: Layout) -> None:
    """List lockouts, newest first.

    Exit status 1 if the PCI process did not answer: then lockouts of cards and BINs are missing.
    """
    with command_context(*_SETTINGS) as at:
        found = _admin(at).listed(also_over=also_over)
    rows = [lockout_document(one, found.at) for one in found.lockouts]
    none = "Nobody is locked out." if found.complete else "No other lockouts."
    _LOCKOUTS.print(rows, layout, none=none, facts={"complete": found.complete})
    if not found.complete:
        click.echo(f"Lockouts of cards and BINs are missing: {found.missing_because}.", err=True)
        raise SystemExit(1)


@command.command("lift", epilog=example("lockout lift lockout_0123456789"))
@click.argument("lockout_id", metavar="ID")
def lift(lockout_id: str) -> None:
    """Lift a lockout at once. Your name is recorded with it."""
    from ivr.integrations.pci_client import PciRefusedError, PciUnreachableError

    with command_context(*_SETTINGS) as at:
        try:
            lifted = _admin(at).lift(lockout_id, by=who())
        except (PciUnreachableError, PciRefusedError) as fault:
            raise Fault(f"The lockout was not lifted: {fault}.") from None
    if lifted is None:
        raise Fault("There is no lockout with this ID. To see them: paybycall lockout list --all")
    click.echo(f"Lockout {lifted.id} is lifted: cards are accepted again.")


def _admin(at: CommandContext) -> LockoutAdmin:
    from ivr.integrations.pci_client import PciClient

    if at.values["CARD_ENTRY"] == "pay":
        return LockoutAdmin(at.engine, None, at.clock)
    pci = PciClient(at.values["PCI_INTERNAL_URL"], at.values["INTERNAL_SECRET"], clock=at.clock, ids=at.ids)
    return LockoutAdmin(at.engine, pci, at.clock)
