"""The signature of webhooks: the published vector, and agreement with the twilio library on any URL."""

import string
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from gateways.secret import Secret
from ivr.carriers.twilio.signature import HEADER_SETTINGS, HEADER_SIGNATURE, compute, is_genuine

TOKEN = Secret("12345")
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = {
    "CallSid": ["CA1234567890ABCDE"],
    "Caller": ["+14158675309"],
    "Digits": ["1234"],
    "From": ["+14158675309"],
    "To": ["+18005551212"],
}
SHA1 = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
SHA256 = "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s="


def genuine(
    headers: dict[str, str],
    *,
    public_url: str = "https://mycompany.com",
    path: str = "/myapp.php",
    raw_query: str = "foo=1&bar=2",
    form: dict[str, list[str]] = FORM,
    tokens: tuple[Secret, ...] = (TOKEN,),
) -> bool:
    return is_genuine(
        tokens, public_url=public_url, path=path, raw_query=raw_query, form=form, headers=headers
    )


def test_the_published_vector() -> None:
    assert compute(TOKEN, URL, FORM) == SHA1
    assert compute(TOKEN, URL, FORM, "HMAC_SHA256") == SHA256
    assert genuine({HEADER_SIGNATURE: SHA1})


def test_the_fragment_that_we_gave_the_carrier_may_be_signed() -> None:
    for fragment in ("#rc=5&rp=ct,rt,5xx", "#rc=5&rp=all"):
        assert genuine({HEADER_SIGNATURE: compute(TOKEN, URL + fragment, FORM)})
    assert not genuine({HEADER_SIGNATURE: compute(TOKEN, f"{URL}#rc=1", FORM)})


def test_a_shared_key_names_its_algorithm_in_a_header() -> None:
    settings = "key=webhooks_sharedkey_1, algorithm=hmac_sha256"
    assert genuine({HEADER_SIGNATURE: SHA256, HEADER_SETTINGS: settings})
    assert not genuine({HEADER_SIGNATURE: SHA1, HEADER_SETTINGS: settings})
    assert genuine({HEADER_SIGNATURE: SHA1, HEADER_SETTINGS: "key=only"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {HEADER_SIGNATURE: ""},
        {HEADER_SIGNATURE: "ñ"},
        {HEADER_SIGNATURE: SHA1.lower()},
        {HEADER_SIGNATURE: SHA1[:-1]},
        {HEADER_SIGNATURE: SHA256},
        {HEADER_SIGNATURE: SHA1, HEADER_SETTINGS: "algorithm=HMAC_MD5"},
        {HEADER_SIGNATURE: SHA1, HEADER_SETTINGS: "algorithm=none"},
    ],
)
def test_anything_else_is_not_from_the_carrier(headers: dict[str, str]) -> None:
    assert not genuine(headers)


def test_every_changed_part_is_noticed() -> None:
    signed = {HEADER_SIGNATURE: SHA1}
    assert not genuine(signed, public_url="https://mycompany.org")
    assert not genuine(signed, public_url="http://mycompany.com")
    assert not genuine(signed, path="/other.php")
    assert not genuine(signed, raw_query="bar=2&foo=1")
    assert not genuine(signed, raw_query="")
    assert not genuine(signed, form={**FORM, "Digits": ["1235"]})
    assert not genuine(signed, form={**FORM, "Extra": [""]})
    assert not genuine(signed, tokens=())
    assert not genuine(signed, tokens=(Secret("12346"),))


def test_while_a_token_is_rotated_both_are_taken() -> None:
    assert genuine({HEADER_SIGNATURE: SHA1}, tokens=(Secret("the new one"), TOKEN))
    assert genuine({HEADER_SIGNATURE: SHA1}, tokens=(TOKEN, Secret("the new one")))


