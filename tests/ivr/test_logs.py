"""Logs are JSON with the call's id, and hold no card number and no secret, whoever writes them."""

import json
import logging
import sys
import threading
from typing import Any

import pytest
import structlog

from gateways.secret import Secret
from ivr.logs import MASK, configure, scrub_text
from tests.support.captured_logs import captured_logs

PAN = "4242424242424242"
SPACED = "4242 4242 4242 4242"


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


def test_what_only_looks_like_a_card_stays_readable() -> None:
    for text in ("4242424242424241", "2026-11-22T10:00:00.123456Z", "call 12345678", "CA0123456789abcdef"):
        assert scrub_text(text) == text


@pytest.mark.parametrize("length", range(12, 20))
def test_every_length_of_card_is_seen(length: int) -> None:
    beginning = "4" + "0" * (length - 2)
    candidates = [beginning + str(last) for last in range(10)]
    assert [scrub_text(f"x{one}y") for one in candidates].count(f"x{MASK}y") == 1


def test_chatty_libraries_stay_quiet_at_any_level() -> None:
    with captured_logs("debug") as stream:
        for name in ("twilio.http_client", "stripe", "urllib3.connectionpool", "requests"):
            logging.getLogger(name).debug("POST %s", "https://example.com")
            logging.getLogger(name).info("body")
            logging.getLogger(name).warning("kept")
    assert [line["event"] for line in lines(stream)] == ["kept"] * 4


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


@pytest.mark.parametrize(
    "text",
    [
        f"{PAN} 123",
        f"{SPACED} 123",
        f"{PAN}123",
        f"{PAN}1230123",
        f"{PAN} 12 30 123",
        f"1 {PAN}",
        "4242.4242.4242.4242",
        "4242+4242+4242+4242",
        "4242%204242%204242%204242",
        "4242\u00a04242\u00a04242\u00a04242",
        "3782822463100051234",
        "1 " * 50 + PAN,
    ],
)
def test_a_card_is_seen_with_what_is_keyed_around_it(text: str) -> None:
    shown = scrub_text(f"<{text}>")
    assert shown == f"<{MASK}>"
