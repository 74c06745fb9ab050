"""The pictures of a recipe race: SVG to be put into a page, in the page's own colours.

Lines are drawn in stand-in colours that are then exchanged for the page's, so that one picture is
legible on paper, on light and on dark. No name is drawn: names may hold what no font of matplotlib
knows, and the page writes them itself.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from catdog_gui.classify.race import RacedRun
from training.events import EpochEnded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = 6
"""How many colours there are for runs; after that they come again, dashed in another way."""

_INK = "#0b1d01"
_DASHES: tuple[Literal["-", "--", "-.", ":"], ...] = ("-", "--", "-.", ":")
_MARKERS = "osD^vP"
_MARKS = 8
"""About how many markers a line gets."""

_STYLE: dict[Any, Any] = {  # matplotlib names every key in its types
    "svg.fonttype": "none",  # text stays text
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.grid": True,
    "grid.color": _INK,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
}


@dataclass(frozen=True, slots=True)
class _Panel:
    """One curve of every run."""

    title: str
    value: Callable[[EpochEnded], float]
    percent: bool = False


_LOSSES = (
    _Panel("Training loss", lambda e: e.loss),
    _Panel("Validation loss", lambda e: e.val_loss),
)
_ACCURACIES = (
    _Panel("Training accuracy", lambda e: e.accuracy, percent=True),
    _Panel("Validation accuracy", lambda e: e.val_accuracy, percent=True),
)


def draw_overlay(runs: Sequence[RacedRun]) -> str:
    """Draw the losses and accuracies of all runs over one another."""

    def draw(figure: "Figure") -> None:
        rows = figure.subplots(2, 2, sharex=True, sharey="row")
        for axes, panels in zip(rows, (_LOSSES, _ACCURACIES), strict=True):
            for ax, panel in zip(axes, panels, strict=True):
                _dress(ax, panel.title, percent=panel.percent)
                for place, run in enumerate(runs):
                    _plot(ax, run.epochs, panel.value, place)
        for ax in rows[1]:
            ax.set_xlabel("epoch")

    return _as_svg((9.0, 5.6), "overlay", draw)


def draw_panel(run: RacedRun, place: int) -> str:
    """Draw one run's training and validation curves, its best epoch marked.

    Args:
        run: What to draw.
        place: The run's among all, which decides its colour.
    """

    def draw(figure: "Figure") -> None:
        left, right = figure.subplots(1, 2)
        for ax, panels, title in ((left, _LOSSES, "Loss"), (right, _ACCURACIES, "Accuracy")):
            _dress(ax, title, percent=panels[0].percent)
            training, validation = panels
            numbers = [e.epoch for e in run.epochs]
            few = "." if len(numbers) < _MARKS else ""
            values = [training.value(e) for e in run.epochs]
            ax.plot(numbers, values, "--", color=_INK, lw=1, alpha=0.75, marker=few)
            values = [validation.value(e) for e in run.epochs]
            ax.plot(numbers, values, color=_colour(place), lw=2, marker=few)
            if run.best:
                ax.axvline(run.best.epoch, color=_INK, lw=1, ls=":", alpha=0.75)
            ax.set_xlabel("epoch")

    return _as_svg((6.0, 2.3), f"panel{place}", draw)


def draw_sample(place: int, name: str) -> str:
    """Draw a piece of a run's line, as it is in the overlay.

    Args:
        place: The run's among all.
        name: What keeps the ids of this sample apart from those of others.
    """

    def draw(figure: "Figure") -> None:
        ax = figure.add_axes((0, 0, 1, 1))
        ax.set_axis_off()
        ax.set_xlim(0, 2)
        _draw_line(ax, [0, 1, 2], [0, 0, 0], place, [1])

    return _as_svg((0.5, 0.15), name, draw, constrained=False)


def _dress(ax: "Axes", title: str, *, percent: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.set_title(title)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if percent:
        ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.4g}%"))


def _plot(
    ax: "Axes", epochs: Sequence[EpochEnded], value: Callable[[EpochEnded], float], place: int
) -> None:
    every = max(1, len(epochs) // _MARKS)
    numbers = [e.epoch for e in epochs]
    values = [value(e) for e in epochs]  # what is no number leaves a gap
    # Each run's markers begin elsewhere, so that they do not hide one another.
    _draw_line(ax, numbers, values, place, (place % every, every))


def _draw_line(
    ax: "Axes",
    numbers: Sequence[int],
    values: Sequence[float],
    place: int,
    marks: tuple[int, int] | list[int],
) -> None:
    """Draw a run's line in its colour, with its dashes and markers."""
    (line,) = ax.plot(numbers, values, color=_colour(place))
    line.set_linestyle(_DASHES[place % len(_DASHES)])
    line.set_marker(_MARKERS[place % len(_MARKERS)])
    line.set_markevery(marks)


def _colour(place: int) -> str:
    """Return the colour that stands in for a run's."""
    return f"#0b1d1{place % COLOURS}"


def _as_svg(
    inches: tuple[float, float],
    name: str,
    draw: "Callable[[Figure], None]",
    *,
    constrained: bool = True,
) -> str:
    """Draw a figure and return it as an element for a page.

    Args:
        inches: Width and height.
        name: What keeps its ids apart from those of other pictures on the page.
        draw: Draws on it.
        constrained: Make room for titles and labels.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    content = io.StringIO()
    with rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=inches, layout="constrained" if constrained else None)
        draw(figure)
        figure.savefig(content, format="svg", metadata={"Date": None})
    return _for_a_page(content.getvalue(), name)


def _for_a_page(svg: str, name: str) -> str:
    """Take from an SVG file what belongs in a page, with the page's colours and ids of its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)\b.*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<svg\b[^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1">', svg, count=1)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"xlink:href", "href", svg)
    svg = svg.replace(_INK, "currentColor")
    return re.sub(r"#0b1d1(\d)", r"var(--run-\1)", svg).strip()
