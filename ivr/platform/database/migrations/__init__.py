"""The migrations of the database of web and worker; `paybycall migrate` runs them before a start."""

from pathlib import Path

from ivr.platform.database.schema_scripts import SchemaScripts

SCRIPTS = SchemaScripts(Path(__file__).parent, lock=7_291_001)
migrate = SCRIPTS.upgrade
can_serve = SCRIPTS.can_serve
