"""Who may speak as the carrier: URLs as they come off the wire, and bodies that no honest client sends."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from structlog.testing import capture_logs
from werkzeug.exceptions import BadRequest, Forbidden
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from gateways.secret import Secret
from ivr.carriers.twilio.signature import BODY_BYTES_MAX, FIELDS_MAX, compute, verify
from tests.support.carrier_signature import signed_headers

PUBLIC = "https://pay.example.org"
TOKEN = Secret("12345")
ACCOUNT = "AC" + "0" * 32
FORM = {"AccountSid": ACCOUNT, "CallSid": "CA1", "From": "+34600000001", "CallerName": "José Núñez & Söhne"}


def arriving(
    path: str = "/voice/incoming",
    *,
    query: str = "",
    form: Mapping[str, str] = FORM,
    signed_url: str | None = None,
    token: Secret = TOKEN,
    **environ: Any,
) -> Request:
    """A request as the server hands it over: path decoded, query raw, both as latin-1 text."""
    url = signed_url or PUBLIC + path + (f"?{query}" if query else "")
    built = EnvironBuilder(
        method="POST", data=dict(form), headers=signed_headers(token, url, form)
    ).get_environ()
    built["PATH_INFO"] = path
    built["QUERY_STRING"] = query.encode().decode("latin-1")
    built["HTTP_HOST"] = "10.0.0.7:8000"
    built.update(environ)
    return Request(built)


def checked(
    request: Request, tokens: tuple[Secret, ...] = (TOKEN,), public: str = PUBLIC
) -> dict[str, list[str]]:
    return verify(request, public_url=public, tokens=tokens, account_sid=ACCOUNT)


def test_a_genuine_request_gives_its_form() -> None:
    form = checked(arriving())
    assert form["CallerName"] == ["José Núñez & Söhne"]
    assert form["AccountSid"] == [ACCOUNT]


@pytest.mark.parametrize(
    "query",
    [
        "name=Jos%C3%A9",
        "name=José",
        "home=%7Eme",
        "home=~me",
        "to=%2Fa%2Fb",
        "to=/a/b",
        "a=1+2&b=%20",
        "a",
        "x=%E9",
        "=&&",
    ],
)
def test_the_query_is_taken_as_it_came(query: str) -> None:
    assert checked(arriving(query=query))


def test_a_name_signed_bare_and_encoded_on_the_way() -> None:
    signed = f"{PUBLIC}/voice/incoming?name=José%2F%7E"
    assert checked(arriving(query="name=Jos%C3%A9%2F%7E", signed_url=signed))


def test_an_encoded_slash_is_not_a_slash() -> None:
    with pytest.raises(Forbidden):
        checked(arriving(query="to=%2Fa", signed_url=f"{PUBLIC}/voice/incoming?to=/a"))


def test_a_path_below_the_public_url_and_one_with_letters() -> None:
    below = arriving("/voice/incoming", signed_url="https://town.example/pay/voice/incoming")
    assert checked(below, public="https://town.example/pay")
    lettered = arriving("/voice/Jos\xc3\xa9/~1", signed_url=f"{PUBLIC}/voice/Jos%C3%A9/~1")
    assert checked(lettered)


def test_a_new_and_an_old_token_while_one_is_rotated() -> None:
    assert checked(arriving(token=Secret("old")), tokens=(TOKEN, Secret("old")))


def test_sha256_of_a_shared_key() -> None:
    url = f"{PUBLIC}/voice/incoming"
    signature = compute(TOKEN, url, {name: [value] for name, value in FORM.items()}, "HMAC_SHA256")
    headers = {
        "HTTP_X_TWILIO_SIGNATURE": signature,
        "HTTP_X_TWILIO_WEBHOOKS_SIGNATURE_SETTINGS": "key=k1,algorithm=HMAC_SHA256",
    }
    assert checked(arriving(**headers))
    headers["HTTP_X_TWILIO_WEBHOOKS_SIGNATURE_SETTINGS"] = "algorithm=none"
    with pytest.raises(Forbidden):
        checked(arriving(**headers))


@pytest.mark.parametrize("given", ["", "x", "Jos\xe9", "a,b", "=" * 5000])
def test_a_bad_signature_is_forbidden(given: str) -> None:
    with pytest.raises(Forbidden):
        checked(arriving(HTTP_X_TWILIO_SIGNATURE=given))


def test_another_token_another_query_and_another_host_are_forbidden() -> None:
    with pytest.raises(Forbidden):
        checked(arriving(token=Secret("guessed")))
    with pytest.raises(Forbidden):
        checked(arriving(query="c=2", signed_url=f"{PUBLIC}/voice/incoming?c=1"))
    with pytest.raises(Forbidden):
        checked(arriving(signed_url="http://10.0.0.7:8000/voice/incoming"))


@pytest.mark.parametrize("account", [{"AccountSid": "AC" + "1" * 32}, {}, {"AccountSid": ""}])
def test_another_account_is_forbidden_though_the_signature_fits(account: dict[str, str]) -> None:
    rest = {name: value for name, value in FORM.items() if name != "AccountSid"}
    with pytest.raises(Forbidden, match="another account"):
        checked(arriving(form=rest | account))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"CallSid": "CA1"}', "application/json"),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
        (b"CallSid=CA1", ""),
        (b"CallSid=%FF%FE", "application/x-www-form-urlencoded"),
        (b"CallSid=\xff", "application/x-www-form-urlencoded"),
        (b"CallSid=a%00b", "application/x-www-form-urlencoded"),
        (b"a=1&" * (FIELDS_MAX + 1), "application/x-www-form-urlencoded"),
        (b"a=" + b"1" * BODY_BYTES_MAX, "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_no_form_is_a_bad_request(body: bytes, content_type: str) -> None:
    built = EnvironBuilder(
        method="POST", path="/voice/incoming", data=body, content_type=content_type
    ).get_environ()
    with pytest.raises(BadRequest):
        checked(Request(built))


def test_a_wrong_signature_is_logged_and_none_at_all_is_not() -> None:
    with capture_logs() as logs:
        for request in (arriving(token=Secret("6789")), arriving(form=FORM | {"AccountSid": "AC1"})):
            with pytest.raises(Forbidden):
                checked(request)
        with pytest.raises(Forbidden):
            checked(Request(EnvironBuilder(method="POST", path="/voice/incoming").get_environ()))
    assert [(line["event"], line["reason"]) for line in logs] == [
        ("carrier_signature_mismatch", "signature"),
        ("carrier_signature_mismatch", "account"),
    ]


def test_a_body_that_breaks_off_is_a_bad_request() -> None:
    with pytest.raises(BadRequest):
        checked(arriving(**{"wsgi.input": BytesIO(b"AccountSid="), "CONTENT_LENGTH": "500"}))


def test_no_body_at_all_is_forbidden() -> None:
    with pytest.raises(Forbidden):
        checked(Request(EnvironBuilder(method="POST", path="/voice/incoming").get_environ()))
