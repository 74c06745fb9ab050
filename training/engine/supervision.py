"""What lies between a trainer and the process that it trains in."""

from collections.abc import Callable
from dataclasses import dataclass

from training.events import Event


@dataclass(frozen=True)
class Supervision:
    """What the training process gives to a trainer: a voice and an ear."""

    emit: Callable[[Event], None]
    stop_requested: Callable[[], bool]
    heed_stops: Callable[[], None]
    """Told once a stop is looked for after every batch, so that no one need end the process."""
    wait_while_paused: Callable[[], float]
    """Returns at once or, if there is a pause, when it is over: the seconds it took."""
