"""Draws the curves of a race for the documentation.

catdog compare RUN... --json > race.json
python scripts/study_curves.py race.json docs/study-curves.svg
"""

import argparse
import json
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#6A5ACD")
"""From the colour-blind-safe set of Okabe and Ito; the fifth, yellow, is too pale on white."""
STYLE: dict[Any, Any] = {  # matplotlib names every key in its types
    "svg.hashsalt": "study",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "grid.alpha": 0.25,
}
INCHES = (10.5, 7.5)
PERCENT = 100


def draw(runs: list[dict[str, Any]], figure: Figure) -> None:
    """Draw networks trained from nothing on the left, pretrained ones on the right."""
    colours = {run["name"]: COLOURS[place % len(COLOURS)] for place, run in enumerate(runs)}
    pretrained = [run for run in runs if run["recipe"].startswith(("vgg19", "mobilenetv2"))]
    scratch = [run for run in runs if run not in pretrained]
    groups = [
        (title, group)
        for title, group in (("Trained from nothing", scratch), ("Pretrained", pretrained))
        if group
    ]
    grid = figure.subplots(2, len(groups), squeeze=False, sharex="col")
    for column, (title, group) in enumerate(groups):
        upper, lower = grid[0][column], grid[1][column]
        for run in group:
            _draw_run(upper, run, "accuracy", PERCENT, colours[run["name"]])
            _draw_run(lower, run, "loss", 1, colours[run["name"]])
            _mark_best(upper, run, colours[run["name"]])
        upper.set_title(f"{title}: accuracy, %")
        lower.set_title("Loss")
        lower.set_xlabel("epoch")
        upper.legend(frameon=False, fontsize=9, loc="lower right")
    figure.supxlabel(
        "solid: validation · dotted: training · dot: the epoch that was kept", fontsize=9
    )


def _draw_run(axes: Axes, run: dict[str, Any], what: str, factor: float, colour: str) -> None:
    epochs = [epoch["epoch"] for epoch in run["epochs"]]
    training = [epoch[what] * factor for epoch in run["epochs"]]
    validation = [epoch[f"val_{what}"] * factor for epoch in run["epochs"]]
    axes.plot(epochs, training, ":", color=colour, linewidth=1.2)
    axes.plot(epochs, validation, "-", color=colour, linewidth=1.5, label=run["name"])


def _mark_best(axes: Axes, run: dict[str, Any], colour: str) -> None:
    best = next(epoch for epoch in run["epochs"] if epoch["epoch"] == run["best_epoch"])
    axes.plot([best["epoch"]], [best["val_accuracy"] * PERCENT], "o", color=colour)


def main() -> None:
    """Read a race and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("race", type=Path, help="what `catdog compare --json` printed")
    parser.add_argument("picture", type=Path, help="an SVG or PNG file to write")
    arguments = parser.parse_args()
    runs = json.loads(arguments.race.read_text("utf-8"))["runs"]
    with rc_context(STYLE):
        figure = Figure(figsize=INCHES, layout="constrained")
        draw(runs, figure)
        figure.savefig(arguments.picture, metadata={"Date": None}, dpi=150)


if __name__ == "__main__":
    main()
