"""What test jobs leave behind in the test's database, and a look into the tables of dbos itself."""

from collections.abc import Iterator

import sqlalchemy as sa

from ivr.platform.database.engine import reading

metadata = sa.MetaData()
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

subject = sa.Table(
    "work_subject",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("claimed_by", sa.String(40)),
)
"""What is worked on; `claimed_by` is set by compare-and-set, as an attempt is claimed before it is sent."""
effect = sa.Table(
    "work_effect",
    metadata,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("subject_id", sa.String(40), nullable=False),
    sa.Column("worker", sa.String(20), nullable=False),
)
"""What was done, in order."""


def note(engine: sa.Engine, kind: str, subject_id: str, worker: str) -> None:
    with engine.begin() as tx:
        tx.execute(sa.insert(effect).values(kind=kind, subject_id=subject_id, worker=worker))


def claim(tx: sa.Connection, subject_id: str, worker: str) -> bool:
    """Whether this worker is the one that may go on."""
    won = tx.execute(
        sa.update(subject)
        .where(subject.c.id == subject_id, subject.c.claimed_by.is_(None))
        .values(claimed_by=worker)
    )
    return won.rowcount == 1


def effects(engine: sa.Engine, kind: str) -> list[tuple[str, str]]:
    """(subject, worker) of every effect of this kind."""
    with reading(engine) as connection:
        rows = connection.execute(
            sa.select(effect.c.subject_id, effect.c.worker)
            .where(effect.c.kind == kind)
            .order_by(effect.c.number)
        )
        return [(row.subject_id, row.worker) for row in rows]


def engine_schema(engine: sa.Engine) -> str | None:
    return None if engine.dialect.name == "sqlite" else "dbos"


def engine_tables(engine: sa.Engine) -> sa.MetaData:
    """The tables of dbos, as they stand in the database."""
    found = sa.MetaData()
    ours = {"work_subject", "work_effect"}
    found.reflect(engine, schema=engine_schema(engine), only=lambda name, _: name not in ours)
    return found


def every_value(engine: sa.Engine) -> Iterator[tuple[str, object]]:
    """(table and column, value) of every field in the tables of dbos."""
    tables = engine_tables(engine)
    with reading(engine) as connection:
        for table in tables.sorted_tables:
            for row in connection.execute(sa.select(table)).mappings():
                for column, value in row.items():
                    yield f"{table.name}.{column}", value
