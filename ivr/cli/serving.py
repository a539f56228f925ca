"""What the web server's workers load: each process's application, made from the environment after the fork.

May import `ivr.bootstrap` and `ivr.pci.process`, each in its own process alone.
"""

import atexit
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def web() -> "WSGIApplication":
    from ivr.bootstrap import web_app

    return web_app(os.environ)


def pci() -> "WSGIApplication":
    from ivr.pci.process import app_from_environ

    process = app_from_environ(os.environ)
    atexit.register(process.close)
    return process
