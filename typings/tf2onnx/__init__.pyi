# The part of tf2onnx that this project uses; it ships no types.

from tf2onnx import convert as convert
