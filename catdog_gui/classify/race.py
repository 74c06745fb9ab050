"""The recipe race: training runs on one locked split, compared."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum, isfinite, prod
from pathlib import Path

import numpy as np
from PIL import Image

from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.duels import Duel, fight_all
from catdog_gui.classify.judging import JudgedPhotos, judge
from catdog_gui.classify.locked_split import Ground, LockedSplit, lock_split
from training.dataset import Dataset
from training.errors import CatDogError, PhotoError, RunError, WorkStopped
from training.events import EpochEnded
from training.images import read_thumbnail
from training.metrics import Interval, wilson_interval
from training.model_file import OPENVINO_XML, ModelDescription, read_description, read_model_file
from training.progress import ShouldStop, never
from training.runs import Run, RunRecord, RunState
from training.verdict import (
    FEWEST_EPOCHS,
    Gap,
    Verdict,
    compare_gaps,
    find_best_epoch,
    judge_history,
    measure_gap,
)

MOST_DISAGREEMENTS = 12
_GOING_ON = {RunState.RUNNING, RunState.PAUSED}
THUMBNAIL_SIDE = 144
"""Pixels of a disputed photo's longer side."""

# The constants of OpenVINO's XML, of which those with a fraction are a network's weights.
_CONSTANT = re.compile(r'type="Const"[^>]*>\s*<data element_type="(?:f|bf)\d+" shape="([\d, ]*)"')


@dataclass(frozen=True, slots=True)
class Score:
    """How many photos a model labelled rightly."""

    photos: int
    correct: int

    @property
    def accuracy(self) -> float:
        """The share that was labelled rightly."""
        return self.correct / self.photos

    @property
    def interval(self) -> Interval:
        """The accuracy's 95% Wilson interval."""
        return wilson_interval(self.correct, self.photos)


