"""The one place for progress: a strip along the window's bottom."""

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from catdog_gui.views.activity import Activity
from catdog_gui.views.icons import set_button_icon
from catdog_gui.views.theme import GRID, Theme

HEIGHT = 6 * GRID
BAR_WIDTH = 32 * GRID


class ProgressStrip(QFrame):
    """Shows the activity that began last, of those that still go on."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Be there from the start, so that nothing jumps when something begins."""
        super().__init__(parent)
        self.setObjectName("strip")
        self.setFixedHeight(HEIGHT)
        self._theme = theme
        self._activities: list[Activity] = []
        self._bar = QProgressBar()
        self._bar.setFixedWidth(BAR_WIDTH)
        self._bar.setTextVisible(False)
        self._words = QLabel()
        self._words.setObjectName("progress_words")
        self._stop = QPushButton(self.tr("&Stop"))
        self._stop.setObjectName("stop")
        self._stop.clicked.connect(self._request_stop)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self._bar)
        layout.addWidget(self._words, 1)
        layout.addWidget(self._stop)
        theme.changed.connect(self._colour)
        self._colour()
        self._refresh()

    def begin(self, activity: Activity) -> None:
        """Show an activity until it ends."""
        self._activities.append(activity)
        activity.changed.connect(self._refresh)
        activity.ended.connect(self._forget)
        self._refresh()

    @Slot()
    def _forget(self) -> None:
        activity = self.sender()
        self._activities = [other for other in self._activities if other is not activity]
        self._refresh()

    @Slot()
    def _request_stop(self) -> None:
        if self._activities:
            self._activities[-1].request_stop()

    @Slot()
    def _refresh(self) -> None:
        current = self._activities[-1] if self._activities else None
        self._bar.setVisible(current is not None)
        self._stop.setVisible(current is not None)
        if current is None:
            self._words.setText(self.tr("Ready"))
            return
        self._bar.setRange(0, current.total)
        self._bar.setValue(current.done)
        self._words.setText(current.words())
        self._stop.setEnabled(not current.stopping)

    @Slot()
    def _colour(self) -> None:
        set_button_icon(self._stop, "square", self._theme.colours.text)
