"""A turn as TwiML: a pure function from what to say and how the turn ends to the document that the carrier
gets.

May import `flows.language`, `ivr.calls.{answer,progress}`, `ivr.voice.pay` and `ivr.voice.twiml`. No Gather
falls into silence: each posts its empty result too. Our own URLs are relative to the document's host; where
PUBLIC_URL has a path of its own, they begin with it.
"""

from collections.abc import Mapping, Sequence

from flows.language import Prompts, Recorded, Recordings, Say, Words, speak
from ivr.calls.answer import Ending, Gather, HangUp, Pause, PayCard, Ring, SendTo
from ivr.calls.progress import Utterance
from ivr.voice import twiml
from ivr.voice.pay.form import BEHIND_THE_VERB
from ivr.voice.pay.verb import PayVerb
from ivr.voice.twiml import Voice

PERSON_TIMEOUT_S = 25


class Renderer:
    """Knows the prompts, the recordings and the voices; holds no state of a call."""

    def __init__(
        self,
        prompts: Prompts,
        host_prompts: Prompts,
        voices: Mapping[str, Voice],
        recordings: Recordings,
        *,
        pay: PayVerb,
        public_path: str = "",
    ) -> None:
        """`public_path`: what stands before our paths in PUBLIC_URL, such as `/phone`."""
        self._prompts = prompts
        self._host_prompts = host_prompts
        self._voices = voices
        self._recordings = recordings
        self._pay = pay
        self._public_path = public_path

    def address(self, url: str) -> str:
        """One of our own paths as the carrier has to ask for it; a whole URL stays as it is."""
        return self._public_path + url if url.startswith("/") else url

    def utter(self, utterances: Sequence[Utterance]) -> list[str]:
        """The Say and Play verbs of these utterances."""
        verbs = []
        for utterance in utterances:
            prompts = self._host_prompts if utterance.by_host else self._prompts
            for language in utterance.languages:
                for part in speak(utterance.say, language, prompts, self._recordings):
                    match part:
                        case Words(text):
                            verbs.append(twiml.say(text, self._voices[language]))
                        case Recorded(url):
                            verbs.append(twiml.play(url))
        return verbs

    def host(self, key: str, language: str) -> list[str]:
        """One of the host's own prompts."""
        return self.utter([Utterance(Say(key), (language,), by_host=True)])

    def document(self, verbs: Sequence[str], ending: Ending, *, next_url: str) -> str:
        """The whole answer: the verbs, then the ending, which leads to `next_url`."""
        onward = self.address(next_url)
        match ending:
            case Gather(keys, timeout_s):
                gather = twiml.gather("".join(verbs), action=onward, num_digits=keys, timeout_s=timeout_s)
                return twiml.document([gather])
            case Pause(length_s):
                return twiml.document([*verbs, twiml.pause(length_s), twiml.redirect(onward)])
            case SendTo(url):
                return twiml.document([*verbs, twiml.redirect(self.address(url))])
            case PayCard(language, status_url):
                pay = self._pay.render(language, action=onward, status_callback=self.address(status_url))
                behind = twiml.redirect(f"{onward}?{BEHIND_THE_VERB}")
                return twiml.document([*verbs, pay, behind])
            case Ring(number, caller_id):
                dial = twiml.dial(number, action=onward, timeout_s=PERSON_TIMEOUT_S, caller_id=caller_id)
                return twiml.document([*verbs, dial])
            case HangUp():
                return twiml.document([*verbs, twiml.hangup()])
