"""After every end of an entry: no digit in any file, log, metric or answer, and no key that opens a seal."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateways.contract import Declined, Unavailable
from gateways.declines import Decline
from ivr.clock import ManualClock
from ivr.storage.engine import make_engine
from tests.support.captured_logs import captured_logs
from tests.support.card_entry import Caller, Held, PciBench

NUMBER = "371449635398431"
EXPIRY = "0937"
CODE = "8627"
"""Four digits, as an Amex has: three are found in random bytes by chance."""
WRONG_NUMBER = "371449635398432"
SENTINELS = (NUMBER, EXPIRY, CODE, WRONG_NUMBER[:12], "2037")


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    with captured_logs("debug", "pci") as stream:
        yield stream


def shown_in(bench: PciBench, logged: io.StringIO, caller: Caller) -> str:
    """Logs, metrics and the last answer, without the real moments in them: those hold digits of their own."""
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    metrics = [line for line in bench.client.get("/metrics").text.splitlines() if "_created" not in line]
    return json.dumps([{**line, "timestamp": ""} for line in lines]) + "\n".join(metrics) + caller.text


def collected(bench: PciBench, caller: Caller) -> None:
    caller.card(NUMBER, EXPIRY, CODE)
    assert bench.collected()["outcome"] == "collected"


def declined(bench: PciBench, caller: Caller) -> None:
    bench.gateway.token_answer = Declined(Decline.GENERIC, "generic_decline")
    caller.card(NUMBER, EXPIRY, CODE)
    assert bench.collected()["outcome"] == "declined"


def unavailable(bench: PciBench, caller: Caller) -> None:
    bench.gateway.token_answer = Unavailable("down")
    caller.card(NUMBER, EXPIRY, CODE)
    assert bench.collected()["outcome"] == "unavailable"


def gateway_bug(bench: PciBench, caller: Caller) -> None:
    bench.gateway.token_answer = RuntimeError(f"card {NUMBER}, code {CODE}, until {EXPIRY}")
    caller.card(NUMBER, EXPIRY, CODE)
    assert bench.collected()["outcome"] == "unavailable"


def mistaken(bench: PciBench, caller: Caller) -> None:
    caller.key(WRONG_NUMBER).key("#").key(NUMBER).key("13" + EXPIRY[2:]).key(EXPIRY).key(CODE[:2]).silence()
    caller.silence().silence()
    assert bench.collected()["outcome"] == "gave_up"


def left(bench: PciBench, caller: Caller) -> None:
    caller.key(NUMBER).key(EXPIRY).key("**")
    assert bench.collected()["outcome"] == "left"


def hung_up(bench: PciBench, caller: Caller) -> None:
    caller.key(NUMBER).key(EXPIRY).key(CODE[:2])
    bench.hang_up()
    assert bench.collected()["outcome"] == "ended"


def lost_hang_up(bench: PciBench, caller: Caller) -> None:
    caller.key(NUMBER).key(EXPIRY)
    bench.clock.advance(601)
    bench.room.sweeper.sweep()
    assert bench.collected()["outcome"] == "ended"


def crashed(bench: PciBench, caller: Caller) -> None:
    """The process dies with the card sealed and on its way; nobody takes over."""
    held = bench.second_process(executor=Held())
    caller.bench = held
    caller.card(NUMBER, EXPIRY, CODE)
    bench.clock.advance(60)
    bench.room.sweeper.sweep()
    assert bench.collected()["outcome"] == "ended"


def turn_bug(bench: PciBench, caller: Caller) -> None:
    caller.key(NUMBER)

    def fail(*_: Any, **__: Any) -> None:
        raise KeyError(EXPIRY, CODE, NUMBER)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ivr.pci.dialogue.hear", fail)
        caller.key(EXPIRY)
    assert bench.collected()["outcome"] == "unavailable"


def forged(bench: PciBench, caller: Caller) -> None:
    caller.key(NUMBER)
    for headers in ({}, {"X-Twilio-Signature": "wrong"}):
        answer = bench.post(caller.gather.attrib["action"], {"Digits": EXPIRY}, headers=headers)
        assert EXPIRY not in answer.text
    bench.hang_up()


ENDS = [
    collected, declined, unavailable, gateway_bug, mistaken, left,
    hung_up, lost_hang_up, crashed, turn_bug, forged,
]  # fmt: skip


def everything_kept(bench: PciBench) -> bytes:
    """The database's files as they lie on the disk, write-ahead log included."""
    path = Path(str(bench.engine.url.database))
    files = [found for found in path.parent.glob(path.name + "*") if found.is_file()]
    assert len(files) > 1
    return b"".join(found.read_bytes() for found in files)


