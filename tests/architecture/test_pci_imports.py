"""The PCI process imports only what docs/architecture.md lists, and runs where nothing else is."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox_bank import running_bank

ROOT = Path(__file__).parents[2]
PCI = ROOT / "ivr" / "pci"
SOURCES = sorted(PCI.rglob("*.py"))
OURS = ("ivr", "flows", "gateways")
SHARED = (
    "ivr.platform",
    "ivr.platform.database",
    "ivr.platform.settings",
    "ivr.carriers",
    "ivr.carriers.twilio",
)
GATEWAYS = sorted(path.parent.name for path in ROOT.glob("gateways/*/tokenize.py"))


def _listed(beginning: str, end: str) -> set[str]:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    passage = text[text.index(beginning) : text.index(end, text.index(beginning))]
    return set(re.findall(r"`([a-z_.<>]+)`", passage))


def allowed_ours() -> set[str]:
    """Our modules on the list; `gateways.<name>.tokenize` stands for each gateway's."""
    listed = _listed("It may import:", "(which itself may use")
    assert "gateways.<name>.tokenize" in listed
    return {name.replace("<name>", gateway) for name in listed for gateway in GATEWAYS}


def allowed_others() -> set[str]:
    return _listed("Of other people's it imports", "A test copies")


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports; `from a import b` counts as a.b where that is a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide what is meant"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if _is_module(whole) else node.module


def _inside(package: str) -> set[str]:
    """The modules and packages that stand directly in a package."""
    paths = ROOT.joinpath(*package.split(".")).iterdir()
    names = {f"{package}.{path.stem}" for path in paths if path.stem != "__init__"}
    return {name for name in names if _is_module(name)}


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def _covered(module: str, allowed: set[str]) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in allowed)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PCI)))
def test_every_import_is_on_the_list(path: Path) -> None:
    ours = allowed_ours() | {"ivr.pci"}
    others = allowed_others() | set(sys.stdlib_module_names) | {"_typeshed"}
    strangers = [
        module
        for module in imported(path)
        if not (_covered(module, ours) if module.split(".")[0] in OURS else module.split(".")[0] in others)
    ]
    assert strangers == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PCI)))
