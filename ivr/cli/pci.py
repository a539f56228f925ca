"""`paybycall pci scope`: what of this installation is in PCI scope, by its settings, and what is left to do.

The settings are those of web and worker; nothing is asked over the network. `--markdown` writes the table of
docs/pci.md, which has every mode.
"""

import os

import click

from ivr.cli import example
from ivr.doctor import pci_scope as facts
from ivr.doctor.pci_scope import Mode
from ivr.platform.settings.web_settings import load_config


@click.group("pci", epilog=example("pci scope"))
def command() -> None:
    """Show what is in PCI scope."""


@command.command("scope", epilog=example("pci scope"))
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table of docs/pci.md.")
def scope(*, as_markdown: bool) -> None:
    """Show what is in PCI scope, and what you have to do.

    It reads the settings of this environment: those of web and worker.
    """
    if as_markdown:
        click.echo(facts.markdown(), nl=False)
        return
    from gateways import registry

    config = load_config(os.environ)
    capabilities = registry.adapter(config.gateway, config.gateway_settings).capabilities
    mode = facts.mode_of(config, capabilities.card_entry)
    click.echo(
        f"Cards on the telephone: {mode.name} (CARD_ENTRY={config.card_entry}, GATEWAY={config.gateway})."
    )
    _tell(mode)
    if capabilities.links:
        click.echo("\nPayers are also sent links to payment pages of the gateway:")
        _tell(facts.LINK)
    click.echo("\nWhat you have to do:")
    for duty in facts.duties(config, mode, os.environ.get("PCI_PUBLIC_URL", "").strip().rstrip("/")):
        click.echo(f"  {duty.state:<6} {duty.sentence}")
    if mode is not facts.PAY:
        click.echo(
            "\nWith CARD_ENTRY=pay no card digits would reach you: "
            f"{facts.PAY.questionnaire}. See docs/pci.md."
        )
    click.echo("\nAccording to PCI DSS v4.0.1. Your assessor decides.")


def _tell(mode: Mode) -> None:
    for name, value in (
        ("whole cards are stored by", mode.stores),
        ("processed by", mode.processes),
        ("transmitted", mode.transmits),
        ("web and worker hold", mode.web_and_worker),
        ("in scope", mode.in_scope),
        ("questionnaire", mode.questionnaire),
    ):
        click.echo(f"  {name:<26} {value.replace('`', '')}")
