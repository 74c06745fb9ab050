from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

def calibration_curve(
    y_true: NDArray[np.int64],
    y_prob: NDArray[np.float64],
    *,
    n_bins: int,
    strategy: Literal["uniform", "quantile"],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

class CalibratedClassifierCV(BaseEstimator):
    def __init__(
        self, estimator: FrozenEstimator, *, method: Literal["temperature"], ensemble: bool
    ) -> None: ...
    def fit(self, X: NDArray[np.float64], y: NDArray[np.int64]) -> Self: ...
    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]: ...
