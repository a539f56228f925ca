"""What only the real web server shows: what it hands to the application, and URLs as they come."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest

from gateways.secret import Secret
from ivr.demo.ground import free_ports
from ivr.phone.transport import encoded
from ivr.voice.signature import HEADER_SIGNATURE, compute
from tests.support.house import House
from tests.support.house_line import PATIENCE_S
from tests.support.house_processes import ROOT
from tests.support.waiting import eventually

SERVE = (
    "import sys; from ivr.cli.serve import _granian;"
    "_granian(sys.argv[1], host='127.0.0.1', port=int(sys.argv[2]), workers=1, threads=2)"
)


@contextmanager
def served(target: str, environ: dict[str, str]) -> Iterator[str]:
    """An application on granian as our processes are; its URL."""
    [port] = free_ports(1)
    running = subprocess.Popen(
        [sys.executable, "-c", SERVE, target, str(port)],
        cwd=ROOT,
        env={"PATH": os.defpath, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        running.terminate()
        running.wait(PATIENCE_S)


def names_in(url: str) -> set[str]:
    """The names in the environ of a request that has a header of its own and one named like a variable."""
    opener = build_opener(ProxyHandler({}))
    opener.addheaders = [("X-Honest", "1"), ("Proxy", "http://evil.example")]
    answers: list[bytes] = []

    def answered() -> bool:
        try:
            with opener.open(url, timeout=5) as response:
                answers.append(response.read())
        except (URLError, OSError):
            return False
        return True

    eventually(answered, timeout_s=PATIENCE_S, what="an answer")
    return set(json.loads(answers[0]))


def test_no_variable_of_the_process_reaches_a_request() -> None:
    secrets = {"TWILIO_AUTH_TOKEN": "x", "DATABASE_URL": "x", "HTTP_SECRET": "x", "HTTP_PROXY": "x"}
    with served("tests.support.shown_environ:behind_the_wall", secrets) as url:
        names = names_in(url)
    assert not names & {*secrets, "PATH"}
    assert {"REQUEST_METHOD", "PATH_INFO", "HTTP_X_HONEST", "HTTP_HOST", "wsgi.input"} <= names


def test_without_the_wall_they_would() -> None:
    """The web server puts them there: this is what the wall is for."""
    with served("tests.support.shown_environ:before_the_wall", {"TWILIO_AUTH_TOKEN": "x"}) as url:
        assert "TWILIO_AUTH_TOKEN" in names_in(url)


def post_status(house: House, path: str, *, signed_as: str | None = None) -> int:
    """A status callback to exactly this path and query; the answer's status."""
    form = {
        "CallSid": ["CA" + "9" * 32],
        "AccountSid": [house.environ["TWILIO_ACCOUNT_SID"]],
        "CallStatus": ["ringing"],
        "Name": ["José & María ~ 50%"],
    }
    token = Secret(house.environ["TWILIO_AUTH_TOKEN"])
    url = house.environ["PUBLIC_URL"] + (path if signed_as is None else signed_as)
    connection = HTTPConnection("127.0.0.1", house.ports["web"], timeout=PATIENCE_S)
    try:
        connection.request(
            "POST",
            path,
            encoded(form),
            {
                "Content-Type": "application/x-www-form-urlencoded",
                HEADER_SIGNATURE: compute(token, url, form),
            },
        )
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "signed_as"),
    [
        ("/voice/status", None),
        ("/voice/status?x=Jos%C3%A9", None),
        ("/voice/status?x=Jos%C3%A9", "/voice/status?x=José"),
        ("/voice/status?x=%7Ejos%2Fe&y=a+b%20c", None),
        ("/voice/status?x=%7ejos%2fe", None),
        ("/voice/status?x=~jos/e", None),
        ("/voice/status?a=2&a=1&empty=&flag", None),
        ("/voice/status?x=%25C3%25A9", None),
    ],
)
def test_a_signed_url_is_taken_as_it_comes(house: House, path: str, signed_as: str | None) -> None:
    assert post_status(house, path, signed_as=signed_as) == 204


@pytest.mark.parametrize(
    ("path", "signed_as"),
    [
        ("/voice/status?x=1", "/voice/status?x=2"),
        ("/voice/status?x=1", "/voice/status"),
        ("/voice/status?x=%2F", "/voice/status?x=/"),
        ("/voice/status?a=1&b=2", "/voice/status?b=2&a=1"),
    ],
)
def test_a_url_that_nobody_signed_is_refused(house: House, path: str, signed_as: str) -> None:
    assert post_status(house, path, signed_as=signed_as) == 403
