"""The sentences of a flow, one TOML file a language: `prompts.en.toml`, `prompts.es.toml`.

A key is the path of its table, `card.declined`; a placeholder is `{name}` and nothing more, so that a
translator cannot break a value; the noun of a bill stands in brackets (`noun.py`). Every fault is a
`PromptError` that names the file and the key: a missing prompt must never become silence on somebody's line.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any

from flows.language.noun import Noun, with_noun

NO_NOUNS: Mapping[str, Noun] = MappingProxyType({})
"""Each language's own word for a bill."""


class PromptError(Exception):
    """A prompt is missing or unusable; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Words of a prompt as they are written."""

    text: str

    @property
    def is_speech(self) -> bool:
        """Whether it holds anything to pronounce: a lone full stop after a placeholder does not."""
        return any(character.isalnum() for character in self.text)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Where a value is spoken."""

    name: str


Segment = Literal | Placeholder


def parse(template: str) -> tuple[Segment, ...]:
    """The template as literals and placeholders; raises ValueError with a sentence where it is malformed."""
    segments: list[Segment] = []
    for text, name, spec, conversion in Formatter().parse(template):
        if text:
            segments.append(Literal(text))
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            raise ValueError(f"a placeholder is a plain {{name}}, not {{{name}}} with a format or an index")
        segments.append(Placeholder(name))
    return tuple(segments)


@dataclass(frozen=True, slots=True)
class PromptText:
    """One sentence in one language, parsed."""

    template: str
    """As a whole, with its placeholders."""
    segments: tuple[Segment, ...]
    """Literals and placeholders, in the order in which they are spoken."""
    placeholders: frozenset[str]

    @classmethod
    def of(cls, template: str) -> "PromptText":
        """Raises ValueError with a sentence where it is malformed."""
        segments = parse(template)
        names = frozenset(one.name for one in segments if isinstance(one, Placeholder))
        return cls(template, segments, names)


class Prompts:
    """The prompts of one folder, parsed once and never changed: safe for every thread."""

    def __init__(
        self, folder: Path, texts: Mapping[str, Mapping[str, str]], nouns: Mapping[str, Noun] = NO_NOUNS
    ) -> None:
        """`texts`: language -> key -> template; `nouns`: what the merchant calls a bill, by language."""
        self._folder = folder
        self._prompts = {
            language: {
                key: self._read(language, key, with_noun(text, language, nouns.get(language)))
                for key, text in ours.items()
            }
            for language, ours in texts.items()
        }

    @classmethod
    def load(cls, folder: Path, languages: Iterable[str], nouns: Mapping[str, Noun] = NO_NOUNS) -> "Prompts":
        """The prompts of these languages; raises PromptError where a file is missing or unusable."""
        return cls(folder, {language: _read(path_of(folder, language)) for language in languages}, nouns)

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._prompts)

    def keys(self, language: str) -> frozenset[str]:
        return frozenset(self._of(language))

    def find(self, language: str, key: str) -> PromptText:
        """Raises PromptError where there is none."""
        try:
            return self._of(language)[key]
        except KeyError:
            raise PromptError(f"{path_of(self._folder, language)}: no prompt {key!r}") from None

    def _of(self, language: str) -> Mapping[str, PromptText]:
        try:
            return self._prompts[language]
        except KeyError:
            known = ", ".join(self._prompts) or "none"
            raise PromptError(f"{self._folder}: no prompts in {language!r}; there are: {known}") from None

    def _read(self, language: str, key: str, text: str) -> PromptText:
        try:
            return PromptText.of(text)
        except ValueError as fault:
            raise PromptError(f"{path_of(self._folder, language)}: {key}: {fault}") from None


def path_of(folder: Path, language: str) -> Path:
    return folder / f"prompts.{language}.toml"


def languages_in(folder: Path) -> tuple[str, ...]:
    """The languages that the folder holds a file for, sorted."""
    return tuple(sorted(path.name.split(".")[1] for path in folder.glob("prompts.*.toml")))


def _read(path: Path) -> dict[str, str]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PromptError(f"{path}: the file is missing") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise PromptError(f"{path}: {fault}") from None
    return dict(_flat(path, "", tables))


def _flat(path: Path, prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        key = prefix + name
        if isinstance(value, dict):
            yield from _flat(path, f"{key}.", value)
        elif isinstance(value, str) and value.strip():
            yield key, value.strip()
        else:
            raise PromptError(f"{path}: {key}: a prompt is a text that says something, not {value!r}")
