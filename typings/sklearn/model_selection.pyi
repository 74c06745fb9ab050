from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

class KFold:
    def __init__(self, n_splits: int, *, shuffle: bool, random_state: int) -> None: ...
    def split(
        self, X: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]: ...
