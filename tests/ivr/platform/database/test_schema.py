"""The migrations make the very schema that the code declares, on both databases."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ivr.pci import migrations as pci_migrations
from ivr.platform.database import migrations
from ivr.platform.database.engine import reading
from ivr.platform.database.migrations import can_serve, migrate
from ivr.platform.database.schema_scripts import SchemaScripts, _outdated
from tests.support import schema
from tests.support.time_and_ids import ManualClock

pytestmark = pytest.mark.postgres


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name not in schema.metadata.tables)


def test_migrations_equal_the_declared_schema(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _ours, "compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_migrating_again_changes_nothing(engine: sa.Engine) -> None:
    migrate(engine)
    with reading(engine) as connection:
        assert can_serve(connection)


@pytest.mark.parametrize("scripts", [migrations.SCRIPTS, pci_migrations.SCRIPTS])
def test_the_numbers_of_the_files_are_the_revisions_in_their_order(scripts: SchemaScripts) -> None:
    directory = ScriptDirectory(str(scripts.folder))
    *older, head = sorted(one.revision for one in directory.walk_revisions())
    assert directory.get_heads() == [head]
    assert _outdated(scripts.folder) == set(older)


def test_a_bill_is_never_reserved_past_what_is_billed(engine: sa.Engine, clock: ManualClock) -> None:
    row = {
        "id": "bill_1",
        "reference": "12345678",
        "currency": "EUR",
        "billed_minor": 1000,
        "minimum_minor": 100,
        "source": "cli",
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }
    with engine.begin() as tx:
        tx.execute(sa.insert(schema.bill).values(**row, paid_minor=600))
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as tx:
        tx.execute(sa.update(schema.bill).values(reserved_minor=401))
    with engine.begin() as tx:
        tx.execute(sa.update(schema.bill).values(reserved_minor=400))


def test_an_error_never_shows_the_values_of_its_statement(engine: sa.Engine) -> None:
    with pytest.raises(sa.exc.DBAPIError) as caught, engine.begin() as tx:
        tx.execute(sa.insert(schema.guess).values(caller="+34600111222", at=None))
    assert "+34600111222" not in str(caught.value).partition("DETAIL")[0]
