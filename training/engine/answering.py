"""Answering one request in the training process (see `training.engine_requests`)."""

import os
import sys
import traceback
from collections.abc import Callable
from errno import ENOSPC
from io import RawIOBase
from threading import Thread
from typing import TextIO

from training.engine_requests import Answered, Reply, parse_request, reply_line
from training.errors import CatDogError
from training.events import Failed, Progressed
from training.request_kinds import (
    EngineRequest,
    ExplainPhotos,
    ExportModel,
    ImportModel,
    PreviewAugmentation,
)

_MEMORY = "Memory ran out: close other programs, then try again."
_DISK = "The disk is full: free some space, then try again."


def answer(line: str, stream: TextIO, commands: RawIOBase) -> int:
    """Carry out a request, tell its outcome, and end the process.

    The traceback of what is not foreseen goes to the log, and the asker sees the process end
    without an answer.
    """
    Thread(target=_end_with, args=(commands,), daemon=True).start()

    def tell(reply: Reply) -> None:
        stream.write(reply_line(reply) + "\n")
        stream.flush()

    code = 0
    try:
        tell(_outcome(line, tell))
    except Exception:
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)  # TensorFlow would take seconds to take itself apart


def _outcome(line: str, tell: Callable[[Reply], None]) -> Answered | Failed:
    try:
        request = parse_request(line)
        tell(Progressed("Starting TensorFlow", 0, 0))
        return _carry_out(request, tell)
    except CatDogError as error:
        return Failed(str(error), None)
    except MemoryError:
        return Failed(_MEMORY, None)
    except Exception as error:
        reason = _foreseen(error)
        if reason is None:
            raise
        return Failed(reason, None)


def _foreseen(error: Exception) -> str | None:
    """Say what a library's error means, if that is known."""
    if type(error).__name__ == "ResourceExhaustedError":  # which TensorFlow raises for both
        return _DISK if os.strerror(ENOSPC) in str(error) else _MEMORY
    if isinstance(error, OSError) and (error.errno == ENOSPC or f"errno = {ENOSPC}" in str(error)):
        return _DISK
    return None


def _carry_out(request: EngineRequest, tell: Callable[[Reply], None]) -> Answered:
    """Do what is asked; each kind imports only what it needs."""
    match request:
        case ExportModel():
            from training.engine.exporting import export_model

            return export_model(request, tell)
        case ImportModel():
            from training.engine.importing import import_model

            return import_model(request, tell)
        case ExplainPhotos():
            from training.engine.explanation import explain_photos

            return explain_photos(request, tell)
        case PreviewAugmentation():
            from training.engine.augmentation_preview import preview_augmentation

            return preview_augmentation(request, tell)


def _end_with(commands: RawIOBase) -> None:
    """End the process at any command, since all of them mean stop, and when its asker is gone."""
    commands.readline()
    os._exit(1)
