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
from flows.language.flow import Flow, FlowError, Steps, UnknownStepError
from flows.language.heard import QuestionPiece, in_pieces, spoken_s
from flows.language.noun import Noun, NounError, read_noun, with_noun
from flows.language.prompts import PromptError, Prompts, languages_in
from flows.language.recordings import Recordings
from flows.language.server_prompts import server_prompts
from flows.language.speech import Recorded, SpeechPart, SpokenWords, speak
from flows.language.state import StateError
from flows.language.wait import Exits, QuestionWait, Step, Wait
from flows.language.waits import *
from flows.language.waits import WAITS
from flows.language.words import Amount, Digits, Name, Say, Sentence, Subunits, Translation, Units, Value
