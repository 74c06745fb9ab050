"""How a recipe race is told in text and tables."""

from catdog_gui.classify.race import Race, RacedRun

TABLE_HEADINGS = (
    "run",
    "recipe",
    "accuracy (95% interval)",
    "gap: best, last",
    "best epoch",
    "time of its epochs",
    "model",
)


def title_words(race: Race) -> str:
    """Say what is compared on what."""
    photos = next((run.score.photos for run in race.runs if run.score), None)
    judged = f", judged by {photos:,} {race.judged_on} photos" if photos else ""
    return f"{len(race.runs)} runs on {race.locked.words} of {race.locked.dataset}{judged}"


def table_row(run: RacedRun) -> tuple[str, ...]:
    """Return a run's cells under `TABLE_HEADINGS`."""
    return (
        run.name,
        run.recipe,
        accuracy_cell(run),
        f"{signed(run.gap.best)}, {signed(run.gap.last)}" if run.gap else "–",
        f"{run.best.epoch} of {len(run.epochs)}" if run.best else "–",
        duration_words(run.seconds) if run.epochs else "–",
        size_words(run),
    )


def accuracy_cell(run: RacedRun) -> str:
    """Write the accuracy with its interval."""
    if run.score is None:
        return "–"
    interval = run.score.interval
    return f"{run.score.accuracy:.1%} ({interval.low:.1%} to {interval.high:.1%})"


def signed(number: float) -> str:
    """Write a gap with its sign and a true minus."""
    text = f"{number:+.2f}"
    return "0.00" if text in {"+0.00", "-0.00"} else text.replace("-", "−")


def duration_words(seconds: float) -> str:
    """Write a duration in the units that suit it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    units = ((hours, "h"), (minutes, "min"), (0 if hours else rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in units if count) or "0 s"


def size_words(run: RacedRun) -> str:
    """Write how large the model file is, and of how many weights its network consists."""
    if run.model_bytes is None:
        return "–"
    size = f"{run.model_bytes / 1e6:.1f} MB"
    if run.weights is None:
        return size
    count = f"{run.weights / 1e6:.2f} million" if run.weights >= 100_000 else f"{run.weights:,}"
    return f"{size}, {count} weights"
