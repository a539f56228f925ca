"""The pages of docs/contributing are followed: their files are written into a copy of the code, and their
commands are run there.

A page says ``File `path`:`` before a whole file, and ``In `path`, below `line`:`` (or `instead of`) before
lines to insert. Its commands stand in `sh` blocks.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/contributing"
COPIED = ("ivr", "flows", "gateways", "tests", "docs")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "e2e", "simulation", "mutants", "bench", "browser", "node")
BLOCK = re.compile(
    r"^ *(?:File `(?P<file>[^`]+)`|In `(?P<edited>[^`]+)`, (?P<where>below|instead of) `(?P<line>[^`]+)`):\n"
    r"(?P<indent> *)```\w+\n(?P<text>.*?)^ *```$"
    r"|^(?P<margin> *)```sh\n(?P<commands>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)
FOLLOWED = ("add-a-flow", "add-a-gateway", "add-a-migration", "add-a-setting", "add-a-wait", "first-change")


@dataclass(frozen=True)
class Checkout:
    """A copy of the code, as a contributor has it."""

    folder: Path

    def follow(self, page: str) -> str:
        """Writes and runs what the page says; what the commands printed."""
        printed = ""
        for found in BLOCK.finditer(page):
            margin = found["indent"] or found["margin"] or ""
            text = re.sub(rf"^{margin}", "", found["text"] or found["commands"], flags=re.MULTILINE)
            if found["file"]:
                path = self.folder / found["file"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            elif found["edited"]:
                self._edit(found["edited"], found["line"], text, keeps_line=found["where"] == "below")
            else:
                printed += self.run(text)
        return printed

    def _edit(self, path: str, line: str, text: str, *, keeps_line: bool) -> None:
        before = (self.folder / path).read_text()
        [found] = re.findall(rf"^ *{re.escape(line)}\n", before, re.MULTILINE)
        (self.folder / path).write_text(before.replace(found, found * keeps_line + text))

    def run(self, commands: str) -> str:
        done = subprocess.run(
            ["bash", "-e", "-c", commands],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=LEFT_OUT)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return Checkout(tmp_path)


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_page_leads_to_what_it_promises(name: str, checkout: Checkout) -> None:
    page = _with_the_next_migration((PAGES / f"{name}.md").read_text())
    printed = checkout.follow(page)
    for promised in re.findall(r"prints \"([^\"]+)\"", page):
        assert promised in printed
    written = " ".join(re.findall(r"^ *(?:File|In) `([^`]+\.py)`", page, re.MULTILINE))
    if written:
        checkout.run(f".venv/bin/ruff check {written}\n.venv/bin/ruff format --check {written}")


def test_the_python_of_how_a_call_is_tested_is_a_test(checkout: Checkout) -> None:
    page = (PAGES / "how-a-call-is-tested.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (checkout.folder / "tests/ivr/test_of_the_page.py").write_text(code)
    checkout.run(".venv/bin/python -m pytest tests/ivr/test_of_the_page.py")


def test_the_dialogue_of_the_page_is_the_beginning_of_a_file() -> None:
    page = (PAGES / "how-a-call-is-tested.md").read_text()
    (shown,) = re.findall(r"^```text\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert (ROOT / "tests/flows/pay_bill/person_busy.txt").read_text().startswith(shown)


def _with_the_next_migration(page: str) -> str:
    """0018 stands for the last migration, and 0019 for the one that is added."""
    versions = ROOT / "ivr/platform/database/migrations/versions"
    last = max(int(path.name[:4]) for path in versions.glob("0*.py"))
    return page.replace("0019", f"{last + 1:04}").replace("0018", f"{last:04}")
