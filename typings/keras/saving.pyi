from os import PathLike

import keras

def load_model(
    filepath: PathLike[str], *, compile: bool, safe_mode: bool = True
) -> keras.Model: ...
