from collections.abc import Sequence

import onnx
import tensorflow as tf

def from_function(
    function: tf.Function, input_signature: Sequence[tf.TensorSpec], *, opset: int
) -> tuple[onnx.ModelProto, object]: ...
