from typing import Any

from numpy.typing import NDArray

class coo_array:
    def __init__(
        self, arg1: tuple[NDArray[Any], NDArray[Any]], *, shape: tuple[int, int]
    ) -> None: ...
