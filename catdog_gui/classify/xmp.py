"""XMP packets, found in files, and changed so that what is not meant stays, byte for byte.

A packet is parsed only to find places in it; a change cuts out and puts in bytes there. So what
other programs wrote stays theirs: prefixes, comments, order, processing instructions, padding.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, Self
from xml.parsers import expat

from training.errors import CatDogError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

_MOST_ELEMENTS = 200_000
"""A packet has some thousands at most; a hostile one of 10 MB could hold millions."""

MOST_BYTES = 10_000_000
"""Larger packets are left alone."""

MOST_SCANNED = 300_000_000
"""How far into a photo packets are looked for: as far as photos are read at all."""
_CHUNK = 4_000_000

_MARK = re.compile(
    rb"<(?:(?P<begins>\?xpacket begin=|x:xmpmeta[\s>])"
    rb"|\?xpacket end=[^>]{0,20}\?>|/x:xmpmeta\s{0,9}>)"
)
"""Where a packet begins or ends; packets are made to be found so in files of any format."""
_LONGEST_MARK = 64
_MOST_MARKS = 10_000
"""How many are looked at; a photo has some, a hostile file could hold millions."""

_START_TAG = re.compile(rb"""<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*/?>""")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=]+)\s*=\s*("[^"]*"|'[^']*')""")
_WHITE = b" \t\r\n"


class PacketError(CatDogError):
    """A packet is left as it is; the message is the reason, without the file's name."""


