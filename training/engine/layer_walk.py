"""Looking into networks, those within networks as well."""

from collections.abc import Iterator

import keras
from keras import layers


def flat_layers(network: keras.Model) -> Iterator[layers.Layer]:
    """Yield all layers, those of networks within networks in their place."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from flat_layers(layer)
        else:
            yield layer
