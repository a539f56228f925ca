"""The verbs that this phone runs, read from TwiML, and the faults that a carrier would find in their values.

May import `ivr.phone.keys` alone. `schema.validate` has seen to names and nesting; here are whole numbers,
keys, methods, and the order that only makes sense one way. A verb that is lawful TwiML and not run by this
phone is told apart from a fault.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ivr.phone.keys import KEYPAD, GatherRules


class BadValueError(ValueError):
    """A verb cannot be run as written; the message says which and why."""


class NotRunError(Exception):
    """Lawful TwiML that a keypad caller's phone does not run: a recording, a conference, speech."""


@dataclass(frozen=True, slots=True)
class Say:
    text: str
    language: str | None
    voice: str | None
    times: int


@dataclass(frozen=True, slots=True)
class Play:
    url: str
    times: int


@dataclass(frozen=True, slots=True)
class Pause:
    length_s: int


Prompt = Say | Play | Pause


@dataclass(frozen=True, slots=True)
class Gather:
    prompts: tuple[Prompt, ...]
    action: str
    rules: GatherRules


@dataclass(frozen=True, slots=True)
class Redirect:
    url: str


@dataclass(frozen=True, slots=True)
class Dial:
    number: str
    action: str | None
    """None: the call goes on with the next verb."""
    timeout_s: int


@dataclass(frozen=True, slots=True)
class Hangup:
    pass


@dataclass(frozen=True, slots=True)
class Reject:
    reason: str


Verb = Say | Play | Pause | Gather | Redirect | Dial | Hangup | Reject


def _whole(node: ET.Element, name: str, default: int, least: int = 1) -> int:
    given = node.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit()) or int(given) < least:
        raise BadValueError(f"<{node.tag}> {name} must be a whole number from {least} on, not {given!r}")
    return int(given)


def _flag(node: ET.Element, name: str) -> bool:
    given = node.get(name, "false")
    if given not in ("true", "false"):
        raise BadValueError(f"<{node.tag}> {name} must be true or false, not {given!r}")
    return given == "true"


def _posts(node: ET.Element) -> None:
    method = node.get("method", "POST")
    if method not in ("POST", "GET"):
        raise BadValueError(f"<{node.tag}> method must be POST or GET, not {method!r}")
    if method == "GET":
        raise NotRunError(f"<{node.tag}> asks for GET, which would put what was keyed into a URL")


def _url(node: ET.Element) -> str:
    url = (node.text or "").strip()
    if not url:
        raise BadValueError(f"<{node.tag}> has no URL")
    return url


def _say(node: ET.Element) -> Say:
    text = " ".join("".join(node.itertext()).split())
    if not text:
        raise BadValueError("<Say> has nothing to say")
    return Say(text, node.get("language"), node.get("voice"), _whole(node, "loop", 1))


def _play(node: ET.Element) -> Play:
    if node.get("digits") is not None:
        raise NotRunError("<Play digits> sends tones to a machine; a person is calling")
    return Play(_url(node), _whole(node, "loop", 1))


def _pause(node: ET.Element) -> Pause:
    return Pause(_whole(node, "length", 1))


def _gather(node: ET.Element) -> Gather:
    _posts(node)
    action = node.get("action", "")
    if not action:
        raise BadValueError("<Gather> has no action: it would post to its own page and go round in circles")
    finish = node.get("finishOnKey", "#")
    if finish and (len(finish) > 1 or finish not in KEYPAD):
        raise BadValueError(f"<Gather> finishOnKey must be one key of the keypad, or empty, not {finish!r}")
    given = node.get("input", "dtmf").split()
    if not given or set(given) - {"dtmf", "speech"}:
        raise BadValueError(f"<Gather> input must be dtmf, speech or both, not {node.get('input')!r}")
    if "dtmf" not in given:
        raise NotRunError("<Gather> listens to speech alone")
    limit = _whole(node, "numDigits", 0)
    rules = GatherRules(
        num_digits=limit or None,
        finish_on_key=finish,
        timeout_s=_whole(node, "timeout", 5),
        action_on_empty_result=_flag(node, "actionOnEmptyResult"),
    )
    return Gather(tuple(_PROMPTS[child.tag](child) for child in node), action, rules)


def _redirect(node: ET.Element) -> Redirect:
    _posts(node)
    return Redirect(_url(node))


def _dial(node: ET.Element) -> Dial:
    _posts(node)
    others = [child.tag for child in node if child.tag != "Number"]
    if others:
        raise NotRunError(f"<Dial> reaches <{others[0]}>, not a number")
    numbers = ["".join(child.itertext()).strip() for child in node] or [(node.text or "").strip()]
    if len(numbers) > 1:
        raise NotRunError("<Dial> rings several numbers at once")
    if not numbers[0]:
        raise BadValueError("<Dial> has no number")
    return Dial(numbers[0], node.get("action") or None, _whole(node, "timeout", 30))


def _hangup(_: ET.Element) -> Hangup:
    return Hangup()


def _reject(node: ET.Element) -> Reject:
    reason = node.get("reason", "rejected")
    if reason not in ("rejected", "busy"):
        raise BadValueError(f"<Reject> reason must be rejected or busy, not {reason!r}")
    return Reject(reason)


_PROMPTS: Mapping[str, Callable[[ET.Element], Prompt]] = {"Say": _say, "Play": _play, "Pause": _pause}
_VERBS: Mapping[str, Callable[[ET.Element], Verb]] = {
    **_PROMPTS,
    "Gather": _gather,
    "Redirect": _redirect,
    "Dial": _dial,
    "Hangup": _hangup,
    "Reject": _reject,
}


def faults(tree: ET.Element) -> Iterator[str]:
    """What is wrong with the values of a document whose names and nesting are right."""
    last = len(tree) - 1
    for place, node in enumerate(tree):
        try:
            verb = _VERBS[node.tag](node)
        except (KeyError, NotRunError):
            continue
        except BadValueError as fault:
            yield str(fault)
            continue
        if isinstance(verb, Gather) and place == last and not verb.rules.action_on_empty_result:
            yield "<Gather> falls into silence: it posts no empty result and nothing stands behind it"
        if isinstance(verb, Reject) and place > 0:
            yield "<Reject> stands behind another verb: the call is answered by then"


def parse(document: str) -> list[Verb]:
    """The verbs of a document without faults; raises NotRunError for one that this phone does not run."""
    tree = ET.fromstring(document)  # noqa: S314 - schema.validate has refused document types
    for node in tree:
        if node.tag not in _VERBS:
            raise NotRunError(f"<{node.tag}> is not run by this phone")
    return [_VERBS[node.tag](node) for node in tree]
