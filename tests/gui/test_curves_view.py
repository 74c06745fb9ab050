"""Curves that grow."""

import pytest
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from catdog_gui.views.curves_view import CurvesView
from catdog_gui.views.theme import Theme
from training.events import BatchEnded, EpochEnded


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


def test_batches_are_drawn_over_axes_that_are_drawn_once(curves: CurvesView, qtbot: QtBot) -> None:
    canvas = curves.findChild(FigureCanvasQTAgg)
    assert canvas is not None
    curves.begin(200, 100)
    curves.add_epoch(EpochEnded(1, 0.6, 0.5, 0.6, 0.6, 1.0))
    with qtbot.waitSignal(curves.drawn):
        pass
    qtbot.wait(50)
    axes_drawn: list[object] = []
    canvas.mpl_connect("draw_event", axes_drawn.append)
    before = canvas.grab().toImage()
    for batch in range(1, 6):
        with qtbot.waitSignal(curves.drawn):
            curves.add_batch(BatchEnded(2, batch * 20, 0.3, 0.8))
    assert axes_drawn == []
    assert canvas.grab().toImage() != before


def test_a_new_run_starts_with_empty_curves(curves: CurvesView) -> None:
    curves.add_epoch(EpochEnded(1, 0.5, 0.5, 0.5, 0.5, 1.0))
    curves.begin(5, 10)
    assert curves.best() is None
