"""A turn as TwiML: a pure function from what to say and how the turn ends to the document that the carrier
gets.

No Gather falls into silence: each posts its empty result too. Our own URLs are relative to the document's
host; where PUBLIC_URL has a path of its own, they begin with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flows.language import (
    Prompts,
    Recorded,
    Recordings,
    Say,
    SpeechPart,
    SpokenWords,
    in_pieces,
    speak,
    spoken_s,
)
from ivr.calls.response import Ending, Gather, HangUp, NamedKeys, Pause, PayCard, Ring, SendTo
from ivr.calls.step_result import Utterance
from ivr.carriers.twilio import twiml
from ivr.carriers.twilio.pay.result import BEHIND_THE_VERB
from ivr.carriers.twilio.pay.verb import PayVerb
from ivr.carriers.twilio.twiml import Voice

NAMED = "named"
"""Of an address at which keys arrive: those that were named to the caller by then, where that matters."""
BREATH_S = 1
"""The shortest wait that a Gather knows: after it a key is named."""


@dataclass(frozen=True, slots=True)
class TwimlRenderer:
    """Knows the prompts, the recordings and the voices; holds no state of a call."""

    prompts: Prompts
    server_prompts: Prompts
    voices: Mapping[str, Voice]
    recordings: Recordings | None
    pay: PayVerb
    public_path: str = ""
    """What stands before our paths in PUBLIC_URL, such as `/phone`."""

    def address(self, url: str) -> str:
        """One of our own paths as the carrier has to ask for it; a whole URL stays as it is."""
        return self.public_path + url if url.startswith("/") else url

    def utter(self, utterances: Sequence[Utterance]) -> list[str]:
        """The Say and Play verbs of these utterances."""
        return [
            verb
            for utterance in utterances
            for language in utterance.languages
            for verb in self._verbs(
                speak(utterance.say, language, self._prompts_of(utterance), self.recordings),
                language,
                slow=utterance.slow,
            )
        ]

    def pieces(self, asked: Utterance, keys: str) -> tuple[tuple[NamedKeys, ...], Sequence[str]]:
        """A question, cut after the words that name each of these keys, and the verbs of its rest."""
        (language,) = asked.languages
        pieces, rest = in_pieces(asked.say, keys, language, self._prompts_of(asked), self.recordings)
        named = tuple(
            NamedKeys(
                tuple(self._verbs(one.before, language, slow=asked.slow)),
                tuple(self._verbs(one.clause, language, slow=asked.slow)),
                one.keys,
            )
            for one in pieces
        )
        return named, self._verbs(rest, language, slow=asked.slow)

    def wording(self, asked: Utterance) -> str:
        """The utterance word by word, for the record; with the address of each recording that speaks it."""
        prompts = self._prompts_of(asked)
        said = []
        for language in asked.languages:
            words = speak(asked.say, language, prompts)
            played = speak(asked.say, language, prompts, self.recordings)
            said.append("".join(part.text for part in words if isinstance(part, SpokenWords)))
            said += [f"[{part.url}]" for part in played if isinstance(part, Recorded)]
        return " ".join(said)

    def spoken_s(self, asked: Utterance, key: str) -> float:
        """How long the quickest voice takes, in seconds, until it has named the key."""
        return sum(
            spoken_s(asked.say, key, language, self._prompts_of(asked)) for language in asked.languages
        )

    def _prompts_of(self, utterance: Utterance) -> Prompts:
        return self.server_prompts if utterance.by_server else self.prompts

    def _verbs(self, parts: Sequence[SpeechPart], language: str, *, slow: bool) -> list[str]:
        voice = replace(self.voices[language], slow=slow)
        verbs = []
        for part in parts:
            match part:
                case SpokenWords(text):
                    verbs.append(twiml.say(text, voice))
                case Recorded(url):
                    verbs.append(twiml.play(url))
        return verbs

    def server_prompt(self, key: str, language: str, *, slow: bool = False) -> list[str]:
        """One of the server's own prompts."""
        return self.utter([Utterance(Say(key), (language,), by_server=True, slow=slow)])

    def document(self, verbs: Sequence[str], ending: Ending, *, next_url: str) -> str:
        """The whole answer: the verbs, then the ending, which leads to `next_url`."""
        onward = self.address(next_url)
        match ending:
            case Gather(keys, timeout_s, named):
                asked, heard = self._asked(named, onward)
                action = f"{onward}?{NAMED}={heard}" if named else onward
                gather = twiml.gather("".join(verbs), action=action, num_digits=keys, timeout_s=timeout_s)
                return twiml.document([*asked, gather])
            case Pause(length_s):
                return twiml.document([*verbs, twiml.pause(length_s), twiml.redirect(onward)])
            case SendTo(url):
                return twiml.document([*verbs, twiml.redirect(self.address(url))])
            case PayCard(language, status_url, slow):
                status_callback = self.address(status_url)
                verb = self.pay.slowed() if slow else self.pay
                pay = verb.render(language, action=onward, status_callback=status_callback)
                behind = twiml.redirect(f"{onward}?{BEHIND_THE_VERB}")
                return twiml.document([*verbs, pay, behind])
            case Ring(number, caller_id):
                dial = twiml.dial(
                    number, action=onward, timeout_s=twiml.PERSON_TIMEOUT_S, caller_id=caller_id
                )
                return twiml.document([*verbs, dial])
            case HangUp():
                return twiml.document([*verbs, twiml.hangup()])

    def _asked(self, named: Sequence[NamedKeys], onward: str) -> tuple[list[str], str]:
        """A question up to the last key that must be heard first, and all that it has named by then.

        The address of each Gather says what was named before it. The words that name a key stand in none:
        the carrier speaks them to their end, and throws away what is pressed meanwhile, so that whatever the
        next Gather takes was pressed later. A carrier that keeps keys for the next Gather gives them to the
        one before those words, where they are told from an answer.
        """
        verbs, heard = [], ""
        for one in named:
            action = f"{onward}?{NAMED}={heard}"
            content = "".join(one.before)
            verbs.append(
                twiml.gather(
                    content,
                    action=action,
                    num_digits=1,
                    timeout_s=BREATH_S,
                    finish_on_key="",  # a `#` would end these words, and the next ones would follow
                    when_empty=False,
                )
            )
            verbs += one.clause
            heard += one.keys
        return verbs, heard
