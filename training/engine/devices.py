"""What TensorFlow computes on."""

import tensorflow as tf


def device_in_use() -> str:
    """Name what TensorFlow computes on."""
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return "CPU"
    return ", ".join(
        str(tf.config.experimental.get_device_details(device).get("device_name", "GPU"))
        for device in devices
    )
