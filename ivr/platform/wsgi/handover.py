"""Where a server gets its listening socket: from systemd, from the server that runs there, or it binds one.

A running server waits on a control socket (an abstract Unix socket, which dies with its owner) and gives a
copy of its listening socket to a successor: another server of the same kind and user. Both accept connections
until the successor is ready; then the first one drains. No connection is refused in between.
"""

import errno
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ivr.platform.wsgi.http import BACKLOG

READY = b"ready"
_ANSWER_S = 5.0
_TRIES = 20
_TRY_S = 0.1
"""A server that was killed leaves its port within milliseconds."""
_FIRST_SYSTEMD_FD = 3


class PortTakenError(Exception):
    """Another program listens there; the message is a sentence."""


class ListeningSocket:
    """A socket that listens, and the server from which it came, if any."""

    def __init__(self, sock: socket.socket, predecessor: socket.socket | None = None) -> None:
        self.sock = sock
        self._predecessor = predecessor

    def release_predecessor(self) -> None:
        """We are ready, so it drains. Returns once it has given up its control socket."""
        if self._predecessor is None:
            return
        with suppress(OSError):
            self._predecessor.sendall(READY)
            self._predecessor.settimeout(_ANSWER_S)
            self._predecessor.recv(1)
        self.forget_predecessor()

    def forget_predecessor(self) -> None:
        """Without a word to it."""
        if self._predecessor is not None:
            self._predecessor.close()
            self._predecessor = None


def listen(
    kind: str,
    host: str,
    port: int,
    environ: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> ListeningSocket:
    """The socket at this address for a server of this kind (`web`, `pci`); raises PortTakenError."""
    if environ.get("LISTEN_PID") == str(os.getpid()) and environ.get("LISTEN_FDS", "0") != "0":
        return ListeningSocket(socket.socket(fileno=_FIRST_SYSTEMD_FD))
    for left in reversed(range(_TRIES)):
        try:
            return ListeningSocket(bind(host, port))
        except OSError as fault:
            if fault.errno != errno.EADDRINUSE:
                why = str(fault.strerror or fault).partition(" (")[0]
                raise PortTakenError(
                    f"Cannot listen on {host}, port {port}: {why}. Correct HOST or PORT."
                ) from None
        found = _from_predecessor(kind, host, port)
        if found is not None:
            return found
        if left:
            sleep(_TRY_S)
    raise PortTakenError(
        f"Port {port} on {host} is already in use. Stop the program that uses it, or set PORT to another."
    )


def bind(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), family=_family(host), backlog=BACKLOG)


def _family(host: str) -> socket.AddressFamily:
    """A name such as localhost may have addresses of both kinds: the same one is always meant."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _from_predecessor(kind: str, host: str, port: int) -> ListeningSocket | None:
    """None where no server answers that could hand over."""
    if not sys.platform.startswith("linux"):
        return None
    address = socket.getaddrinfo(host, port, family=_family(host), type=socket.SOCK_STREAM)[0][4]
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    said: bytes = b""
    descriptors: list[int] = []
    with suppress(OSError):
        control.settimeout(_ANSWER_S)
        control.connect(_control_name(address))
        if _user_of(control) == os.geteuid():
            said, descriptors, _flags, _address = socket.recv_fds(control, 16, 1)
    if not descriptors:  # nobody is there, it is ending, or it belongs to another user
        control.close()
        return None
    listening = socket.socket(fileno=descriptors[0])
    if said.decode() == kind:
        return ListeningSocket(listening, control)
    listening.close()
    control.close()
    raise PortTakenError(
        f"Port {port} on {host} is already in use by `paybycall serve {said.decode()}`. Set PORT to another."
    )


class Control:
    """The running server's end: gives its listening socket to a successor. Nothing here blocks."""

    def __init__(self, kind: str, listening: socket.socket) -> None:
        self._kind = kind.encode()
        self._listening = listening
        self._waiting: socket.socket | None = None
        self._successor: socket.socket | None = None
        if sys.platform.startswith("linux"):
            self._waiting = _waiting(_control_name(listening.getsockname()))

    def sockets(self) -> list[socket.socket]:
        """To be watched for bytes: the successor's connection, or the one on which a successor would come."""
        return [one for one in (self._successor or self._waiting,) if one is not None]

    def hear(self) -> bool:
        """Reads what has come; True once a successor is ready."""
        try:
            if self._successor is not None:
                return self._hear_successor(self._successor)
            if self._waiting is not None:
                self._successor = self._greet(self._waiting)
        except OSError:
            self._forget_successor()
        return False

    def _greet(self, waiting: socket.socket) -> socket.socket | None:
        connection, _ = waiting.accept()
        if _user_of(connection) != os.geteuid():
            connection.close()
            return None
        connection.setblocking(False)
        socket.send_fds(connection, [self._kind], [self._listening.fileno()])
        return connection

    def _hear_successor(self, successor: socket.socket) -> bool:
        if successor.recv(len(READY)) == READY:
            return True
        self._forget_successor()  # it has ended before it was ready
        return False

    def _forget_successor(self) -> None:
        if self._successor is not None:
            self._successor.close()
            self._successor = None

    def close(self) -> None:
        """Frees the name first: the successor hears that, and takes it."""
        if self._waiting is not None:
            self._waiting.close()
            self._waiting = None
        self._forget_successor()


def _waiting(name: str) -> socket.socket | None:
    waiting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        waiting.bind(name)
    except OSError:  # another program has that name: nobody can take over from us, and all else works
        waiting.close()
        return None
    waiting.listen()
    waiting.setblocking(False)
    return waiting


def _control_name(address: Any) -> str:
    """In the abstract namespace, which belongs to the network namespace as the port does."""
    return f"\0paybycall {address[0]} {address[1]}"


def _user_of(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    user: int = struct.unpack("3i", credentials)[1]
    return user
