"""Values that break a careless reader, as JSON, as text, in an address, a form or a header."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from werkzeug.test import TestResponse

LONG_NUMBER = "9" * 4400
"""Python refuses to turn more than 4,300 digits into a number."""
JSON_VALUES = (
    *("null", "true", "[]", "{}", '""', "0", "-1", "1.5", "1e400", "NaN"),
    *map(str, (2**31, 2**63 - 1, 2**63, 2**64, 10**30)),
    LONG_NUMBER,
    f'"{LONG_NUMBER}"',
    f'"{"x" * 70_000}"',
    *(
        r'"\u0000"',
        r'"a\u0000b"',
        r'"\ud800"',
        r'"\u202e"',
        r'"\uff14\u0664"',
        '"\U0001f4a9"',
        '"0000-00-00"',
    ),
    "[" * 200_000,
    '{"a":' * 900 + "1" + "}" * 900,
    '[["a"]]',
    '{"": null}',
)
BODIES = (
    *(value.encode() for value in JSON_VALUES),
    *(
        b"",
        b"\xff",
        b"\x00",
        b"\xed\xa0\x80",
        b'"\xff"',
        b'{"a": 1',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
    ),
    b'{"\xff": 1}',
    b'{"a": "\xed\xa0\x80"}',
    b'{"a\x00": 1}',
)
"""Whole bodies."""
TEXTS = (
    *("", " ", "-1", "+", "1e5", "1e400", "NaN", "0x10", "\u0664\uff12", "\u202e", "\U0001f4a9", "\ufffd"),
    *("'", '"', "<a>", "%", "\\", "\r\n", "\t", "*", "#", "99999999999999999999", LONG_NUMBER, "x" * 9000),
)
IN_A_PATH = (
    *("%00", "a%00b", "%FF", "%ED%A0%80", "%F0%9F%92%A9", "%D9%A4", "-1", "%20", "%0D%0A", "'", "%25", "1e5"),
    *("99999999999999999999", LONG_NUMBER, "x" * 9000, "%EF%BC%94"),
)
HEADERS = (
    "",
    "\x80\xff",
    "\u00e9",
    LONG_NUMBER,
    "x" * 9000,
    "a,b;q=x",
    "Bearer",
    "Basic !",
    "a\tb",
    "0",
    "-1",
)


def bodies(template: Mapping[str, Any]) -> Iterator[bytes]:
    """The document with each of its fields, however deep, exchanged for each value."""
    yield from BODIES
    for path in _paths(template):
        for value in JSON_VALUES:
            yield _exchanged(template, path, value)


def _paths(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield (*above, name)
            yield from _paths(below, (*above, name))


def _exchanged(template: Mapping[str, Any], path: tuple[str, ...], value: str) -> bytes:
    copy = json.loads(json.dumps(template))
    at = copy
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = "@here@"
    return json.dumps(copy).replace('"@here@"', value).encode()


def send_hostile(app: Any, method: str, path: str, **more: Any) -> TestResponse:
    """`path` is the raw one, with its query."""
    bare, _, query = path.partition("?")
    environ = {
        "PATH_INFO": unquote_to_bytes(bare).decode("latin-1"),
        "QUERY_STRING": query.encode().decode("latin-1"),
    }
    answer: TestResponse = app.test_client().open(method=method, environ_overrides=environ, **more)
    assert answer.status_code < 500, (method, path[:80], str(more)[:300], answer.status_code)
    return answer


def addresses(app: Any) -> Iterator[tuple[str, str]]:
    """Every door, each of its variables exchanged for what no door expects."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            for name in rule.arguments or {""}:
                for value in IN_A_PATH if name else ("",):
                    with_value = re.sub(rf"<(\w+:)?{name}>", lambda _, value=value: value, str(rule))
                    yield method, re.sub(r"<.*?>", "1", with_value)
