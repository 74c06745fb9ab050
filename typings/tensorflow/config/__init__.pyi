from tensorflow.config import experimental as experimental

class PhysicalDevice:
    name: str

def list_physical_devices(device_type: str) -> list[PhysicalDevice]: ...
