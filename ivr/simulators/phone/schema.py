"""What TwiML may look like: which verb stands in which, which attribute on which, which must be there.

Nothing here is written by hand: each builder method of the library's classes is called with a mark for every
parameter, and the element that comes out shows where the marks went. So the library's own spelling (`from_`,
`xml_lang`, lowerCamel) counts, and a new release of it brings its new verbs along. It cannot show which
*values* an attribute takes; for the verbs that the phone runs, `verbs` adds those.
"""

import inspect
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ivr.simulators.phone import verbs

DOCUMENT_BYTES_MAX = 64_000
"""A longer document is refused by the carrier (error 11750)."""
ROOT = "Response"
_XML_NAMESPACE = "{http://www.w3.org/XML/1998/namespace}"


@dataclass(frozen=True, slots=True)
class Element:
    """One verb where it may stand: the same verb can take other attributes inside another parent."""

    name: str
    kind: type
    """The library's class, which says what may stand inside."""
    attributes: frozenset[str]
    required: frozenset[str]
    text: bool
    """Whether it may hold text."""
    text_required: bool


def _elements(parent: type) -> Iterator[Element]:
    for name, method in vars(parent).items():
        if name.startswith("_") or not inspect.isfunction(method):
            continue
        parameters = [
            each
            for each in list(inspect.signature(method).parameters.values())[1:]
            if each.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        yield _element(parent, name, parameters)


def _element(parent: type, method: str, parameters: list[inspect.Parameter]) -> Element:
    """The element that this method of the library makes, told by where the mark of each parameter arrives."""
    marks = {each.name: f"mark-{each.name}" for each in parameters}
    made: Any = getattr(parent(*_positional(parent)), method)(**marks)
    musts = {marks[each.name] for each in parameters if each.default is inspect.Parameter.empty}
    held = {value: key for key, value in made.attrs.items()}
    lost = set(marks.values()) - set(held) - {made.value}
    if lost:
        raise RuntimeError(f"the twilio library's <{made.name}> hides {sorted(lost)}: derive it another way")
    return Element(
        name=made.name,
        kind=type(made),
        attributes=frozenset(held.values()),
        required=frozenset(held[mark] for mark in musts if mark in held),
        text=made.value is not None or _mixed(type(made)),
        text_required=made.value in musts,
    )


def _positional(kind: type) -> list[str]:
    """Marks for what the library's constructor insists on, such as the URL of a Redirect."""
    return [
        "mark"
        for each in list(inspect.signature(kind).parameters.values())
        if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and each.default is inspect.Parameter.empty
    ]


def _mixed(kind: type) -> bool:
    """Whether the class takes words of its own (Say and its SSML), whatever this builder method passes."""
    return any(
        each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        for each in inspect.signature(kind).parameters.values()
    )


@cache
def children(kind: type) -> Mapping[str, Element]:
    """What may stand inside an element of this class of the library, by name."""
    return {each.name: each for each in _elements(kind)}


@cache
def root() -> Element:
    """`<Response>`, of which everything else is derived."""
    from twilio.twiml.voice_response import VoiceResponse

    return Element(ROOT, VoiceResponse, frozenset(), frozenset(), text=False, text_required=False)


def validate(document: str) -> list[str]:
    """The document's faults, a sentence each; none: a carrier runs it, and no Gather falls into silence."""
    size = len(document.encode("utf-8", "surrogatepass"))
    if size > DOCUMENT_BYTES_MAX:
        return [f"the document has {size} bytes, the carrier takes {DOCUMENT_BYTES_MAX}"]
    if "<!DOCTYPE" in document or "<!ENTITY" in document:
        return ["a document type has no place in TwiML"]
    try:
        tree = ET.fromstring(document)  # noqa: S314 - expat expands no entity here: a document type is refused above
    except (ET.ParseError, ValueError) as fault:
        return [f"it is no XML: {fault}"]
    if tree.tag != ROOT:
        return [f"it begins with <{tree.tag}>, not with <{ROOT}>"]
    return [*_faults(tree, root(), ROOT), *verbs.faults(tree)]


def _faults(node: ET.Element, element: Element, path: str) -> Iterator[str]:
    given = [name.replace(_XML_NAMESPACE, "xml:") for name in node.keys()]  # noqa: SIM118 - a node is no mapping
    for name in given:
        if name not in element.attributes:
            yield f"{path} has no attribute {name}"
    for name in sorted(element.required.difference(given)):
        yield f"{path} needs the attribute {name}"
    words = (node.text or "") + "".join(child.tail or "" for child in node)
    if words.strip() and not element.text:
        yield f"{path} holds text, and may not: {words.strip()[:40]!r}"
    if element.text_required and not words.strip() and not len(node):
        yield f"{path} is empty"
    allowed = children(element.kind)
    for number, child in enumerate(node, start=1):
        inside = f"{path} > {child.tag}[{number}]"
        if child.tag not in allowed:
            yield f"{path} may not hold <{child.tag}>"
            continue
        yield from _faults(child, allowed[child.tag], inside)
