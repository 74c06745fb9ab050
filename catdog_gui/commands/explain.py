"""`catdog explain` and `catdog preview`: pictures of what a model sees, and of what it is shown."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from catdog_gui.classify.model_library import ModelLibrary
from catdog_gui.classify.pictures import explain_photos, preview_augmentation
from catdog_gui.classify.scan import find_photos
from catdog_gui.commands.options import FilePath, augmentation_options
from catdog_gui.commands.output import printable
from catdog_gui.commands.progress import progress_bar
from catdog_gui.paths import AppFolders
from training.errors import CatDogError
from training.events import PhotoSkipped
from training.model_file import read_description
from training.recipes import RECIPES
from training.request_kinds import MOST_VERSIONS


@click.command()
@click.argument("model")
@click.argument("photos", nargs=-1, required=True, type=FilePath())
@click.option(
    "--output",
    type=FilePath(),
    required=True,
    help="A folder for the pictures, made if need be; of one photo the picture itself, a .png.",
)
@click.option(
    "--class", "class_name", help="What to look for; by default what each photo is taken for."
)
def explain(model: str, photos: tuple[Path, ...], output: Path, class_name: str | None) -> None:
    """Draw where in PHOTOS, files and folders, MODEL, a name or a file, sees a class (Grad-CAM)."""
    file = ModelLibrary(AppFolders.of_this_user().models).find(model)
    names = read_description(file).class_names
    if class_name is not None and class_name not in names:
        raise click.BadParameter(
            f"the model knows no class {class_name!r}: choose one of {', '.join(names)}.",
            param_hint="--class",
        )
    found = find_photos(photos)
    if not found:
        raise CatDogError(f"There are no photos in {', '.join(map(str, photos))}.")
    with progress_bar() as progress:
        pictures = explain_photos(
            file,
            found,
            output,
            class_name,
            on_progress=lambda event: progress.show(event.stage, event.done, event.total),
            on_skipped=_tell_of_skipped,
        )
    if not pictures:
        raise CatDogError("None of the photos can be read: name others.")
    for picture in pictures:
        click.echo(f"wrote {printable(picture)}")


@click.command()
@click.argument("photo", type=FilePath())
@click.option("--recipe", type=click.Choice(list(RECIPES)), required=True)
@click.option("--count", type=click.IntRange(1, MOST_VERSIONS), default=9, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--output", type=FilePath(), required=True, help="The picture to write, a PNG.")
@augmentation_options
def preview(
    photo: Path,
    recipe: str,
    count: int,
    seed: int,
    output: Path,
    **changes: float | bool | None,
) -> None:
    """Draw versions of PHOTO as training with a recipe's augmentation shows them."""
    defaults = RECIPES[recipe].defaults
    chosen: dict[str, Any] = {name: each for name, each in changes.items() if each is not None}
    augmentation = replace(defaults.augmentation, **chosen)
    if augmentation.changes_nothing and chosen:
        raise CatDogError("With these options photos stay as they are: leave one of them out.")
    if augmentation.changes_nothing:
        changing = [r.name for r in RECIPES.values() if not r.defaults.augmentation.changes_nothing]
        raise CatDogError(
            f"The recipe {recipe} shows photos as they are: choose one of {', '.join(changing)}, "
            "or an option such as --rotation 20."
        )
    with progress_bar() as progress:
        preview_augmentation(
            photo,
            augmentation,
            defaults.image_size,
            output,
            count=count,
            seed=seed,
            on_progress=lambda event: progress.show(event.stage, event.done, event.total),
        )
    click.echo(f"wrote {printable(output)}")


def _tell_of_skipped(event: PhotoSkipped) -> None:
    click.echo(f"left out {printable(Path(event.photo))}: {event.reason}", err=True)
