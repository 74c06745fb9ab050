"""What can go wrong, each as one sentence for the person at the screen.

    CatDogError
    ├── DatasetError        a dataset cannot be opened or split
    ├── PhotoError          one photo cannot be read
    │   └── PhotoGoneError  nor any other: where they lay is not there any more
    ├── ConfigurationError  a value is outside what it may be
    ├── ModelFileError      a model file is refused
    ├── WeightsError        ImageNet weights cannot be found, downloaded or used
    ├── RunError            a training run cannot be found, made or read
    ├── TrainingError       training itself cannot go on
    └── WorkStopped         work was asked to stop, and did; no failure

The message says what happened, to which file, and what to do. It is shown as it stands.
"""


class CatDogError(Exception):
    """An error whose message is written for the person who uses the program."""


class DatasetError(CatDogError):
    """A dataset cannot be opened or split."""


class PhotoError(CatDogError):
    """One photo cannot be read; the message is the reason, without the file's name."""


class PhotoGoneError(PhotoError):
    """A photo cannot be read since its folder or zip is gone; the message is the reason."""


class ConfigurationError(CatDogError):
    """A value is outside what it may be."""


class ModelFileError(CatDogError):
    """A model file is refused."""


class WeightsError(CatDogError):
    """ImageNet weights cannot be found, downloaded or used."""


class RunError(CatDogError):
    """A training run cannot be found, made or read."""


class TrainingError(CatDogError):
    """Training cannot go on."""


class WorkStopped(CatDogError):
    """Work was asked to stop and did so before it was done; this is no failure."""