def rows(bench: PciBench) -> list[dict[str, Any]]:
    with bench.engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text("SELECT * FROM card_entry")).mappings()]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_no_digit_is_left_anywhere(
    bench: PciBench, logged: io.StringIO, end: Callable[[PciBench, Caller], None]
) -> None:
    caller = bench.caller()
    end(bench, caller)
    kept = everything_kept(bench)
    shown = shown_in(bench, logged, caller)
    key_files = b"".join(path.read_bytes() for path in (bench.folder / "keys").iterdir())
    for sentinel in SENTINELS:
        assert sentinel.encode() not in kept
        assert sentinel.encode() not in key_files
        assert sentinel not in shown
    for row in rows(bench):
        assert row["status"] == "finished"
        assert row["wrapped_key"] is None
        digits = ("sealed_number", "sealed_expiry", "sealed_code", "sealed_postal_code")
        assert [name for name in digits if row[name] is not None] == []


class Recording:
    """Remembers every sealed value and wrapped key that was ever written."""

    def __init__(self, bench: PciBench) -> None:
        self.blobs: set[bytes] = set()
        self.bench = bench
        sa.event.listen(bench.engine, "before_cursor_execute", self._see)

    def _see(self, _connection: Any, _cursor: Any, _statement: str, parameters: Any, *_: Any) -> None:
        rows = parameters if isinstance(parameters, list) else [parameters]
        for row in rows:
            values = row.values() if isinstance(row, dict) else row
            self.blobs |= {bytes(value) for value in values if isinstance(value, bytes | memoryview)}


def opens(blob: bytes, key: bytes, aads: list[bytes]) -> bytes | None:
    for aad in aads:
        try:
            return AESGCM(key).decrypt(blob[:12], blob[12:], aad)
        except (InvalidTag, ValueError):
            continue
    return None


def opened_by(bench: PciBench, blobs: set[bytes]) -> set[bytes]:
    """Everything that the surviving keys open: wrapped keys first, then what those seal."""
    entry_ids = [row["id"] for row in rows(bench)]
    fields = ("number", "expiry", "code", "postal_code", "result")
    found: set[bytes] = set()
    for path in (bench.folder / "keys").iterdir():
        generation = path.name.partition(".")[0]
        wraps = [f"paybycall:key:{entry_id}:{generation}".encode() for entry_id in entry_ids]
        seals = [f"paybycall:field:{entry_id}:{field}".encode() for entry_id in entry_ids for field in fields]
        data_keys = {key for blob in blobs if (key := opens(blob, path.read_bytes(), wraps))}
        found |= {text for blob in blobs for key in data_keys if (text := opens(blob, key, seals))}
    return found


@pytest.mark.parametrize("end", [collected, declined, hung_up, crashed], ids=lambda end: end.__name__)
def test_when_the_keys_are_destroyed_nothing_opens_any_byte_that_was_ever_written(
    bench: PciBench, end: Callable[[PciBench, Caller], None]
) -> None:
    seen = Recording(bench)
    end(bench, bench.caller())
    assert NUMBER.encode() in opened_by(bench, seen.blobs)  # the check itself can open, while keys live
    kept = everything_kept(bench)
    assert any(blob in kept for blob in seen.blobs)  # and deleting a row would not have been enough
    bench.clock.advance(900)
    bench.room.sweeper.sweep()
    assert opened_by(bench, seen.blobs) == set()
    assert list((bench.folder / "keys").iterdir()) == []


def test_on_postgresql_too_nothing_is_kept_in_clear(
    pci_databases: Any, clock: ManualClock, tmp_path: Path
) -> None:
    url = pci_databases.url("postgres")
    engine = make_engine(url)
    bench = PciBench(engine, clock, tmp_path)
    try:
        seen = Recording(bench)
        mistaken(bench, bench.caller())
        everything = b"".join(seen.blobs) + repr(rows(bench)).encode()
        assert not [sentinel for sentinel in SENTINELS if sentinel.encode() in everything]
    finally:
        engine.dispose()
        pci_databases.drop(url)
