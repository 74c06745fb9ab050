from collections.abc import Callable

class OptimizeResult:
    x: float

def minimize_scalar(
    fun: Callable[[float], float], *, bounds: tuple[float, float]
) -> OptimizeResult: ...
