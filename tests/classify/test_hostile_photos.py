"""Whatever is given for a photo is answered or refused, in time, and holds nothing up."""

import io
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catdog_gui.classify.batch import classify_photos
from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.decoding_pool import DecodingPool
from tests.helpers.hostile_photos import large_png, slow_jpeg
from tests.helpers.models import write_colour_model
from tests.helpers.photos import photo_bytes, write_photo
from training.images import ImageSize

SECONDS_A_FILE = 5.5
MINUTE = 60.0
"""What all may take together on a computer that is busy."""
MOST_MEMORY = 500_000_000
"""What a decoding process may take."""
LONGEST_REASON = 80
KINDS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "HEIF", "MPO")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier.open(write_colour_model(tmp_path_factory.mktemp("m") / "colours.catdog"))


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodingPool]:
    with DecodingPool(ImageSize(24, 30), 1, processes=1) as pool:
        yield pool


@pytest.mark.real_photos
def test_every_odd_file_has_its_row_and_good_photos_between_them_are_answered(
    real_photos: Path, tmp_path: Path, classifier: Classifier
) -> None:
    odd = [*sorted((real_photos / "odd").iterdir()), *sorted((real_photos / "formats").iterdir())]
    good = write_photo(tmp_path / "good.jpg", "red")
    asked = [path for file in odd for path in (file, good)]
    predictions = [each for batch in classify_photos(asked, classifier) for each in batch]
    assert [each.path for each in predictions] == asked
    assert all(each.readable for each in predictions[1::2])
    assert all(0 < len(each.reason) < LONGEST_REASON for each in predictions if not each.readable)
    readable = {each.path.name for each in predictions[::2] if each.readable}
    assert {file.name for file in odd if file.parent.name == "formats"} - readable == {
        "metadata_extractor__heic_NegativeArraySizeException.ItemInfoBox.init.heif"
    }
    assert len(readable) > len(odd) // 2


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path must be short
    try:
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(path.name)
    finally:
        os.chdir(here)


STRANGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "folder": lambda path: path.mkdir(),
    "fifo": os.mkfifo,
    "socket": make_socket,
    "dangling": lambda path: path.symlink_to("nowhere.jpg"),
    "loop": lambda path: path.symlink_to(path),
    "device": lambda path: path.symlink_to("/dev/zero"),
    "slow": lambda path: path.write_bytes(slow_jpeg()),
    "large": lambda path: path.write_bytes(large_png()),
    "short": lambda path: path.write_bytes(photo_bytes("red")[:500]),
}


@pytest.mark.skipif(sys.platform != "linux", reason="some of these only Linux has")
def test_strange_files_take_their_time_and_no_more(tmp_path: Path, classifier: Classifier) -> None:
    for name, make in STRANGE.items():
        make(tmp_path / f"{name}.jpg")
    good = write_photo(tmp_path / "good.jpg")
    photos = [path for name in STRANGE for path in (tmp_path / f"{name}.jpg", good)]
    began = monotonic()
    predictions = [each for batch in classify_photos(photos, classifier) for each in batch]
    assert monotonic() - began < MINUTE
    assert [each.readable for each in predictions] == [False, True] * len(STRANGE)


def seed(kind: str) -> bytes:
    image = Image.radial_gradient("L").resize((40, 30)).convert("RGB")
    content = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(content, quality=50)
    else:
        image.save(content, kind)
    return content.getvalue()


SEEDS = {kind: seed(kind) for kind in KINDS}


@st.composite
def damaged_photos(draw: st.DrawFn) -> bytes:
    content = bytearray(SEEDS[draw(st.sampled_from(KINDS))])
    for _ in range(draw(st.integers(1, 6))):
        first = draw(st.integers(0, max(len(content) - 1, 0)))
        last = first + draw(st.integers(0, 8))
        new = draw(st.one_of(st.binary(max_size=8), st.sampled_from([b"\xff" * 4, bytes(4)])))
        content[first:last] = new
    return bytes(content)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(content=damaged_photos())
def test_no_damage_does_more_than_make_a_photo_unreadable(
    pool: DecodingPool, content: bytes
) -> None:
    began = monotonic()
    pool.give([content])
    _pixels, batch = pool.take()
    pool.give_back(batch)
    assert len(batch.readings[0].reason) < LONGEST_REASON
    assert monotonic() - began < SECONDS_A_FILE


@settings(max_examples=100, deadline=None, derandomize=True)
@given(content=st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(pool: DecodingPool, content: bytes) -> None:
    pool.give([content])
    _pixels, batch = pool.take()
    pool.give_back(batch)
    assert len(batch.readings[0].reason) < LONGEST_REASON


MEASURED = """
import resource
from catdog_gui.classify.decoding_pool import DecodingPool
from tests.helpers.hostile_photos import large_png
from training.images import ImageSize

if __name__ == "__main__":
    with DecodingPool(ImageSize(24, 30), 4, processes=1) as pool:
        pool.give([large_png(9_000), large_png(), large_png(8_000)])
        _pixels, batch = pool.take()
        print([bool(batch.readings[place].reason) for place in range(3)])
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_a_hostile_photo_takes_no_more_memory_than_it_may(tmp_path: Path) -> None:
    script = tmp_path / "measured.py"  # the only way to know what children took at most
    script.write_text(MEASURED, encoding="utf-8")
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, str(script)]
    ended = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    refused, most = ended.stdout.splitlines()
    assert refused == "[False, True, False]"
    assert 300_000_000 < int(most) < MOST_MEMORY
