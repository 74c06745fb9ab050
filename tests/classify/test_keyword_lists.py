"""A keyword in an XMP packet."""

import xml.etree.ElementTree as ET
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog_gui.classify import xmp
from catdog_gui.classify.keyword_lists import EMPTY_PACKET, with_keyword
from catdog_gui.classify.keywords import keyword_of
from catdog_gui.classify.xmp import PacketError, packets_in

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
LISTS = (
    f"{{{DC}}}subject",
    "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject",
    "{http://www.digikam.org/ns/1.0/}TagsList",
)
WHOLE = with_keyword(EMPTY_PACKET, "cat")


def listed(packet: bytes) -> list[list[str | None]]:
    """Return the keywords of each list, read by a parser that knows nothing of how we write."""
    tree = ET.ElementTree(file=BytesIO(packet))
    return [
        [entry.text for found in tree.iter(name) for entry in found.iter(f"{{{RDF}}}li")]
        for name in LISTS
    ]


def description(properties: str, declarations: str = f'xmlns:dc="{DC}"') -> str:
    return (
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" {declarations}>'
        f"{properties}</rdf:Description></rdf:RDF>"
    )


@pytest.mark.parametrize(
    "packet",
    [
        f'<rdf:RDF xmlns:rdf="{RDF}"/>',
        f'<RDF xmlns="{RDF}"><Description/></RDF>',
        f'<r:RDF xmlns:r="{RDF}"><r:Description r:about=">" ><!-- > --></r:Description></r:RDF>',
        f'\ufeff<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description é="1"/>\r\n</rdf:RDF>\r\n',
        description("<dc:subject/>"),
        description("<dc:subject/>", 'xmlns:dc="another"'),
        description("<dc:subject >\n</dc:subject >"),
        description("<dc:subject><rdf:Alt/></dc:subject>"),
        description("<s:subject><rdf:Seq></rdf:Seq></s:subject>", f'a="" xmlns:s="{DC}"'),
        description("<![CDATA[<dc:subject>]]>"),
    ],
)
def test_a_packet_of_any_form_gets_its_keyword(packet: str) -> None:
    changed = with_keyword(packet.encode(), "cat")
    assert listed(changed) == [["cat"], ["cat"], ["cat"]]
    assert listed(with_keyword(changed, "dog")) == [["dog"], ["dog"], ["dog"]]
    assert listed(with_keyword(changed, "")) == [[], [], []]


def test_a_packet_in_which_our_entries_would_mean_something_else_is_refused() -> None:
    packet = f'<dc:RDF xmlns:dc="{RDF}"><dc:Description dc:about=""/></dc:RDF>'
    with pytest.raises(PacketError, match="not understood"):
        with_keyword(packet.encode(), "cat")


def test_lists_that_others_keywords_would_be_overlooked_for_are_not_begun() -> None:
    packet = description("<dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>")
    assert listed(with_keyword(packet.encode(), "cat")) == [["sea", "cat"], [], []]


@given(st.binary() | st.binary().map(lambda some: EMPTY_PACKET[:300] + some))
def test_bytes_that_are_no_packet_are_refused(content: bytes) -> None:
    with pytest.raises(PacketError):
        with_keyword(content, "cat")


@given(st.integers(0, len(WHOLE)), st.integers(0, 200), st.binary(max_size=20))
def test_a_damaged_packet_is_refused_or_changed_and_changed_back(
    start: int, length: int, some: bytes
) -> None:
    damaged = WHOLE[:start] + some + WHOLE[start + length :]
    try:
        changed = with_keyword(damaged, "dog")
    except PacketError:
        return
    assert with_keyword(changed, "dog") == changed
    assert b"<rdf:li>dog</rdf:li>" not in with_keyword(changed, "")


@given(st.text())
def test_every_label_makes_a_keyword_that_reads_back(label: str) -> None:
    keyword = keyword_of(label)
    changed = with_keyword(EMPTY_PACKET, keyword)
    assert with_keyword(changed, keyword) == changed
    assert with_keyword(changed, "") == EMPTY_PACKET


META = EMPTY_PACKET[EMPTY_PACKET.index(b"<x:") : EMPTY_PACKET.rindex(b"\n<?")]
OUTER = EMPTY_PACKET.rstrip(b"\n")


@pytest.mark.parametrize("chunk", [100, 997, 4_000_000])
@pytest.mark.parametrize("before", [0, 1, 60, 95, 1000])
def test_packets_are_found_wherever_pieces_of_the_file_end(
    monkeypatch: pytest.MonkeyPatch, chunk: int, before: int
) -> None:
    monkeypatch.setattr(xmp, "_CHUNK", chunk)
    content = b"\0" * before + OUTER + b"<x:xmpmeta \xff" + b"<" * 99 + EMPTY_PACKET
    assert list(packets_in(BytesIO(content))) == [META, OUTER, META, OUTER]


def test_a_packet_without_an_element_around_its_rdf_is_found() -> None:
    packet = f'<?xpacket begin="" id=""?><rdf:RDF xmlns:rdf="{RDF}"/><?xpacket end=\'r\'?>'.encode()
    assert list(packets_in(BytesIO(b"II*\0" + packet + b"\0"))) == [packet]


@pytest.mark.parametrize("chunk", [100, 4_000_000])
def test_packets_that_are_too_large_or_too_far_back_are_not_taken(
    monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(xmp, "_CHUNK", chunk)
    monkeypatch.setattr(xmp, "MOST_BYTES", len(META))
    large = META.replace(b"</x:", b" </x:")
    assert list(packets_in(BytesIO(large + META))) == [META]
    monkeypatch.setattr(xmp, "MOST_SCANNED", 0)
    assert list(packets_in(BytesIO(META))) == []


def test_a_file_of_nothing_but_marks_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xmp, "_CHUNK", 1000)
    monkeypatch.setattr(xmp, "_MOST_MARKS", 200)
    hostile = b"<x:xmpmeta " * 1000
    assert list(packets_in(BytesIO(hostile[:1100] + META))) == [META]
    assert list(packets_in(BytesIO(hostile + META))) == []


@given(
    st.lists(st.sampled_from([b"<x:xmpmeta ", b"</x:xmpmeta>", b"<?xpacket begin=", b"\0" * 99]))
)
def test_marks_in_disorder_harm_nothing(marks: list[bytes]) -> None:
    for packet in packets_in(BytesIO(b"".join(marks))):
        assert packet.count(b"<x:xmpmeta") == 1
