"""What the pages name is there: files, folders, modules, and the headings that links lead to."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(one for folder in ("ivr", "flows", "gateways") for one in (ROOT / folder).rglob("README.md")),
    )
    if path.name != "CHANGELOG.md"
)
CURRENT = [page for page in PAGES if not page.startswith("docs/decisions/0")]
"""A decision says how things stood when it was taken."""
TOP = ("ivr", "flows", "gateways", "tests", "docs", "deploy", ".ci")
PATH = re.compile(rf"(?<![\w/.-])((?:{'|'.join(map(re.escape, TOP))})/[\w./*<>-]+|Procfile|pyproject\.toml)")
MODULE = re.compile(r"`((?:ivr|flows|gateways)(?:\.[a-z_]+)+)(?:\(\))?`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
TO_BE_WRITTEN = re.compile(r"^ *File `([^`]+)`:$", re.MULTILINE)
"""A page of docs/contributing has its reader write these."""
MADE_BY_THE_READER = "deploy/env"
"""By deploy/new-settings."""


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    plain = (re.sub(r"[^\w -]", "", title.lower()) for title in HEADING.findall(text))
    return {title.replace(" ", "-") for title in plain}


def named_paths(text: str) -> Iterator[str]:
    written = {part for path in TO_BE_WRITTEN.findall(text) for part in (path, *map(str, Path(path).parents))}
    for found in PATH.findall(text):
        path = found.rstrip(".:").split("::")[0].rstrip("/")
        if not re.search(r"[<>]|yours", path) and path not in written:
            yield path


@pytest.mark.parametrize("page", CURRENT)
def test_every_path_exists(page: str) -> None:
    """From the top of the repository, or beside the page."""
    places = (ROOT, (ROOT / page).parent)
    missing = [
        path
        for path in named_paths(text_of(page))
        if not any(found for place in places for found in place.glob(path))
    ]
    assert [path for path in missing if not path.startswith(MADE_BY_THE_READER)] == []


@pytest.mark.parametrize("page", CURRENT)
def test_every_module_exists(page: str) -> None:
    """Also `ivr.payments.attempts.states.draw`: a name in a module."""
    missing = []
    for name in MODULE.findall(text_of(page)):
        path = ROOT / name.replace(".", "/")
        module, defined = path.parent.with_suffix(".py"), path.name
        if path.is_dir() or path.with_suffix(".py").is_file():
            continue
        if not (module.is_file() and re.search(rf"\b{defined}\b", module.read_text())):
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    lost = []
    for target in LINK.findall(text_of(page)):
        path, _, anchor = target.partition("#")
        if target.startswith(("http", "mailto")):
            continue
        there = (ROOT / page).parent / path if path else ROOT / page
        if not there.exists() or (anchor and anchor not in anchors(there.read_text(encoding="utf-8"))):
            lost.append(target)
    assert lost == []


def test_each_page_of_contributing_is_in_its_index() -> None:
    folder = ROOT / "docs/contributing"
    index = LINK.findall((folder / "README.md").read_text())
    assert {path.name for path in folder.glob("*.md")} - {"README.md"} == {
        target for target in index if "/" not in target
    }
