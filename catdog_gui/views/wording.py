"""Numbers as people read them."""

MINUTE = 60
HOUR = 3600


def title_of(class_name: str) -> str:
    """Write a class name with a capital, as the beginning of a line."""
    return class_name[:1].upper() + class_name[1:]


def seconds_words(seconds: float) -> str:
    """Write a length of time roughly: 45 s, 3 min, 1 h 20 min."""
    if seconds < MINUTE:
        return f"{max(1, round(seconds))} s"
    if seconds < HOUR:
        return f"{round(seconds / MINUTE)} min"
    hours, rest = divmod(round(seconds / MINUTE), 60)
    return f"{hours} h {rest} min"


def rate_words(count: int, seconds: float) -> str:
    """Write how many a second, without a false decimal."""
    rate = count / seconds if seconds > 0 else 0.0
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def accuracy_words(accuracy: float, low: float, high: float) -> str:
    """Write an accuracy with half the width of its interval: 98.4% ± 0.3."""
    return f"{accuracy:.1%} ± {(high - low) / 2 * 100:.1f}"
