"""After every end of an entry: no digit in any file, log, metric or answer, and no key that opens a seal.

The end of the entry is enough for that: the generation's key still lives, and the clock stands still.
"""

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
from ivr.pci.key_directory import DirectoryKeys
from ivr.pci.keys import KEY_BYTES
from ivr.platform.database.engine import make_engine
from tests.support.captured_logs import captured_logs
from tests.support.card_entry import ENTRY_ID, PCI_URL, Caller, CardEntryHarness, HeldExecutor, both_engines
from tests.support.time_and_ids import ManualClock

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


def shown_in(harness: CardEntryHarness, logged: io.StringIO, caller: Caller) -> str:
    """Logs, metrics and the last answer, without the real moments in them: those hold digits of their own."""
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    metrics = [line for line in harness.client.get("/metrics").text.splitlines() if "_created" not in line]
    return json.dumps([{**line, "timestamp": ""} for line in lines]) + "\n".join(metrics) + caller.text


def collected(harness: CardEntryHarness, caller: Caller) -> None:
    caller.card(NUMBER, EXPIRY, CODE)
    assert harness.collected()["outcome"] == "collected"


def declined(harness: CardEntryHarness, caller: Caller) -> None:
    harness.gateway.token_answer = Declined(Decline.GENERIC, "generic_decline")
    caller.card(NUMBER, EXPIRY, CODE)
    assert harness.collected()["outcome"] == "declined"


def unavailable(harness: CardEntryHarness, caller: Caller) -> None:
    harness.gateway.token_answer = Unavailable("down")
    caller.card(NUMBER, EXPIRY, CODE)
    assert harness.collected()["outcome"] == "unavailable"


def gateway_bug(harness: CardEntryHarness, caller: Caller) -> None:
    harness.gateway.token_answer = RuntimeError(f"card {NUMBER}, code {CODE}, until {EXPIRY}")
    caller.card(NUMBER, EXPIRY, CODE)
    assert harness.collected()["outcome"] == "unavailable"


def mistaken(harness: CardEntryHarness, caller: Caller) -> None:
    caller.key(WRONG_NUMBER).key("#").key(NUMBER).key("13" + EXPIRY[2:]).key(EXPIRY).key(CODE[:2]).silence()
    caller.silence().silence().silence()
    assert harness.collected()["outcome"] == "gave_up"


def left(harness: CardEntryHarness, caller: Caller) -> None:
    caller.key(NUMBER).key(EXPIRY).key("**")
    assert harness.collected()["outcome"] == "left"


def left_late(harness: CardEntryHarness, caller: Caller) -> None:
    caller.key(NUMBER).key(EXPIRY).key(CODE[:2]).key("**")
    assert harness.collected()["outcome"] == "left"


def hung_up(harness: CardEntryHarness, caller: Caller) -> None:
    caller.key(NUMBER).key(EXPIRY).key(CODE[:2])
    harness.hang_up()
    assert harness.collected()["outcome"] == "ended"


def lost_hang_up(harness: CardEntryHarness, caller: Caller) -> None:
    caller.key(NUMBER).key(EXPIRY)
    harness.clock.advance(601)
    harness.pci_parts.sweeper.sweep()
    assert harness.collected()["outcome"] == "ended"


def crashed(harness: CardEntryHarness, caller: Caller) -> None:
    """The process dies with the card sealed and on its way; nobody takes over."""
    held = harness.second_process(executor=HeldExecutor())
    caller.harness = held
    caller.card(NUMBER, EXPIRY, CODE)
    harness.clock.advance(60)
    harness.pci_parts.sweeper.sweep()
    assert harness.collected()["outcome"] == "ended"


def turn_bug(harness: CardEntryHarness, caller: Caller) -> None:
    caller.key(NUMBER)

    def fail(*_: Any, **__: Any) -> None:
        raise KeyError(EXPIRY, CODE, NUMBER)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ivr.pci.dialogue.hear", fail)
        for _ in range(3):
            caller.key(EXPIRY).wait()
        caller.key(EXPIRY)
    assert harness.collected()["outcome"] == "unavailable"


def forged(harness: CardEntryHarness, caller: Caller) -> None:
    caller.key(NUMBER)
    for headers in ({}, {"X-Twilio-Signature": "wrong"}):
        answer = harness.post(caller.gather.attrib["action"], {"Digits": EXPIRY}, headers=headers)
        assert EXPIRY not in answer.text
    harness.hang_up()


