"""The faults that `make mutants` puts into the code, read from the TOML files of the folder `faults`.

Each is a piece of one file and what stands there instead, as a hasty change could have it. It names the tests
that are to notice it, so that one fault takes seconds.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "faults"


@dataclass(frozen=True, slots=True)
class Fault:
    """One small fault. `before` stands in `file` exactly once; `after` takes its place."""

    file: str
    what: str
    """What goes wrong with it."""
    before: str
    after: str
    tests: tuple[str, ...]
    """Files, folders or test names that pytest is given."""

    def planted(self, source: str) -> str:
        """The source with the fault in it; ValueError where the fault no longer fits."""
        if source.count(self.before) != 1:
            raise ValueError(f"{self.file} holds {source.count(self.before)} times: {self.before!r}")
        return source.replace(self.before, self.after)


def load() -> list[Fault]:
    """Every fault, by file."""
    return [Fault(**{**one, "tests": tuple(one["tests"])}) for one in _read()]


def _read() -> Iterator[dict[str, object]]:
    for path in sorted(FOLDER.glob("*.toml")):
        with path.open("rb") as file:
            yield from tomllib.load(file)["fault"]
