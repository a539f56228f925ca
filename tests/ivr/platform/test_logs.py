"""Logs are JSON with the call's id, and hold no card number and no secret, whoever writes them."""

import io
import itertools
import json
import logging
import sys
import threading
import warnings
from collections import deque
from datetime import UTC, date, datetime
from typing import Any

import pytest
import structlog

from gateways.secret import Secret
from ivr.platform.card_mask import MASK
from ivr.platform.logs import configure, scrub_text
from tests.support.captured_logs import captured_logs

PAN = "4242424242424242"
SPACED = "4242 4242 4242 4242"


class Day(date):
    def __str__(self) -> str:
        return PAN


def lines(stream: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_the_calls_id_the_process_and_the_time() -> None:
    with captured_logs("info", "web") as stream:
        structlog.contextvars.bind_contextvars(call_id="call_1")
        structlog.get_logger("ivr.calls").info("turn_taken", turn=3)
    [line] = lines(stream)
    assert line["timestamp"].endswith("Z")
    del line["timestamp"]
    assert line == {
        "event": "turn_taken",
        "turn": 3,
        "call_id": "call_1",
        "process": "web",
        "level": "info",
        "logger": "ivr.calls",
    }


def test_a_librarys_line_is_the_same() -> None:
    with captured_logs() as stream:
        structlog.contextvars.bind_contextvars(call_id="call_1")
        logging.getLogger("some.library").warning("saw %s", PAN)
    [line] = lines(stream)
    assert (line["event"], line["call_id"], line["logger"]) == (f"saw {MASK}", "call_1", "some.library")


@pytest.mark.parametrize(
    "values",
    [
        {"note": f"keyed {PAN}!"},
        {"note": SPACED},
        {"note": "4242-4242-4242-4242"},
        {"note": int(PAN)},
        {"note": PAN.encode()},
        {"note": {"deep": [{"deeper": (PAN,)}]}},
        {"note": {PAN: 1}},
        {"digits": "123"},
        {"token": "tok_1"},
        {"number": "12"},
        {"code": 123},
        {"headers": {"Authorization": "Basic abc"}},
        {"form": {"Digits": ["123"]}},
        {"note": Secret("tok_1")},
        {"note": ValueError(PAN)},
        {"note": deque(PAN)},
        {"note": {("4242", "4242", "4242", "4242"): 1}},
        {"due_at": "2042-42-42T42:42:42.424242"},
        {"since": Day(2026, 11, 22)},
    ],
)
def test_no_card_number_and_no_secret_gets_into_a_line(values: dict[str, Any]) -> None:
    with captured_logs() as stream:
        structlog.get_logger().info("seen", **values)
    text = stream.getvalue()
    assert not [secret for secret in (PAN, SPACED, PAN[:6], "123", "tok_1", "Basic") if f'"{secret}' in text]
    assert PAN not in text
    assert MASK in text


def test_an_exceptions_text_is_scrubbed_and_its_locals_stay_out() -> None:
    def fail(keyed: str) -> None:
        raise ValueError(f"no such card: {keyed}")

    with captured_logs() as stream:
        try:
            fail(PAN)
        except ValueError:
            structlog.get_logger().exception("turn_failed")
            logging.getLogger("library").exception("failed")
    assert "ValueError" in stream.getvalue()
    assert PAN not in stream.getvalue()
    assert "keyed =" not in stream.getvalue()


def test_chatty_libraries_stay_quiet_at_any_level() -> None:
    with captured_logs("debug") as stream:
        for name in ("twilio.http_client", "urllib3.connectionpool", "requests"):
            logging.getLogger(name).debug("POST %s", "https://example.com")
            logging.getLogger(name).info("body")
            logging.getLogger(name).warning("kept")
    assert [line["event"] for line in lines(stream)] == ["kept"] * 3


def test_below_the_level_nothing_is_written() -> None:
    with captured_logs("warning") as stream:
        structlog.get_logger().info("quiet")
        structlog.get_logger().warning("loud")
        logging.getLogger("urllib3").warning("loud too")
    assert [line["event"] for line in lines(stream)] == ["loud", "loud too"]


def test_what_nobody_caught_is_logged_and_scrubbed() -> None:
    def fail() -> None:
        raise RuntimeError(PAN)

    with captured_logs() as stream:
        try:
            fail()
        except RuntimeError as error:
            sys.excepthook(type(error), error, error.__traceback__)
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    assert [line["event"] for line in lines(stream)] == ["process_failed", "thread_failed"]
    assert PAN not in stream.getvalue()


def test_configured_twice_a_line_is_written_once() -> None:
    with captured_logs() as stream:
        configure("info", "again", stream)
        structlog.get_logger().info("once")
    assert len(lines(stream)) == 1


def test_a_row_that_the_database_refused_is_not_shown() -> None:
    told = "null value\nDETAIL:  Failing row contains (1, tok_secret, +34600111222, (x)).\n[SQL: INSERT ...]"
    shown = scrub_text(told)
    assert "tok_secret" not in shown
    assert "[SQL: INSERT ...]" in shown
    assert scrub_text("DETAIL:  Key (token)=(tok_secret) already exists.") == "DETAIL:  ***"


@pytest.mark.parametrize(
    "told",
    [
        "DETAIL:  Failing row contains (1, Rates (2026) for you, tok_secret).",
        "DETALLE:  La fila que falla contiene (1, tok_secret).",
        "DÉTAIL :  La ligne en échec contient (1, tok_secret).",
        'DETAIL:  Token "}" is invalid.\nCONTEXT:  JSON data, line 1: {"token": "tok_secret", }',
        "DETAIL:  Failing row contains (two\nlines, tok_secret).",
    ],
)
def test_a_refused_row_is_not_shown_in_any_language_or_shape(told: str) -> None:
    shown = scrub_text(f"refused\n{told}\n[SQL: INSERT ...]")
    assert "tok_secret" not in shown
    assert shown.startswith("refused\n")
    assert shown.endswith("[SQL: INSERT ...]")
    assert "tok_secret" not in scrub_text(told)


def test_a_refusal_loses_its_row_and_keeps_its_trace() -> None:
    told = "refused\nDETAIL:  Failing row contains (tok_secret).\n\nThe above exception was the direct cause"
    assert scrub_text(told) == f"refused\nDETAIL:  {MASK}\n\nThe above exception was the direct cause"


class Untellable:
    def __str__(self) -> str:
        raise RuntimeError(PAN)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("big", 10**30),
        ("big", 10**5000),
        ("big", -int(PAN) * 10**9),
        ("surrogate", f"\ud800 {PAN}"),
        (f"\udc00{PAN}", 1),
        ("keys", {Untellable(): PAN, 4242424242424242: None, (PAN,): 1}),
        ("untellable", Untellable()),
        ("untellable", [Untellable(), PAN]),
        ("nan", [float("nan"), float("inf"), float(PAN)]),
        ("bytes", PAN.encode("utf-16")),
        ("array", bytearray(PAN.encode())),
        ("split", ["4242", "4242", "4242", "4242"]),
        ("split", [4242] * 4),
        ("split", [b"4242"] * 4),
        ("call_sid", PAN),
        ("timestamp", PAN),
        ("due_at", SPACED),
        ("waited_s", int(PAN)),
        ("exc_info", ValueError(PAN, Untellable())),
    ],
    ids=itertools.count(),
)
def test_what_cannot_be_logged_is_told_without_what_it_holds(key: str, value: Any) -> None:
    looped: list[Any] = [PAN]
    looped.append(looped)
    with captured_logs() as stream:
        structlog.contextvars.bind_contextvars(call_id=PAN, turn=99999999999999999999)
        structlog.get_logger().error("seen", looped=looped, **{key: value})
        logging.getLogger("library").error({key: value})
        logging.getLogger("library").error("%d of %s", PAN, value)
        logging.getLogger("library").error(PAN, value, exc_info=(ValueError, ValueError(PAN), None))
    shown = stream.getvalue().replace(" ", "")
    assert [line["logger"] for line in lines(stream)].count("library") == 3
    assert len(lines(stream)) == 4
    assert "4242424242" not in shown
    assert "4242,4242" not in shown


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(text)


