"""A keyword in an XMP packet, put in and taken out, with others' keywords left alone.

There is no one property for keywords. `dc:subject` is the flat one that everybody reads; Lightroom
and Bridge take the hierarchy from `lr:hierarchicalSubject`; digiKam believes the first of
`digiKam:TagsList`, `lr:hierarchicalSubject` and `dc:subject` that holds anything, and looks at no
other. What we wrote to one of them is noted in a property in a namespace of our own, and nothing
else is ever taken out.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Self

from catdog_gui.classify.xmp import RDF, Edit, Element, Packet, PacketError

_CONTAINERS = frozenset({f"{RDF} Bag", f"{RDF} Seq", f"{RDF} Alt"})
_OURS = "https://catdog-studio.invalid/ns/1.0/"
_ODD = "its keywords are written in a way that is not understood"


@dataclass(frozen=True, slots=True)
class _Property:
    """A property that lists keywords."""

    prefix: str
    namespace: str
    local: str
    container: str
    separator: str = ""
    """What stands between the levels of a hierarchy; nothing in a flat list."""

    @property
    def name(self) -> str:
        return f"{self.namespace} {self.local}"

    @property
    def note_local(self) -> str:
        return f"Our{self.local[0].upper()}{self.local[1:]}"

    @property
    def note(self) -> str:
        """The name of the property that says which of the keywords is ours."""
        return f"{_OURS} {self.note_local}"

    def spelled(self, keyword: str) -> str:
        """Return a keyword as one level of the hierarchy."""
        return re.sub(r"[|/]", "_", keyword) if self.separator else keyword

    def lowest(self, entry: str) -> str:
        """Return an entry's lowest level, which is the keyword itself."""
        return entry.rpartition(self.separator)[2] if self.separator else entry


_PROPERTIES = (
    _Property("dc", "http://purl.org/dc/elements/1.1/", "subject", "Bag"),
    _Property("lr", "http://ns.adobe.com/lightroom/1.0/", "hierarchicalSubject", "Bag", "|"),
    _Property("digiKam", "http://www.digikam.org/ns/1.0/", "TagsList", "Seq", "/"),
)
"""From the one that digiKam believes last to the one that it believes first."""

