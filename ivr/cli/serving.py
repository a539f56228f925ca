"""What the workers of web and pci load: each an application, made from the environment after the fork."""

import os
from typing import TYPE_CHECKING

from ivr.server.worker import Worker

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

WEB_BODY_BYTES_MAX = 1_000_000
"""The longest that any route takes: a gateway's webhook."""
PCI_BODY_BYTES_MAX = 64_000


def web(_worker: Worker) -> "WSGIApplication":
    from ivr.bootstrap import web_app

    return web_app(os.environ)


def pci(worker: Worker) -> "WSGIApplication":
    from ivr.pci.process import app_from_environ

    return app_from_environ(os.environ, worker.replace)