@dataclass(frozen=True, slots=True, kw_only=True)
class RacedRun:
    """A training run with all that it is compared by."""

    name: str
    recipe: str
    state: RunState
    epochs: tuple[EpochEnded, ...]
    verdict: Verdict
    best: EpochEnded | None
    """The epoch whose network the model is; of a run not finished, the one that validated best."""
    gap: Gap | None
    model: Path | None = None
    model_bytes: int | None = None
    weights: int | None = None
    """How many numbers the network consists of, if that can be read."""
    score: Score | None = None

    @property
    def seconds(self) -> float:
        """How long all epochs took, validation included."""
        return fsum(epoch.seconds for epoch in self.epochs if isfinite(epoch.seconds))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model took a photo for, and how sure it was."""

    class_name: str
    confidence: float
    right: bool


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A photo that some models label rightly and others wrongly."""

    photo: str
    class_name: str
    """What it shows in truth."""
    answers: Mapping[str, Answer]
    """By run."""
    thumbnail: bytes = b""
    """A small JPEG; nothing if the photo could not be read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """Runs on one locked split, and how they compare."""

    locked: LockedSplit
    runs: tuple[RacedRun, ...]
    judged_on: str | None
    """Which photos gave the scores: `test` or `validation`; none if there are no scores."""
    duels: tuple[Duel, ...]
    disagreements: tuple[Disagreement, ...]
    unreadable: tuple[tuple[str, str], ...]
    """Photos that could not be read, each with its reason; no run is judged by them."""
    notes: tuple[str, ...]
    """What limits the comparison, a sentence each."""

    @property
    def ranking(self) -> tuple[RacedRun, ...]:
        """The runs that have a score, best first; those of the same score as they were named."""
        scored = [(run.score.accuracy, run) for run in self.runs if run.score]
        return tuple(run for _, run in sorted(scored, key=lambda each: -each[0]))

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The outcome, a sentence each: scores, the leader's duels, histories, gaps."""
        return (
            *self._leading(),
            *(f"{run.name} {run.verdict.words}" for run in self.runs),
            *self._gaps(),
        )

    def _leading(self) -> list[str]:
        if not self.ranking or self.ranking[0].score is None:
            return []
        leader, score = self.ranking[0], self.ranking[0].score
        interval = score.interval
        sentence = (
            f"{leader.name} labels {score.accuracy:.1%} of {score.photos:,} {self.judged_on} "
            f"photos rightly ({interval.low:.1%} to {interval.high:.1%})"
        )
        duels = [duel for duel in self.duels if leader.name in (duel.first, duel.second)]
        if duels and all(duel.winner == leader.name for duel in duels):
            sentence += ", more than any other"
        return [sentence, *(duel.words for duel in duels)]

    def _gaps(self) -> list[str]:
        first, *others = self.runs
        told = [
            compare_gaps(run.name, run.gap.last, first.name, first.gap.last)
            for run in others
            if run.gap and first.gap and min(len(run.epochs), len(first.epochs)) >= FEWEST_EPOCHS
        ]
        return [sentence for sentence in told if sentence]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A run that takes part, as it is on disk."""

    run: Run
    record: RunRecord
    description: ModelDescription | None
    trouble: str | None
    """Why it has no model to judge."""


def hold_race(
    runs: Sequence[Run],
    *,
    on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    should_stop: ShouldStop = never,
) -> Race:
    """Compare runs: their histories, and their models on photos that none was trained on.

    Args:
        runs: Two or more; the others' gaps are compared with the first one's.
        on_progress: Told what is done, how many photos of it, and of how many.
        should_stop: Asked now and then whether to stop.

    Raises:
        WorkStopped: It was asked to stop.
        RunError: A run cannot be read, they are not on one locked split, or none has an epoch.
    """
    entries = [_enter(run) for run in runs]
    locked = lock_split([_ground(entry) for entry in entries])
    raced = [_look_at(entry) for entry in entries]
    if not any(run.epochs for run in raced):
        raise RunError("None of these runs has an epoch yet: compare them once they have.")
    notes = [note for entry in entries for note in _notes(entry)]
    if locked.trouble:
        notes.append(f"No model could be judged. {locked.trouble}")
    judged, troubles = _judge_all(entries, locked, on_progress, should_stop)
    judged, unreadable = _on_the_same_photos(judged)
    split = next((each.split for each in judged.values()), None)
    if split == "validation":
        notes.append(
            "This split has no test photos, so the models are judged by the validation photos, "
            "which also chose each run's best epoch: these scores are a little too good."
        )
    return Race(
        locked=locked,
        runs=tuple(_with_score(run, judged.get(run.name)) for run in raced),
        judged_on=split,
        duels=fight_all({name: each.correct for name, each in judged.items()}),
        disagreements=_disagreements(judged, locked.opened),
        unreadable=unreadable,
        notes=(*notes, *troubles),
    )


def _enter(run: Run) -> _Entry:
    record = run.read()
    if record.model is None:
        return _Entry(run, record, None, "it has no model")
    try:
        description = read_description(Path(record.model))
    except CatDogError as error:
        return _Entry(run, record, None, str(error))
    if description.run != run.identity():
        reason = f"its model file {record.model} is of another run by now"
        return _Entry(run, record, None, reason)
    return _Entry(run, record, description, None)


def _ground(entry: _Entry) -> Ground:
    config = entry.record.config
    origin = entry.description.trained_on if entry.description else None
    return Ground(
        run=entry.run.name,
        dataset=Path(config.dataset),
        split=config.split,
        fingerprint=origin.fingerprint if origin else None,
    )


def _look_at(entry: _Entry) -> RacedRun:
    epochs = entry.run.history()
    record = entry.record
    kept = next((epoch for epoch in epochs if epoch.epoch == record.best_epoch), None)
    best = kept or find_best_epoch(epochs)
    raced = RacedRun(
        name=entry.run.name,
        recipe=record.config.recipe,
        state=record.state,
        epochs=epochs,
        verdict=judge_history(epochs, running=record.state in _GOING_ON),
        best=best,
        gap=measure_gap(epochs, best),
    )
    if record.model is None or entry.description is None:
        return raced
    model = Path(record.model)
    return replace(raced, model=model, model_bytes=model.stat().st_size)


def _notes(entry: _Entry) -> list[str]:
    """Say what about a run limits the comparison."""
    name, record = entry.run.name, entry.record
    notes = []
    if record.state in _GOING_ON:
        notes.append(f"{name} is still {record.state}: this is how it stands now.")
    elif record.state is RunState.FAILED:
        notes.append(f"{name} failed: {record.reason or 'why is not known.'}")
    elif record.state is RunState.STOPPED:
        notes.append(f"{name} was stopped before it was through.")
    if entry.trouble:
        notes.append(f"{name} could not be judged: {entry.trouble.rstrip('.')}.")
    return notes


def _judge_all(
    entries: Sequence[_Entry],
    locked: LockedSplit,
    on_progress: Callable[[str, int, int], None],
    should_stop: ShouldStop,
) -> tuple[dict[str, JudgedPhotos], list[str]]:
    """Judge every model once; one that cannot be judged is told of instead."""
    judged: dict[str, JudgedPhotos] = {}
    troubles: list[str] = []
    if locked.opened is None:
        return judged, troubles
    parts = locked.split.divide(locked.opened)
    split, photos = ("test", parts.test) if parts.test else ("validation", parts.validation)
    for entry in entries:
        if entry.description is None or entry.record.model is None:
            continue
        name = entry.run.name

        def tell(done: int, total: int, stage: str = f"judging {name}") -> None:
            on_progress(stage, done, total)

        try:
            classifier = Classifier.open(Path(entry.record.model))
            judged[name] = judge(
                classifier,
                locked.opened,
                photos,
                split,
                on_progress=tell,
                should_stop=should_stop,
            )
        except CatDogError as error:
            troubles.append(f"{name} could not be judged: {error}")
        if should_stop():
            raise WorkStopped
    return judged, troubles


def _on_the_same_photos(
    judged: Mapping[str, JudgedPhotos],
) -> tuple[dict[str, JudgedPhotos], tuple[tuple[str, str], ...]]:
    """Keep the photos that could be read for every model, and name the others."""
    if not judged:
        return {}, ()
    common = set.intersection(*(set(each.names) for each in judged.values()))
    unreadable = {name: why for each in judged.values() for name, why in each.unreadable}
    kept = {
        run: each.chosen(np.array([name in common for name in each.names]))
        for run, each in judged.items()
    }
    return kept, tuple(sorted(unreadable.items()))


def _with_score(run: RacedRun, judged: JudgedPhotos | None) -> RacedRun:
    if judged is None or run.model is None or not len(judged.names):
        return run
    score = Score(len(judged.names), int(judged.correct.sum()))
    return replace(run, score=score, weights=_count_weights(run.model))


def _count_weights(model: Path) -> int | None:
    """Count a network's numbers; none if its description is not as OpenVINO writes it."""
    xml = read_model_file(model).members[OPENVINO_XML].decode("utf-8", "replace")
    shapes = ([int(side) for side in shape.split(",") if side] for shape in _CONSTANT.findall(xml))
    return sum(prod(shape) for shape in shapes) or None


