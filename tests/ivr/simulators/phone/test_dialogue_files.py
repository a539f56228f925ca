"""Dialogues as text files: how they are read, played, compared and written anew."""

import shutil
from pathlib import Path

import pytest

from ivr.simulators.phone.events import DialStatus, Ended, Paused, PhoneEvent, Reason
from tests.support.dialogue import play
from tests.support.phone import call_settings
from tests.support.script import Act, Line, ScriptError, read
from tests.support.time_and_ids import ManualClock
from tests.support.twiml_server import TinyServer

A_MENU = Path(__file__).parent / "dialogues" / "a_menu.txt"
NAMES = {"visa": "4242424242424242"}
HEADER = "= from +34600111222 to +34910000000\n"


def menu(form: dict[str, str]) -> str:
    match form.get("Digits"):
        case "0":
            return '<Dial action="/card">+34911111111</Dial>'
        case "":
            return "<Redirect>/voice/incoming</Redirect>"
        case _:
            return "<Say>Sorry.</Say><Redirect>/voice/incoming</Redirect>"


def server() -> TinyServer:
    return TinyServer(
        {
            "/voice/incoming": '<Gather action="/menu" numDigits="1" actionOnEmptyResult="true">'
            "<Say>Welcome.</Say>"
            "<Say>To pay, press 1.</Say></Gather>",
            "/menu": menu,
            "/card": '<Gather action="/pci/card" timeout="9"><Say>Key your card.</Say></Gather><Hangup/>',
            "/pci/card": '<Pause length="1"/><Play>/thanks.wav</Play><Hangup/>',
        }
    )


def played(path: Path, clock: ManualClock, *, update: bool = False, **more: object) -> Ended:
    return play(
        path,
        settings=call_settings(),
        transport=server().transport,
        clock=clock,
        update=update,
        names=NAMES,
        **more,
    )


def test_the_file_reads_as_the_call_went(clock: ManualClock, update_dialogues: bool) -> None:
    assert played(A_MENU, clock, update=update_dialogues).reason is Reason.SERVER


def test_a_listener_works_while_the_caller_waits(clock: ManualClock) -> None:
    heard: list[PhoneEvent] = []
    played(A_MENU, clock, listener=heard.append)
    assert Paused(1) in heard


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("< To pay, press 1.", "< To pay, press one."),
        ("= rings +34911111111: busy", "= rings +34922222222: busy"),
        ("= the server hung up", "= the document ended"),
        ("< (plays https://pay.example/thanks.wav)\n", ""),
    ],
)
def test_any_difference_is_told(tmp_path: Path, clock: ManualClock, line: str, instead: str) -> None:
    path = tmp_path / "dialogue.txt"
    path.write_text(A_MENU.read_text().replace(line, instead, 1))
    with pytest.raises(AssertionError) as told:
        played(path, clock)
    assert f"+{line.strip()}" in str(told.value)
    played(path, clock, update=True)
    assert path.read_text() == A_MENU.read_text(), "written anew, it is what the call was"


def test_a_script_alone_is_enough_to_write_a_file(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "dialogue.txt"
    kept = [line for line in A_MENU.read_text().splitlines() if not line.startswith("<")]
    path.write_text("\n".join(kept))
    played(path, clock, update=True)
    assert path.read_text() == A_MENU.read_text()


def test_a_caller_without_a_line_left_hangs_up(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "dialogue.txt"
    path.write_text(HEADER)
    ended = played(path, clock, update=True)
    assert ended.reason is Reason.CALLER
    assert path.read_text().splitlines()[-2:] == ["> (hang up)", "= the caller hung up"]


def test_lines_that_nobody_got_to_are_told_even_when_writing_anew(tmp_path: Path, clock: ManualClock) -> None:
    path = shutil.copy(A_MENU, tmp_path / "dialogue.txt")
    path.write_text(path.read_text() + "> 7\n")
    with pytest.raises(AssertionError, match="the call was over before 7"):
        played(path, clock, update=True)


def test_a_fault_of_the_server_is_told_even_when_writing_anew(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "dialogue.txt"
    path.write_text(HEADER)
    broken = TinyServer({"/voice/incoming": "<Shout/>", "/voice/fallback": "<Say>Sorry.</Say>"})
    with pytest.raises(AssertionError, match=r"error 12200 at .*may not hold <Shout>"):
        play(path, settings=call_settings(), transport=broken.transport, clock=clock, update=True)
    ended = play(
        path,
        settings=call_settings(),
        transport=broken.transport,
        clock=clock,
        update=True,
        faults_expected=True,
    )
    assert ended.reason is Reason.END_OF_DOCUMENT
    assert path.read_text().splitlines()[1].startswith("! error 12200 at")


def test_what_a_caller_can_do() -> None:
    dialogue = read(
        "# Two lines\n# of comment\n= from anonymous to +34910000000\n= person no-answer\n\n"
        "< Hello.\n> 12 34 #\n> (silence)\n> (early) 9\n> (visa)#\n> (hang up while waiting)\n> (hang up)\n",
        NAMES,
    )
    assert (dialogue.from_number, dialogue.to_number) == ("anonymous", "+34910000000")
    assert dialogue.person is DialStatus.NO_ANSWER
    assert [(line.act, line.keys) for line in dialogue.lines] == [
        (Act.KEYS, "1234#"),
        (Act.SILENCE, ""),
        (Act.EARLY, "9"),
        (Act.KEYS, "4242424242424242#"),
        (Act.HANG_UP_WAITING, ""),
        (Act.HANG_UP, ""),
    ]
    assert dialogue.lines[0] == Line("12 34 #", Act.KEYS, "1234#")
    assert "4242" not in dialogue.lines[3].written


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "who calls whom"),
        ("> 1\n", "who calls whom"),
        (HEADER + "> one\n", "line 2: not keys of a keypad"),
        (HEADER + ">\n", "line 2: not keys of a keypad"),
        (HEADER + "> (amex)\n", r"line 2: unknown word: \(amex\); there is .*\(visa\)"),
        (HEADER + "> (hangup)\n", r"unknown word: \(hangup\); there is \(silence\), \(hang up\)"),
        (HEADER + "Hello.\n", "line 2: a line must begin with one of"),
        (HEADER + "> 1\n# late\n", "line 3: a line must begin with one of"),
    ],
)
def test_a_file_that_cannot_be_read(text: str, told: str) -> None:
    with pytest.raises(ScriptError, match=told):
        read(text, NAMES)


def test_a_script_that_does_not_fit_the_call(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "dialogue.txt"
    path.write_text(HEADER + "> (hang up while waiting)\n")
    with pytest.raises(ScriptError, match=r"the server asks, and the script says \(hang up while waiting\)"):
        played(path, clock)