_NAMESPACES = {each.prefix: each.namespace for each in _PROPERTIES} | {"catdog": _OURS}
_DECLARATIONS = "".join(f'\n    xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES.items())

EMPTY_PACKET = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{RDF}">
  <rdf:Description rdf:about=""{_DECLARATIONS}>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
""".encode()


def with_keyword(content: bytes, keyword: str) -> bytes:
    """Return a packet in which a keyword is the one that this program wrote.

    The one that it wrote before goes. A keyword that is there already, on whatever level of a
    hierarchy, is neither written again nor regarded as ours. A property that is not there is added
    only if digiKam would not overlook others' keywords for it.

    Args:
        content: The packet's bytes.
        keyword: In characters that XML allows; empty to only take out the one before.

    Raises:
        PacketError: It is no packet, or not understood well enough to be changed.
    """
    changed = _with_keyword(content, keyword)
    # However oddly a packet uses its prefixes: what does not read as it was meant is not written.
    if changed != content and _with_keyword(changed, keyword) != changed:
        raise PacketError(_ODD)
    return changed


def _with_keyword(content: bytes, keyword: str) -> bytes:
    packet = Packet.read(content)
    if not packet.descriptions:
        if not keyword:
            return content
        description = f'<rdf:Description xmlns:rdf="{RDF}" rdf:about=""/>'
        return _with_keyword(packet.changed([packet.append(packet.rdf, [description])]), keyword)
    changes = _Changes(packet)
    may_begin = True
    for each in _PROPERTIES:
        listed = _Listed.read(packet, each)
        may_begin = may_begin and not listed.others
        changes.set_keyword(listed, each.spelled(keyword), may_begin=may_begin)
    return changes.made()


@dataclass(frozen=True, slots=True)
class _Listed:
    """What a packet lists in a property, and which of it is ours."""

    kind: _Property
    element: Element | None
    container: Element | None
    mine: Element | None
    """Our entry."""
    others: tuple[str, ...]
    """All other entries."""
    noted_in: Element | None
    """The description with the note of ours, be it an element or an attribute."""
    note: Element | None
    ours: str

    @classmethod
    def read(cls, packet: Packet, kind: _Property) -> Self:
        """Find a property.

        Raises:
            PacketError: It is there twice, or is no list.
        """
        descriptions = packet.descriptions
        element = _only(found for each in descriptions for found in each.named(kind.name))
        container = _container(element) if element else None
        if any(kind.name in each.attributes for each in descriptions):
            raise PacketError(_ODD)
        note = _only(found for each in descriptions for found in each.named(kind.note))
        noted_in = _only(
            each for each in descriptions if kind.note in each.attributes or note in each.children
        )
        ours = note.text if note else noted_in.attributes[kind.note] if noted_in else ""
        entries = list(container.named(f"{RDF} li")) if container else []
        mine = next((entry for entry in entries if ours and entry.text == ours), None)
        others = tuple(entry.text for entry in entries if entry is not mine)
        return cls(kind, element, container, mine, others, noted_in, note, ours)


def _container(element: Element) -> Element | None:
    """Return what holds a property's entries; an empty property has none."""
    if not element.children and not element.text and not element.attributes:
        return None
    container = _only(element.children)
    if container is None or container.name not in _CONTAINERS:
        raise PacketError(_ODD)
    return container


def _only(found: Iterable[Element]) -> Element | None:
    elements = list(found)
    if len(elements) > 1:
        raise PacketError(_ODD)
    return elements[0] if elements else None


class _Changes:
    """Gathers what is to be changed in a packet."""

    def __init__(self, packet: Packet) -> None:
        self._packet = packet
        self._edits: list[Edit] = []
        self._added: list[str] = []
        """Properties that the first description gets."""

    def made(self) -> bytes:
        """Return the packet after all changes."""
        if self._added:
            self._edits.append(self._packet.append(self._packet.descriptions[0], self._added))
        return self._packet.changed(self._edits)

    def set_keyword(self, listed: _Listed, keyword: str, *, may_begin: bool) -> None:
        """Have a list hold a keyword, or none of ours."""
        if listed.mine and keyword == listed.ours:
            return
        is_there = keyword in map(listed.kind.lowest, listed.others)
        may_add = bool(listed.mine or listed.others) or may_begin
        written = keyword if may_add and not is_there else ""
        if listed.mine:
            self._change_entry(listed, listed.mine, written)
        elif written:
            self._add_entry(listed, written)
        self._set_note(listed, written)

    def _change_entry(self, listed: _Listed, mine: Element, keyword: str) -> None:
        if keyword:
            entry = _entry(self._packet.prefix(mine), keyword)
            self._edits.append(Edit(mine.start, mine.end, entry.encode()))
        elif listed.others or listed.element is None:
            self._edits.append(self._packet.cut(mine))
        else:
            self._edits.append(self._packet.cut(listed.element))

    def _add_entry(self, listed: _Listed, keyword: str) -> None:
        if listed.container:
            entry = _entry(self._packet.prefix(listed.container), keyword)
            self._edits.append(self._packet.append(listed.container, [entry]))
            return
        description = self._packet.descriptions[0]
        rdf = self._packet.prefix(description)
        name = f"{rdf}{listed.kind.container}"
        container = f"<{name}>{_entry(rdf, keyword)}</{name}>"
        if listed.element:
            self._edits.append(self._packet.append(listed.element, [container]))
        else:
            kind = listed.kind
            self._added.append(_property(description, kind.prefix, kind.local, container))

    def _set_note(self, listed: _Listed, keyword: str) -> None:
        kind, description = listed.kind, listed.noted_in or self._packet.descriptions[0]
        written = _property(description, "catdog", kind.note_local, escape(keyword))
        if listed.note and keyword:
            self._edits.append(Edit(listed.note.start, listed.note.end, written.encode()))
        elif listed.note:
            self._edits.append(self._packet.cut(listed.note))
        elif listed.noted_in:
            self._edits.append(self._packet.set_attribute(description, kind.note, escape(keyword)))
        elif keyword:
            self._added.append(written)


def _entry(rdf: str, keyword: str) -> str:
    return f"<{rdf}li>{escape(keyword)}</{rdf}li>"


def _property(description: Element, prefix: str, local: str, content: str) -> str:
    namespace = _NAMESPACES[prefix]
    is_declared = (prefix, namespace) in description.declared
    declaration = "" if is_declared else f' xmlns:{prefix}="{namespace}"'
    return f"<{prefix}:{local}{declaration}>{content}</{prefix}:{local}>"
