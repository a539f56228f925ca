"""The verbs that this phone runs, read from TwiML, and the faults that a carrier would find in their values.

`schema.validate` has seen to names and nesting; here are whole numbers, keys, methods, and the order that
only makes sense one way. A verb that is lawful TwiML and not run by this phone is told apart from a fault.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ivr.simulators.phone.keys import KEYPAD, GatherRules
from ivr.simulators.phone.pay_verb import SimulatedPay, read_pay
from ivr.simulators.phone.values import (
    READERS,
    BadValueError,
    NotRunError,
    PauseVerb,
    PlayVerb,
    Prompt,
    SayVerb,
    flag,
    read_prompt,
    url,
    whole,
)


@dataclass(frozen=True, slots=True)
class GatherVerb:
    prompts: tuple[Prompt, ...]
    action: str
    rules: GatherRules


@dataclass(frozen=True, slots=True)
class RedirectVerb:
    url: str


@dataclass(frozen=True, slots=True)
class DialVerb:
    number: str
    action: str | None
    """None: the call goes on with the next verb."""
    timeout_s: int


@dataclass(frozen=True, slots=True)
class HangupVerb:
    pass


@dataclass(frozen=True, slots=True)
class RejectVerb:
    reason: str


TwimlVerb = (
    SayVerb
    | PlayVerb
    | PauseVerb
    | GatherVerb
    | SimulatedPay
    | RedirectVerb
    | DialVerb
    | HangupVerb
    | RejectVerb
)


def _posts(node: ET.Element) -> None:
    method = node.get("method", "POST")
    if method not in ("POST", "GET"):
        raise BadValueError(f"<{node.tag}> method must be POST or GET, not {method!r}")
    if method == "GET":
        raise NotRunError(f"<{node.tag}> asks for GET, which would put what was keyed into a URL")


def _gather(node: ET.Element) -> GatherVerb:
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
    limit = whole(node, "numDigits", 0)
    prompts, silence_s = [read_prompt(child) for child in node], 0
    while prompts and isinstance(
        last := prompts[-1], PauseVerb
    ):  # a key ends it as it ends the wait behind it
        silence_s += last.length_s
        prompts.pop()
    rules = GatherRules(
        num_digits=limit or None,
        finish_on_key=finish,
        timeout_s=whole(node, "timeout", 5),
        silence_s=silence_s,
        action_on_empty_result=flag(node, "actionOnEmptyResult"),
    )
    return GatherVerb(tuple(prompts), action, rules)


def _pay(node: ET.Element) -> SimulatedPay:
    return read_pay(node, read_prompt)


def _redirect(node: ET.Element) -> RedirectVerb:
    _posts(node)
    return RedirectVerb(url(node))


def _dial(node: ET.Element) -> DialVerb:
    _posts(node)
    others = [child.tag for child in node if child.tag != "Number"]
    if others:
        raise NotRunError(f"<Dial> reaches <{others[0]}>, not a number")
    numbers = ["".join(child.itertext()).strip() for child in node] or [(node.text or "").strip()]
    if len(numbers) > 1:
        raise NotRunError("<Dial> rings several numbers at once")
    if not numbers[0]:
        raise BadValueError("<Dial> has no number")
    return DialVerb(numbers[0], node.get("action") or None, whole(node, "timeout", 30))


def _hangup(_: ET.Element) -> HangupVerb:
    return HangupVerb()


def _reject(node: ET.Element) -> RejectVerb:
    reason = node.get("reason", "rejected")
    if reason not in ("rejected", "busy"):
        raise BadValueError(f"<Reject> reason must be rejected or busy, not {reason!r}")
    return RejectVerb(reason)


_VERBS: Mapping[str, Callable[[ET.Element], TwimlVerb]] = {
    **READERS,
    "Gather": _gather,
    "Pay": _pay,
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
        if isinstance(verb, GatherVerb) and place == last and not verb.rules.action_on_empty_result:
            yield "<Gather> falls into silence: it posts no empty result and nothing stands behind it"
        if isinstance(verb, RejectVerb) and place > 0:
            yield "<Reject> stands behind another verb: the call is answered by then"


def parse(document: str) -> list[TwimlVerb]:
    """The verbs of a document without faults; raises NotRunError for one that this phone does not run."""
    tree = ET.fromstring(document)  # noqa: S314 - schema.validate has refused document types
    for node in tree:
        if node.tag not in _VERBS:
            raise NotRunError(f"<{node.tag}> is not run by this phone")
    return [_VERBS[node.tag](node) for node in tree]
