"""`paybycall config`: every setting of every process, with its help, its default and what it is set to now.

The value of a secret is never shown. `--markdown` writes docs/settings.md; a test compares that page with the
declarations.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click

from gateways.settings import Setting, settings_of
from ivr.cli import example
from ivr.cli.listing import Layout, Listing
from ivr.cli.options import layouts
from ivr.platform.settings.reading import is_shown, parse, without_secrets

MASK = "(a secret, set)"
WEB, PCI = "web and worker", "pci"
HEADINGS = {WEB: "Web and worker", PCI: "PCI"}
INTRODUCTION = """\
# Settings

Settings are environment variables. Each process reads its own once, when it starts. A process with a wrong
setting does not start: it prints a sentence for each fault and ends with status 2. `paybycall config` shows
what is set now, and `paybycall doctor` tries it. A setting in both lists must have the same value in both.

`serve web` and `serve pci` take the address and the numbers of workers and threads from `--host`, `--port`,
`--workers` and `--threads`, or from `HOST`, `PORT`, `WORKERS` and `THREADS`. A worker answers
`/healthz`, `/readyz` and `/metrics` at `HOST` and `WORKER_PORT`; where only `PORT` is set, there; else at
8002. `WORKER_PORT=0` switches that off.

With `CARD_ENTRY=pay` the carrier takes the cards. There is no PCI process then, and its settings are not
needed.

This page is generated: `paybycall config --markdown > docs/settings.md`.

## Secrets
`INTERNAL_SECRET`, `MERCHANT_SECRET`, `METRICS_TOKEN`, `PCI_FINGERPRINT_KEY` and `SANDBOX_WEBHOOK_SECRET` are
yours to make: `openssl rand -hex 32`, a different one for each. A secret is refused if it is shorter than 32
characters, made of usual words or a repeated pattern, or the same as that of another setting. Where a setting
takes two values separated by a comma, both are accepted, and the first one is used to sign. To replace a
secret without an interruption, set `old,new` in every process, then `new,old`, then `new`.

## Databases
`DATABASE_URL` and `PCI_DATABASE_URL` must be two different databases: SQLite files (`sqlite:///file`,
`sqlite:////folder/file` from the root) or PostgreSQL databases
(`postgresql://user:password@host:port/name`). In user and password write `@` as `%40`, `:` as `%3A` and `%`
as `%25`. A process whose database does not answer when it starts ends with status 2 and a sentence that says
why; let a supervisor start it again.
"""


@dataclass(frozen=True, slots=True)
class ProcessSetting:
    """A setting and the processes that read it."""

    setting: Setting[Any]
    processes: str


def every_setting() -> list[ProcessSetting]:
    """All settings, those of web and worker first, each once."""
    from ivr.pci.settings import PciConfig
    from ivr.platform.settings.web_settings import Config

    settings: dict[str, Setting[Any]] = {}
    processes: dict[str, list[str]] = {}
    for process, kind in ((WEB, Config), (PCI, PciConfig)):
        for one in settings_of(kind):
            settings.setdefault(one.name, one)
            processes.setdefault(one.name, []).append(process)
    return [ProcessSetting(one, ", ".join(processes[name])) for name, one in settings.items()]


def now(setting: Setting[Any], environ: Mapping[str, str]) -> str:
    """What the setting is in this environment: a value, its default, a mask, or why it cannot be used."""
    given = environ.get(setting.name, "").strip()
    if not given and setting.default is not None:
        return f"{setting.default or '(empty)'}, the default"
    if not given:
        return (
            "not set, but required" if setting.is_needed(environ) else f"not needed with {_unless(setting)}"
        )
    try:
        parse(setting, given)
    except ValueError as fault:
        return f"{without_secrets(given)}, wrong: it {fault}" if is_shown(setting) else f"wrong: it {fault}"
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


_SETTINGS = Listing("settings", (), ("name", "now", "default", "secret", "processes", "help"))


@click.command("config", epilog=example("config", "config --json"))
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the page docs/settings.md.")
@layouts
def command(*, as_markdown: bool, layout: Layout) -> None:
    """List every setting, and what it is set to now."""
    if as_markdown:
        click.echo(markdown(), nl=False)
    elif layout is not Layout.TABLE:
        _SETTINGS.print(map(_document, every_setting()), layout, none="")
    else:
        for one in every_setting():
            click.echo(f"{one.setting.name} = {now(one.setting, os.environ)}")
            click.echo(f"    {one.setting.help} ({one.processes})")


def _document(one: ProcessSetting) -> dict[str, Any]:
    return {
        "name": one.setting.name,
        "now": now(one.setting, os.environ),
        "default": one.setting.default,
        "secret": one.setting.secret,
        "processes": one.processes,
        "help": one.setting.help,
    }
