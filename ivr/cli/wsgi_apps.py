"""The WSGI applications of web and pci. Each worker makes its own from the environment, after the fork."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from flows.language import PromptError
from ivr.cli import Fault
from ivr.platform.settings.reading import SettingsError
from ivr.platform.wsgi.worker import Worker

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

WEB_BODY_BYTES_MAX = 1_000_000
"""The longest body that a route takes: a gateway's webhook."""
PCI_BODY_BYTES_MAX = 64_000


def web(_worker: Worker) -> "WSGIApplication":
    from ivr.app import web_app

    return _made(lambda: web_app(os.environ))


def pci(worker: Worker) -> "WSGIApplication":
    from ivr.pci.process import app_from_environ

    return _made(lambda: app_from_environ(os.environ, worker.replace))


def _made(make: "Callable[[], WSGIApplication]") -> "WSGIApplication":
    """Calls `make`. A fault that shows only now, such as a recording that fits no prompt, is written as a
    sentence to standard error, and the process ends with status 2.
    """
    try:
        return make()
    except (SettingsError, PromptError) as fault:
        sys.stderr.write(f"{fault}\n")
        sys.stderr.flush()
        os._exit(Fault.exit_code)
