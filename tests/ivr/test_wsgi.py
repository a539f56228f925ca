"""The process environment never reaches a request."""

from typing import Any

from ivr.wsgi import strip_environment

BASIC = {
    "REQUEST_METHOD": "POST",
    "PATH_INFO": "/voice/incoming",
    "QUERY_STRING": "a=1",
    "SERVER_NAME": "x",
    "SERVER_PORT": "80",
    "CONTENT_TYPE": "application/x-www-form-urlencoded",
    "HTTP_X_TWILIO_SIGNATURE": "abc",
    "wsgi.url_scheme": "https",
}
PROCESS = {
    "STRIPE_API_KEY": "sk_live_1",
    "PATH": "/bin",
    "HTTP_PROXY": "http://proxy",
    "HTTP_BASIC_PASSWORD": "secret",
    "REMOTE_USER": "somebody",
}


def seen(environ: dict[str, Any], *names: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        found.update(environ)
        return [b"ok"]

    assert strip_environment(app, *names)(environ, lambda *_: None) == [b"ok"]
    return found


def test_a_request_passes_whole_and_the_process_environment_not_at_all() -> None:
    assert seen({**PROCESS, **BASIC}, PROCESS.keys()) == BASIC


def test_without_the_processs_names_all_but_header_like_ones_are_known() -> None:
    assert set(seen({**PROCESS, **BASIC})) == {*BASIC, "HTTP_BASIC_PASSWORD"}


def test_a_process_variable_named_like_a_field_of_the_request_does_not_hide_it() -> None:
    assert seen(BASIC, ["PATH_INFO", "REQUEST_METHOD"]) == BASIC


def test_the_proxy_variable_never_passes_as_a_header() -> None:
    assert "HTTP_PROXY" not in seen({**BASIC, "HTTP_PROXY": "evil"})
