"""The curves of a training run, growing while it trains: loss above, accuracy below."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backend_bases import DrawEvent
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator, PercentFormatter
from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QVBoxLayout, QWidget

from catdog_gui.views.theme import Theme
from training.events import BatchEnded, EpochEnded

REDRAW_MILLISECONDS = 400
"""Curves are redrawn at most this often, however fast batches come."""
LABEL_ROOM = 0.14
"""The share of the width that the labels at the curves' ends take."""
LEAST_LABEL_GAP = 0.09
"""How far apart two labels are kept, as a share of an axis' height."""

TRAINING = 0
VALIDATION = 1


@dataclass
class _Plot:
    """One pair of axes with its four lines."""

    axes: Axes
    running: Line2D
    """The average over the epoch so far, batch by batch."""
    lines: list[Line2D]
    """Training and validation, epoch by epoch."""
    labels: list[Annotation]
    """Their names, at their ends."""
    best: Line2D
    """Where the best epoch is."""


class CurvesView(QWidget):
    """Draws loss and accuracy over one axis of epochs that does not jump."""

    drawn = Signal()
    """What came since the last time is in the picture now."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Show empty axes."""
        super().__init__(parent)
        self._theme = theme
        self._epochs: list[EpochEnded] = []
        self._batches: list[BatchEnded] = []
        self._planned = 1
        self._steps = 1
        self._changed = False
        self._figure = Figure()
        self._canvas = FigureCanvasQTAgg(self._figure)
        self._canvas.setObjectName("curves_canvas")
        self._canvas.setAccessibleName(self.tr("Training curves"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._canvas)
        self._ground: object = None
        self._frame: tuple[object, ...] = ()
        self._plots = self._build()
        self._best_words = self._words(self._plots[1].axes)
        self._canvas.mpl_connect("draw_event", self._keep_ground)
        theme.changed.connect(self._colour)
        self._timer = QTimer(self)
        self._timer.setInterval(REDRAW_MILLISECONDS)
        self._timer.timeout.connect(self._redraw)
        self._timer.start()
        self._colour()

    def begin(self, epochs: int, steps_per_epoch: int) -> None:
        """Start anew with room for all epochs of a run."""
        self._epochs, self._batches = [], []
        self._planned, self._steps = epochs, steps_per_epoch
        self._changed = True

    def add_batch(self, batch: BatchEnded) -> None:
        """Let the running average of the current epoch grow."""
        self._batches.append(batch)
        self._changed = True

    def add_epoch(self, epoch: EpochEnded) -> None:
        """Add a point to every curve."""
        self._epochs.append(epoch)
        self._batches = []
        self._changed = True

    def best(self) -> EpochEnded | None:
        """Return the epoch that validated best so far."""
        return max(self._epochs, key=lambda e: (e.val_accuracy, -e.val_loss), default=None)

    def _build(self) -> tuple[_Plot, _Plot]:
        top, bottom = self._figure.subplots(2, 1, sharex=True)
        for axes, title in ((top, self.tr("Loss")), (bottom, self.tr("Accuracy"))):
            axes.set_title(title, loc="left")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.yaxis.set_major_locator(MaxNLocator(5))
            axes.tick_params(length=0)
        bottom.set_xlabel(self.tr("Epoch"))
        bottom.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        return self._plot(top), self._plot(bottom)

    def _plot(self, axes: Axes) -> _Plot:
        # What moves is `animated`: matplotlib leaves it out when it draws the axes.
        (running,) = axes.plot([], [], linewidth=1, animated=True)
        lines = [
            axes.plot(
                [], [], linewidth=2, marker=marker, markersize=4, animated=True, clip_on=False
            )[0]
            for marker in ("o", "s")
        ]
        labels = [self._words(axes) for _ in lines]
        best = axes.axvline(0, linewidth=1, linestyle=":", visible=False, animated=True)
        return _Plot(axes, running, lines, labels, best)

    def _words(self, axes: Axes) -> Annotation:
        return axes.annotate(
            "", (0, 0), textcoords="offset points", xytext=(8, 0), va="center", animated=True
        )

    @Slot()
    def _colour(self) -> None:
        colours = self._theme.colours
        font = QFont(self.font())
        points = font.pointSizeF() if font.pointSizeF() > 0 else 10.0
        self._figure.set_facecolor(colours.surface)
        for plot in self._plots:
            axes = plot.axes
            axes.set_facecolor(colours.surface)
            axes.grid(visible=True, color=colours.border, linewidth=0.6)
            axes.set_axisbelow(True)
            for spine in axes.spines.values():
                spine.set_visible(False)
            axes.tick_params(colors=colours.muted, labelsize=points * 0.9)
            axes.title.set_color(colours.text)
            # `loc="left"` is a title of its own in matplotlib.
            for text in (axes.xaxis.label, *axes.texts):
                text.set_color(colours.muted)
                text.set_fontsize(points * 0.9)
            axes.set_title(axes.get_title("left"), loc="left", color=colours.text, size=points)
            for index, line in enumerate(plot.lines):
                line.set_color(colours.classes[index])
                plot.labels[index].set_color(colours.classes[index])
            plot.running.set_color(colours.classes[TRAINING])
            plot.running.set_alpha(0.6)
            plot.best.set_color(colours.muted)
        self._changed = True
        self._redraw()

    @Slot()
    def _redraw(self) -> None:
        """Bring the picture up to date, if it can be seen and something came."""
        if not self._changed or not self.isVisible():
            return
        self._changed = False
        self._place_axes()
        loss, accuracy = self._plots
        self._draw(loss, [e.loss for e in self._epochs], [e.val_loss for e in self._epochs])
        self._draw(
            accuracy, [e.accuracy for e in self._epochs], [e.val_accuracy for e in self._epochs]
        )
        self._draw_running()
        loss.axes.set_ylim(0, self._loss_top())
        accuracy.axes.set_ylim(0, 1.02)
        accuracy.axes.set_xlim(0, max(self._planned, len(self._epochs), 1))
        for plot in self._plots:
            _spread_labels(plot)
        self._mark_best()
        self._show()
        self.drawn.emit()

    def _show(self) -> None:
        """Draw only what moves over the axes drawn before, as long as these stay as they are."""
        frame = (
            *self._plots[0].axes.get_ylim(),
            *self._plots[1].axes.get_xlim(),
            self._canvas.width(),
            self._canvas.height(),
            self.devicePixelRatioF(),
            self._theme.colours,
        )
        if self._ground is None or frame != self._frame:
            self._frame = frame
            self._canvas.draw_idle()
            return
        self._canvas.restore_region(self._ground)
        self._draw_moving()
        self._canvas.blit(self._figure.bbox)

    def _keep_ground(self, _event: DrawEvent) -> None:
        """Keep the axes that were just drawn, and draw what moves over them."""
        self._ground = self._canvas.copy_from_bbox(self._figure.bbox)
        self._draw_moving()

    def _draw_moving(self) -> None:
        for plot in self._plots:
            for artist in (plot.best, plot.running, *plot.lines, *plot.labels):
                plot.axes.draw_artist(artist)
        self._plots[1].axes.draw_artist(self._best_words)

    def _place_axes(self) -> None:
        """Keep margins that fit the labels, in pixels, whatever the window's size."""
        width = max(1.0, self._canvas.width())
        height = max(1.0, self._canvas.height())
        self._figure.subplots_adjust(
            left=56 / width,
            right=1 - max(LABEL_ROOM, 96 / width),
            top=1 - 32 / height,
            bottom=48 / height,
            hspace=0.22,
        )

    def _draw(self, plot: _Plot, training: Sequence[float], validation: Sequence[float]) -> None:
        epochs = [epoch.epoch for epoch in self._epochs]
        names = (self.tr("training"), self.tr("validation"))
        for line, label, name, values in zip(
            plot.lines, plot.labels, names, (training, validation), strict=True
        ):
            line.set_data(epochs, values)
            label.set_text(name if values else "")
            if values:
                label.xy = (max(float(epochs[-1]), self._now()), values[-1])

    def _draw_running(self) -> None:
        """Draw the epoch that is going on, from where the last one ended."""
        places = [b.epoch - 1 + b.batch / self._steps for b in self._batches]
        loss, accuracy = self._plots
        loss.running.set_data(places, [b.loss for b in self._batches])
        accuracy.running.set_data(places, [b.accuracy for b in self._batches])

    def _now(self) -> float:
        """Return how far training is, in epochs."""
        if not self._batches:
            return 0.0
        return self._batches[-1].epoch - 1 + self._batches[-1].batch / self._steps

    def _loss_top(self) -> float:
        """Return the top of the loss axis, in steps so that it seldom moves."""
        highest = max(
            (max(e.loss, e.val_loss) for e in self._epochs),
            default=max((b.loss for b in self._batches), default=0.9),
        )
        top = 0.5
        while top < highest * 1.05:
            top *= 2
        return top

    def _mark_best(self) -> None:
        best = self.best()
        self._best_words.set_text("")
        for plot in self._plots:
            plot.best.set_visible(best is not None)
            plot.best.set_xdata([best.epoch if best else 0] * 2)
        if best is None:
            return
        left = best.epoch > self._planned / 2
        words = self.tr("best: epoch {0}, {1:.1%}").format(best.epoch, best.val_accuracy)
        self._best_words.set_text(words)
        self._best_words.xy = (best.epoch, 0.04)
        self._best_words.set_position((-6 if left else 6, 0))
        self._best_words.set_horizontalalignment("right" if left else "left")


def _spread_labels(plot: _Plot) -> None:
    """Move the two labels of a plot apart where they would lie on each other."""
    low, high = plot.axes.get_ylim()
    places = [float(label.xy[1]) for label in plot.labels]
    height = plot.axes.bbox.height / plot.axes.figure.dpi * 72
    gap = abs(places[0] - places[1]) / (high - low)
    push = max(0.0, LEAST_LABEL_GAP - gap) / 2 * height
    upper = 0 if places[0] >= places[1] else 1
    for index, label in enumerate(plot.labels):
        label.set_position((8, push if index == upper else -push))
