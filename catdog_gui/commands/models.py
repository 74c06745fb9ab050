"""`catdog models`: work with the model library."""

from pathlib import Path

import click

from catdog_gui.classify.model_library import (
    EXPORT_FORMATS,
    AddedNetwork,
    ModelLibrary,
    NetworkFile,
)
from catdog_gui.commands.options import FilePath, SideLengths
from catdog_gui.commands.output import accuracy_words, print_json, printable
from catdog_gui.commands.progress import progress_bar
from catdog_gui.paths import AppFolders
from training.model_file import Metrics, ModelDescription, read_description
from training.request_kinds import NETWORK_SUFFIXES, SCALES


@click.group()
def models() -> None:
    """Work with the model library."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_models(as_json: bool) -> None:
    """List the library's models, newest first."""
    found = ModelLibrary(AppFolders.of_this_user().models).models()
    if as_json:
        print_json(
            {
                "models": [
                    {
                        "name": model.name,
                        "classes": list(model.description.class_names),
                        "image_size": list(model.description.image_size),
                        "recipe": model.description.recipe,
                        "file": str(model.path),
                        "bytes": model.bytes,
                        "shipped": False,
                    }
                    for model in found
                ]
            }
        )
        return
    if not found:
        click.echo("There is no model yet: `catdog train` makes one.")
    for model in found:
        click.echo(
            f"{model.name}: {', '.join(model.description.class_names)}; "
            f"{_metrics_words(model.description.metrics)}; {model.description.recipe}; "
            f"{model.bytes / 1e6:.1f} MB"
        )


@models.command("import")
@click.argument("file", type=FilePath())
@click.option("--name", help="Of the model; by default as its file.")
@click.option(
    "--classes", help="Of a Keras network: its class names in the order of its output, as cat,dog."
)
@click.option(
    "--image-size",
    type=SideLengths(),
    help="Of a Keras network that takes photos of any size: pixels, or HEIGHTxWIDTH.",
)
@click.option(
    "--scale",
    type=click.Choice(SCALES),
    help="What a Keras network wants pixels scaled to; by default as its first layers show.",
)
def import_model(
    file: Path,
    name: str | None,
    classes: str | None,
    image_size: tuple[int, int] | None,
    scale: str | None,
) -> None:
    """Verify FILE and add it to the library: a .catdog, or a Keras network (.keras, .h5)."""
    library = ModelLibrary(AppFolders.of_this_user().models)
    if file.suffix.lower() not in NETWORK_SUFFIXES:
        if classes or image_size or scale:
            raise click.UsageError(
                "--classes, --image-size and --scale are for Keras networks: .keras and .h5 files."
            )
        target = library.add(file, name)
        click.echo(f"imported {target.stem}: {target}")
        return
    if not classes:
        raise click.UsageError(
            f"{printable(file)} does not say what its classes are called: name them in the order "
            "of its output, as in --classes cat,dog."
        )
    network = NetworkFile(
        path=file,
        class_names=tuple(each.strip() for each in classes.split(",")),
        image_size=image_size,
        scale=scale,
    )
    with progress_bar() as progress:
        added = library.add_network(
            network,
            name,
            on_progress=lambda event: progress.show(event.stage, event.done, event.total),
        )
    if added:
        _tell_of_network(added)


@models.command("export")
@click.argument("name")
@click.argument("file", type=FilePath())
@click.option("--format", "export_format", type=click.Choice(EXPORT_FORMATS), required=True)
def export_model(name: str, file: Path, export_format: str) -> None:
    """Write a model to FILE in another format; as a SavedModel, FILE is a folder."""
    library = ModelLibrary(AppFolders.of_this_user().models)
    description = read_description(library.find(name))
    with progress_bar() as progress:
        files = library.export(
            name,
            export_format,
            file,
            on_progress=lambda event: progress.show(event.stage, event.done, event.total),
        )
    for written in files:
        click.echo(f"wrote {printable(written)}")
    if export_format != "catdog":
        click.echo(_interface_words(description))


@models.command("remove")
@click.argument("name")
def remove_model(name: str) -> None:
    """Delete a model from the library."""
    path = ModelLibrary(AppFolders.of_this_user().models).remove(name)
    click.echo(f"removed {path}")


def _tell_of_network(added: AddedNetwork) -> None:
    description = read_description(added.path)
    height, width = description.image_size
    names = ", ".join(description.class_names)
    click.echo(f"imported {added.path.stem}: {added.path}")
    click.echo(f"It tells {names} apart in photos of {height}x{width} pixels.")
    for note in added.notes:
        click.echo(note)
    click.echo(f"What it is worth is not known: try `catdog evaluate {added.path.stem} DATASET`.")


def _metrics_words(metrics: Metrics | None) -> str:
    if metrics is None:
        return "not judged yet"
    words = accuracy_words(metrics.accuracy, metrics.interval)
    return f"{words} of {metrics.photos:,} {metrics.split} photos"


def _interface_words(description: ModelDescription) -> str:
    """Tell how to use a model in another runtime."""
    height, width = description.image_size
    names = description.class_names
    gives = (
        f"the probability of {names[1]} (the rest is {names[0]})"
        if description.output == "sigmoid"
        else f"the probabilities of {', '.join(names)}"
    )
    return (
        f"It takes photos as float32 of shape (batch, {height}, {width}, 3), RGB from 0 to 255, "
        f"and gives {gives}."
    )
