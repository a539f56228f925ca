"""On which databases a test runs: SQLite, and where it is marked `postgres`, PostgreSQL as well.

PostgreSQL is for what depends on it: SQL of its own, locks, migrations, processes that take over from each
other (`tests/architecture/test_postgres_marks.py` lists the modules). `--databases sqlite` leaves PostgreSQL
out, as `make check` does.
"""

import pytest

BOTH = ("sqlite", "postgres")


def engines(metafunc: pytest.Metafunc) -> list[str]:
    """The databases of a test that asks for one and does not say which."""
    is_marked = metafunc.definition.get_closest_marker("postgres") is not None
    return list(BOTH) if is_marked and not leaves_postgres_out(metafunc.config) else ["sqlite"]


def leaves_postgres_out(config: pytest.Config) -> bool:
    return bool(config.getoption("--databases") == "sqlite")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_url" not in metafunc.fixturenames:
        return
    by_hand = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if not any("database_url" in str(names) for names in by_hand):
        metafunc.parametrize("database_url", engines(metafunc), indirect=True)


def needs_postgres(item: pytest.Item) -> bool:
    """Whether a test runs on PostgreSQL: by its parameters, or by its mark where it has no other database."""
    callspec = getattr(item, "callspec", None)
    params = [] if callspec is None else list(callspec.params.values())
    is_marked = any(mark.name == "postgres" for mark in item.own_markers)
    return "postgres" in params or (is_marked and "sqlite" not in params)
