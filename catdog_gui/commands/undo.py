"""`catdog undo`: bring back what sorting did."""

import click

from catdog_gui.classify.sorting.journal_folder import find_journal, newest_journal
from catdog_gui.classify.sorting.undo import UndoOutcome, undo_sort
from catdog_gui.commands.interruptions import interruptions_heeded
from catdog_gui.commands.output import Interrupted, print_json, printable
from catdog_gui.commands.progress import progress_bar
from catdog_gui.commands.sorting import left_words
from catdog_gui.paths import AppFolders
from training.errors import CatDogError


@click.command()
@click.argument("journal", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def undo(journal: str | None, as_json: bool) -> None:
    """Bring back what a sort did: the newest one, or that of JOURNAL, a name or a file."""
    folder = AppFolders.of_this_user().journals
    path = newest_journal(folder) if journal is None else find_journal(folder, journal)
    with interruptions_heeded() as interrupted, progress_bar() as progress:
        outcome = undo_sort(
            path,
            on_progress=lambda done, total: progress.show("undoing", done, total),
            should_stop=interrupted,
        )
    if as_json:
        print_json(
            {
                "journal": str(outcome.journal),
                "back": [str(each) for each in outcome.back],
                "refused": [
                    {"path": str(each.path), "reason": each.reason} for each in outcome.refused
                ],
                "stopped": outcome.stopped,
            }
        )
    else:
        _print(outcome)
    if outcome.stopped:
        raise Interrupted
    if outcome.refused:
        raise CatDogError(
            f"{_files(len(outcome.refused))} could not be brought back and are left as they "
            f"are: see to what is listed, then undo {outcome.journal.stem} once more."
        )


def _print(outcome: UndoOutcome) -> None:
    for line in left_words(outcome.refused):
        click.echo(line)
    files = _files(len(outcome.back))
    click.echo(f"{files} brought back as before the sort of {printable(outcome.journal)}")


def _files(count: int) -> str:
    return f"{count:,} file" + ("" if count == 1 else "s")
