from collections.abc import Sequence
from typing import Any

import keras
from keras.optimizers import schedules as schedules

class Optimizer:
    built: bool
    variables: list[keras.Variable]
    def scale_loss(self, loss: Any) -> Any: ...
    def apply_gradients(self, grads_and_vars: list[tuple[Any, keras.Variable]]) -> None: ...
    iterations: keras.Variable
    learning_rate: keras.Variable
    weight_decay: float | None
    def build(self, variables: Sequence[keras.Variable]) -> None: ...

class RMSprop(Optimizer):
    epsilon: float
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
