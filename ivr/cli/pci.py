"""`paybycall pci scope`: what of this installation is in PCI scope, by its settings, and what is left to do.

The settings are those of web and worker; nothing is asked over the network. `--markdown` writes the table of
docs/pci.md, which has every mode.
"""

import os
from typing import TYPE_CHECKING

import click

from ivr.cli.faults import sentences

if TYPE_CHECKING:
    from ivr.ops.scope import Mode


@click.group("pci")
def command() -> None:
    """Say what is in PCI scope."""


@command.command("scope")
@click.option("--markdown", "as_markdown", is_flag=True, help="Write the table of docs/pci.md.")
@sentences
def scope(*, as_markdown: bool) -> None:
    """Say what is in scope, and what you have to do.

    By the settings of this environment.
    """
    from ivr.ops import scope as facts

    if as_markdown:
        click.echo(facts.markdown(), nl=False)
        return
    from gateways import registry
    from ivr import config as configuration

    config = configuration.load(os.environ)
    capabilities = registry.adapter(config.gateway, config.gateway_settings).capabilities
    mode = facts.mode_of(config, capabilities.card_entry)
    click.echo(
        f"Cards on the telephone: {mode.name} (CARD_ENTRY={config.card_entry}, GATEWAY={config.gateway})."
    )
    _tell(mode)
    if capabilities.links:
        click.echo("\nPayment pages of the gateway are sent as well:")
        _tell(facts.LINK)
    click.echo("\nWhat you have to do:")
    for duty in facts.duties(config, mode, os.environ.get("PCI_PUBLIC_URL", "").strip().rstrip("/")):
        click.echo(f"  {duty.state:<6} {duty.sentence}")
    if mode is not facts.PAY:
        click.echo(
            f"\nWith CARD_ENTRY=pay no digit would reach you: {facts.PAY.questionnaire}. See docs/pci.md."
        )
    click.echo("\nBy PCI DSS v4.0.1. Your assessor has the last word.")


def _tell(mode: "Mode") -> None:
    for name, value in (
        ("whole cards are stored by", mode.stores),
        ("processed by", mode.processes),
        ("transmitted", mode.transmits),
        ("web and worker hold", mode.web_and_worker),
        ("in scope", mode.in_scope),
        ("questionnaire", mode.questionnaire),
    ):
        click.echo(f"  {name:<26} {value.replace('`', '')}")
