"""A small flow without money, for the rules that are the same in every flow; its calls, a key at a time."""

from dataclasses import dataclass
from pathlib import Path

from flows.language import (
    Ask,
    CallState,
    Choose,
    End,
    FindCallersBill,
    Flow,
    Go,
    Say,
    SetLanguage,
    Tell,
    Transfer,
)
from ivr.calls import machine
from ivr.calls.session import Session
from ivr.calls.step_result import Keys, Listen, Progress, Utterance

HINTS = {"host.again", "host.back", "host.offer_person", "host.hang_up"}


@dataclass(frozen=True)
class SmallFlow(CallState):
    number: str = ""
    times: int = 0


flow = Flow(
    "chat",
    state=SmallFlow,
    start="hello",
    person="to_person",
    visits_max=3,
    exhausted="to_person",
    folder=Path(),
)


@flow.add(Tell.exits(then="ask_number"))
def hello(chat: SmallFlow) -> Tell:
    return Tell(Say("hello"))


@flow.add(Ask.exits(heard="check", gave_up="bye"))
def ask_number(chat: SmallFlow) -> Ask:
    return Ask(Say("number"), digits=8, into="number")


@flow.add(Go.exits(again="ask_number", good="pick"))
def check(chat: SmallFlow) -> Go[SmallFlow]:
    return Go("good" if chat.number.startswith("1") else "again")


@flow.add(
    Choose.exits({"1": "bye", "2": "speak_spanish", "3": "find", "5": "paper", "6": "both"}, gave_up="bye")
)
def pick(chat: SmallFlow) -> Choose:
    return Choose(Say("pick"))


@flow.add(Ask.exits(heard="bye", gave_up="bye"))
def paper(chat: SmallFlow) -> Ask:
    return Ask(Say("paper"), digits=8, into="number", unhurried=True, hint=Say("where"))


@flow.add(Choose.exits({"1": "bye"}, gave_up="bye"))
def both(chat: SmallFlow) -> Choose:
    return Choose(Say("both"), every_language=True, may_leave=True)


@flow.add(SetLanguage.exits(then="pick"))
def speak_spanish(chat: SmallFlow) -> SetLanguage:
    return SetLanguage("es")


@flow.add(FindCallersBill.exits(one="bye", none="bye", being_paid="bye", link_open="bye"))
def find(chat: SmallFlow) -> FindCallersBill:
    return FindCallersBill()


@flow.add(Transfer.exits(unanswered="bye", nobody="bye"))
def to_person(chat: SmallFlow) -> Transfer:
    return Transfer(Say("person"))


@flow.add(End.exits())
def bye(chat: SmallFlow) -> End:
    return End(Say("bye"))


def begin() -> Progress:
    return machine.begin(flow, Session(step="hello", state=SmallFlow(), language="en"))


def key(progress: Progress, keyed: str, elapsed_s: float = 30.0) -> Progress:
    saved = Session.load(flow, progress.session.dump())  # nothing hides in memory
    return machine.hear(flow, saved, Keys(keyed, elapsed_s))


def key_hash(progress: Progress, elapsed_s: float = 30.0) -> Progress:
    saved = Session.load(flow, progress.session.dump())
    return machine.hear(flow, saved, Keys("", elapsed_s, hashed=True))


def everything(progress: Progress) -> tuple[Utterance, ...]:
    return progress.said + (progress.stop.hints if isinstance(progress.stop, Listen) else ())


def all_heard(progress: Progress) -> list[str]:
    return [utterance.say.key for utterance in everything(progress)]


def heard(progress: Progress) -> list[str]:
    """Without the hints behind a question."""
    return [said for said in all_heard(progress) if said not in HINTS]
