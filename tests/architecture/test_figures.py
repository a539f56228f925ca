"""What `make figures` counts, on a tree of a few files."""

import io
from pathlib import Path

import pytest

from tests.figures import source, walk
from tests.figures.source import Module, read

TABLES = (
    'import sqlalchemy as sa\n\nbill = sa.Table("bill", metadata)\nrefund = sa.Table("refund", metadata)\n'
)


def modules(files: dict[str, str]) -> list[Module]:
    return [Module(path, text) for path, text in files.items()]


def test_a_table_is_queried_where_its_variable_or_its_name_in_sql_is_used() -> None:
    found = source.tables(
        modules(
            {
                "ivr/database/schema/money.py": TABLES,
                "ivr/database/schema/__init__.py": "from ivr.database.schema.money import bill, refund\n",
                "ivr/bills/store.py": "from ivr.database import schema\n\nquery(schema.bill.c.id)\n",
                "ivr/finance/ledger.py": "from ivr.database.schema.money import bill as owed\n",
                "ivr/ops/counts.py": 'QUERY = "SELECT count(*) FROM bill"\n',
                "ivr/calls/turns.py": 'facts.bill = "a bill, or none"\nfrom ivr.bills.bill import bill\n',
            }
        )
    )
    assert found == {"bill": {"ivr.bills", "ivr.finance", "ivr.ops"}, "refund": set()}


def test_two_tables_of_one_name_are_kept_apart() -> None:
    found = source.tables(
        modules(
            {
                "ivr/pci/schema.py": TABLES,
                "ivr/pci/limits.py": "from ivr.pci import schema\n\nquery(schema.bill)\n",
                "ivr/database/schema.py": TABLES,
                "ivr/bills/store.py": "from ivr.database import schema\n\nquery(schema.bill)\n",
            }
        )
    )
    assert found["bill"] == {"ivr.pci"}
    assert found["bill (ivr.database)"] == {"ivr.bills"}


def test_names_that_two_files_define() -> None:
    given = modules(
        {
            "ivr/a.py": "class Answer: ...\n\n\ndef find(): ...\n\n\ndef _own(): ...\n",
            "ivr/b.py": "Answer = int | str\nANSWERS = 3\n\n\nclass Kept:\n    def find(self): ...\n",
            "ivr/c.py": "def find(): ...\n\n\ndef _own(): ...\n",
        }
    )
    assert source.duplicates(given, "types") == {"Answer": 2}
    assert source.duplicates(given, "functions") == {"find": 2}


def test_a_participle_is_a_type_of_one_word() -> None:
    named = "".join(f"class {name}: ...\n" for name in ("Charging", "Asked", "RunningBank", "String", "Feed"))
    given = modules({"ivr/a.py": named})
    assert source.participles(given, "ing") == ["Charging"]
    assert source.participles(given, "ed") == ["Asked"]


@pytest.mark.parametrize(
    ("code", "is_one"),
    [
        ("RETRY_AFTER_S = (60, 5 * 60, 3600)", True),
        ("delay_s = first_s * 2**tries", True),
        ("SILENCE_S = (3.0, 6.0)", False),
        ("CODES = (1, 2, 3)", False),
        ("DOWN_S = (3, 2, 1)", False),
    ],
)
def test_a_ladder_of_delays(code: str, is_one: bool) -> None:
    assert bool(source.ladders(modules({"ivr/a.py": f"{code}\n"}))) is is_one


def test_a_function_that_decides_to_try_again() -> None:
    again = "def again(open_s):\n    return open_s >= limits.FOR_A_PERSON_AFTER_S\n"
    code = f"{again}\n\ndef other(open_s):\n    return 3\n"
    assert source.retries(modules({"ivr/a.py": code})) == ["ivr/a.py:1 again"]


def test_what_names_a_wait_is_code_not_text() -> None:
    given = modules(
        {
            "ivr/a.py": "from flows.waits import SendLink as Sent\n",
            "ivr/b.py": '"""SendLink is elsewhere."""\n',
            "flows/c.py": "waits.SendLink()\n",
        }
    )
    assert source.files_naming(given, "SendLink") == ["ivr/a.py", "flows/c.py"]


def test_migrations_and_what_is_no_python_are_no_lines_of_the_product(tmp_path: Path) -> None:
    for path in ("ivr/a.py", "ivr/database/migrations/0001.py", "ivr/README.md", "flows/b.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text('"""May\nimport `ivr.b` alone."""\n')
    assert [module.path for module in source.product(tmp_path)] == ["ivr/a.py", "flows/b.py"]
    assert sum(module.lines for module in read(tmp_path, "ivr")) == 4
    assert source.may_import(source.product(tmp_path)) == 2
    assert source.docstring_share(source.product(tmp_path)) == 1


def test_a_call_into_another_file_crosses_there_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a library stands between the two, as `sorted` does here; nobody of ours calls the app."""
    monkeypatch.setattr(walk, "ROOT", tmp_path)
    inner, outer = tmp_path / "flows/inner.py", tmp_path / "ivr/outer.py"
    code = {
        inner: "def key(item):\n    return own(item)\n\n\ndef own(item):\n    return item\n",
        outer: "def app(environ, start):\n    return [b''] if sorted([1], key=KEY) else []\n",
    }
    names: dict[str, object] = {}
    for path, text in code.items():
        exec(compile(text, str(path), "exec"), names)  # noqa: S102 - the two functions of this test
    names["KEY"] = names["key"]
    app = walk.TracedApp(names["app"])  # type: ignore[arg-type]
    app({"PATH_INFO": "/voice/incoming", "wsgi.input": _body(b"Digits=1")}, None)
    (trace,) = app.traces
    assert (trace.path, trace.digits) == ("/voice/incoming", "1")
    assert trace.files == {"flows/inner.py", "ivr/outer.py"}
    assert (len(trace.functions), trace.calls, trace.crossings) == (3, 3, 2)


def _body(content: bytes) -> object:
    return io.BytesIO(content)
