"""Tests of what imports TensorFlow; `tests/training/test_inside_tensorflow.py` runs them."""
