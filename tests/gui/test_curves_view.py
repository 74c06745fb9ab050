"""Curves that grow."""

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from catdog_gui.views.curves_view import CurvesView
from catdog_gui.views.theme import Theme
from tests.helpers.watchdog import StallWatchdog
from training.events import BatchEnded, EpochEnded

MOST_STALL_MILLISECONDS = 100


@pytest.fixture
def curves(qapp: QApplication, qtbot: QtBot) -> CurvesView:
    """Return curves of the size that they have in the window."""
    view = CurvesView(Theme(qapp))
    qtbot.addWidget(view)
    view.resize(780, 600)
    view.show()
    qtbot.waitExposed(view)
    return view


def test_the_best_epoch_is_the_most_accurate_and_of_equals_the_surest(curves: CurvesView) -> None:
    curves.begin(4, 10)
    for epoch, (accuracy, loss) in enumerate([(0.6, 0.5), (0.8, 0.6), (0.8, 0.4), (0.7, 0.3)], 1):
        curves.add_epoch(EpochEnded(epoch, 0.5, 0.5, loss, accuracy, 1.0))
    best = curves.best()
    assert best is not None
    assert best.epoch == 3


def test_a_long_history_is_redrawn_without_a_stall(curves: CurvesView, qtbot: QtBot) -> None:
    curves.begin(200, 100)
    for epoch in range(1, 151):
        curves.add_epoch(EpochEnded(epoch, 1 / epoch, 0.5, 1 / epoch, 0.6, 1.0))
    for batch in range(1, 101):
        curves.add_batch(BatchEnded(151, batch, 0.3, 0.8))
    drawn: list[int] = []
    curves.drawn.connect(lambda: drawn.append(1))
    with StallWatchdog(MOST_STALL_MILLISECONDS):
        qtbot.waitUntil(lambda: len(drawn) == 1)
        curves.add_batch(BatchEnded(152, 1, 0.3, 0.8))
        qtbot.waitUntil(lambda: len(drawn) == 2)
    assert len(drawn) == 2


def test_a_new_run_starts_with_empty_curves(curves: CurvesView) -> None:
    curves.add_epoch(EpochEnded(1, 0.5, 0.5, 0.5, 0.5, 1.0))
    curves.begin(5, 10)
    assert curves.best() is None
