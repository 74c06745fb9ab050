"""ImageNet weights: which there are, where they are looked for, and how they are had.

They are the files that `keras.applications` uses, in the folder where it keeps them, so that what
somebody has is found and nothing is downloaded twice.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from training.downloads import Download, DownloadError, OnProgress, download
from training.errors import WeightsError
from training.files import exists, is_ordinary_file
from training.partial_file import file_md5
from training.web_answer import Patience

KERAS_HOME = "KERAS_HOME"
"""The environment variable that moves the folder of `keras.applications`."""
WEIGHTS_URL = "CATDOG_WEIGHTS_URL"
"""The environment variable that names a mirror: the address of a folder that holds the files."""
MOST_BYTES = 1_000_000_000
"""Larger files are not downloaded; VGG19's weights take 80 MB."""
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

_SUFFIXES = (".h5", ".hdf5")
_KERAS_URL = "https://storage.googleapis.com/tensorflow/keras-applications"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWeights:
    """The ImageNet weights of a backbone, without its top, as Keras publishes them."""

    backbone: str
    title: str
    file: str
    folder_url: str
    md5: str | None
    """Keras publishes none for some files."""

    def url(self, folder_url: str | None = None) -> str:
        """Return where the file is downloaded from: a folder given, a mirror, or Keras's own."""
        folder = folder_url or os.environ.get(WEIGHTS_URL, "").strip() or self.folder_url
        return f"{folder.rstrip('/')}/{self.file}"


@dataclass(frozen=True, slots=True)
class ChosenWeights:
    """A file of weights that the user has named."""

    path: Path
    remark: str | None
    """What the user should know about it, as one sentence."""


_PUBLISHED = (
    # keras/src/applications/vgg19.py of Keras 3.15
    PublishedWeights(
        backbone="vgg19",
        title="VGG19",
        file="vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        folder_url=f"{_KERAS_URL}/vgg19",
        md5="253f8cb515780f3b799900260a226db6",
    ),
    # keras/src/applications/mobilenet_v2.py of Keras 3.15
    PublishedWeights(
        backbone="mobilenetv2",
        title="MobileNetV2",
        file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        folder_url=f"{_KERAS_URL}/mobilenet_v2",
        md5=None,
    ),
)

PUBLISHED_WEIGHTS: Mapping[str, PublishedWeights] = MappingProxyType(
    {weights.backbone: weights for weights in _PUBLISHED}
)


def weights_path(backbone: str) -> Path:
    """Return where a backbone's weights are looked for and downloaded to."""
    home = os.environ.get(KERAS_HOME) or "~/.keras"
    return Path(home).expanduser() / "models" / PUBLISHED_WEIGHTS[backbone].file


def find_weights(backbone: str) -> Path | None:
    """Return the weights that are on this computer, if they are.

    Raises:
        WeightsError: There is a file of their name that is something else.
    """
    path = weights_path(backbone)
    if not exists(path):
        return None
    published = PUBLISHED_WEIGHTS[backbone]
    refusal = _refusal(path)
    if refusal is None and _is_another(path, published):
        refusal = "its checksum is wrong"
    if refusal is not None:
        raise WeightsError(
            f"{path} is not the file of {published.title}'s ImageNet weights that Keras publishes: "
            f"{refusal}. Delete it, to have it downloaded anew, or name another file with "
            "--weights FILE."
        )
    return path


def fetch_weights(
    backbone: str,
    *,
    folder_url: str | None = None,
    patience: Patience | None = None,
    on_progress: OnProgress = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Return a backbone's weights, downloaded if they are not on this computer yet.

    A download that was cut goes on where it ended. Proxies are taken from the environment.

    Args:
        backbone: A name in `PUBLISHED_WEIGHTS`.
        folder_url: Where to download from, instead of `CATDOG_WEIGHTS_URL` or Keras's own place.
        patience: How long to wait for a server.
        on_progress: Told of the bytes that have come and of all there are, 0 if not known.
        should_stop: Asked ten times a second whether to stop.

    Raises:
        WeightsError: They cannot be had; the message says why, and how else they can.
        DownloadStopped: `should_stop` said so.
    """
    path = find_weights(backbone)
    if path is not None:
        return path
    published, path = PUBLISHED_WEIGHTS[backbone], weights_path(backbone)
    wanted = Download(
        url=published.url(folder_url),
        target=path,
        begins_with=HDF5_SIGNATURE,
        md5=published.md5,
        most_bytes=MOST_BYTES,
    )
    try:
        download(
            wanted,
            patience=patience or Patience(),
            on_progress=on_progress,
            should_stop=should_stop,
        )
    except DownloadError as error:
        raise WeightsError(
            f"The ImageNet weights of {published.title} could not be downloaded: {error}. "
            f"{error.advice}, or download {wanted.url} on another computer and name the file with "
            f"--weights FILE, or put it at {path}."
        ) from error
    return path


def use_weights_file(backbone: str, path: Path) -> ChosenWeights:
    """Check a file of weights that the user has; it is read where it is, and never changed.

    Other weights than the published ones are as good if they fit, which is found out when the
    network is built; the remark tells that they are others.

    Raises:
        WeightsError: It is no file of weights.
    """
    published = PUBLISHED_WEIGHTS[backbone]
    refusal = _refusal(path)
    if refusal is None and path.suffix.lower() not in _SUFFIXES:
        refusal = "its name has to end with .h5"
    if refusal is not None:
        raise WeightsError(
            f"The weights file {path} cannot be used: {refusal}. Name {published.title}'s, "
            f"{published.file}, which is downloaded from {published.url()}."
        )
    remark = None
    if _is_another(path, published):
        remark = (
            f"{path} is not the file that Keras publishes (its checksum is another), so results "
            "may be others, too."
        )
    return ChosenWeights(path, remark)


def _refusal(path: Path) -> str | None:
    """Say why a file can be no weights, or return None."""
    if not exists(path):
        return "there is no such file"
    if not is_ordinary_file(path):
        return "it is not an ordinary file"
    try:
        with path.open("rb") as file:
            beginning = file.read(len(HDF5_SIGNATURE))
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"
    if beginning != HDF5_SIGNATURE:
        return "it is no HDF5 file"
    return None


def _is_another(path: Path, published: PublishedWeights) -> bool:
    """Tell whether a file is known not to be the published one.

    Raises:
        WeightsError: It cannot be read to its end.
    """
    if published.md5 is None:
        return False
    try:
        return file_md5(path) != published.md5
    except OSError as error:
        raise WeightsError(
            f"The weights file {path} cannot be read ({error.strerror or error}): get it again."
        ) from error
