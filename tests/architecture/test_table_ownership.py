"""A table belongs to one package, which alone imports its `tables` module. State words stand in one place."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.messaging.states import MessageState
from ivr.payments.attempts.states import State
from ivr.payments.refunds.store import RefundState
from ivr.platform.database.metadata import TABLE_MODULES, all_tables

ROOT = Path(__file__).parents[2]
APART = ("ivr/pci/", "ivr/platform/database/migrations/")
"""The PCI process has a database of its own; migrations name tables as they were."""
UNMISTAKABLE = {
    State.LINK_OPEN,
    State.LINK_CLOSING,
    State.AUTHORIZING,
    State.NEEDS_REVIEW,
    State.CANCELLED,
    State.ABANDONED,
    State.VOIDING,
    MessageState.MAYBE_SENT,
    RefundState.NEEDS_REVIEW,
}
"""States whose words are nothing else in the code, such as a reason or a verb."""
WORDS_ELSEWHERE = {
    ("ivr/calls/payable_bill.py", "link_open"),  # an exit of a wait
    ("ivr/payments/attempts/gateway_answers.py", "fenced"),  # an answer of the gateway, in the history
    ("ivr/payments/refunds/store.py", "for_a_person"),  # where RefundState is declared
}
"""File and word: where such a word is something else after all."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "ivr").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(APART):
            yield name, ast.parse(path.read_text())


def owner_of(module: str) -> str:
    """The package that owns a `tables` or `views` module."""
    return module.rpartition(".")[0]


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Every module that is imported by this one, and the name under which it, or a part of it, is used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                used_as = alias.asname or alias.name
                yield f"{node.module}.{alias.name}", used_as
                yield node.module, used_as


def foreign_tables(name: str, tree: ast.Module) -> list[str]:
    """The `tables` modules of other packages that a source file imports."""
    module = name.removesuffix(".py").replace("/", ".")
    return [
        f"{name} imports {one}"
        for one, _ in imported(tree)
        if one in TABLE_MODULES and not module.startswith(f"{owner_of(one)}.")
    ]


def raw_sql(name: str, tree: ast.Module) -> list[str]:
    """Strings that name a table after a word of SQL."""
    tables = "|".join(sorted(all_tables().tables))
    pattern = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE|TABLE)\s+\"?(?:{tables})\b")
    return [
        f"{name}:{node.lineno} {node.value!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and pattern.search(node.value)
    ]


def written_views(name: str, tree: ast.Module) -> list[str]:
    """Statements that write through a view."""
    views = {used_as for one, used_as in imported(tree) if one.endswith(".views")}
    return [
        f"{name}:{node.lineno} {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"insert", "update", "delete"}
        and any(ast.unparse(one).split(".")[0] in views for one in (*node.args[:1], node.func.value))
    ]


def state_words(name: str, tree: ast.Module) -> list[str]:
    """State words that are written as text where their enum is not declared."""
    if name.endswith("/states.py"):
        return []
    return [
        f"{name}:{node.lineno} {node.value!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and node.value in UNMISTAKABLE
        and (name, node.value) not in WORDS_ELSEWHERE
    ]


CHECKS = [foreign_tables, raw_sql, written_views, state_words]


@pytest.mark.parametrize("check", CHECKS)
def test_no_source_breaks_the_rule(check: object) -> None:
    assert callable(check)
    assert [fault for name, tree in sources() for fault in check(name, tree)] == []


@pytest.mark.parametrize(
    ("check", "source"),
    [
        (foreign_tables, "from ivr.payments.tables import attempt"),
        (foreign_tables, "from ivr.payments import tables"),
        (foreign_tables, "import ivr.payments.tables as t"),
        (raw_sql, 'QUERY = "SELECT id FROM attempt WHERE state = 1"'),
        (
            written_views,
            "from ivr.payments import views as payments_views\nsa.update(payments_views.attempt)",
        ),
        (written_views, "from ivr.payments.views import attempt\nattempt.delete()"),
        (state_words, 'IS_OPEN = attempt.c.state == "link_open"'),
        (state_words, 'WAITS = frozenset({"for_a_person"})'),
    ],
)
def test_each_check_finds_what_it_is_for(check: object, source: str) -> None:
    assert callable(check)
    assert check("ivr/bills/store.py", ast.parse(source)) != []


def test_an_owner_may_import_its_own_tables() -> None:
    tree = ast.parse("from ivr.payments import tables")
    assert foreign_tables("ivr/payments/refunds/store.py", tree) == []


def test_every_module_of_tables_is_listed() -> None:
    found = {
        name.removesuffix(".py").replace("/", ".") for name, _ in sources() if name.endswith("/tables.py")
    }
    assert found == set(TABLE_MODULES)


def test_a_table_is_declared_once_and_by_its_owner() -> None:
    """No other module makes a table in the shared metadata."""
    makers = {
        name
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "sa.Table"
    }
    assert {name for name in makers if not name.endswith("/tables.py")} == set()
