"""Faults of a command as sentences on standard error, and no traceback for what an operator can mend.

One rule for every command. Status 2: nothing was done, since what was asked cannot be done as it was asked
(usage, a setting, something that is not there, a refusal). Status 1: it was done, and the result is not whole
or not good, such as an import with refused rows. 0: all is well.
"""

import functools
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import click
from sqlalchemy.exc import OperationalError

from flows.language import PromptError
from ivr.platform.database.unreachable import sentence
from ivr.platform.settings.reading import SettingsError

P = ParamSpec("P")
T = TypeVar("T")


class Fault(click.ClickException):
    """A sentence for the operator; the command ends with status 2."""

    exit_code = 2

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's signature
        click.echo(self.format_message(), err=True)


def sentences(run: Callable[P, T]) -> Callable[P, T]:
    """Turns what an operator can mend into its sentence."""

    @functools.wraps(run)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return run(*args, **kwargs)
        except SettingsError as fault:
            raise Fault(str(fault)) from None
        except PromptError as fault:
            raise Fault(str(fault)) from None
        except OperationalError as fault:
            url = os.environ.get("DATABASE_URL", "").strip()
            raise Fault(sentence("DATABASE_URL", url, fault) or "The database does not answer.") from None
        except UnicodeEncodeError:  # bytes of the command line that are no text
            raise Fault("An argument is not text in UTF-8.") from None

    return told
