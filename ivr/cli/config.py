"""`paybycall config`: every setting of every process, with its help, its default and what it is set to now.

A secret's value is never shown. `--markdown` writes the page docs/settings.md, which a test holds against the
lists.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click

from ivr.cli.examples import example
from ivr.settings import Setting, without_secrets

MASK = "(a secret, set)"
WEB, PCI = "web and worker", "pci"
HEADINGS = {WEB: "Web and worker", PCI: "PCI"}
INTRODUCTION = """\
# Settings

Each process reads its settings from environment variables, once, before it starts anything; what cannot work
is refused with a sentence that says what to set. This page is written by `paybycall config --markdown`;
`paybycall config` shows what is set now, and `paybycall doctor` tries it. A setting of both lists takes the
same value in both processes.

Where `serve web` and `serve pci` listen is said by their options or by `HOST`, `PORT`, `WORKERS` and
`THREADS`.

With `CARD_ENTRY=pay` the carrier takes the cards: there is no PCI process, and none of its own settings is
needed.
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A setting and the processes that read it."""

    setting: Setting[Any]
    processes: str


def every_setting() -> list[Listed]:
    """All settings, those of web and worker first, each once."""
    from ivr import config
    from ivr.pci import settings as pci

    of_pci = {setting.name for setting in pci.ALL}
    both = f"{WEB}, {PCI}"
    listed = [Listed(one, both if one.name in of_pci else WEB) for one in config.ALL]
    of_web = {setting.name for setting in config.ALL}
    return listed + [Listed(one, PCI) for one in pci.ALL if one.name not in of_web]


def now(setting: Setting[Any], environ: Mapping[str, str]) -> str:
    """What the setting is in this environment: a value, its default, a mask, or why it cannot be used."""
    given = environ.get(setting.name, "").strip()
    if not given and setting.default is not None:
        return f"{setting.default or '(empty)'}, the default"
    if not given:
        return "not set, and it must be" if setting.is_needed(environ) else f"not needed: {_unless(setting)}"
    try:
        setting.read(given)
    except ValueError as fault:
        return (
            f"unusable: it {fault}" if setting.secret else f"{without_secrets(given)}, unusable: it {fault}"
        )
    return MASK if setting.secret else without_secrets(given)


def _unless(setting: Setting[Any]) -> str:
    return "=".join(setting.unless or ())


def markdown() -> str:
    """docs/settings.md."""
    return "\n".join([INTRODUCTION, *_table(WEB), "", *_table(PCI), ""])


def _table(process: str) -> Iterator[str]:
    yield f"## {HEADINGS[process]}\n"
    yield "| setting | meaning | default |"
    yield "|---|---|---|"
    for one in every_setting():
        if process not in one.processes:
            continue
        default = one.setting.default
        must = f"must be set, unless `{_unless(one.setting)}`" if one.setting.unless else "must be set"
        shown = must if default is None else f"`{default}`" if default else "empty"
        yield f"| `{one.setting.name}` | {one.setting.help.replace('|', chr(92) + '|')} | {shown} |"


@click.command("config", epilog=example("config"))
@click.option("--markdown", "as_markdown", is_flag=True, help="Write the page docs/settings.md.")
def command(*, as_markdown: bool) -> None:
    """List every setting, and what it is set to now."""
    if as_markdown:
        click.echo(markdown(), nl=False)
        return
    for one in every_setting():
        click.echo(f"{one.setting.name} = {now(one.setting, os.environ)}")
        click.echo(f"    {one.setting.help} ({one.processes})")
