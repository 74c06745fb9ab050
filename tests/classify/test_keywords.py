"""Labels as keywords in XMP side files."""

import os
import stat
import sys
import xml.etree.ElementTree as ET
from io import BytesIO
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from catdog_gui.classify import keywords
from catdog_gui.classify.keyword_lists import EMPTY_PACKET, with_keyword
from catdog_gui.classify.keywords import KeywordsWritten, SideFiles, write_keywords
from tests.helpers.photos import write_photo

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
SUBJECT = "{http://purl.org/dc/elements/1.1/}subject"
HIERARCHY = "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject"
TAGS = "{http://www.digikam.org/ns/1.0/}TagsList"
WRITTEN, UNCHANGED = KeywordsWritten(1, 0, ()), KeywordsWritten(0, 1, ())

LIGHTROOM = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 7.0-c000 1.000000">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
   xmp:Rating="4"
   crs:Exposure2012='+0.35'
   crs:RawFileName="a &gt; b.NEF">
   <!-- as shot -->
   <dc:subject>
    <rdf:Bag>
     <rdf:li>beach</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <lr:hierarchicalSubject>
    <rdf:Bag>
     <rdf:li>places|beach</rdf:li>
    </rdf:Bag>
   </lr:hierarchicalSubject>
   <crs:ToneCurve><rdf:Seq><rdf:li>0, 0</rdf:li></rdf:Seq></crs:ToneCurve>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""

DARKTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:darktable="http://darktable.sf.net/"
   xmp:Rating="1"
   darktable:xmp_version="5">
   <darktable:history>
    <rdf:Seq>
     <rdf:li
      darktable:num="0"
      darktable:params="gz02eJxjYGBgYAFiCQYYOOHEgAZY0QVwggZ7CB6pfNoAAEkgGQQ="/>
    </rdf:Seq>
   </darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return write_photo(tmp_path / "IMG.jpg")


def listed(side_file: Path, name: str) -> list[str]:
    """Return a property's entries, read by a parser that knows nothing of how we write."""
    found = ET.ElementTree(file=side_file).find(f".//{RDF}Description/{name}")
    return [] if found is None else [entry.text or "" for entry in found.iter(f"{RDF}li")]


def all_listed(side_file: Path) -> list[list[str]]:
    return [listed(side_file, name) for name in (SUBJECT, HIERARCHY, TAGS)]


def beside(photo: Path, content: str | bytes) -> Path:
    side_file = photo.with_suffix(".xmp")
    side_file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return side_file


def packet_with(properties: str) -> str:
    return EMPTY_PACKET.decode().replace("  </rdf:D", f"{properties}  </rdf:D")


def test_a_new_side_file_holds_the_label_where_each_program_looks(photo: Path) -> None:
    content = photo.read_bytes()
    assert write_keywords([(photo, "cat")]) == WRITTEN
    side_file = photo.with_suffix(".xmp")
    assert all_listed(side_file) == [["cat"], ["cat"], ["cat"]]
    assert side_file.read_text(encoding="utf-8").startswith('<?xpacket begin="\ufeff" id="W5M0')
    assert photo.read_bytes() == content
    assert sorted(photo.parent.iterdir()) == [photo, side_file]


def test_a_side_file_is_readable_to_whom_other_files_are(photo: Path) -> None:
    write_keywords([(photo, "cat")])
    (photo.parent / "other").touch()
    other = stat.S_IMODE((photo.parent / "other").stat().st_mode)
    assert stat.S_IMODE(photo.with_suffix(".xmp").stat().st_mode) == other


def test_writing_the_same_again_leaves_the_file_alone(photo: Path) -> None:
    write_keywords([(photo, "cat")])
    before = photo.with_suffix(".xmp").stat()
    assert write_keywords([(photo, "cat")]) == UNCHANGED
    after = photo.with_suffix(".xmp").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_another_label_takes_the_place_of_the_one_before(photo: Path) -> None:
    write_keywords([(photo, "cat")])
    assert write_keywords([(photo, "dog")]) == WRITTEN
    assert all_listed(photo.with_suffix(".xmp")) == [["dog"], ["dog"], ["dog"]]
    assert "cat<" not in photo.with_suffix(".xmp").read_text(encoding="utf-8")


@pytest.mark.parametrize("label", ["unsure", "", "unreadable"])
def test_a_photo_without_a_class_loses_the_keyword_and_gets_none(photo: Path, label: str) -> None:
    assert write_keywords([(photo, label)]) == UNCHANGED
    assert not photo.with_suffix(".xmp").exists()
    write_keywords([(photo, "cat")])
    assert write_keywords([(photo, label)]) == WRITTEN
    assert photo.with_suffix(".xmp").read_bytes() == EMPTY_PACKET


