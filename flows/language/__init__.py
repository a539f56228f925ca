"""The words that authors of flows write in: steps, what they say, what they wait for, and the checks on all.

`ivr.calls` runs what is written in it, `ivr.pci` speaks with it, and neither is known here.
"""

from flows.language import keypad
from flows.language.check import check
from flows.language.draw import draw
from flows.language.facts import (
    BRANDS,
    BillFacts,
    CallState,
    CardFacts,
    LinkFacts,
    NotBroughtError,
    ReceiptFacts,
)
from flows.language.flow import Flow, UnknownStepError
from flows.language.heard import Naming, in_pieces, spoken_s
from flows.language.host import host_prompts
from flows.language.noun import Noun, NounError, read_noun, with_noun
from flows.language.prompts import PromptError, Prompts, languages_in
from flows.language.recordings import Recordings
from flows.language.speech import Part, Recorded, Words, speak
from flows.language.state import StateError
from flows.language.steps import FlowError, Kind, Step, Steps
from flows.language.waits import (
    Ask,
    Charge,
    Choose,
    CloseLink,
    CollectCard,
    End,
    FindBill,
    FindCallersBill,
    FindSavedCard,
    ForgetCard,
    Go,
    MayKeepCard,
    SendLink,
    SetLanguage,
    Tell,
    Transfer,
    Wait,
)
from flows.language.words import Amount, Digits, Name, Say, Sentence, Subunits, Units, Value, Wording

__all__ = [
    "BRANDS",
    "Amount",
    "Ask",
    "BillFacts",
    "CallState",
    "CardFacts",
    "Charge",
    "Choose",
    "CloseLink",
    "CollectCard",
    "Digits",
    "End",
    "FindBill",
    "FindCallersBill",
    "FindSavedCard",
    "Flow",
    "FlowError",
    "ForgetCard",
    "Go",
    "Kind",
    "LinkFacts",
    "MayKeepCard",
    "Name",
    "Naming",
    "NotBroughtError",
    "Noun",
    "NounError",
    "Part",
    "PromptError",
    "Prompts",
    "ReceiptFacts",
    "Recorded",
    "Recordings",
    "Say",
    "SendLink",
    "Sentence",
    "SetLanguage",
    "StateError",
    "Step",
    "Steps",
    "Subunits",
    "Tell",
    "Transfer",
    "Units",
    "UnknownStepError",
    "Value",
    "Wait",
    "Wording",
    "Words",
    "check",
    "draw",
    "host_prompts",
    "in_pieces",
    "keypad",
    "languages_in",
    "read_noun",
    "speak",
    "spoken_s",
    "with_noun",
]
