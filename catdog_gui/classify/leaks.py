"""Photos that a model is judged by though it has seen their duplicates."""

from catdog_gui.classify.classifier import Classifier
from training.dataset import Dataset
from training.duplicates import find_groups, leaked_photos
from training.progress import OnProgress, ShouldStop, never, no_progress


def find_leaked(
    classifier: Classifier,
    dataset: Dataset,
    split: str,
    *,
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never,
) -> frozenset[str] | None:
    """Return the names of photos of a split that duplicates in earlier parts have given away.

    Args:
        classifier: What is judged.
        dataset: What it is judged by.
        split: `test`, `validation` or `all`, as `judging.photos_to_judge` says.
        on_progress: Told how many photos are looked at, and of how many.
        should_stop: Asked now and then whether to stop.

    Returns:
        The names, or nothing where it cannot be known: for photos of another dataset than the
        model's, and for all photos of its own, which it was trained on.

    Raises:
        WorkStopped: It was asked to stop.
    """
    trained_on = classifier.description.trained_on
    if trained_on is None or split == "all" or dataset.fingerprint != trained_on.fingerprint:
        return None
    groups = dataset.with_root(trained_on.split.together) or find_groups(
        dataset, on_progress=on_progress, should_stop=should_stop
    )
    return leaked_photos(groups, trained_on.split.divide(dataset), split)
