from collections.abc import Sequence

from keras import KerasTensor

def take(x: KerasTensor, indices: Sequence[int], axis: int) -> KerasTensor: ...
