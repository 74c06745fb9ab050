from collections.abc import Callable, Mapping

import tensorflow as tf

class Loaded:
    signatures: Mapping[str, Callable[..., Mapping[str, tf.Tensor]]]

def load(export_dir: str) -> Loaded: ...
