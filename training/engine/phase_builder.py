"""The phases of a run, made ready: what learns, and what it is shown."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from training.engine.backbones import cut, freeze
from training.engine.examples import Examples, PhotoExamples
from training.engine.feature_cache import FeatureCache, FeatureIdentity, runtime_in_use
from training.engine.phases import PhasePlan, cut_layer, learns_from_features
from training.engine.preparation import Prepared

ProgressTeller = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Phase:
    """A phase ready to be compiled and trained."""

    plan: PhasePlan
    network: keras.Model
    """What learns: the whole network, or what stands on the cached features."""
    training: Examples
    validation: Examples
    uses_features: bool
    close: Callable[[], None]


def build_phase(prepared: Prepared, plan: PhasePlan, tell: ProgressTeller) -> Phase:
    """Make a phase ready, computing the features it needs.

    Args:
        prepared: The run.
        plan: Which phase.
        tell: Told the stage, how many photos are done, and of how many.
    """
    numbers = prepared.numbers
    if prepared.recipe.backbone is not None:
        freeze(prepared.network, plan.released_from)
    if not learns_from_features(prepared.recipe, numbers):
        shown = PhotoExamples(prepared.cache, numbers.augmentation, numbers.seed)
        return Phase(plan, prepared.network, shown, shown, False, _nothing_to_close)
    layer = cut_layer(prepared.network, plan)
    features = _features(prepared, layer)
    stage = f"Computing features up to {layer}"

    def show(done: int, total: int) -> None:
        tell(stage, done, total)

    features.prepare(prepared.training, numbers.views, show)
    features.prepare(prepared.validation, 1, show)
    return Phase(
        plan,
        cut(prepared.network, layer)[1],
        features.examples(numbers.views, numbers.seed),
        features.examples(1, numbers.seed),
        True,
        features.close,
    )


def _features(prepared: Prepared, layer: str) -> FeatureCache:
    numbers = prepared.numbers
    identity = FeatureIdentity(
        backbone=str(prepared.recipe.backbone),
        weights=prepared.weights_digest,
        layer=layer,
        image_side=numbers.image_side,
        views=numbers.views,
        augmentation=numbers.augmentation,
        seed=numbers.seed if numbers.views > 1 else 0,
        runtime=runtime_in_use(),
    )
    root = Path(prepared.config.cache_folder)
    return FeatureCache(cut(prepared.plain, layer)[0], identity, prepared.cache, root)


def _nothing_to_close() -> None:
    """Close nothing: photos stay open for the next phase."""
