"""`catdog correct`: say what photos show, whatever a model says."""

import hashlib
from pathlib import Path

import click

from catdog_gui.classify.catalog import Catalog
from catdog_gui.commands.options import FilePath
from catdog_gui.commands.output import one_line, printable
from catdog_gui.paths import AppFolders
from training.dataset import RESERVED_LABELS
from training.errors import CatDogError, ConfigurationError, PhotoError
from training.files import is_text
from training.images import READER
from training.photo_files import read_stamped


@click.command()
@click.argument("label")
@click.argument("photos", nargs=-1, required=True, type=FilePath())
def correct(label: str, photos: tuple[Path, ...]) -> None:
    """Say that PHOTOS show LABEL, which goes before what models say; "" takes that back.

    A correction belongs to a photo's content: it stays when the photo is moved or renamed, and is
    of no more meaning once the photo is changed.
    """
    if not is_text(label) or label in RESERVED_LABELS or label.isspace():
        raise ConfigurationError(f"{one_line(label)!r} cannot be a label: name a class.")
    refused = False
    with Catalog(AppFolders.of_this_user().catalog, READER, _complain) as catalog:
        for photo in photos:
            try:
                content, stamp = read_stamped(photo)
            except PhotoError as error:
                _complain(f"{photo} is not corrected: {error}.")
                refused = True
                continue
            catalog.correct(photo, hashlib.sha256(content).digest(), label, stamp)
            click.echo(f"{printable(photo)}: {one_line(label) or 'as models say'}")
    if refused:
        raise CatDogError("Some photos are not corrected, for the reasons above.")


def _complain(words: str) -> None:
    click.echo(f"catdog: {one_line(words)}", err=True)
