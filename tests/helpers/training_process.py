"""A training process that is a script: it tells what it is given, and heeds a stop."""

import sys
from collections.abc import Sequence
from pathlib import Path

from training.events import Event, to_line

_SCRIPT = """
import pathlib, sys
sys.stdin.readline()
for line in {lines!r}:
    print(line, flush=True)
{ending}
"""
ENDINGS = {
    "exit": "",
    "crash": "import os; os._exit(7)",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "wait_for_stop": ("sys.stdin.readline()\nprint({stopped!r}, flush=True)"),
}


def script_command(
    folder: Path, events: Sequence[Event], ending: str = "exit", last: Event | None = None
) -> list[str]:
    """Write a script that tells `events` and ends as asked; return the command that runs it.

    Args:
        folder: Where to write it.
        events: What it tells at once.
        ending: A key of `ENDINGS`.
        last: What it tells once it is told to stop.
    """
    end = ENDINGS[ending].format(stopped=to_line(last) if last else "")
    script = folder / "training process.py"
    lines = [to_line(event) for event in events]
    script.write_text(_SCRIPT.format(lines=lines, ending=end), encoding="utf-8")
    return [sys.executable, str(script)]
