"""What the host says, the same in every flow: re-asking, waiting, trouble. The README beside lists the keys.

The host is `ivr.calls`; these sentences are kept here, beside the language, so that a translator finds
everything that callers hear under `flows/`.
"""

from pathlib import Path

from flows.language.prompts import Prompts, languages_in

_FOLDER = Path(__file__).parent


def host_prompts() -> Prompts:
    """The host's prompts in every language that has a file here."""
    return Prompts.load(_FOLDER, languages_in(_FOLDER))
