"""The engine, without and with TensorFlow."""
