import keras
from keras import KerasTensor
from keras.applications import mobilenet_v2 as mobilenet_v2
from keras.applications import vgg19 as vgg19

def VGG19(
    *, weights: str | None, include_top: bool, input_tensor: KerasTensor | None = None
) -> keras.Model: ...
def MobileNetV2(
    *, weights: str | None, include_top: bool, input_tensor: KerasTensor | None = None
) -> keras.Model: ...
