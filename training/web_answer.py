"""The answer to one web request, waited for without ever hanging.

Looking up a name has no time limit, and a read that waits cannot be called back. So a thread waits
in our place, and we can give up on it at any time.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from training.errors import WorkStopped

if TYPE_CHECKING:
    import requests

CHUNK = 64 * 1024
CHUNKS_AHEAD = 16
LOOK_SECONDS = 0.1
"""How often a stop is looked for while nothing comes."""


class DownloadStopped(WorkStopped):
    """A download was asked to stop; raised out of it, since it is no error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a server is waited for."""

    connect_seconds: float = 10
    silence_seconds: float = 30
    """A server that sends less than 64 KiB in this time counts as silent."""
    retries: int = 5
    """How often a connection that was lost underway is made anew."""
    pause_seconds: float = 1
    """The pause before the first retry; every further one is twice as long."""


def host_of(url: str) -> str:
    """Return an address's server, for messages."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or url
    except ValueError:
        return url


class BrokenError(Exception):
    """One try failed; `again` tells whether another one is worth it."""

    def __init__(self, reason: str, *, again: bool) -> None:
        """Say why, and whether to try again."""
        super().__init__(reason)
        self.again = again


class SilentError(BrokenError):
    """One try failed since nothing came for too long."""


class WebAnswer:
    """The answer to one request, received in a thread between `with` and its end."""

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        patience: Patience,
        should_stop: Callable[[], bool],
    ) -> None:
        """Prepare to ask for `url`, until `should_stop` says so."""
        self._url = url
        self._headers = headers
        self._patience = patience
        self._should_stop = should_stop
        self._arrived: Queue[requests.Response | bytes | Exception | None] = Queue(CHUNKS_AHEAD)
        self._given_up = Event()

    def __enter__(self) -> Self:
        """Ask."""
        Thread(target=self._ask, name="download", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give up on what has not come."""
        self._given_up.set()

    def head(self) -> "requests.Response":
        """Wait for the status and the headers.

        Raises:
            BrokenError: None came.
        """
        head = self._next()
        if head is None or isinstance(head, bytes):
            raise TypeError("the head of an answer comes first")
        return head

    def chunks(self) -> Iterator[bytes]:
        """Wait for the content, a chunk at a time.

        Raises:
            BrokenError: It ended too early.
        """
        while isinstance(chunk := self._next(), bytes):
            yield chunk

    def _next(self) -> "requests.Response | bytes | None":
        end = monotonic() + self._patience.silence_seconds
        while True:
            if self._should_stop():
                raise DownloadStopped
            with suppress(Empty):
                arrived = self._arrived.get(timeout=LOOK_SECONDS)
                break
            if monotonic() > end:
                seconds = f"{self._patience.silence_seconds:g} seconds"
                reason = f"{host_of(self._url)} sent next to nothing for {seconds}"
                raise SilentError(reason, again=False)
        if isinstance(arrived, Exception):
            reason = _failure_words(arrived, self._url)
            raise BrokenError(reason, again=False) from arrived
        return arrived

    def _ask(self) -> None:
        import requests

        # The one who waits gives up first, and says so; this lets the thread end, too.
        limits = (self._patience.connect_seconds, self._patience.silence_seconds + 1)
        try:
            with requests.get(
                self._url, headers=self._headers, stream=True, timeout=limits
            ) as response:
                self._hand_over(response)
                for chunk in response.iter_content(CHUNK):
                    if not self._hand_over(chunk):
                        return
            self._hand_over(None)
        except Exception as error:  # whatever it is, someone waits for it
            self._hand_over(error)

    def _hand_over(self, arrived: "requests.Response | bytes | Exception | None") -> bool:
        """Put something into the queue, and tell whether anyone still wants it."""
        while not self._given_up.is_set():
            with suppress(Full):
                self._arrived.put(arrived, timeout=LOOK_SECONDS)
                return True
        return False


def _failure_words(error: Exception, url: str) -> str:
    """Say in words why nothing, or nothing more, came."""
    import requests

    host = host_of(url)
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy of this network does not let them through"
    if isinstance(error, requests.exceptions.SSLError):
        return f"no secure connection to {host} can be made (is the computer's clock right?)"
    if isinstance(error, requests.exceptions.Timeout):
        return f"{host} does not answer"
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return f"{host} cannot be found (is there a network?)"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return f"{host} refuses the connection"
    lost = (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError, OSError)
    if isinstance(error, lost) and not isinstance(error, ValueError):
        return f"the connection to {host} was lost"
    return f"{url} is no address of a file"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that led to it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
