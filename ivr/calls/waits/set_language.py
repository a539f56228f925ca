"""The call speaks another language from here on."""

from dataclasses import replace
from typing import Any

from flows.language import SetLanguage, Step
from ivr.calls.wait_handler import WaitHandler
from ivr.calls.walk import Walk


class SetLanguageHandler(WaitHandler[SetLanguage]):
    """Changes the language; the turn remembers the caller by it."""

    __slots__ = ()

    @classmethod
    def enter(cls, walk: Walk, step: Step[Any], wait: SetLanguage) -> str:
        del step
        walk.session = replace(walk.session, language=wait.language)
        walk.language_chosen = True
        return "then"
