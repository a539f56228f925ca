"""The parts of this process's `/readyz`, each with a sentence for the operator, who reads it in the log."""

from functools import partial
from pathlib import Path

import sqlalchemy as sa

from ivr.pci.keys import KeyService
from ivr.pci.migrate import SCRIPTS
from ivr.pci.safe_logging import tell
from ivr.platform.clock import Clock
from ivr.platform.database.availability import folder_fault, temporary_fault, write_fault
from ivr.platform.readiness import Part, Spaced

_AWAY = "The database does not answer: see PCI_DATABASE_URL."


def parts_of(engine: sa.Engine, keys: KeyService, key_directory: Path, clock: Clock) -> list[Part]:
    """Without its database or its keys no card can be taken; without temporary files it can."""
    database_writes = Spaced(partial(write_fault, engine), clock)
    directory_writes = Spaced(partial(folder_fault, key_directory, "PCI_KEY_DIRECTORY"), clock)
    return [
        Part("database", lambda: _database(engine) or database_writes()),
        Part("keys", lambda: _keys(keys) or directory_writes()),
        Part("temporary files", Spaced(temporary_fault, clock), is_needed=False),
    ]


def _database(engine: sa.Engine) -> str | None:
    return SCRIPTS.fault(engine, away=_AWAY, report=partial(tell, "readyz_database_failed"))


def _keys(keys: KeyService) -> str | None:
    try:
        keys.current()
    except Exception as error:  # noqa: BLE001 - whatever fails in a key service: not ready
        tell("readyz_keys_failed", error)
        return "The directory of the keys does not answer: see PCI_KEY_DIRECTORY."
    return None
