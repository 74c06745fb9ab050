"""A web server on this computer that serves one file, as well or as badly as a test asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


@dataclass
class FileServer:
    """What is served, how, and what was asked for."""

    content: bytes
    etag: str | None = '"first"'
    ranges: bool = True
    status: int = 200
    """What every request is answered with, if not with the file."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes each of the first answers ends, the connection with it."""
    silent: bool = False
    """Whether connections are taken and no word is said."""
    tells_length: bool = True
    range_shift: int = 0
    """How many bytes too far on a wanted range begins."""
    asked_ranges: list[str | None] = field(default_factory=list)
    """The `Range` of every request."""
    url: str = ""
    over: Event = field(default_factory=Event)

    def range_start(self, header: str | None, if_range: str | None) -> int | None:
        """Return where a wanted range begins, None for the whole file."""
        fresh = if_range is None or if_range == self.etag
        if not self.ranges or header is None or not fresh:
            return None
        return int(header.removeprefix("bytes=").removesuffix("-")) + self.range_shift


@contextmanager
def serving(server: FileServer) -> Iterator[FileServer]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.asked_ranges.append(self.headers["Range"])
            self.close_connection = True
            if server.silent:
                server.over.wait()
            elif server.status != 200:
                self._say(server.status, {"Content-Length": "0"})
            else:
                self._send()

        def _send(self) -> None:
            start = server.range_start(self.headers["Range"], self.headers["If-Range"])
            whole = len(server.content)
            if start is not None and start >= whole:
                self._say(416, {"Content-Range": f"bytes */{whole}", "Content-Length": "0"})
                return
            body = server.content[start or 0 :]
            headers = {"ETag": server.etag} if server.etag else {}
            if server.tells_length:
                headers["Content-Length"] = str(len(body))
            if start is not None:
                headers["Content-Range"] = f"bytes {start}-{whole - 1}/{whole}"
            self._say(200 if start is None else 206, headers)
            self.wfile.write(body[: server.cuts.pop(0) if server.cuts else None])

        def _say(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = False

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of downloads that were given up."""

    with Quiet(("127.0.0.1", 0), Handler) as web:
        server.url = f"http://127.0.0.1:{web.server_port}"
        thread = Thread(target=web.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            web.shutdown()
            thread.join()