def _disagreements(
    judged: Mapping[str, JudgedPhotos], dataset: Dataset | None
) -> tuple[Disagreement, ...]:
    """Return the photos that some models label rightly and others wrongly, the surest first."""
    if len(judged) < 2 or dataset is None:
        return ()
    first = next(iter(judged.values()))
    right = np.stack([each.correct for each in judged.values()])
    rows = np.arange(len(first.names))
    truth = np.stack([each.probabilities[rows, each.labels] for each in judged.values()])
    apart = np.where(right.any(axis=0) & ~right.all(axis=0), np.ptp(truth, axis=0), -1.0)
    order = np.argsort(-apart, kind="stable")[:MOST_DISAGREEMENTS]
    return tuple(_disagreement(int(i), judged, dataset) for i in order if apart[i] >= 0)


def _disagreement(index: int, judged: Mapping[str, JudgedPhotos], dataset: Dataset) -> Disagreement:
    first = next(iter(judged.values()))
    answers = {
        run: Answer(
            each.class_names[each.predicted[index]],
            float(each.confidence[index]),
            bool(each.correct[index]),
        )
        for run, each in judged.items()
    }
    photo = first.names[index]
    shown = first.class_names[first.labels[index]]
    return Disagreement(photo, shown, answers, _thumbnail(dataset, photo))


def _thumbnail(dataset: Dataset, photo: str) -> bytes:
    try:
        pixels = read_thumbnail(dataset.source.read(photo), THUMBNAIL_SIDE)
    except PhotoError:
        return b""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=80)
    return content.getvalue()