@pytest.mark.parametrize(
    ("configured", "signed"),
    [
        ("https://pay.example", "https://pay.example:443"),
        ("https://pay.example:443", "https://pay.example"),
        ("http://pay.example", "http://pay.example:80"),
        ("https://pay.example:8443", "https://pay.example"),
        ("https://pay.example:8443", "https://pay.example:8443"),
        ("https://pay.example/", "https://pay.example"),
        ("https://pay.example/phone/", "https://pay.example/phone"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://[::1]:8000", "http://[::1]"),
        ("http://[::1]", "http://[::1]:80"),
        ("https://user:word@pay.example", "https://user:word@pay.example"),
        ("https://user:word@pay.example", "https://user:word@pay.example:443"),
        ("https://user:word@pay.example:443", "https://user:word@pay.example"),
    ],
)
def test_the_port_may_stand_there_or_not(configured: str, signed: str) -> None:
    headers = {HEADER_SIGNATURE: compute(TOKEN, f"{signed}/voice/incoming", FORM)}
    assert genuine(headers, public_url=configured, path="/voice/incoming", raw_query="")


@pytest.mark.parametrize(
    "query",
    ["name=Jos%C3%A9", "name=%7Ejose", "name=~jose", "back=%2Fvoice%2Fa%2fb", "a=1&a=1&a=2", "a=%20b+c", "x"],
)
def test_a_query_counts_as_it_was_sent(query: str) -> None:
    """A decoded or newly encoded one would break a genuine signature."""
    url = f"https://pay.example/voice/incoming?{query}"
    headers = {HEADER_SIGNATURE: RequestValidator("12345").compute_signature(url, {})}
    assert genuine(
        headers, public_url="https://pay.example", path="/voice/incoming", raw_query=query, form={}
    )


def test_a_query_that_came_unencoded_counts_as_its_bytes() -> None:
    """WSGI shows each byte of a raw `é` as a character of its own."""
    url = "https://pay.example/voice/incoming?name=José"
    headers = {HEADER_SIGNATURE: RequestValidator("12345").compute_signature(url, {})}
    for query in ("name=José".encode().decode("latin-1"), "name=José"):
        assert genuine(
            headers, public_url="https://pay.example", path="/voice/incoming", raw_query=query, form={}
        )


class _Fields:
    """A form as Flask gives it to the library: several values under one name."""

    def __init__(self, form: dict[str, list[str]]) -> None:
        self._form = form

    def __iter__(self) -> Iterator[str]:
        return iter(self._form)

    def __len__(self) -> int:
        return len(self._form)

    def getlist(self, name: str) -> list[str]:
        return self._form[name]


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["José", "%7E", "~", "%2F", "/", "+", " ", "a&b=c", "ñandú", "#"]
)
forms = st.dictionaries(words, st.lists(words, min_size=1, max_size=3), max_size=5)
hosts = st.sampled_from(["pay.example", "pay.example:8443", "pay.example:443", "127.0.0.1:8000"])
paths = st.lists(words.map(lambda word: quote(word, safe="")), max_size=3).map(
    lambda parts: "/" + "/".join(parts)
)
queries = st.one_of(
    st.dictionaries(words, words, max_size=3).map(urlencode),
    st.text(string.ascii_letters + string.digits + "%~+&=/?:@-._;,", max_size=20),
)


bases = st.builds("{}://{}".format, st.sampled_from(["http", "https"]), hosts)


@given(bases, paths, queries, forms, st.sampled_from(["HMAC_SHA1", "HMAC_SHA256"]))
def test_it_agrees_with_the_twilio_library(
    base: str, path: str, query: str, form: dict[str, list[str]], algorithm: str
) -> None:
    url = base + path + (f"?{query}" if query else "")
    theirs = RequestValidator(TOKEN.reveal())
    ours = compute(TOKEN, url, form, algorithm)
    assert ours == theirs.compute_signature(url, _Fields(form), algorithm)
    headers = {HEADER_SIGNATURE: ours, HEADER_SETTINGS: f"key=k,algorithm={algorithm}"}
    assert genuine(headers, public_url=base, path=path, raw_query=query, form=form)
    assert theirs.validate(url, _Fields(form), ours, algorithm)


@given(forms, forms)
def test_forms_are_distinguished_as_by_the_library(
    one: dict[str, list[str]], other: dict[str, list[str]]
) -> None:
    theirs = RequestValidator(TOKEN.reveal())
    signature = compute(TOKEN, URL, one)
    assert genuine({HEADER_SIGNATURE: signature}, form=other) == theirs.validate(
        URL, _Fields(other), signature
    )


def test_the_order_of_values_and_their_repeats_do_not_count() -> None:
    assert compute(TOKEN, URL, {"a": ["2", "1", "2"], "b": ["x"]}) == compute(
        TOKEN, URL, {"b": ["x"], "a": ["1", "2"]}
    )
