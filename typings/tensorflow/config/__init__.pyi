from tensorflow.config import experimental as experimental
from tensorflow.config import threading as threading

class PhysicalDevice:
    name: str

class LogicalDeviceConfiguration: ...

def list_physical_devices(device_type: str) -> list[PhysicalDevice]: ...
def set_logical_device_configuration(
    device: PhysicalDevice, logical_devices: list[LogicalDeviceConfiguration]
) -> None: ...
