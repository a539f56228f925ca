"""What is heard of a document, and its values read: texts, sounds, pauses, whole numbers, yes and no.

`verbs` and `pay_verb` read their verbs by these. A value that cannot be run is told apart from lawful TwiML
that this phone does not run.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass


class BadValueError(ValueError):
    """A verb cannot be run as written; the message says which and why."""


class NotRunError(Exception):
    """Lawful TwiML that a keypad caller's phone does not run: a recording, a conference, speech."""


@dataclass(frozen=True, slots=True)
class SayVerb:
    text: str
    language: str | None
    voice: str | None
    times: int


@dataclass(frozen=True, slots=True)
class PlayVerb:
    url: str
    times: int


@dataclass(frozen=True, slots=True)
class PauseVerb:
    length_s: int


Prompt = SayVerb | PlayVerb | PauseVerb


def whole(node: ET.Element, name: str, default: int, least: int = 1) -> int:
    """A whole number from `least` on; raises BadValueError."""
    given = node.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit()) or int(given) < least:
        raise BadValueError(f"<{node.tag}> {name} must be a whole number from {least} on, not {given!r}")
    return int(given)


def flag(node: ET.Element, name: str, *, default: bool = False) -> bool:
    given = node.get(name, "true" if default else "false")
    if given not in ("true", "false"):
        raise BadValueError(f"<{node.tag}> {name} must be true or false, not {given!r}")
    return given == "true"


def url(node: ET.Element) -> str:
    url = (node.text or "").strip()
    if not url:
        raise BadValueError(f"<{node.tag}> has no URL")
    return url


def read_say(node: ET.Element) -> SayVerb:
    text = " ".join("".join(node.itertext()).split())
    if not text:
        raise BadValueError("<Say> has nothing to say")
    return SayVerb(text, node.get("language"), node.get("voice"), whole(node, "loop", 1))


def read_play(node: ET.Element) -> PlayVerb:
    if node.get("digits") is not None:
        raise NotRunError("<Play digits> sends tones to a machine; a person is calling")
    return PlayVerb(url(node), whole(node, "loop", 1))


def read_pause(node: ET.Element) -> PauseVerb:
    return PauseVerb(whole(node, "length", 1))


READERS: Mapping[str, Callable[[ET.Element], Prompt]] = {
    "Say": read_say,
    "Play": read_play,
    "Pause": read_pause,
}


def read_prompt(node: ET.Element) -> Prompt:
    """A Say, Play or Pause."""
    return READERS[node.tag](node)
