from typing import Any

from numpy.typing import NDArray
from scipy.sparse import coo_array

def connected_components(
    csgraph: coo_array, directed: bool = True
) -> tuple[int, NDArray[Any]]: ...
