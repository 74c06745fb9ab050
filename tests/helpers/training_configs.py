"""Configurations of small runs."""

from pathlib import Path

from training.configuration import Hyperparameters, Precision, SplitChoice, TrainingConfig
from training.splits import SplitMethod

TINY = Hyperparameters(
    epochs=2,
    steps_per_epoch=3,
    batch_size=4,
    validation_steps=2,
    learning_rate=1e-3,
    image_side=64,
    seed=7,
    precision=Precision.FLOAT32,
)


def small_config(
    root: Path, run: str = "run", dataset: Path | None = None, numbers: Hyperparameters = TINY
) -> TrainingConfig:
    """Return the configuration of a run whose files all lie below `root`."""
    return TrainingConfig(
        run=run,
        dataset=str(dataset or root / "photos"),
        recipe="baseline",
        hyperparameters=numbers,
        split=SplitChoice(method=SplitMethod.STRATIFIED, seed=numbers.seed),
        run_folder=str(root / "runs" / run),
        model_file=str(root / "models" / f"{run}.catdog"),
        cache_folder=str(root / "caches"),
    )
