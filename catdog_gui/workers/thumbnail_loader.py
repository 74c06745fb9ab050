"""Thumbnails, decoded off the GUI thread, what was asked for last first."""

from collections import OrderedDict, deque
from pathlib import Path
from threading import Condition, Thread

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QImage

from training.errors import PhotoError
from training.images import read_thumbnail

THREADS = 2
MOST_WAITING = 200
"""Requests beyond these are forgotten, oldest first: they were scrolled past."""
MOST_CACHED_BYTES = 128_000_000


class ThumbnailLoader(QObject):
    """Gives thumbnails that it has, and decodes those that it has not."""

    loaded = Signal(object)
    """A thumbnail can be had now; carries the photo's path."""
    _decoded = Signal(object, QImage)

    def __init__(self, longest_side: int, parent: QObject | None = None) -> None:
        """Decode thumbnails of at most `longest_side` pixels."""
        super().__init__(parent)
        self._longest_side = longest_side
        self._cache: OrderedDict[Path, QImage] = OrderedDict()
        self._cached_bytes = 0
        self._asked: set[Path] = set()
        self._waiting: deque[Path] = deque()
        self._change = Condition()
        self._closed = False
        self._threads = [Thread(target=self._decode, daemon=True) for _ in range(THREADS)]
        self._decoded.connect(self._keep)
        for thread in self._threads:
            thread.start()

    def thumbnail(self, photo: Path) -> QImage | None:
        """Return a photo's thumbnail, or nothing yet; a null image says it cannot be decoded."""
        image = self._cache.get(photo)
        if image is not None:
            self._cache.move_to_end(photo)
            return image
        if photo not in self._asked:
            self._ask(photo)
        return None

    def close(self) -> None:
        """End the decoding threads."""
        with self._change:
            self._closed = True
            self._waiting.clear()
            self._change.notify_all()
        for thread in self._threads:
            thread.join()

    def _ask(self, photo: Path) -> None:
        with self._change:
            self._asked.add(photo)
            self._waiting.append(photo)
            while len(self._waiting) > MOST_WAITING:
                self._asked.discard(self._waiting.popleft())
            self._change.notify()

    def _decode(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                photo = self._waiting.pop()
            image = _read_image(photo, self._longest_side)
            if not self._closed:
                self._decoded.emit(photo, image)

    @Slot(object, QImage)
    def _keep(self, photo: Path, image: QImage) -> None:
        with self._change:
            self._asked.discard(photo)
        self._cache[photo] = image
        self._cached_bytes += image.sizeInBytes()
        while self._cached_bytes > MOST_CACHED_BYTES:
            _, oldest = self._cache.popitem(last=False)
            self._cached_bytes -= oldest.sizeInBytes()
        self.loaded.emit(photo)


def _read_image(photo: Path, longest_side: int) -> QImage:
    try:
        pixels = read_thumbnail(photo, longest_side)
    except PhotoError:
        return QImage()
    height, width, _ = pixels.shape
    data = pixels.tobytes()
    return QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
