"""Recorded prompts: a merchant's own voice in place of the synthesized one.

A TOML file maps language -> prompt key -> a URL, or a list of URLs, one for each stretch of words between the
placeholders; values (amounts, references) stay synthesized. A recording that no longer fits its prompt is an
error that names both, never a sentence with a hole in it: `check` finds it at the process's start.

    [es]
    "charge.wait" = "https://example.com/espere.mp3"
    "owed.tell" = ["https://example.com/debe.mp3"]
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.language.prompts import Literal, PromptError, Prompts, Segment


class Recordings:
    """Which prompts are recorded, and where the carrier fetches them."""

    def __init__(self, urls: Mapping[str, Mapping[str, tuple[str, ...]]], source: str = "recordings") -> None:
        """`urls`: language -> key -> one URL per literal; `source` names the file in errors."""
        self._urls = urls
        self._source = source

    @classmethod
    def load(cls, path: Path) -> "Recordings":
        """The recordings of that file; raises PromptError where it is missing or unusable."""
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise PromptError(f"{path}: the file is missing") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
            raise PromptError(f"{path}: {fault}") from None
        return cls(
            {language: _language(path, language, table) for language, table in tables.items()}, str(path)
        )

    def find(self, language: str, key: str, segments: tuple[Segment, ...]) -> tuple[str, ...] | None:
        """One URL for each literal that says something, or None; raises PromptError where they do not fit."""
        urls = self._urls.get(language, {}).get(key)
        if urls is None:
            return None
        spoken = sum(isinstance(one, Literal) and one.is_speech for one in segments)
        if len(urls) != spoken:
            raise PromptError(
                f"{self._source}: {language}: {key}: the prompt has {spoken} stretches of words between its "
                f"placeholders, and {len(urls)} recordings"
            )
        return urls

    def check(self, *every: Prompts) -> None:
        """Raises PromptError, a line for each recording that fits no prompt of these."""
        faults = [
            fault
            for language, keys in self._urls.items()
            for key in keys
            for fault in self._faults(language, key, every)
        ]
        if faults:
            raise PromptError("\n".join(faults))

    def _faults(self, language: str, key: str, every: tuple[Prompts, ...]) -> list[str]:
        homes = [one for one in every if language in one.languages and key in one.keys(language)]
        if not homes:
            return [f"{self._source}: {language}: {key}: there is no such prompt"]
        try:
            for home in homes:
                self.find(language, key, home.find(language, key).segments)
        except PromptError as fault:
            return [str(fault)]
        return []


def _language(path: Path, language: str, table: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise PromptError(f"{path}: {language}: must be a table of prompt keys")
    return {key: _urls(path, f"{language}: {key}", given) for key, given in table.items()}


def _urls(path: Path, where: str, given: Any) -> tuple[str, ...]:
    urls = given if isinstance(given, list) else [given]
    if not urls or not all(isinstance(url, str) and url.startswith(("https://", "http://")) for url in urls):
        raise PromptError(f"{path}: {where}: must be a URL, or a list of URLs, not {given!r}")
    return tuple(urls)