def test_neither_is_a_keyword_as_classes_are(photo: Path) -> None:
    write_keywords([(photo, "neither")])
    assert listed(photo.with_suffix(".xmp"), SUBJECT) == ["neither"]


def test_lightrooms_file_gets_a_keyword_and_keeps_its_every_byte(photo: Path) -> None:
    side_file = beside(photo, LIGHTROOM)
    assert write_keywords([(photo, "cat")]) == WRITTEN
    # digiKam would overlook the other keywords if there were a list of its own.
    assert all_listed(side_file) == [["beach", "cat"], ["places|beach", "cat"], []]
    assert write_keywords([(photo, "unsure")]) == WRITTEN
    assert side_file.read_bytes() == LIGHTROOM.encode()


def test_what_is_added_lies_between_what_was_there(photo: Path) -> None:
    side_file = beside(photo, LIGHTROOM)
    write_keywords([(photo, "cat")])
    rest = side_file.read_text(encoding="utf-8")
    for line in LIGHTROOM.splitlines():
        assert line in rest
        rest = rest[rest.index(line) + len(line) :]


def test_darktables_file_keeps_its_history(photo: Path) -> None:
    side_file = beside(photo, DARKTABLE)
    write_keywords([(photo, "cat")])
    assert all_listed(side_file) == [["cat"], ["cat"], ["cat"]]
    write_keywords([(photo, "dog")])
    write_keywords([(photo, "unsure")])
    assert side_file.read_bytes() == DARKTABLE.encode()


def test_a_user_s_own_keyword_is_not_doubled_and_never_removed(photo: Path) -> None:
    side_file = beside(photo, LIGHTROOM)
    assert write_keywords([(photo, "beach")]) == UNCHANGED
    write_keywords([(photo, "cat")])
    write_keywords([(photo, "beach")])
    write_keywords([(photo, "unsure")])
    assert side_file.read_bytes() == LIGHTROOM.encode()


def test_a_keyword_that_stands_in_a_hierarchy_is_there(photo: Path) -> None:
    tags = "<digiKam:TagsList><rdf:Seq><rdf:li>Animals/cat</rdf:li></rdf:Seq></digiKam:TagsList>"
    side_file = beside(photo, packet_with(tags))
    write_keywords([(photo, "cat")])
    assert all_listed(side_file) == [["cat"], ["cat"], ["Animals/cat"]]


def test_a_keyword_that_the_user_took_out_comes_back_when_it_is_written_again(photo: Path) -> None:
    write_keywords([(photo, "cat")])
    side_file = photo.with_suffix(".xmp")
    content = side_file.read_bytes().replace(b"<rdf:li>cat</rdf:li>", b"")
    side_file.write_bytes(content)
    assert write_keywords([(photo, "cat")]) == WRITTEN
    assert all_listed(side_file) == [["cat"], ["cat"], ["cat"]]


def test_our_note_is_known_as_an_attribute_too(photo: Path) -> None:
    ours = "https://catdog-studio.invalid/ns/1.0/"
    packet = f"""<rdf:RDF xmlns:rdf="{RDF[1:-1]}">
      <rdf:Description rdf:about='' xmlns:dc="http://purl.org/dc/elements/1.1/"
        xmlns:o="{ours}" o:OurSubject = 'cat' o:kept="1"><dc:subject><rdf:Bag><rdf:li>cat</rdf:li>
      <rdf:li>sea</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF>"""
    side_file = beside(photo, packet)
    write_keywords([(photo, 'd"og')])
    assert listed(side_file, SUBJECT) == ['d"og', "sea"]
    assert 'o:OurSubject = "d&quot;og" o:kept="1"' in side_file.read_text(encoding="utf-8")
    write_keywords([(photo, "")])
    assert listed(side_file, SUBJECT) == ["sea"]
    assert "OurSubject" not in side_file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is damaged or no XMP"),
        (b"\xff\xd8\xff\xe0 a JPEG", "it is damaged or no XMP"),
        (EMPTY_PACKET[:-60], "it is damaged or no XMP"),
        (b"<a/>", "it is XML, but no XMP"),
        (DARKTABLE.replace("about", "odd:about").encode(), "it is damaged or no XMP"),
        (b"<!DOCTYPE a [<!ENTITY b 'b'>]>" + LIGHTROOM.encode(), "DOCTYPE"),
        (LIGHTROOM.encode("utf-16"), "UTF-8"),
        (DARKTABLE.replace("UTF-8", "ISO-8859-1").encode(), "UTF-8"),
        (packet_with("<dc:subject>cat</dc:subject>").encode(), "not understood"),
        (packet_with("<dc:subject/><dc:subject/>").encode(), "not understood"),
        (packet_with("<dc:subject><rdf:li/></dc:subject>").encode(), "not understood"),
        (DARKTABLE.replace("xmp:Rating", 'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:subject')
         .encode(), "not understood"),
        (b"<a>" * 300_000 + b"</a>" * 300_000, "more than XMP does"),
        (b" " * 10_000_001, "it is larger than 10 MB"),
    ],
)  # fmt: skip
def test_a_side_file_that_is_not_understood_stays_as_it_is(
    photo: Path, content: bytes, reason: str
) -> None:
    side_file = beside(photo, content)
    other = write_photo(photo.with_name("other.jpg"))
    outcome = write_keywords([(photo, "cat"), (other, "dog")])
    assert side_file.read_bytes() == content
    assert [path for path, _ in outcome.refused] == [photo]
    assert reason in outcome.refused[0][1]
    assert listed(other.with_suffix(".xmp"), SUBJECT) == ["dog"]


