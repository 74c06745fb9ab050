import numpy as np
from numpy.typing import NDArray

def apply_affine_transform(
    x: NDArray[np.float32],
    theta: float,
    tx: float,
    ty: float,
    shear: float,
    zx: float,
    zy: float,
    row_axis: int,
    col_axis: int,
    channel_axis: int,
) -> NDArray[np.float32]: ...
