"""The PCI process's own migrations; `paybycall migrate` runs them before a start."""

from pathlib import Path

from ivr.pci.tables import VERSION_TABLE
from ivr.platform.database.engine import make_engine
from ivr.platform.database.schema_scripts import SchemaScripts

SCRIPTS = SchemaScripts(Path(__file__).parent, lock=7_291_002, version_table=VERSION_TABLE)
migrate_engine = SCRIPTS.upgrade
can_serve = SCRIPTS.can_serve


def migrate(url: str) -> None:
    """Runs what is missing in the database at `url` (PCI_DATABASE_URL)."""
    engine = make_engine(url)
    try:
        migrate_engine(engine)
    finally:
        engine.dispose()
