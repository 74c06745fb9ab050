"""Downloading one file so that it can be cut at any moment and gone on with later.

What has come stands in `NAME.part` beside the target; `NAME.part.json` says of which file it is a
part. A later call asks the server for the rest alone (RFC 9110, sections 13.1.5 and 14.2). The
target appears only once it is whole and its checksum is right.
"""

import errno
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

from training.partial_file import PartialFile, Version
from training.web_answer import (
    LOOK_SECONDS,
    BrokenError,
    DownloadStopped,
    Patience,
    SilentError,
    WebAnswer,
    host_of,
)

if TYPE_CHECKING:
    import requests

OnProgress: TypeAlias = Callable[[int, int], None]
"""Told of the bytes that have come, and of the whole file's, 0 while that is not known."""


class DownloadError(Exception):
    """A download failed; the message is the reason, as a part of a sentence, as is the advice."""

    def __init__(
        self,
        reason: str,
        advice: str = "Connect to the internet and try again, which goes on where it ended",
    ) -> None:
        """Say why, and what to do."""
        super().__init__(reason)
        self.advice = advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What to download, and how to tell that it is the right thing."""

    url: str
    target: Path
    begins_with: bytes
    """A page that asks to log in to the network comes in place of many a file."""
    md5: str | None
    most_bytes: int


def download(
    wanted: Download,
    *,
    patience: Patience,
    on_progress: OnProgress,
    should_stop: Callable[[], bool],
) -> None:
    """Download a file to its target, going on from what an earlier call left.

    Raises:
        DownloadError: It cannot be had; what has come is kept unless it is wrong.
        DownloadStopped: `should_stop` said so; what has come is kept.
    """
    try:
        with PartialFile(wanted.target) as part:
            _Transfer(wanted, part, patience, on_progress, should_stop).finish()
        part.become_whole()
    except BlockingIOError as error:
        reason = "another program is downloading them already"
        raise DownloadError(reason, "Wait until it has") from error
    except OSError as error:
        raise _disk_error(error, wanted.target.parent) from error


class _Transfer:
    """Brings one file over, in as many tries as it takes and patience allows."""

    def __init__(
        self,
        wanted: Download,
        part: PartialFile,
        patience: Patience,
        on_progress: OnProgress,
        should_stop: Callable[[], bool],
    ) -> None:
        self._wanted = wanted
        self._host = host_of(wanted.url)
        self._part = part
        self._patience = patience
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._underway = False
        """Whether anything came yet; a network that was never there is not waited for."""

    def finish(self) -> None:
        """Try until the part is whole and right."""
        self._part.keep_if_from(self._wanted.url)
        for retry in range(self._patience.retries + 1):
            try:
                return self._try()
            except BrokenError as broken:
                if not broken.again or retry == self._patience.retries:
                    raise DownloadError(str(broken)) from broken
            self._pause(self._patience.pause_seconds * 2**retry)
        return None

    def _try(self) -> None:
        resumed = self._part.size > 0
        if not self._part.is_whole:
            self._receive()
        if self._wanted.md5 is None:
            return
        if self._part.md5() != self._wanted.md5:
            self._part.empty()
            # A part may be of another version than the rest; all of it anew may be right.
            raise BrokenError("they arrived damaged (the checksum is wrong)", again=resumed)

    def _receive(self) -> None:
        headers = {"Accept-Encoding": "identity", **self._part.request_headers()}
        before = self._part.size
        with WebAnswer(self._wanted.url, headers, self._patience, self._should_stop) as answer:
            try:
                self._begin(answer.head())
                for chunk in answer.chunks():
                    self._take(chunk)
            except SilentError as silence:
                raise BrokenError(str(silence), again=self._part.size > before) from silence
            except BrokenError as broken:
                # Where something came before, the network was there and may come back.
                raise BrokenError(str(broken), again=broken.again or self._underway) from broken
        if self._part.size < len(self._wanted.begins_with):
            raise self._something_else()
        if self._part.size < self._part.length:
            raise BrokenError(f"the connection to {self._host} was lost", again=True)

    def _begin(self, head: "requests.Response") -> None:
        """Make the part fit the answer's head: the rest of it, or all anew."""
        if head.status_code == 206 and not self._part.goes_on_at(
            *_content_range(head.headers.get("Content-Range", ""))
        ):
            self._part.empty()
            raise BrokenError(f"the file at {self._host} changed underway", again=True)
        if head.status_code == 416:
            self._part.empty()
            raise BrokenError(f"{self._host} has no such part of them", again=True)
        if head.status_code not in {200, 206}:
            again = head.status_code >= 500 or head.status_code == 429
            raise BrokenError(_status_words(head.status_code, self._host), again=again)
        if head.status_code == 200:
            self._part.begin(_version(head, self._wanted.url))
        self._check_length(self._part.length)
        self._on_progress(self._part.size, self._part.length)

    def _take(self, chunk: bytes) -> None:
        beginning = self._wanted.begins_with
        if self._part.size == 0 and not chunk.startswith(beginning):
            raise self._something_else()
        self._check_length(self._part.size + len(chunk))
        self._part.append(chunk)
        self._underway = True
        self._on_progress(self._part.size, self._part.length)

    def _something_else(self) -> DownloadError:
        return DownloadError(
            f"{self._host} sent something else, perhaps a page that asks to log in to this network"
        )

    def _check_length(self, length: int) -> None:
        if length > self._wanted.most_bytes:
            self._part.empty()
            raise DownloadError(f"{self._host} sends a file far larger than it should be")

    def _pause(self, seconds: float) -> None:
        never = Event()
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            if self._should_stop():
                raise DownloadStopped
            never.wait(min(left, LOOK_SECONDS))


def _disk_error(error: OSError, folder: Path) -> DownloadError:
    if error.errno == errno.ENOSPC:
        reason = f"the disk is full that {folder} is on"
        return DownloadError(reason, "Make room and try again, which goes on where it ended")
    reason = f"{folder} cannot be written to ({error.strerror or error})"
    return DownloadError(reason, "Let KERAS_HOME name a folder that can be")


def _version(head: "requests.Response", url: str) -> Version:
    """Read from an answer's headers which version of a file it begins to send."""
    etag = head.headers.get("ETag", "")
    # A weak one promises the same meaning, not the same bytes.
    strong = etag if etag and not etag.startswith("W/") else ""
    length = head.headers.get("Content-Length", "")
    packed = head.headers.get("Content-Encoding", "identity") != "identity"
    return Version(
        url=url,
        validator=strong or head.headers.get("Last-Modified", ""),
        length=int(length) if length.isascii() and length.isdigit() and not packed else 0,
    )


def _content_range(header: str) -> tuple[int, int]:
    """Return where a range begins, and the whole file's length (0 if not said); (-1, 0) if odd."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", header.strip(), re.ASCII)
    if match is None:
        return -1, 0
    return int(match[1]), 0 if match[2] == "*" else int(match[2])


def _status_words(status: int, host: str) -> str:
    if status in {404, 410}:
        return f"{host} does not have them (status {status})"
    if status in {401, 403, 407, 451}:
        return f"{host} does not let you have them (status {status})"
    if status >= 500 or status == 429:
        return f"{host} is out of order or busy (status {status})"
    return f"{host} gave an answer that makes no sense (status {status})"
