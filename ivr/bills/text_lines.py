"""The lines of a text file as spreadsheets save it.

The encoding is UTF-8 or UTF-16; each line ends in LF, CRLF or a bare CR. A byte that is no UTF-8 is read as
Windows' Western code page has it: digits are the same there, and so are the no-break space and the euro sign
of most other code pages.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

_CHUNK_BYTES = 65_536
_LINE_CHARS_MAX = 65_536
_WESTERN = "paybycall.western"
_LINE = re.compile(r"[^\r\n]*(?:\r{0,2}\n|\r)")
_OTHER_FILES = (
    (b"\xff\xfe\0\0", "UTF-32 text"),
    (b"\0\0\xfe\xff", "UTF-32 text"),
    (b"\x1f\x8b", "a compressed file (.gz)"),
    (b"<", "a web page or an XML file"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"PK\x03\x04", "a spreadsheet (.xlsx or .ods)"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet (.xls)"),
    (b"%PDF", "a PDF"),
)
_BOMS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class UnreadableFileError(Exception):
    """The file is no CSV of bills; the message is a sentence for the operator."""


def _as_western(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeDecodeError):
        raise fault
    return fault.object[fault.start : fault.end].decode("cp1252", errors="replace"), fault.end


codecs.register_error(_WESTERN, _as_western)


def text_lines(file: BinaryIO, on_read: Callable[[int], None] = lambda _: None) -> Iterator[str]:
    """Each line with its end; raises UnreadableFileError. `on_read` hears how many bytes were just read."""
    head = _read(file, on_read)
    for beginning, kind in _OTHER_FILES:
        if head.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n").startswith(beginning):
            raise UnreadableFileError(
                f"This is {kind}. Save it as CSV (preferably CSV UTF-8) and import that file."
            )
    encoding = _encoding(head)
    decoder = codecs.getincrementaldecoder(encoding)(_WESTERN if encoding == "utf-8" else "replace")
    pending = decoder.decode(head).lstrip("\ufeff")
    number = 1
    while True:
        lines, pending = _whole_lines(pending)
        for line in lines:
            _check_length(line, number)
            yield line
            number += 1
        _check_length(pending, number)
        data = _read(file, on_read)
        if not data:
            break
        pending += decoder.decode(data)
    if encoding != "utf-8" and decoder.getstate()[0]:
        raise UnreadableFileError(
            "The file ends in the middle of a character: it is incomplete, or is not UTF-16."
        )
    pending += decoder.decode(b"", final=True)
    if pending:
        yield pending


def _whole_lines(text: str) -> tuple[list[str], str]:
    """The lines that have their end, and the rest; a CR at the very end may be half of a CRLF."""
    if "\r" not in text:
        *lines, rest = text.split("\n")
        return [f"{line}\n" for line in lines], rest
    last = len(text.rstrip("\r")) if text.endswith("\r") else len(text)
    lines = _LINE.findall(text, 0, last)
    return lines, text[sum(map(len, lines)) :]


def _read(file: BinaryIO, on_read: Callable[[int], None]) -> bytes:
    data = file.read(_CHUNK_BYTES)
    on_read(len(data))
    return data


def _encoding(head: bytes) -> str:
    """By the byte-order mark; without one, by the zero bytes that UTF-16 has beside each letter of ours."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    if head[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if head[:1] == b"\0" else "utf-8"


def _check_length(line: str, number: int) -> None:
    if len(line) > _LINE_CHARS_MAX:
        raise UnreadableFileError(
            f"Line {number} is longer than {_LINE_CHARS_MAX} characters: this is not a CSV file of bills."
        )
