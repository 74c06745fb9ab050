"""`catdog models`: work with the model library."""

from pathlib import Path

import click

from catdog_gui.classify.model_library import EXPORT_FORMATS, ModelLibrary
from catdog_gui.commands.options import FilePath
from catdog_gui.commands.output import accuracy_words, print_json, printable
from catdog_gui.commands.progress import progress_bar
from catdog_gui.paths import AppFolders
from training.model_file import ModelDescription, read_description


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
        metrics = model.description.metrics
        words = accuracy_words(metrics.accuracy, metrics.interval)
        click.echo(
            f"{model.name}: {', '.join(model.description.class_names)}; {words} of "
            f"{metrics.photos:,} {metrics.split} photos; {model.description.recipe}; "
            f"{model.bytes / 1e6:.1f} MB"
        )


@models.command("import")
@click.argument("file", type=FilePath())
def import_model(file: Path) -> None:
    """Verify a model file and copy it into the library."""
    target = ModelLibrary(AppFolders.of_this_user().models).add(file)
    click.echo(f"imported {target.stem}: {target}")


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
