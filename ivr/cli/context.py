"""What a person's command works with: its settings, an open database that stands at this release, and names
for the books.

A command reads only the settings it needs, so that bills can be added before carrier and gateway are set up.
"""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateways.settings import settings_of
from ivr.cli import boot
from ivr.platform.clock import SystemClock
from ivr.platform.database.migrations import can_serve
from ivr.platform.ids import RandomIds
from ivr.platform.settings.reading import read_all
from ivr.platform.settings.web_settings import Config


@dataclass(frozen=True, slots=True)
class CommandContext:
    """One command's tools."""

    values: dict[str, Any]
    engine: sa.Engine
    clock: SystemClock
    ids: RandomIds


@contextmanager
def command_context(*settings: str) -> Iterator[CommandContext]:
    """Opens DATABASE_URL and reads `settings`, which are names of settings of web and worker."""
    wanted = {"DATABASE_URL", *settings}
    values = read_all((one for one in settings_of(Config) if one.name in wanted), os.environ)
    boot.require(boot.WEB_DATABASE, values["DATABASE_URL"], can_serve)
    with boot.opened(boot.WEB_DATABASE, values["DATABASE_URL"], is_made=False) as engine:
        yield CommandContext(values, engine, SystemClock(), RandomIds())


def who() -> str:
    """Who sits at this command line, for the books."""
    try:
        return f"cli: {getpass.getuser()}"
    except (OSError, KeyError):  # a container's user may have no name
        return "cli"


def legible(text: str | None) -> str:
    """Text from outside without what a terminal would obey."""
    return "-" if not text else "".join(char if char.isprintable() else "?" for char in text)
