"""How a database's URL is read, without a word of its password; and which two mean the same database."""

import os
from pathlib import Path

import pytest

from ivr.platform.database.url import database_url, is_same_database


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("", "must begin with"),
        ("town.db", "must begin with"),
        ("host=db user=town password=hunter2", "must begin with"),
        ("mysql://town:hunter2@db/town", "not with mysql://"),
        ("postgresql+asyncpg://town:hunter2@db/town", "not with postgresql+asyncpg://"),
        ("postgresql+psycopg2://town:hunter2@db/town", "not with postgresql+psycopg2://"),
        ("sqlite://", "must name a file"),
        ("sqlite:///", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite://town.db", "must name a file"),
        ("postgresql://town:hunter2@more@db/town", "as %40"),
        ("postgresql://town:hunter2@mo/re@db/town", "as %40"),
        ("postgresql://town:hunter2@mo?re@db/town", "as %40"),
        ("postgresql://town:hunter2@mo:re@db/town", "as %40"),
        ("postgresql://town:hunter2@db:port/town", "number as port"),
        ("postgresql://hunter2:hunter2", "number as port"),
        ("postgresql://town:hunter2@db:99999/town", "from 1 to 65535"),
        ("postgresql://town:hunter2@db:0/town", "from 1 to 65535"),
        ("postgresql://town:hunter2@db", "must name the database"),
        ("postgresql://town:hunter2@db/", "must name the database"),
        ("postgresql://", "must name the database"),
        ("postgresql://town:hunter2@/town?host=db&port=hunter2", "a number where"),
        ("postgresql://town:hunter2@db/to%00wn", "%00"),
        ("sqlite:///hunter2%00.db", "%00"),
        ("sqlite:///town.db?timeout=hunter2", "without options"),
        ("sqlite:///file:hunter2.db?uri=true", "without options"),
    ],
)
def test_what_cannot_be_read_is_refused_and_not_repeated(given: str, part: str) -> None:
    with pytest.raises(ValueError, match=r"^must ") as refused:
        database_url(given)
    assert part in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        "sqlite:///town.db",
        "sqlite:////var/lib/town.db",
        "postgres://db/town",
        "postgresql://town:p#a/s%40s@db:5432/town?sslmode=require",
        "postgresql+psycopg://town@[::1]:5433/town",
        "postgresql://town@/town?host=/run/postgresql",
    ],
)
def test_what_can_be_read_is_taken_as_it_is(given: str) -> None:
    assert database_url(f" {given} ") == given


SAME = [
    ("postgresql://db/town", "postgresql://db/other?dbname=town"),
    ("sqlite:///town.db", "sqlite:///./town.db"),
    ("sqlite:///town.db", "sqlite:///{here}/town.db"),
    ("sqlite:///town.db", "sqlite:///{here}/link.db"),
    ("sqlite:///town.db", "sqlite:///hard.db"),
    ("sqlite:///new.db", "sqlite:///{here}/folder/../new.db"),
    ("postgres://a:x@db/town", "postgresql+psycopg://b:y@DB:5432/town?sslmode=require"),
    ("postgresql://db.example.org/town", "postgresql://DB.example.org./town"),
    ("postgresql://localhost/town", "postgresql://127.0.0.1:5432/town"),
    ("postgresql://127.0.0.1/town", "postgresql://[::1]/town"),
    ("postgresql:///town", "postgresql://localhost/town"),
    ("postgresql:///town?host=/run/postgresql", "postgresql://127.0.0.1/town"),
    ("postgresql:///town?host=db&port=5433", "postgresql://db:5433/town"),
    ("postgresql:///town?host=one,two", "postgresql://two/town"),
    ("postgresql://[2001:db8:0::1]/town", "postgresql://[2001:db8::1]/town"),
]
OTHER = [
    ("sqlite:///town.db", "sqlite:///pci.db"),
    ("sqlite:///town.db", "postgresql://db/town"),
    ("postgresql://db/town", "postgresql://db/pci"),
    ("postgresql://db/town", "postgresql://db/Town"),
    ("postgresql://db/town", "postgresql://db:5433/town"),
    ("postgresql://db/town", "postgresql://localhost/town"),
    ("postgresql:///town?host=one,two", "postgresql://three/town"),
]


@pytest.mark.parametrize(
    ("one", "other", "same"), [(*two, True) for two in SAME] + [(*two, False) for two in OTHER]
)
def test_two_spellings_of_one_database(
    one: str, other: str, *, same: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "town.db").touch()
    (tmp_path / "link.db").symlink_to("town.db")
    os.link("town.db", "hard.db")
    urls = [database_url(url.format(here=tmp_path)) for url in (one, other)]
    assert is_same_database(*urls) is same
    assert is_same_database(*reversed(urls)) is same
