from typing import Self

from tensorflow import Tensor

class Dataset:
    @classmethod
    def from_tensors(cls, tensors: tuple[Tensor, Tensor]) -> Self: ...
    def repeat(self, count: int) -> Self: ...
