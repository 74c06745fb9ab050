from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

def compute_class_weight(
    class_weight: str, *, classes: NDArray[np.generic], y: Sequence[int]
) -> NDArray[np.float64]: ...
