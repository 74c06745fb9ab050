"""The one place for messages: a panel that stays until it is closed or replaced."""

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from catdog_gui.messages import Kind, Message
from catdog_gui.views.icons import icon
from catdog_gui.views.theme import GRID, Theme

_ICONS = {Kind.NOTICE: "info", Kind.DONE: "circle-check", Kind.PROBLEM: "triangle-alert"}


class MessageBar(QFrame):
    """Shows the latest message, which can be copied and closed."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Be hidden until there is something to say."""
        super().__init__(parent)
        self.setObjectName("message")
        self._theme = theme
        self._message: Message | None = None
        self._icon = QLabel()
        self._text = QLabel()
        self._text.setObjectName("message_text")
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._copy = self._button(self.tr("Copy"), "copy")
        self._copy.setObjectName("copy_message")
        self._copy.clicked.connect(self._copy_text)
        self._close = self._button(self.tr("Close"), "x")
        self._close.setObjectName("close_message")
        self._close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID // 2, GRID, GRID // 2)
        layout.setSpacing(GRID)
        layout.addWidget(self._icon)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._copy)
        layout.addWidget(self._close)
        theme.changed.connect(self._refresh)
        self.hide()

    @Slot(object)
    def show_message(self, message: Message) -> None:
        """Show a message in place of the one before."""
        self._message = message
        self._text.setText(message.text)
        self.setProperty("kind", message.kind.value)
        self.style().unpolish(self)
        self.style().polish(self)
        self._refresh()
        self.show()

    @Slot()
    def _copy_text(self) -> None:
        QGuiApplication.clipboard().setText(self._text.text())

    @Slot()
    def _refresh(self) -> None:
        colours = self._theme.colours
        for button, name in ((self._copy, "copy"), (self._close, "x")):
            button.setIcon(icon(name, colours.muted))
        if self._message is not None:
            shades = {
                Kind.NOTICE: colours.accent,
                Kind.DONE: colours.done,
                Kind.PROBLEM: colours.problem,
            }
            kind = self._message.kind
            drawn = icon(_ICONS[kind], shades[kind])
            self._icon.setPixmap(drawn.pixmap(QSize(20, 20), self.devicePixelRatioF()))

    def _button(self, name: str, icon_name: str) -> QToolButton:
        button = QToolButton()
        button.setAutoRaise(True)
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.setIcon(icon(icon_name, self._theme.colours.muted))
        return button