def test_no_name_of_a_module_is_computed(path: Path) -> None:
    forbidden_names = {"__import__", "exec", "eval", "compile", "globals", "__builtins__", "import_module"}
    forbidden_modules = {"importlib", "runpy", "pkgutil", "imp", "builtins", "pickle", "marshal", "ctypes"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    modules = {module.split(".")[0] for module in imported(path)}
    assert (names & forbidden_names, attributes & {"import_module", "modules", "meta_path"}) == (set(), set())
    assert modules & forbidden_modules == set()


def test_only_one_file_names_a_tokenize() -> None:
    naming = [path.name for path in SOURCES if any(m.endswith(".tokenize") for m in imported(path))]
    assert naming == ["tokenizers.py"]


def test_the_import_contract_forbids_every_module_that_is_not_on_the_list() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [contract] = [one for one in contracts if one.get("source_modules") == ["ivr.pci"]]
    forbidden = set(contract["forbidden_modules"])
    allowed = allowed_ours() | {"ivr.pci"}
    modules = {module for package in ("ivr", *SHARED, "flows") for module in _inside(package)} - {*SHARED}
    unnamed = sorted(module for module in modules if not _covered(module, allowed | forbidden))
    assert unnamed == [], "add these to the PCI contract in pyproject.toml"


def _copy(folder: Path) -> None:
    """`ivr/pci` with what the list names, and each gateway's files but its adapter: nothing more."""
    shutil.copytree(PCI, folder / "ivr" / "pci", ignore=shutil.ignore_patterns("__pycache__"))
    for module in sorted(allowed_ours() | {"gateways.connection_errors", "gateways.http_client"}):
        parts = module.split(".")
        if parts[-1] == "tokenize":
            ignored = shutil.ignore_patterns(
                "__pycache__", "adapter.py", "bank", "webhooks.py", "settlement.py"
            )
            shutil.copytree(
                ROOT.joinpath(*parts[:-1]), folder.joinpath(*parts[:-1]), ignore=ignored, dirs_exist_ok=True
            )
            continue
        source = ROOT.joinpath(*parts)
        if source.is_dir():
            shutil.copytree(source, folder.joinpath(*parts), ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target = folder.joinpath(*parts).with_suffix(".py")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source.with_suffix(".py"), target)
    for package in ("ivr", *SHARED, "flows", "gateways"):
        name = Path(*package.split("."), "__init__.py")
        shutil.copy(ROOT / name, folder / name)


DRIVER = """
import json, os, sys
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in getattr(f, "__module__", "").lower()]

from datetime import UTC, datetime
from gateways.secret import Secret
from ivr.platform import request_signing as signing
from ivr.pci.migrations import migrate
from ivr.pci.process import app_from_environ
from ivr.carriers.twilio.signature import HEADER_SIGNATURE, compute
from werkzeug.test import Client

assert sys.modules["ivr"].__file__.startswith(os.getcwd())
strangers = "ivr.calls ivr.web ivr.platform.settings.web_settings ivr.platform.database.metadata"
for stranger in [*strangers.split(), "gateways.sandbox.adapter"]:
    try:
        __import__(stranger)
    except ModuleNotFoundError:
        continue
    raise SystemExit(stranger + " is here")

migrate(os.environ["PCI_DATABASE_URL"])
process = app_from_environ(os.environ)
client = Client(process)
nonces = iter(range(100))

def ask(target, document):
    body = json.dumps(document).encode()
    headers = signing.sign([Secret(os.environ["INTERNAL_SECRET"])], method="POST", target=target, body=body,
                           now=datetime.now(UTC), nonce=str(next(nonces)))
    return client.post(target, data=body, headers=headers).json

def turn(url, digits=""):
    form = {"CallSid": "CA1", "AccountSid": os.environ["TWILIO_ACCOUNT_SID"], "Digits": digits}
    token = Secret(os.environ["TWILIO_AUTH_TOKEN"])
    signature = compute(token, url, {name: [value] for name, value in form.items()})
    return client.post(url.removeprefix(os.environ["PCI_PUBLIC_URL"]), data=form,
                       headers={HEADER_SIGNATURE: signature}).text

back = os.environ["PUBLIC_URL"] + "/voice/call_1/t/2"
base = ask("/pci/internal/entries", {"id": "entry_1", "call_sid": "CA1", "language": "es", "return_url": back,
    "account_sid": os.environ["TWILIO_ACCOUNT_SID"], "postal_code": False, "authorize": None})["url"][:-1]
for number, digits in enumerate(("", "4242424242424242", "1239", "123")):
    answer = turn(base + str(number), digits)
number = 4
while back not in answer and number < 2000:
    answer = turn(base + str(number))
    number += 1
print(json.dumps(ask("/pci/internal/entries/entry_1/collect", {"claimant": "call_1.2"})))
process.close()
"""


@pytest.mark.slow
def test_a_card_is_keyed_where_there_is_nothing_else(tmp_path: Path) -> None:
    copied = tmp_path / "alone"
    _copy(copied)
    (copied / "driver.py").write_text(textwrap.dedent(DRIVER))
    with running_bank(tmp_path) as bank:
        environ = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(copied),
            "ENVIRONMENT": "development",
            "PCI_DATABASE_URL": f"sqlite:///{tmp_path}/pci.db",
            "PCI_PUBLIC_URL": "https://pci.example.com",
            "PUBLIC_URL": "https://pay.example.com",
            "INTERNAL_SECRET": "e9d2a4863b5e0f1c7d8a92e35b41f0c7",
            "TWILIO_ACCOUNT_SID": "AC1",
            "TWILIO_AUTH_TOKEN": "carrier-token",
            "PCI_KEY_DIRECTORY": str(tmp_path / "keys"),
            "GATEWAY": "sandbox",
            "SANDBOX_URL": bank.url,
        }
        done = subprocess.run(
            [sys.executable, "driver.py"],
            cwd=copied,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["outcome"], result["brand"], result["last_four"]) == ("collected", "visa", "4242")
    assert result["token"]
    assert "4242424242424242" not in done.stdout + done.stderr
