from collections.abc import Sequence
from typing import Literal, NamedTuple

class ConfidenceInterval:
    low: float
    high: float

class BinomTestResult:
    pvalue: float

    def proportion_ci(
        self, confidence_level: float, method: Literal["wilson"]
    ) -> ConfidenceInterval: ...

class TheilslopesResult(NamedTuple):
    slope: float
    intercept: float
    low_slope: float
    high_slope: float

def binomtest(k: int, n: int, p: float = ...) -> BinomTestResult: ...
def theilslopes(y: Sequence[float], *, alpha: float = ...) -> TheilslopesResult: ...