def test_separators_of_hierarchies_and_forbidden_characters_are_replaced(photo: Path) -> None:
    write_keywords([(photo, "a|b/c <&>\x00\ud800\ufffe\n😀")])
    flat, level = "a|b/c <&>___ 😀", "a_b_c <&>___ 😀"
    assert all_listed(photo.with_suffix(".xmp")) == [[flat], [level], [level]]


def photo_with(packet: str, kind: str) -> bytes:
    """Return a photo of a kind that holds a packet."""
    image, content = Image.new("RGB", (8, 8)), BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(content, xmp=packet.encode())
        return content.getvalue()
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", packet)
    if kind == "PNG":
        image.save(content, kind, pnginfo=text)
    elif kind == "TIFF":
        image.save(content, kind, tiffinfo={700: packet.encode()})
    else:
        image.save(content, kind, xmp=packet.encode())
    return content.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
def test_a_new_side_file_begins_with_the_photos_own_xmp(tmp_path: Path, kind: str) -> None:
    photo = tmp_path / "IMG.jpg"
    photo.write_bytes(photo_with(LIGHTROOM, kind))
    write_keywords([(photo, "cat")])
    side_file = photo.with_suffix(".xmp")
    assert 'xmp:Rating="4"' in side_file.read_text(encoding="utf-8")
    assert listed(side_file, SUBJECT) == ["beach", "cat"]


@pytest.mark.parametrize("head", [b"\xff\xd8\xff", b"\0\0\0\x18ftypheic", b"\x89PNG\r\n\x1a\n"])
def test_a_photo_that_no_decoder_can_open_is_searched_for_xmp_all_the_same(
    tmp_path: Path, head: bytes
) -> None:
    photo = tmp_path / "IMG.jpg"
    photo.write_bytes(head + LIGHTROOM.encode())
    write_keywords([(photo, "cat")])
    assert listed(photo.with_suffix(".xmp"), SUBJECT) == ["beach", "cat"]


def test_of_a_photos_packets_the_first_that_is_understood_begins_the_side_file(
    tmp_path: Path,
) -> None:
    odd = packet_with("<dc:subject>cat</dc:subject>")
    photo = tmp_path / "IMG.jpg"
    photo.write_bytes(f"<x:xmpmeta {odd}{LIGHTROOM}{DARKTABLE}".encode())
    write_keywords([(photo, "cat")])
    assert listed(photo.with_suffix(".xmp"), SUBJECT) == ["beach", "cat"]


def test_a_photo_whose_own_xmp_is_broken_gets_a_side_file_all_the_same(tmp_path: Path) -> None:
    photo = tmp_path / "IMG.jpg"
    Image.new("RGB", (8, 8)).save(photo, xmp=b"<x:xmpmeta")
    assert write_keywords([(photo, "cat")]) == WRITTEN


@pytest.mark.skipif(sys.platform == "win32", reason="Windows makes links for few")
@pytest.mark.parametrize("label", ["unsure", "", "unreadable"])
def test_a_photo_that_cannot_be_read_and_needs_no_keyword_is_no_failure(
    tmp_path: Path, label: str
) -> None:
    dangling = tmp_path / "IMG.jpg"
    dangling.symlink_to(tmp_path / "gone.jpg")
    assert write_keywords([(dangling, label)]) == UNCHANGED


