"""`paybycall message list|resend`: texts that wait for the operator, and sending them again."""

from datetime import timedelta

import click

from ivr.cli.desk import desk, legible
from ivr.cli.faults import Fault, sentences

FRESH = timedelta(days=7)
"""With --held, an older text is left out: its payer has long asked, or forgotten. By its id it is sent."""


@click.group("message")
def command() -> None:
    """Texts to payers that wait for you, and sending them again."""


@command.command("list")
@sentences
def list_held() -> None:
    """List the texts that wait for you, the oldest first."""
    from ivr.channels.resending import held
    from ivr.storage.engine import reading

    with desk() as at, reading(at.engine) as tx:
        found = held(tx)
    for one in found:
        click.echo(
            f"{one.id}  {one.purpose:<8}payment {one.payment}  of {one.created_at:%Y-%m-%d %H:%M}Z  "
            f"error {legible(one.error_code)}"
        )
    if not found:
        click.echo("No text waits.", err=True)


@command.command("resend")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--held", "all_held", is_flag=True, help="All that wait, but those older than 7 days.")
@sentences
def resend(ids: tuple[str, ...], *, all_held: bool) -> None:
    """Send texts again, once the reason of their refusal is mended.

    A text that was sent is never sent twice. A link that can no longer be paid is not sent.
    """
    from ivr.channels import resending
    from ivr.work.enqueue import DurableWork

    if bool(ids) == all_held:
        raise Fault("Name texts by their ids, or give --held: paybycall message list")
    found = missing = 0
    with desk() as at:
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
        click.echo(f"{old} older than {FRESH.days} days left out: name them by their ids.", err=True)
    if missing:
        raise SystemExit(1 if found else 2)


def _said(outcome: str | None) -> str:
    return {
        None: "there is no such text",
        "queued": "is sent again",
        "too_late": "not sent: its link can no longer be paid",
        "not_held": "not sent: it was sent, is being sent, or its payer cannot be texted",
    }[outcome]
