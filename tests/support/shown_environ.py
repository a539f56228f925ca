"""WSGI apps that tell the names in the environ that granian hands on: behind our wall, and before it."""

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ivr.wsgi import strip_environment

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def _show(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(sorted(environ)).encode()]


def behind_the_wall() -> "WSGIApplication":
    return strip_environment(_show, os.environ.keys())


def before_the_wall() -> "WSGIApplication":
    return _show
