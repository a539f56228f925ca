"""What the server says in every flow: re-asking, waiting, trouble. The README beside lists the keys.

The sentences stand here, beside the language, so that a translator finds everything that callers hear under
`flows/`. Their keys begin with `host.`, as recordings of merchants name them.
"""

from pathlib import Path

from flows.language.prompts import Prompts, languages_in

_FOLDER = Path(__file__).parent


def server_prompts() -> Prompts:
    """The server's prompts in every language that has a file here."""
    return Prompts.load(_FOLDER, languages_in(_FOLDER))
