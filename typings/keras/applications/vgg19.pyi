import numpy as np
from numpy.typing import NDArray

def preprocess_input(x: NDArray[np.float32]) -> NDArray[np.float32]: ...
