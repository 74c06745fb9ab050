from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

def confusion_matrix(
    y_true: NDArray[np.int64], y_pred: NDArray[np.int64], *, labels: Sequence[int]
) -> NDArray[np.int64]: ...
def precision_recall_fscore_support(
    y_true: NDArray[np.int64],
    y_pred: NDArray[np.int64],
    *,
    labels: Sequence[int],
    zero_division: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]: ...
def roc_auc_score(y_true: NDArray[np.bool_], y_score: NDArray[np.float64]) -> float: ...
def log_loss(
    y_true: NDArray[np.int64], y_proba: NDArray[np.float32], /, *, labels: Sequence[int]
) -> float: ...
def brier_score_loss(
    y_true: NDArray[np.int64], y_proba: NDArray[np.float32], /, *, labels: Sequence[int]
) -> float: ...
