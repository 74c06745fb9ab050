"""Pictures that tell about a model or a recipe, drawn by the process that has TensorFlow."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from catdog_gui.classify.model_library import made_at
from training.configuration import Augmentation
from training.engine_requests import ask_engine
from training.errors import CatDogError, PhotoError
from training.events import PhotoSkipped, Progressed
from training.files import exists, is_folder
from training.images import ImageSize, read_photo
from training.request_kinds import ExplainPhotos, PreviewAugmentation

PICTURE_SUFFIX = ".png"


def explain_photos(
    model: Path,
    photos: Sequence[Path],
    output: Path,
    class_name: str | None = None,
    *,
    on_progress: Callable[[Progressed], None] = lambda event: None,
    on_skipped: Callable[[PhotoSkipped], None] = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Path]:
    """Draw where in photos a model sees a class, and return the pictures, none if stopped.

    In a folder each is named after its photo, the class and the class's probability.

    Args:
        model: The model file.
        photos: Files.
        output: A folder, made if need be, or for one photo a .png; nothing is overwritten.
        class_name: The class to look for; without it, for each photo the one it is taken for.
        on_progress: Told how far it is.
        on_skipped: Told of photos that cannot be read.
        should_stop: Asked while it takes.

    Raises:
        CatDogError: The model is refused, or the pictures cannot be written.
    """

    def explain_into(folder: Path) -> list[Path]:
        request = ExplainPhotos(
            model=str(model.absolute()),
            photos=tuple(str(photo.absolute()) for photo in photos),
            folder=str(folder.absolute()),
            class_name=class_name,
        )
        answer = ask_engine(
            request, on_progress=on_progress, on_skipped=on_skipped, should_stop=should_stop
        )
        return [Path(file) for file in answer.files] if answer else []

    if output.suffix.lower() == PICTURE_SUFFIX and not is_folder(output):
        return _as_one_picture(output, len(photos), explain_into)
    return _into_folder(output, explain_into)


def _as_one_picture(
    target: Path, photos: int, draw_into: Callable[[Path], list[Path]]
) -> list[Path]:
    if photos != 1:
        raise CatDogError(
            f"{target} is one picture, and there are {photos:,} photos: name a folder."
        )
    with made_at(target) as made:
        drawn = draw_into(made.parent)
        for picture in drawn:
            picture.rename(made)
    return [target] if drawn else []


def _into_folder(folder: Path, draw_into: Callable[[Path], list[Path]]) -> list[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=folder, prefix=".drawn.", ignore_cleanup_errors=True
        ) as hidden:
            return _moved(draw_into(Path(hidden)), folder)
    except OSError as error:
        reason = error.strerror or error
        raise CatDogError(
            f"{folder} cannot be written to: {reason}. Name another folder."
        ) from error


def preview_augmentation(
    photo: Path,
    augmentation: Augmentation,
    size: ImageSize,
    target: Path,
    *,
    count: int,
    seed: int = 0,
    on_progress: Callable[[Progressed], None] = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Draw versions of a photo as training with an augmentation would show it.

    Args:
        photo: A file.
        augmentation: What may be changed.
        size: The height and width of each version.
        target: The picture to write; nothing is overwritten.
        count: How many versions.
        seed: Decides which.
        on_progress: Told how far it is.
        should_stop: Asked while it takes.

    Returns:
        Whether it was drawn, not stopped.

    Raises:
        CatDogError: The photo cannot be read, or the picture not be written.
    """
    try:
        read_photo(photo, size)  # to say so at once if it cannot be read
    except PhotoError as error:
        raise CatDogError(f"{photo} cannot be shown: {error}. Name another photo.") from error
    with made_at(target) as made:
        request = PreviewAugmentation(
            photo=str(photo.absolute()),
            target=str(made.absolute()),
            augmentation=augmentation,
            image_size=(size.height, size.width),
            count=count,
            seed=seed,
        )
        return ask_engine(request, on_progress=on_progress, should_stop=should_stop) is not None


def _moved(pictures: Sequence[Path], folder: Path) -> list[Path]:
    """Move all pictures into a folder, or none of them if one is there already."""
    targets = [folder / picture.name for picture in pictures]
    taken = next(filter(exists, targets), None)
    if taken is not None:
        raise CatDogError(f"{taken} exists already and is left as it is: name another folder.")
    done: list[Path] = []
    try:
        for picture, target in zip(pictures, targets, strict=True):
            picture.rename(target)
            done.append(target)
    except OSError:
        for target in done:
            with suppress(OSError):
                target.unlink()
        raise
    return targets
