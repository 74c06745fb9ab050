"""The engine of CatDog Studio: datasets, recipes, training runs and model files.

Everything directly in this package is light: importing it loads neither TensorFlow nor Qt.
What needs TensorFlow lives in `training.engine` and runs in a process of its own.
"""

TRAINING_ARGUMENT = "--training-process"
"""What the program is started with to be a training process."""
