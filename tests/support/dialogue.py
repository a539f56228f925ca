"""Plays a dialogue file against a server and compares what was said; `--update` writes the file anew.

The file's format stands in `tests.support.script`. A call that meets any fault, or ends before the
script does, fails also under `--update`.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ivr.platform.clock import Clock
from ivr.simulators.phone.engine import Call
from ivr.simulators.phone.events import Ended, PhoneEvent, PhoneListener, ignore
from ivr.simulators.phone.pay import NOTHING_INSTALLED, PayHabits
from ivr.simulators.phone.transport import Transport
from ivr.simulators.phone.webhooks import CallSettings
from tests.support.phone import REACTION_S
from tests.support.script import ScriptedCaller, Transcript, read


def play(
    path: Path,
    *,
    settings: CallSettings,
    transport: Transport,
    clock: Clock,
    update: bool,
    names: Mapping[str, str] | None = None,
    listener: PhoneListener = ignore,
    faults_expected: bool = False,
    afterwards: Callable[[], Sequence[str]] = tuple,
    compare: bool = True,
    habits: PayHabits = NOTHING_INSTALLED,
) -> Ended:
    """Rings by the file's numbers and keys its lines; raises AssertionError with the difference.

    `names` are keys with a name: `> (visa)`. `listener` hears every event before the call goes on: a test
    lets the worker run when it hears Paused. `settings` gives everything but the two numbers. `afterwards`
    tells what came of the call: facts that stand below it, a line each. Without `compare` only the caller's
    lines count: an earlier call, on the way to the one that is tested.
    """
    dialogue = read(path.read_text(), names)
    transcript = Transcript(dialogue.header)
    caller = ScriptedCaller(dialogue.lines, transcript.keyed)

    def hear(event: PhoneEvent) -> None:
        transcript(event)
        listener(event)

    call = Call(
        replace(
            settings,
            from_number=dialogue.from_number,
            to_number=dialogue.to_number,
            reaction_s=REACTION_S,
        ),
        caller=caller,
        transport=transport,
        clock=clock,
        listener=hear,
        person=lambda _: dialogue.person,
        habits=habits,
    )
    ended = call.run()
    if ended.faults and not faults_expected:
        raise AssertionError(f"{path.name}: " + "\n".join(map(str, ended.faults)))
    if caller.left:
        raise AssertionError(
            f"{path.name}: the call was over before {', '.join(caller.left)}\n{transcript.text}"
        )
    transcript.lines += [f"= {fact}" for fact in afterwards()]
    if update:
        path.write_text(transcript.text)
    elif compare and transcript.text != path.read_text():
        raise AssertionError(f"{path.name} reads otherwise:\n" + _difference(path, transcript.text))
    return ended


def _difference(path: Path, now: str) -> str:
    lines = difflib.unified_diff(
        path.read_text().splitlines(), now.splitlines(), "the file", "the call", lineterm="", n=2
    )
    return "\n".join(lines)