def packets_in(file: BinaryIO) -> Iterator[bytes]:
    """Return what looks like packets in a file, whatever its format, without decoding it.

    An element `x:xmpmeta` comes before the packet around it, which need not have one. See part 3
    of Adobe's XMP Specification, "Scanning files for XMP Packets".

    Args:
        file: Read in pieces, to `MOST_SCANNED` at most.
    """
    held, scanned, marks, begun = b"", 0, 0, dict[bool, int]()
    for _ in range(MOST_SCANNED // _CHUNK):
        chunk = file.read(_CHUNK)
        if not chunk or marks > _MOST_MARKS:
            return
        held += chunk
        for mark in _MARK.finditer(held, scanned):
            scanned, marks = mark.end(), marks + 1
            is_outer = b"xpacket" in mark[0]
            if mark["begins"]:
                begun[is_outer] = mark.start()
                continue
            start = begun.pop(is_outer, scanned)
            if 0 < scanned - start <= MOST_BYTES:
                yield held[start:scanned]
        scanned = max(scanned, len(held) - _LONGEST_MARK)
        begun = {key: at for key, at in begun.items() if len(held) - at <= MOST_BYTES}
        done = min([scanned, *begun.values()])
        held, scanned = held[done:], scanned - done
        begun = {key: at - done for key, at in begun.items()}


class Edit(NamedTuple):
    """Bytes that take the place of those from `start` to `end`."""

    start: int
    end: int
    content: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """An element and where it lies; names are a namespace and a local name with a space between."""

    name: str
    attributes: dict[str, str]
    declared: frozenset[tuple[str | None, str]]
    """The prefixes that it declares, and their namespaces."""
    children: tuple["Element", ...]
    text: str
    """Its own, without white space around."""
    start: int
    opened: int
    """Where its start tag ends."""
    end: int

    def named(self, name: str) -> Iterator["Element"]:
        """Return the children of a name."""
        return (child for child in self.children if child.name == name)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet's bytes, and the rdf:RDF in it."""

    content: bytes
    rdf: Element

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Find the elements of a packet.

        Raises:
            PacketError: It is no XMP in UTF-8, or has what no XMP has.
        """
        if b"\0" in content:  # as in UTF-16, which expat would recognise by itself
            raise PacketError("it is not written in UTF-8")
        found = _Reader(content).read()
        if len(found) != 1:
            raise PacketError("it is XML, but no XMP")
        return cls(content, found[0])

    @property
    def descriptions(self) -> tuple[Element, ...]:
        """The elements among whose children and attributes the properties are."""
        return tuple(self.rdf.named(f"{RDF} Description"))

    def changed(self, edits: Iterable[Edit]) -> bytes:
        """Return the packet's bytes after edits that do not overlap."""
        content = self.content
        for edit in sorted(edits, reverse=True):
            content = content[: edit.start] + edit.content + content[edit.end :]
        return content

    def append(self, element: Element, fragments: Iterable[str]) -> Edit:
        """Return what puts fragments behind an element's last child, indented as that is."""
        if element.children:
            last = element.children[-1]
            lead = self.content[self._before(last.start) : last.start]
            return Edit(last.end, last.end, _joined(lead, fragments))
        outer = self.content[self._before(element.start) : element.start]
        inner = _joined(outer + b" ", fragments)
        if not self._is_empty_tag(element):
            return Edit(element.opened, element.opened, inner)
        content = b">%s%s</%s>" % (inner, outer, self._tag(element))
        return Edit(element.opened - len("/>"), element.opened, content)

    def cut(self, element: Element) -> Edit:
        """Return what takes out an element with the white space before it."""
        return Edit(self._before(element.start), element.end, b"")

    def set_attribute(self, element: Element, name: str, escaped: str) -> Edit:
        """Return what gives an attribute another value, or takes it out if that is empty."""
        # expat tells attributes in their order, and leaves out the declarations of namespaces.
        written = [
            match
            for match in _ATTRIBUTE.finditer(self.content, element.start, element.opened)
            if match[1].partition(b":")[0] != b"xmlns"
        ]
        attribute = written[list(element.attributes).index(name)]
        if not escaped:
            return Edit(*attribute.span(), b"")
        return Edit(*attribute.span(2), f'"{escaped}"'.encode())

    def prefix(self, element: Element) -> str:
        """Return an element's prefix with its colon, as it is written; or nothing."""
        prefix, colon, _ = self._tag(element).rpartition(b":")
        return (prefix + colon).decode()

    def _is_empty_tag(self, element: Element) -> bool:
        return self.content.endswith(b"/>", element.start, element.opened)

    def _tag(self, element: Element) -> bytes:
        tag = self.content[element.start + 1 : element.opened]
        return re.split(rb"[\s/>]", tag, maxsplit=1)[0]

    def _before(self, position: int) -> int:
        """Return where the white space before a position begins."""
        return len(self.content[:position].rstrip(_WHITE))


def _joined(lead: bytes, fragments: Iterable[str]) -> bytes:
    return b"".join(lead + fragment.encode() for fragment in fragments)


@dataclass(slots=True)
class _OpenElement:
    """An element whose end has not come yet."""

    attributes: dict[str, str]
    declared: frozenset[tuple[str | None, str]]
    start: int
    opened: int
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


class _Reader:
    """Makes elements of what expat tells."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._open: list[_OpenElement] = []
        self._declared: set[tuple[str | None, str]] = set()
        self._elements = 0
        self._found: list[Element] = []
        self._parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = self._see_declaration
        self._parser.StartDoctypeDeclHandler = self._see_doctype
        self._parser.StartNamespaceDeclHandler = self._see_namespace
        self._parser.StartElementHandler = self._see_start
        self._parser.EndElementHandler = self._see_end
        self._parser.CharacterDataHandler = self._see_text

    def read(self) -> list[Element]:
        """Return every rdf:RDF that is the root or right below it."""
        try:
            self._parser.Parse(self._content, True)
        except expat.ExpatError as error:
            raise PacketError("it is damaged or no XMP") from error
        return self._found

    def _see_declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding and encoding.lower() != "utf-8":
            raise PacketError("it is not written in UTF-8")

    def _see_doctype(self, *declaration: str | bool | None) -> None:
        raise PacketError("it has a DOCTYPE, which XMP never has")

    def _see_namespace(self, prefix: str | None, namespace: str) -> None:
        self._declared.add((prefix, namespace))

    def _see_start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        start = self._parser.CurrentByteIndex
        tag = _START_TAG.match(self._content, start)
        if tag is None or self._elements > _MOST_ELEMENTS:
            raise PacketError("it holds more than XMP does")
        declared = frozenset(self._declared)
        self._declared.clear()
        self._open.append(_OpenElement(attributes, declared, start, tag.end()))

    def _see_text(self, text: str) -> None:
        self._open[-1].texts.append(text)

    def _see_end(self, name: str) -> None:
        ended = self._open.pop()
        end = ended.opened
        if not self._content.endswith(b"/>", ended.start, ended.opened):
            end = self._content.index(b">", self._parser.CurrentByteIndex) + 1
        element = Element(
            name=name,
            attributes=ended.attributes,
            declared=ended.declared,
            children=tuple(ended.children),
            text="".join(ended.texts).strip(),
            start=ended.start,
            opened=ended.opened,
            end=end,
        )
        if self._open:
            self._open[-1].children.append(element)
        if name == f"{RDF} RDF" and len(self._open) <= 1:
            self._found.append(element)