def test_no_way_around_the_log_prints_what_was_not_masked(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that breaks, a processor that raises, a library's own handler, warnings, destructors."""
    own = logging.getLogger("own")
    own.propagate = False
    own.addHandler(logging.StreamHandler(sys.stderr))
    fault = ValueError(PAN)
    with captured_logs() as stream:
        own.error("own %s", PAN, exc_info=fault)
        warnings.warn(f"odd: {PAN}", RuntimeWarning, stacklevel=1)
        sys.unraisablehook(
            type("Args", (), {"exc_value": fault, "object": PAN, "exc_type": ValueError, "err_msg": PAN})()
        )
        sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(PAN), None)
        with monkeypatch.context() as patched:
            patched.setattr("ivr.platform.logs._scrubbed", lambda *_: fault)
            structlog.get_logger().error(PAN, value=PAN)
            logging.getLogger("library").error("%s", PAN)
        [handler] = logging.getLogger().handlers
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(Broken())
        structlog.get_logger().error(PAN, value=PAN)
        logging.getLogger("library").error("%s", PAN)
        sys.excepthook(ValueError, fault, None)
        logging.getLogger().handlers = []
        logging.getLogger("library").error("last resort %s", PAN, exc_info=fault)
    own.handlers = []
    out, err = capfd.readouterr()
    assert PAN not in stream.getvalue() + out + err
    events = [line["event"] for line in lines(stream)]
    assert "odd: ***" in events[0]
    assert events[1:] == ["not_raised", "log_line_failed", "log_line_failed"]
    for told in ("own ***", "KeyboardInterrupt: ***", "log_line_failed", "last resort ***"):
        assert told in err


def test_our_own_typed_fields_stay_readable_under_their_names() -> None:
    values = {
        "call_sid": "CA" + "4242424242424242" * 2,
        "since": datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC),
        "expires_at": "2026-11-22 10:00:00.123456+00:00",
        "waited_s": 0.30000000000000004,
    }
    with captured_logs() as stream:
        structlog.get_logger().info("seen", **values)
    [line] = lines(stream)
    assert MASK not in stream.getvalue()
    assert line["waited_s"] == values["waited_s"]
    assert line["call_sid"] == values["call_sid"]
