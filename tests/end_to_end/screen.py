"""A virtual screen, and a person who looks at windows and presses keys on it."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZE = "1280x800x24"
POLL_SECONDS = 0.05


def until(condition: Callable[[], object], what: str, seconds: float) -> None:
    """Wait for a condition.

    Raises:
        AssertionError: It did not come true in time.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain for {what}"
        time.sleep(POLL_SECONDS)


@contextmanager
def virtual_screen() -> Iterator[dict[str, str]]:
    """Yield an environment in which windows open on a screen of their own."""
    xvfb = shutil.which("Xvfb")
    if xvfb is None or shutil.which("xdotool") is None:
        message = "Xvfb and xdotool are not installed"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    reading, writing = os.pipe()
    command = [xvfb, "-screen", "0", SIZE, "-nolisten", "tcp", "-displayfd", str(writing)]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as answer:
            display = f":{answer.readline().strip()}"
        try:
            yield {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        finally:
            server.terminate()


class Person:
    """Finds windows by their titles and types on the keyboard."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Sit in front of the screen that `environment` names."""
        self._environment = environment

    def sees(self, title: str) -> bool:
        """Tell whether a window of that title is on the screen."""
        return bool(self._find(title))

    def looks_at(self, title: str, seconds: float = 20) -> None:
        """Wait for a window and give it the keyboard, as a window manager would."""
        until(lambda: self.sees(title), f"a window titled {title!r}", seconds)
        self._xdotool("windowfocus", "--sync", self._find(title)[-1])

    def presses(self, keys: str) -> None:
        """Press a combination of keys, such as alt+t."""
        self._xdotool("key", "--clearmodifiers", keys)

    def types(self, text: str) -> None:
        """Type a text and press Return."""
        self._xdotool("key", "--clearmodifiers", "ctrl+a")
        self._xdotool("type", "--delay", "5", text)
        self._xdotool("key", "Return")

    def chooses(self, dialog: str, path: Path) -> None:
        """Type a path into a file dialog."""
        self.looks_at(dialog)
        self.types(str(path))
        until(lambda: not self.sees(dialog), f"the dialog {dialog!r} to close", 20)

    def _find(self, title: str) -> list[str]:
        found = self._xdotool("search", "--onlyvisible", "--name", f"^{title}$", check=False)
        return found.split()

    def _xdotool(self, *arguments: str, check: bool = True) -> str:
        return subprocess.run(
            ["xdotool", *arguments],
            env=self._environment,
            check=check,
            capture_output=True,
            text=True,
            timeout=30,
        ).stdout