@pytest.mark.parametrize(
    ("present", "photo", "expected"),
    [
        (["a.jpg"], "a.jpg", "a.xmp"),
        (["a.jpg", "a.jpg.xmp"], "a.jpg", "a.jpg.xmp"),
        (["a.jpg", "a.jpg.xmp", "a.xmp"], "a.jpg", "a.xmp"),
        (["a.jpg", "a.heic"], "a.jpg", "a.jpg.xmp"),
        (["a.jpg", "A.HEIC", "a.xmp"], "a.jpg", "a.jpg.xmp"),
        (["a.jpg", "a.nef"], "a.jpg", "a.xmp"),
        (["a.jpg", "A.XMP"], "a.jpg", "A.XMP"),
        (["a.jpg", "a.jpg.png"], "a.jpg.png", "a.jpg.png.xmp"),
        (["a.jpg", "a.b.jpg"], "a.b.jpg", "a.b.xmp"),
        (["a", "a.jpg"], "a.jpg", "a.xmp"),
        (["photo.xmp"], "photo.xmp", "photo.xmp.xmp"),
    ],
)
def test_the_side_file_is_called_as_other_programs_call_it(
    tmp_path: Path, present: list[str], photo: str, expected: str
) -> None:
    for name in present:
        (tmp_path / name).touch()
    assert SideFiles([tmp_path / photo]).of(tmp_path / photo) == tmp_path / expected


def test_photos_never_share_a_side_file(tmp_path: Path) -> None:
    names = ["a.jpg", "a.heic", "a.jpg.png", "a.jpg.png.gif", "a", "b.jpg", "B.JPG", "b.xmp"]
    photos = [tmp_path / name for name in names]
    for photo in photos:
        photo.touch()
    side_files = SideFiles(photos)
    assert len({str(side_files.of(photo)).lower() for photo in photos}) == len(photos) - 1
    assert not {side_files.of(photo) for photo in photos} & set(photos)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows makes links for few")
def test_a_link_a_folder_and_a_read_only_file_are_left_alone(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / f"{name}.jpg") for name in ("link", "folder", "read-only")]
    target = tmp_path / "target"
    target.write_text(LIGHTROOM, encoding="utf-8")
    (tmp_path / "link.xmp").symlink_to(target)
    (tmp_path / "folder.xmp").mkdir()
    beside(photos[2], LIGHTROOM).chmod(0o444)
    outcome = write_keywords([(photo, "cat") for photo in photos])
    assert [path for path, _ in outcome.refused] == photos
    assert [reason.rpartition(": ")[2] for _, reason in outcome.refused] == [
        "it is a link",
        "it is no ordinary file",
        "it is read-only",
    ]
    assert target.read_text(encoding="utf-8") == LIGHTROOM
    assert (tmp_path / "read-only.xmp").read_text(encoding="utf-8") == LIGHTROOM


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_an_existing_side_file_keeps_its_mode(photo: Path) -> None:
    beside(photo, LIGHTROOM).chmod(0o640)
    write_keywords([(photo, "cat")])
    assert stat.S_IMODE(photo.with_suffix(".xmp").stat().st_mode) == 0o640


@pytest.mark.parametrize("before", ["", LIGHTROOM])
def test_what_another_program_writes_meanwhile_is_not_overwritten(
    photo: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    side_file = beside(photo, before) if before else photo.with_suffix(".xmp")

    def interrupted(content: bytes, keyword: str) -> bytes:
        if keyword:
            side_file.write_text("what another program wrote", encoding="utf-8")
        return with_keyword(content, keyword)

    monkeypatch.setattr(keywords, "with_keyword", interrupted)
    outcome = write_keywords([(photo, "cat")])
    assert "another program has just written it" in outcome.refused[0][1]
    assert side_file.read_text(encoding="utf-8") == "what another program wrote"
    assert sorted(photo.parent.iterdir()) == [photo, side_file]


def test_a_write_that_fails_leaves_the_side_file_whole(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side_file = beside(photo, LIGHTROOM)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    outcome = write_keywords([(photo, "cat")])
    reason = "its side file cannot be written: No space left on device"
    assert outcome == KeywordsWritten(0, 0, ((photo, reason),))
    assert side_file.read_bytes() == LIGHTROOM.encode()


def test_a_photo_that_is_gone_gets_no_side_file(photo: Path) -> None:
    gone = photo.with_name("gone.jpg")
    elsewhere = photo.parent / "no folder" / "a.jpg"
    outcome = write_keywords([(gone, "cat"), (elsewhere, "cat"), (photo, "cat")])
    assert [path for path, _ in outcome.refused] == [gone, elsewhere]
    assert not gone.with_suffix(".xmp").exists()
    assert not elsewhere.parent.exists()
    assert outcome.written == 1


def test_progress_is_told_and_a_stop_keeps_what_was_written(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / f"{number}.jpg") for number in range(3)]
    told: list[tuple[int, int]] = []
    outcome = write_keywords(
        [(photo, "cat") for photo in photos],
        on_progress=lambda done, total: told.append((done, total)),
        should_stop=lambda: len(told) == 2,
    )
    assert told == [(1, 3), (2, 3)]
    assert outcome == KeywordsWritten(2, 0, ())
    assert not photos[2].with_suffix(".xmp").exists()
