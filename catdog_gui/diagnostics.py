"""The log, and what happens to errors that nobody foresaw."""

import faulthandler
import logging
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from catdog_gui.messages import Messages

LOG_BYTES = 1_000_000
LOGS_KEPT = 3

log = logging.getLogger("catdog_gui")
_QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def start_logging(folder: Path) -> None:
    """Write the log to a file that never grows large, Qt's messages and crashes included."""
    if sys.stderr is not None:  # a packaged window has none
        faulthandler.enable()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = RotatingFileHandler(
            folder / "catdog.log", maxBytes=LOG_BYTES, backupCount=LOGS_KEPT, encoding="utf-8"
        )
    except OSError:
        handler = logging.StreamHandler()  # no place to write: the window opens all the same
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    qInstallMessageHandler(_log_qt_message)


def tell_of_unforeseen_errors(messages: Messages) -> None:
    """Log an error that nobody caught and tell the user in one sentence."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.error("unforeseen error", exc_info=(kind, error, trace))
        messages.problem("Something unexpected went wrong; the details are in the log file.")

    def thread_hook(caught: threading.ExceptHookArgs) -> None:
        log.error("unforeseen error in a thread", exc_info=caught.exc_value)

    sys.excepthook = hook
    threading.excepthook = thread_hook


def _log_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    log.log(_QT_LEVELS.get(kind, logging.WARNING), "Qt: %s (%s)", message, context.category)
