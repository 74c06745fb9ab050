import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

def ImageProjectiveTransformV3(
    *,
    images: NDArray[np.float32],
    transforms: NDArray[np.float32],
    output_shape: NDArray[np.int32],
    interpolation: str,
    fill_mode: str,
    fill_value: float,
) -> tf.Tensor: ...
