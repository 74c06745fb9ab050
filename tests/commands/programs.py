"""Commands run as programs of their own, as a shell runs them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from catdog_gui.cli import main

SECONDS = 60
"""How long any program may take before its test fails."""


def catdog(
    *arguments: str | Path,
    home: Path,
    environment: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end with its files in `home`."""
    return subprocess.run(
        _command(arguments),
        env=_environment(home, environment),
        capture_output=True,
        encoding="utf-8",
        timeout=seconds,
        check=False,
    )


@contextmanager
def started(
    *arguments: str | Path,
    home: Path,
    environment: Mapping[str, str] | None = None,
    program: str | None = None,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> Iterator[subprocess.Popen[str]]:
    """Start a command that can be interrupted, and end it should the test fail.

    Args:
        arguments: The command's.
        home: Where it keeps its files.
        environment: Variables to add.
        program: Python code to run instead of the installed program.
        stdout: Where its answers go.
        stderr: Where its complaints go.
    """
    # Ignored signals are inherited, as by whatever a shell starts in the background.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        _command(arguments, program),
        env=_environment(home, environment),
        stdout=stdout,
        stderr=stderr,
        encoding="utf-8",
    )
    signal.signal(signal.SIGINT, before)
    with process:
        try:
            yield process
        finally:
            process.kill()


def run_here(*arguments: str | Path) -> int:
    """Run a command in this process and return its exit code."""
    return main([str(argument) for argument in arguments])


def _command(arguments: tuple[str | Path, ...], program: str | None = None) -> list[str]:
    start = ["-c", program] if program else ["-m", "catdog_gui"]
    return [sys.executable, *start, *map(str, arguments)]


def _environment(home: Path, more: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, "CATDOG_HOME": str(home), "PYTHONUTF8": "1", **(more or {})}
