"""Gateways stand apart from the server and from each other; the sides of the sandbox, from its bank."""

import ast
from pathlib import Path

import pytest

import gateways

HOME = Path(gateways.__file__).parent
FILES = sorted(HOME.rglob("*.py"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOME)))
def test_nothing_of_the_server_or_the_flows_is_imported(path: Path) -> None:
    assert not [name for name in imports(path) if name.split(".")[0] in {"ivr", "flows", "tests"}]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOME)))
def test_a_gateway_imports_no_other_gateway_and_nobody_a_tokenizer(path: Path) -> None:
    folders = {one.parent.name for one in HOME.glob("*/adapter.py")}
    own = path.relative_to(HOME).parts[0]
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "gateways" and set(parts[1:2]) & folders:
            assert parts[1] == own
        assert "tokenize" not in parts


@pytest.mark.parametrize("path", sorted((HOME / "sandbox").glob("*.py")), ids=lambda path: path.name)
def test_the_sides_of_the_sandbox_know_nothing_of_the_bank(path: Path) -> None:
    assert not [name for name in imports(path) if name.startswith("gateways.sandbox.bank")]


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.parent.name != "stripe"],
    ids=lambda path: str(path.relative_to(HOME)),
)
def test_only_stripes_folder_imports_its_library(path: Path) -> None:
    assert not [name for name in imports(path) if name.split(".")[0] == "stripe"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOME)))
def test_every_file_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))
