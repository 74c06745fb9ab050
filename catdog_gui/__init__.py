"""CatDog Studio: train an image classifier and watch it learn; sort folders of photos with it."""

__version__ = "0.1.0"
