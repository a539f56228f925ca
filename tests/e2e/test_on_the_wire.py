"""What only the real web server shows: what it hands to the application, and URLs as they come."""

import json
from http.client import HTTPConnection

import pytest

from gateways.secret import Secret
from ivr.carriers.twilio.signature import HEADER_SIGNATURE, compute
from ivr.simulators.phone.transport import encoded
from tests.support import served_app
from tests.support.deployed_server import DeployedServer
from tests.support.http_phone_line import PATIENCE_S
from tests.support.waiting import eventually


def test_no_variable_of_the_process_reaches_a_request() -> None:
    with served_app.served("shown_environ") as port:
        answers: list[bytes] = []

        def answered() -> bool:
            connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
            try:
                connection.request("GET", "//a%2Fb%20%C3%A9?x=%7E&y", headers={"X-Honest": "1"})
                answers.append(connection.getresponse().read())
            except OSError:
                return False
            finally:
                connection.close()
            return True

        eventually(answered, timeout_s=PATIENCE_S, what="an answer")
    environ = json.loads(answers[0])
    assert not {"SECRET_OF_THE_PROCESS", "PATH", "HTTP_PROXY"} & set(environ)
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("//a/b \u00c3\u00a9", "x=%7E&y")
    assert (environ["HTTP_X_HONEST"], environ["REQUEST_METHOD"]) == ("1", "GET")


def post_status(server: DeployedServer, path: str, *, signed_as: str | None = None) -> int:
    """A status callback to exactly this path and query; the answer's status."""
    form = {
        "CallSid": ["CA" + "9" * 32],
        "AccountSid": [server.environ["TWILIO_ACCOUNT_SID"]],
        "CallStatus": ["ringing"],
        "Name": ["José & María ~ 50%"],
    }
    token = Secret(server.environ["TWILIO_AUTH_TOKEN"])
    url = server.environ["PUBLIC_URL"] + (path if signed_as is None else signed_as)
    connection = HTTPConnection("127.0.0.1", server.ports["web"], timeout=PATIENCE_S)
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
def test_a_signed_url_is_taken_as_it_comes(server: DeployedServer, path: str, signed_as: str | None) -> None:
    assert post_status(server, path, signed_as=signed_as) == 204


@pytest.mark.parametrize(
    ("path", "signed_as"),
    [
        ("/voice/status?x=1", "/voice/status?x=2"),
        ("/voice/status?x=1", "/voice/status"),
        ("/voice/status?x=%2F", "/voice/status?x=/"),
        ("/voice/status?a=1&b=2", "/voice/status?b=2&a=1"),
    ],
)
def test_a_url_that_nobody_signed_is_refused(server: DeployedServer, path: str, signed_as: str) -> None:
    assert post_status(server, path, signed_as=signed_as) == 403
