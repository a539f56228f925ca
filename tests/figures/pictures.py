"""The pictures of docs/architecture.md: the packages, from the contract of their imports; a call, from one
that is made here; the states of an attempt. A test holds the page to them; `pytest --update` draws them anew.
"""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import groupby, pairwise
from typing import Any
from unittest import mock
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from gateways.http_client import HttpClient
from ivr.payments.attempts.states import FINAL, GRAPH, State
from ivr.simulators.phone.transport import HttpAnswer
from tests.figures.source import product
from tests.figures.walk import ROOT, running_server
from tests.support.payer import WAY, pay
from tests.support.phone import PCI, WsgiTransport

LAYERS = "Inside ivr a package imports only what stands below it"
APART = ("pci", "simulators")
"""Packages in no layer: they stand beside, and have contracts of their own."""
BELOW = ("flows", "gateways")
ASKED_BY_PCI = ("/tokens", "/authorizations")
SENDS_TEXT = "send_confirmation"
WORDS_SHOWN = 12


def packages() -> str:
    """A Mermaid flowchart: a box for each layer of `ivr`, which may import those below it."""
    rows = [" · ".join(row) for row in _layers()]
    names = [f"l{number}" for number in range(len(rows))]
    lines = ["flowchart TD", *(f'    {name}["{row}"]' for name, row in zip(names, rows, strict=True))]
    lines += [f'    {name}[["{name}"]]' for name in APART]
    lines += [f'    {name}["{name}"]' for name in BELOW]
    lines += [f"    {upper} --> {lower}" for upper, lower in pairwise(names)]
    lines += [f"    {names[-1]} --> {name}" for name in BELOW]
    for name in APART:
        lines += [f"    {names[0]} -.-> {name}", f"    {name} -.-> {names[_highest_import(name)]}"]
    return "\n".join(lines) + "\n"


def _layers() -> list[list[str]]:
    """The modules of each layer, the topmost first, without `ivr.`. Layers of one package are joined."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = (one for one in contracts if one["name"] == LAYERS)
    rows = [[name.strip().removeprefix("ivr.") for name in row.split("|")] for row in contract["layers"]]
    joined = []
    for package, neighbours in groupby(rows, lambda row: row[0].partition(".")[0] if len(row) == 1 else row):
        these = [name for row in neighbours for name in row]
        joined.append(these if isinstance(package, str) else list(package))
    return joined


def _highest_import(package: str) -> int:
    """The number of the topmost layer that a package apart imports something of."""
    imported = set()
    for module in product(ROOT):
        if module.package == f"ivr.{package}":
            froms = (node for node in module.nodes if isinstance(node, ast.ImportFrom) and node.module)
            imported |= {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
    for number, row in enumerate(_layers()):
        if any(name.startswith(f"ivr.{one}.") for name in imported for one in row):
            return number
    raise LookupError(f"{package} imports no layer")


def attempts() -> str:
    """A Mermaid state diagram: states by their stored word, edges by the name of their event."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.RESERVED}"]
    lines += [f"    {start} --> {end}: {event.name.lower()}" for (start, event), end in GRAPH.items()]
    lines += [f"    {state} --> [*]" for state in State if state in FINAL]
    return "\n".join(lines) + "\n"


Line = tuple[str, str, str]
"""From whom, to whom, what."""


def call() -> str:
    """A Mermaid sequence diagram: what our processes say to each other while a caller pays by keyed card."""
    with running_server() as server:
        server.add_bill()
        lines: list[Line] = []
        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(HttpClient, "request", _heard_requests(lines)))
            server.work.handlers = {
                job: _heard_job(lines, str(job.name), run) for job, run in server.work.handlers.items()
            }
            pay(server, WAY["tokenize"], transport=_HeardTransport(server.transport, lines))
    people = ("carrier", "web", "pci", "worker", "gateway")
    head = ["sequenceDiagram", *(f"    participant {name}" for name in people)]
    return "\n".join([*head, *_drawn(lines)]) + "\n"


def _drawn(lines: list[Line]) -> Iterator[str]:
    for sender, receiver, what in lines:
        arrow = "-->>" if receiver == "carrier" and sender != "worker" else "->>"
        yield f"    {sender}{arrow}{receiver}: {what}"


class _HeardTransport:
    """The carrier's webhooks and our answers."""

    def __init__(self, inner: WsgiTransport, lines: list[Line]) -> None:
        self._inner = inner
        self._lines = lines

    def post(self, url: str, form: Any, headers: Any) -> HttpAnswer:
        process = "pci" if url.startswith(PCI) else "web"
        keyed = "".join(form.get("Digits", []))
        keys = "" if not keyed else " 1" if keyed == "1" else " digits"
        self._lines.append(("carrier", process, f"POST {_path(url)}{keys}"))
        answer = self._inner.post(url, form, headers)
        self._lines.append((process, "carrier", _said(answer.body)))
        return answer


def _heard_requests(lines: list[Line]) -> Callable[..., Any]:
    send = HttpClient.request

    def request(self: HttpClient, method: str, url: str, **options: Any) -> Any:
        path = urlsplit(url).path
        if path.startswith("/pci/internal"):
            asker = "worker" if path.endswith("/outcome") else "web"
            lines.append((asker, "pci", f"{method} {_path(url)}"))
        else:
            asker = "pci" if path.startswith(ASKED_BY_PCI) else "worker"
            lines.append((asker, "gateway", f"{method} {path}"))
        return send(self, method, url, **options)

    return request


def _heard_job(lines: list[Line], name: str, run: Callable[[str, int], None]) -> Callable[[str, int], None]:
    def heard(subject_id: str, nth: int) -> None:
        lines.append(("worker", "worker", f"job {name}"))
        run(subject_id, nth)
        if name == SENDS_TEXT:
            lines.append(("worker", "carrier", "the receipt, by text"))

    return heard


def _path(url: str) -> str:
    """Without what is another in each call."""
    return re.sub(r"/(?:call|entry|pce|CA)_?[0-9a-zA-Z_.]*\d[^/]*", "/ID", urlsplit(url).path)


def _said(body: bytes) -> str:
    """The verbs of an answer, and the first words in it."""
    if not body:
        return "204"
    tree = ET.fromstring(body)  # noqa: S314 - our own answer
    verbs = ", ".join(dict.fromkeys(one.tag for one in tree.iter() if one.tag not in {"Response", "prosody"}))
    words = " ".join("".join(one.itertext()) for one in tree.iter("Say")).split()
    spoken = " ".join(words[:WORDS_SHOWN]) + (" ..." if len(words) > WORDS_SHOWN else "")
    return f"{verbs}: {spoken}" if spoken else verbs
