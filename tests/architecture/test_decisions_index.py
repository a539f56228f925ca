"""docs/decisions/README.md lists every decision once, by number."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs/decisions"


def test_each_decision_has_one_line_in_the_order_of_their_numbers() -> None:
    rows = re.findall(
        r"^\| \[(\d{4})\]\(([^)]+)\) \| .+ \|$", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    assert [file for _, file in rows] == sorted(path.name for path in FOLDER.glob("0*.md"))
    assert all(file.startswith(f"{number}-") for number, file in rows)
