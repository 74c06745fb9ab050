from typing import Literal

class ConfidenceInterval:
    low: float
    high: float

class BinomTestResult:
    def proportion_ci(
        self, confidence_level: float, method: Literal["wilson"]
    ) -> ConfidenceInterval: ...

def binomtest(k: int, n: int) -> BinomTestResult: ...
