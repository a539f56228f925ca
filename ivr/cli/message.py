"""`paybycall message list|resend`: texts that wait for the operator, and sending them again."""

from datetime import timedelta

import click

from ivr.cli import Fault, example
from ivr.cli.context import command_context, legible
from ivr.cli.listing import Layout, Listing, minute, text
from ivr.cli.options import layouts
from ivr.messaging import resend as resending
from ivr.messaging.resend import held
from ivr.platform.database.engine import reading
from ivr.web.api.documents.messages import held_message_document

_HELD = Listing(
    "messages",
    (
        text("ID", "id"),
        text("PURPOSE", "purpose"),
        text("PAYMENT", "payment"),
        minute("CREATED", "created_at"),
        minute("LAST TRY", "tried_at"),
        text("ERROR", "error_code"),
    ),
    ("id", "purpose", "payment", "error_code", "created_at", "tried_at"),
)
FRESH = timedelta(days=7)
"""With --held, an older text is left out: its payer has long asked, or forgotten. By its id it is sent."""


@click.group("message", epilog=example("message list"))
def command() -> None:
    """List text messages on hold, and send them again."""


@command.command("list", epilog=example("message list", "message list --csv"))
@layouts
def list_held(*, layout: Layout) -> None:
    """List the text messages on hold, oldest first.

    The carrier refused them for a reason that you can fix. ERROR is the carrier's error code.
    """
    with command_context() as at, reading(at.engine) as tx:
        found = held(tx)
    _HELD.print(map(held_message_document, found), layout, none="No text message is on hold.")


@command.command("resend", epilog=example("message resend --held", "message resend confirmation_0123456789"))
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--held", "all_held", is_flag=True, help="All on hold, except those older than 7 days.")
def resend(ids: tuple[str, ...], *, all_held: bool) -> None:
    """Send text messages again, once the cause is fixed.

    A message that was sent is never sent twice. A link that can no longer be paid is not sent.
    """
    from ivr.jobs.enqueue import DurableWork

    if bool(ids) == all_held:
        raise Fault("Give the IDs of messages, or --held. To see them: paybycall message list")
    found = missing = 0
    with command_context() as at:
        work = DurableWork(at.engine)
        with at.engine.begin() as tx:
            waiting = resending.held(tx) if all_held else []
            fresh = [one.id for one in waiting if at.clock.now() - one.created_at <= FRESH]
            for one in (*ids, *fresh):
                outcome = resending.resend(tx, one, work=work, clock=at.clock)
                missing += outcome is None
                found += outcome is not None
                click.echo(f"{legible(one)}: {_said(outcome)}", err=outcome is None)
    if old := len(waiting) - len(fresh):
        click.echo(
            f"{old} older than {FRESH.days} days were not sent. To send them, give their IDs.", err=True
        )
    if missing:
        raise SystemExit(1 if found else 2)


def _said(outcome: str | None) -> str:
    return {
        None: "there is no message with this ID",
        "queued": "will be sent again",
        "too_late": "not sent: its link can no longer be paid",
        "not_held": "not sent: it was sent, is being sent, or the payer cannot receive texts",
    }[outcome]
