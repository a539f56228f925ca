"""The card entry's prompts as TwiML verbs, in each language and voice.

No prompt has a placeholder, so nothing that was keyed can be spoken. Each is made once, at the start: a
missing prompt stops the process then, and not a call later.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from flows.language import Prompts, Recorded, Recordings, Say, SpokenWords, languages_in, speak
from ivr.carriers.twilio import twiml
from ivr.carriers.twilio.twiml import Voice

FOLDER = Path(__file__).parent


class Speech:
    """Every prompt in every language, ready to send."""

    def __init__(self, voices: Mapping[str, Voice], recordings: Recordings) -> None:
        """`voices`: how a language sounds; one that is not named sounds as the carrier has it."""
        prompts = Prompts.load(FOLDER, languages_in(FOLDER))
        recordings.check(prompts)
        self.languages = prompts.languages
        self._verbs = {
            (language, key, slow): _verbs(
                prompts, key, language, replace(voices.get(language, Voice(language)), slow=slow), recordings
            )
            for language in prompts.languages
            for key in prompts.keys(language)
            for slow in (False, True)
        }

    def say(self, key: str, language: str, *, slow: bool = False) -> str:
        """The verbs that say this prompt."""
        return self._verbs[language, key, slow]


def _verbs(prompts: Prompts, key: str, language: str, voice: Voice, recordings: Recordings) -> str:
    parts = speak(Say(key), language, prompts, recordings)
    return "".join(_verb(part, voice) for part in parts)


def _verb(part: SpokenWords | Recorded, voice: Voice) -> str:
    return twiml.say(part.text, voice) if isinstance(part, SpokenWords) else twiml.play(part.url)
