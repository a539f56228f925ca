"""docs/versions.md lists what is deprecated, and nothing else."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/versions.md").read_text(encoding="utf-8")
SAYS_SO = re.compile(r"deprecated|(?:until|from) the next release", re.IGNORECASE)


def test_the_page_names_every_file_in_which_something_is_deprecated() -> None:
    table = PAGE.partition("## Deprecated now")[2].partition("\n## ")[0]
    named = {path for row in table.splitlines() for path in re.findall(r"`([a-z_/]+\.py)`", row)}
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("ivr", "flows", "gateways")
        for path in (ROOT / folder).rglob("*.py")
        if SAYS_SO.search(" ".join(path.read_text(encoding="utf-8").split()))
    }
    assert found == named
