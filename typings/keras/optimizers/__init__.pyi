from collections.abc import Sequence

import keras
from keras.optimizers import schedules as schedules

class Optimizer:
    variables: list[keras.Variable]
    def build(self, variables: Sequence[keras.Variable]) -> None: ...

class RMSprop(Optimizer):
    def __init__(
        self,
        learning_rate: float | schedules.LearningRateSchedule,
        *,
        epsilon: float,
        weight_decay: float | None = None,
    ) -> None: ...

class Adam(Optimizer):
    def __init__(
        self,
        learning_rate: float | schedules.LearningRateSchedule,
        *,
        weight_decay: float | None = None,
    ) -> None: ...

class AdamW(Optimizer):
    def __init__(
        self,
        learning_rate: float | schedules.LearningRateSchedule,
        *,
        weight_decay: float,
    ) -> None: ...

class SGD(Optimizer):
    def __init__(
        self,
        learning_rate: float | schedules.LearningRateSchedule,
        *,
        momentum: float,
        weight_decay: float | None = None,
    ) -> None: ...
