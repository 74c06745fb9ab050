"""ImageNet weights are found, downloaded whole or not at all, or refused in a sentence."""

import hashlib
import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pytest

from tests.helpers.file_server import FileServer, serving
from training import pretrained
from training.errors import WeightsError
from training.pretrained import (
    HDF5_SIGNATURE,
    PUBLISHED_WEIGHTS,
    fetch_weights,
    find_weights,
    use_weights_file,
    weights_path,
)
from training.web_answer import CHUNK, DownloadStopped, Patience

CONTENT = HDF5_SIGNATURE + bytes(range(256)) * 2000
OTHER_CONTENT = HDF5_SIGNATURE + bytes(reversed(range(256))) * 2000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
QUICK = Patience(connect_seconds=2, silence_seconds=0.4, retries=3, pause_seconds=0.01)


@pytest.fixture(autouse=True)
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep weights in a folder of the test's own, and take CONTENT for VGG19's."""
    folder = tmp_path / "keras home ü"
    monkeypatch.setenv("KERAS_HOME", str(folder))
    monkeypatch.delenv("CATDOG_WEIGHTS_URL", raising=False)
    published = dict(PUBLISHED_WEIGHTS)
    published["vgg19"] = replace(published["vgg19"], md5=MD5)
    monkeypatch.setattr(pretrained, "PUBLISHED_WEIGHTS", published)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(FileServer(CONTENT)) as running:
        yield running


def fetch(
    server: FileServer,
    backbone: str = "vgg19",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Path:
    return fetch_weights(
        backbone,
        folder_url=server.url,
        patience=QUICK,
        on_progress=on_progress,
        should_stop=should_stop,
    )


def reason_of_failing(server: FileServer, backbone: str = "vgg19") -> str:
    """Return what is said of a download that fails, which always tells the ways out."""
    with pytest.raises(WeightsError) as caught:
        fetch(server, backbone)
    message = str(caught.value)
    published = PUBLISHED_WEIGHTS[backbone]
    assert f"download {server.url}/{published.file} on another computer" in message
    assert f"--weights FILE, or put it at {weights_path(backbone)}." in message
    assert message.startswith(f"The ImageNet weights of {published.title} could not be downloaded")
    assert "\n" not in message
    return message


def stop_after(server: FileServer, least: int) -> None:
    """Download until `least` bytes have come, and stop."""
    come = 0

    def on_progress(done: int, total: int) -> None:
        nonlocal come
        come = done

    with pytest.raises(DownloadStopped):
        fetch(server, on_progress=on_progress, should_stop=lambda: come >= least)


def part_of(backbone: str = "vgg19") -> Path:
    path = weights_path(backbone)
    return path.with_name(f"{path.name}.part")


def files_beside(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


def test_the_table_names_what_keras_names(keras_home: Path) -> None:
    vgg19, mobilenetv2 = PUBLISHED_WEIGHTS["vgg19"], PUBLISHED_WEIGHTS["mobilenetv2"]
    base = "https://storage.googleapis.com/tensorflow/keras-applications"
    assert vgg19.url() == f"{base}/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    assert vgg19.md5 == "253f8cb515780f3b799900260a226db6"
    assert mobilenetv2.url().startswith(f"{base}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering")
    assert weights_path("vgg19") == keras_home / "models" / vgg19.file


def test_without_keras_home_weights_are_in_the_users_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    folder = tmp_path / ".keras" / "models"
    assert weights_path("vgg19") == folder / PUBLISHED_WEIGHTS["vgg19"].file


def test_weights_that_are_not_there_are_not_found() -> None:
    assert find_weights("vgg19") is None
    assert find_weights("mobilenetv2") is None


@pytest.mark.parametrize("backbone", ["vgg19", "mobilenetv2"])
def test_a_download_arrives_whole_and_alone_and_is_found_from_then_on(
    server: FileServer, backbone: str
) -> None:
    path = fetch(server, backbone)
    assert path.read_bytes() == CONTENT
    assert files_beside(path) == [path.name]
    assert find_weights(backbone) == path
    assert fetch(server, backbone) == path
    assert server.asked_ranges == [None]


def test_a_download_tells_how_far_it_is(server: FileServer) -> None:
    told: list[tuple[int, int]] = []
    fetch(server, on_progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert len(told) > 3
    assert told == sorted(told)


def test_a_mirror_can_be_named(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATDOG_WEIGHTS_URL", f"{server.url}/mirror/")
    path = fetch_weights("vgg19", patience=QUICK)
    assert path.read_bytes() == CONTENT


def test_a_file_of_unknown_length_arrives_whole(server: FileServer) -> None:
    server.tells_length = False
    told: list[int] = []
    path = fetch(server, on_progress=lambda done, total: told.append(total))
    assert path.read_bytes() == CONTENT
    assert set(told) == {0}


def test_connections_that_are_cut_are_made_anew_for_the_rest(server: FileServer) -> None:
    server.cuts = [2 * CHUNK + 1, 3 * CHUNK]
    assert fetch(server).read_bytes() == CONTENT
    assert server.asked_ranges == [None, f"bytes={2 * CHUNK}-", f"bytes={5 * CHUNK}-"]


def test_a_stopped_download_keeps_what_has_come_and_goes_on_from_there(server: FileServer) -> None:
    stop_after(server, 2 * CHUNK)
    kept = part_of().stat().st_size
    assert 2 * CHUNK <= kept < len(CONTENT)
    assert find_weights("vgg19") is None
    told: list[int] = []
    path = fetch(server, on_progress=lambda done, total: told.append(done))
    assert path.read_bytes() == CONTENT
    assert server.asked_ranges == [None, f"bytes={kept}-"]
    assert told[0] == kept


def test_a_download_that_had_all_but_its_name_asks_for_nothing(server: FileServer) -> None:
    stop_after(server, CHUNK)
    part_of().write_bytes(CONTENT)
    assert fetch(server).read_bytes() == CONTENT
    assert server.asked_ranges == [None]


def test_a_server_without_ranges_sends_everything_again(server: FileServer) -> None:
    server.ranges = False
    stop_after(server, CHUNK)
    path = fetch(server)
    assert path.read_bytes() == CONTENT
    assert len(server.asked_ranges) == 2


@pytest.mark.parametrize("etag", ['"second"', None], ids=["another tag", "no tag"])
def test_a_file_that_changed_meanwhile_is_downloaded_from_its_beginning(
    server: FileServer, etag: str | None, keras_home: Path
) -> None:
    server.content = OTHER_CONTENT + b"longer"
    server.etag = etag and '"first"'
    stop_after(server, CHUNK)
    server.content = CONTENT
    server.etag = etag
    assert fetch(server).read_bytes() == CONTENT


def test_two_halves_of_different_files_are_noticed_and_all_of_it_comes_anew(
    server: FileServer,
) -> None:
    server.etag = None
    server.content = OTHER_CONTENT
    stop_after(server, CHUNK)
    server.content = CONTENT
    assert fetch(server).read_bytes() == CONTENT
    assert server.asked_ranges[-1] is None


@pytest.mark.parametrize("note", [b"", b"{}", b"[1]", b'{"url": 1}', b'{"url": "elsewhere"}'])
def test_a_part_of_unknown_origin_is_not_gone_on_with(server: FileServer, note: bytes) -> None:
    stop_after(server, CHUNK)
    part_of().with_name(f"{part_of().name}.json").write_bytes(note)
    assert fetch(server).read_bytes() == CONTENT
    assert server.asked_ranges == [None, None]


def test_a_part_larger_than_the_whole_is_not_gone_on_with(server: FileServer) -> None:
    stop_after(server, CHUNK)
    part_of().write_bytes(CONTENT * 2)
    assert fetch(server).read_bytes() == CONTENT
    assert server.asked_ranges == [None, None]


def test_a_server_that_knows_of_no_such_part_is_asked_for_all_of_it(server: FileServer) -> None:
    server.tells_length = False
    server.content = OTHER_CONTENT
    stop_after(server, 3 * CHUNK)
    server.content = CONTENT[: 2 * CHUNK]
    message = reason_of_failing(server)
    assert "the checksum is wrong" in message
    assert server.asked_ranges[2] is None


def test_a_damaged_download_is_told_and_not_kept(server: FileServer) -> None:
    server.content = OTHER_CONTENT
    assert "they arrived damaged (the checksum is wrong)" in reason_of_failing(server)
    assert part_of().stat().st_size == 0
    assert find_weights("vgg19") is None
    server.content = CONTENT
    assert fetch(server).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "does not have them (status 404)"),
        (403, "does not let you have them (status 403)"),
        (503, "is out of order or busy (status 503)"),
        (204, "gave an answer that makes no sense (status 204)"),
    ],
)
def test_what_a_server_answers_is_told_in_words(
    server: FileServer, status: int, reason: str
) -> None:
    server.status = status
    assert reason in reason_of_failing(server)


def test_a_server_that_is_busy_for_a_moment_is_asked_again(server: FileServer) -> None:
    server.status = 503

    def recover() -> bool:
        if len(server.asked_ranges) == 2:
            server.status = 200
        return False

    assert fetch(server, should_stop=recover).read_bytes() == CONTENT


def test_a_page_that_asks_to_log_in_is_no_weights_file(server: FileServer) -> None:
    server.content = b"<html>Welcome to the school's network"
    message = reason_of_failing(server, "mobilenetv2")
    assert "sent something else, perhaps a page that asks to log in" in message
    assert find_weights("mobilenetv2") is None


def test_an_empty_answer_is_no_weights_file(server: FileServer) -> None:
    server.content = b""
    assert "sent something else" in reason_of_failing(server, "mobilenetv2")
    assert find_weights("mobilenetv2") is None


def test_a_file_far_too_large_is_not_downloaded(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "MOST_BYTES", 1000)
    assert "far larger than it should be" in reason_of_failing(server)
    assert part_of().stat().st_size == 0


def test_a_server_that_never_answers_is_given_up(server: FileServer) -> None:
    server.silent = True
    begun = perf_counter()
    assert "sent next to nothing for 0.4 seconds" in reason_of_failing(server)
    assert perf_counter() - begun < 5


def test_waiting_for_a_server_can_be_stopped_at_any_time(server: FileServer) -> None:
    server.silent = True
    begun = perf_counter()
    with pytest.raises(DownloadStopped):
        fetch_weights(
            "vgg19",
            folder_url=server.url,
            patience=Patience(silence_seconds=2),
            should_stop=lambda: bool(server.asked_ranges),
        )
    assert perf_counter() - begun < 1.5


def test_a_connection_that_is_refused_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    nobody = FileServer(b"", url=f"http://127.0.0.1:{port}")
    assert f"127.0.0.1:{port} refuses the connection" in reason_of_failing(nobody)


def test_no_network_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up_nothing(*asked: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up_nothing)
    nowhere = FileServer(b"", url="http://weights.invalid")
    assert "weights.invalid cannot be found (is there a network?)" in reason_of_failing(nowhere)


def test_a_proxy_that_does_not_let_it_through_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    outside = FileServer(b"", url="http://weights.invalid")
    assert "the proxy of this network does not let them through" in reason_of_failing(outside)


def test_a_connection_that_cannot_be_secured_is_told(server: FileServer) -> None:
    server.url = server.url.replace("http:", "https:")
    assert "no secure connection to 127.0.0.1" in reason_of_failing(server)


def test_a_rest_that_is_not_the_rest_is_not_added(server: FileServer) -> None:
    stop_after(server, CHUNK)
    server.range_shift = 7
    assert fetch(server).read_bytes() == CONTENT
    assert [asked is None for asked in server.asked_ranges] == [True, False, True]


@pytest.mark.parametrize("url", ["nonsense", "ftp://host/x", "http://", "http://[::1", "file:///x"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    message = reason_of_failing(FileServer(b"", url=url.rstrip("/")))
    assert "is no address of a file" in message


def test_a_connection_lost_again_and_again_is_given_up_and_keeps_what_has_come(
    server: FileServer,
) -> None:
    server.cuts = [CHUNK] * 10
    message = reason_of_failing(server)
    assert "was lost" in message
    assert "goes on where it ended" in message
    assert part_of().stat().st_size == CHUNK * (QUICK.retries + 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_a_full_disk_is_told(server: FileServer) -> None:
    part_of().parent.mkdir(parents=True)
    part_of().symlink_to("/dev/full")
    message = reason_of_failing(server)
    assert f"the disk is full that {part_of().parent} is on" in message


def test_a_folder_that_cannot_be_made_is_told(server: FileServer, keras_home: Path) -> None:
    keras_home.write_bytes(b"a file where the folder should be")
    message = reason_of_failing(server)
    assert f"{keras_home / 'models'} cannot be written to" in message


def test_one_file_is_downloaded_by_one_program_at_a_time(server: FileServer) -> None:
    def download_too(done: int, total: int) -> None:
        if done:
            assert "another program is downloading them" in reason_of_failing(server)

    assert fetch(server, on_progress=download_too).read_bytes() == CONTENT


def test_weights_with_a_wrong_checksum_are_not_used_nor_touched(server: FileServer) -> None:
    path = weights_path("vgg19")
    path.parent.mkdir(parents=True)
    path.write_bytes(OTHER_CONTENT)
    with pytest.raises(WeightsError, match="its checksum is wrong"):
        find_weights("vgg19")
    with pytest.raises(WeightsError, match="its checksum is wrong"):
        fetch(server)
    assert path.read_bytes() == OTHER_CONTENT
    assert server.asked_ranges == []


@pytest.mark.parametrize("backbone", ["vgg19", "mobilenetv2"])
def test_something_else_under_the_name_of_weights_is_told(backbone: str) -> None:
    path = weights_path(backbone)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"<html>")
    with pytest.raises(WeightsError, match="it is no HDF5 file"):
        find_weights(backbone)
    path.unlink()
    path.mkdir()
    with pytest.raises(WeightsError, match="it is not an ordinary file"):
        find_weights(backbone)


def test_a_weights_file_of_ones_own_is_used_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.h5"
    path.write_bytes(CONTENT)
    chosen = use_weights_file("vgg19", path)
    assert (chosen.path, chosen.remark) == (path, None)
    assert path.read_bytes() == CONTENT
    assert not weights_path("vgg19").exists()


def test_other_weights_than_the_published_ones_are_used_and_told_of(tmp_path: Path) -> None:
    path = tmp_path / "mine.h5"
    path.write_bytes(OTHER_CONTENT)
    chosen = use_weights_file("vgg19", path)
    assert chosen.path == path
    assert chosen.remark is not None
    assert f"{path} is not the file that Keras publishes" in chosen.remark
    assert use_weights_file("mobilenetv2", path).remark is None


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("mine.h5", b"", "it is no HDF5 file"),
        ("mine.keras", b"PK\3\4", "it is no HDF5 file"),
        ("mine.weights", CONTENT, "its name has to end with .h5"),
        ("mine.h5", None, "there is no such file"),
    ],
)
def test_a_file_that_can_be_no_weights_is_refused(
    tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        use_weights_file("vgg19", path)
    assert f"The weights file {path} cannot be used: {reason}." in str(caught.value)
    assert PUBLISHED_WEIGHTS["vgg19"].url() in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
def test_a_pipe_is_no_weights_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.h5"
    os.mkfifo(pipe)
    with pytest.raises(WeightsError, match="it is not an ordinary file"):
        use_weights_file("vgg19", pipe)