ENDS = [
    collected, declined, unavailable, gateway_bug, mistaken, left,
    hung_up, lost_hang_up, crashed, turn_bug, forged,
]  # fmt: skip


def everything_kept(harness: CardEntryHarness) -> bytes:
    """The database's files as they lie on the disk, write-ahead log included."""
    path = Path(str(harness.engine.url.database))
    files = [found for found in path.parent.glob(path.name + "*") if found.is_file()]
    assert len(files) > 1
    return b"".join(found.read_bytes() for found in files)


def rows(harness: CardEntryHarness) -> list[dict[str, Any]]:
    with harness.engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text("SELECT * FROM card_entry")).mappings()]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_no_digit_is_left_anywhere(
    harness: CardEntryHarness, logged: io.StringIO, end: Callable[[CardEntryHarness, Caller], None]
) -> None:
    caller = harness.caller()
    end(harness, caller)
    kept = everything_kept(harness)
    shown = shown_in(harness, logged, caller)
    key_files = b"".join(path.read_bytes() for path in (harness.folder / "keys").rglob("*") if path.is_file())
    for sentinel in SENTINELS:
        assert sentinel.encode() not in kept
        assert sentinel.encode() not in key_files
        assert sentinel not in shown
    for row in rows(harness):
        assert row["status"] == "finished"
        digits = ("sealed_number", "sealed_expiry", "sealed_code", "sealed_postal_code")
        assert [name for name in digits if row[name] is not None] == []


class Burglar:
    """Remembers each value that was ever written, and tries at each commit what opens with what is here.

    What was ever written is all that a write-ahead log, a dead tuple or a backup can hold, and more.
    """

    def __init__(self, harness: CardEntryHarness) -> None:
        self.harness = harness
        self.blobs: set[bytes] = set()
        self.had: dict[bytes, bytes] = {}
        """What could be opened at some moment, and what it was."""
        sa.event.listen(harness.engine, "before_cursor_execute", self._see)
        sa.event.listen(harness.engine, "commit", lambda _: self.had.update(self.break_in()))

    def _see(self, _connection: Any, _cursor: Any, _statement: str, parameters: Any, *_: Any) -> None:
        rows = parameters if isinstance(parameters, list) else [parameters]
        for row in rows:
            values = row.values() if isinstance(row, dict) else row
            plain = [getattr(value, "obj", value) for value in values]  # psycopg wraps them
            self.blobs |= {bytes(value) for value in plain if isinstance(value, bytes | memoryview)}

    def break_in(self, *fields: str) -> dict[bytes, bytes]:
        """Everything that opens, and what it is: any bytes may be a wrapped data key, or its key."""
        files = {
            path: path.read_bytes() for path in (self.harness.folder / "keys").rglob("*") if path.is_file()
        }
        generations = {path.name.partition(".")[0] for path in files}
        wrapped = self.blobs | {
            part for content in files.values() for part in windows(content, WRAPPED_BYTES)
        }
        keys = {part for content in files.values() for part in windows(content, KEY_BYTES)}
        wraps = [f"paybycall:key:{ENTRY_ID}:{generation}".encode() for generation in generations]
        seals = [f"paybycall:field:{ENTRY_ID}:{field}".encode() for field in fields or CARD_FIELDS]
        data_keys = {key for blob in wrapped for one in keys if (key := opens(blob, one, wraps))}
        return {blob: text for blob in self.blobs for key in data_keys if (text := opens(blob, key, seals))}


CARD_FIELDS = ("number", "expiry", "code", "postal_code")
WRAPPED_BYTES = 12 + KEY_BYTES + 16


def windows(content: bytes, size: int) -> set[bytes]:
    return {content[at : at + size] for at in range(len(content) - size + 1)}


def opens(blob: bytes, key: bytes, aads: list[bytes]) -> bytes | None:
    for aad in aads:
        try:
            return AESGCM(key).decrypt(blob[:12], blob[12:], aad)
        except (InvalidTag, ValueError):
            continue
    return None


def superseded(harness: CardEntryHarness, caller: Caller) -> None:
    """The web process opens another entry in the same call."""
    caller.key(NUMBER).key(EXPIRY).key(CODE[:2])
    assert harness.open("entry.call_1.9").status_code == 201
    assert harness.keys.fetch("entry.call_1.9")


def timed_out(harness: CardEntryHarness, caller: Caller) -> None:
    """The gateway thinks for longer than a caller waits."""
    held = harness.second_process(executor=HeldExecutor())
    caller.harness = held
    caller.card(NUMBER, EXPIRY, CODE)
    harness.clock.advance(20)
    caller.wait()
    assert harness.collected()["outcome"] == "unavailable"


