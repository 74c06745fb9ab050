"""The phases of a run, made ready: what learns, and what it is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from training.engine.backbones import between, cut, freeze
from training.engine.examples import Examples, PhotoExamples
from training.engine.feature_cache import (
    FeatureCache,
    FeatureIdentity,
    PhotoViews,
    Views,
    runtime_in_use,
)
from training.engine.phases import PhasePlan, cut_layer, learns_from_features
from training.engine.preparation import Listener, Prepared
from training.photo_cache import DECODER


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


def build_phase(prepared: Prepared, plan: PhasePlan, listener: Listener) -> Phase:
    """Make a phase ready, computing the features it needs.

    Args:
        prepared: The run.
        plan: Which phase.
        listener: Told what takes long.
    """
    numbers = prepared.numbers
    if prepared.recipe.backbone is not None:
        freeze(prepared.network, plan.released_from)
    if learns_from_features(prepared.recipe, numbers):
        caches = _feature_caches(prepared, plan)
        if all(_fill(cache, prepared, listener) for cache in caches):
            return _phase_on_features(prepared, plan, caches)
        _close_all(caches)
        listener.noticed(
            "The features of all photos do not fit into the cache, so that they are computed anew "
            "in every step, which takes longer: free some space on the disk."
        )
    shown = PhotoExamples(prepared.cache, numbers.augmentation, numbers.seed)
    return Phase(plan, prepared.network, shown, shown, False, lambda: None)


def _phase_on_features(
    prepared: Prepared, plan: PhasePlan, caches: Sequence[FeatureCache]
) -> Phase:
    features, numbers = caches[-1], prepared.numbers
    return Phase(
        plan,
        cut(prepared.network, cut_layer(prepared.network, plan))[1],
        features.examples(numbers.views, numbers.seed),
        features.examples(1, numbers.seed),
        True,
        lambda: _close_all(caches),
    )


def _feature_caches(prepared: Prepared, plan: PhasePlan) -> list[FeatureCache]:
    """Return the caches of a phase's features and of those that they are computed from.

    The lowest features are those of the last phase. So the part of a backbone that is never
    released looks at each photo only once, whatever stands on it.
    """
    numbers = prepared.numbers
    pixels = PhotoViews(prepared.cache, numbers.augmentation, numbers.seed)
    lowest = cut_layer(prepared.network, prepared.plans[-1])
    layer = cut_layer(prepared.network, plan)
    first = _feature_cache(
        prepared, cut(prepared.plain, lowest)[0], pixels, lowest, through=f"pixels, {DECODER}"
    )
    if layer == lowest:
        return [first]
    upper = between(prepared.plain, lowest, layer)
    return [first, _feature_cache(prepared, upper, first, layer, through=lowest)]


def _feature_cache(
    prepared: Prepared, frozen: keras.Model, below: Views, layer: str, *, through: str
) -> FeatureCache:
    root = Path(prepared.config.cache_folder)
    return FeatureCache(frozen, below, _identity(prepared, layer, through), prepared.cache, root)


def _fill(cache: FeatureCache, prepared: Prepared, listener: Listener) -> bool:
    """Compute what is missing, and tell whether there was room for all."""
    stage = f"Computing features up to {cache.layer}"

    def show(done: int, total: int) -> None:
        listener.progress(stage, done, total)

    views = prepared.numbers.views
    return cache.prepare(prepared.training, views, show) and cache.prepare(
        prepared.validation, 1, show
    )


def _identity(prepared: Prepared, layer: str, through: str) -> FeatureIdentity:
    numbers = prepared.numbers
    return FeatureIdentity(
        backbone=str(prepared.recipe.backbone),
        weights=prepared.weights_digest,
        layer=layer,
        through=through,
        image_side=numbers.image_side,
        views=numbers.views,
        augmentation=numbers.augmentation,
        seed=numbers.seed if numbers.views > 1 else 0,
        runtime=runtime_in_use(),
    )


def _close_all(caches: Sequence[FeatureCache]) -> None:
    for cache in caches:
        cache.close()