def fell_back(harness: CardEntryHarness, caller: Caller) -> None:
    caller.key(NUMBER).key(EXPIRY).key(CODE[:2])
    for _ in range(4):
        harness.post(f"{PCI_URL}/pci/fallback")
    assert harness.collected()["outcome"] == "unavailable"


def died_before_forgetting(harness: CardEntryHarness, caller: Caller) -> None:
    """The end is committed, and the process is no more; the next sweep of another one destroys the key."""
    caller.key(NUMBER).key(EXPIRY).key(CODE[:2])

    def die(*_: object) -> None:
        raise SystemExit

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DirectoryKeys, "forget", die)
        with pytest.raises(SystemExit):
            harness.hang_up()
    assert harness.keys.fetch(ENTRY_ID)
    harness.second_process(
        keys=DirectoryKeys(harness.folder / "keys", harness.clock)
    ).pci_parts.sweeper.sweep()


def keys_home_was_away(harness: CardEntryHarness, caller: Caller) -> None:
    """The key cannot be forgotten at first: the caller hears nothing of it."""
    caller.key(NUMBER).key(EXPIRY).key(CODE[:2])

    def fail(*_: object) -> None:
        raise OSError(CODE, NUMBER)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DirectoryKeys, "forget", fail)
        caller.silence().silence().silence().silence()
        harness.pci_parts.sweeper.sweep()
    assert harness.collected()["outcome"] == "gave_up"
    assert harness.keys.fetch(ENTRY_ID)
    harness.pci_parts.sweeper.sweep()


CODE_ENDS = [
    collected, declined, unavailable, gateway_bug, mistaken, left_late, hung_up, crashed, superseded,
    timed_out, fell_back, died_before_forgetting, keys_home_was_away,
]  # fmt: skip
"""Ends of an entry into which a code, or a part of one, was keyed."""


@both_engines
@pytest.mark.parametrize("end", CODE_ENDS, ids=lambda end: end.__name__)
def test_an_ended_entry_cannot_be_decrypted_by_the_generation_key(
    harness: CardEntryHarness, logged: io.StringIO, end: Callable[[CardEntryHarness, Caller], None]
) -> None:
    burglar = Burglar(harness)
    end(harness, harness.caller())
    codes = [blob for blob, text in burglar.had.items() if text.decode() in {CODE, CODE[:2]}]
    assert codes  # the burglar opens what can be opened
    assert {NUMBER.encode(), EXPIRY.encode()} <= set(burglar.had.values())
    assert burglar.break_in() == {}
    [row] = [row for row in rows(harness) if row["id"] == ENTRY_ID]
    assert (row["status"], row["sealed_code"]) == ("finished", None)
    living = [path for path in (harness.folder / "keys").glob("*.key") if len(path.read_bytes()) == KEY_BYTES]
    assert living
    if harness.engine.dialect.name == "sqlite":  # and deleting was not enough: the bytes are there
        kept = everything_kept(harness)
        assert [blob for blob in codes if blob in kept]
    assert CODE not in shown_in(harness, logged, Caller(harness))


def test_a_result_is_shut_when_its_generation_is_over(harness: CardEntryHarness) -> None:
    """It holds no code: what stands for the card, and its last four."""
    burglar = Burglar(harness)
    collected(harness, harness.caller())
    [result] = burglar.break_in("result").values()
    assert json.loads(result)["last_four"] == NUMBER[-4:]
    assert not [text for text in (NUMBER, CODE) if text.encode() in result]
    harness.clock.advance(900)
    harness.pci_parts.sweeper.sweep()
    assert burglar.break_in("result") == {}
    assert [path for path in (harness.folder / "keys").rglob("*") if path.is_file()] == []


@pytest.mark.postgres
def test_on_postgresql_too_nothing_is_kept_in_clear(
    pci_databases: Any, clock: ManualClock, tmp_path: Path
) -> None:
    url = pci_databases.url("postgres")
    engine = make_engine(url)
    harness = CardEntryHarness(engine, clock, tmp_path)
    try:
        seen = Burglar(harness)
        mistaken(harness, harness.caller())
        everything = b"".join(seen.blobs) + repr(rows(harness)).encode()
        assert not [sentinel for sentinel in SENTINELS if sentinel.encode() in everything]
    finally:
        engine.dispose()
        pci_databases.drop(url)
