"""The page where a classifier is trained and its curves are watched."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from catdog_gui.classify.run_planning import RunChoices, plan_run
from catdog_gui.messages import Messages
from catdog_gui.paths import AppFolders
from catdog_gui.settings import Settings
from catdog_gui.views.activity import Activity
from catdog_gui.views.card import Card
from catdog_gui.views.curves_view import CurvesView
from catdog_gui.views.dataset_card import DatasetCard
from catdog_gui.views.drop_target import DropTarget
from catdog_gui.views.hyperparameter_form import HyperparameterForm
from catdog_gui.views.icons import set_button_icon
from catdog_gui.views.theme import GRID, Theme
from catdog_gui.views.wording import accuracy_words
from catdog_gui.workers.background_task import TaskRunner
from catdog_gui.workers.dataset_task import OpenDatasetTask, OpenedDataset
from catdog_gui.workers.training_worker import TrainingWorker
from training.configuration import SplitChoice, TrainingConfig
from training.errors import CatDogError
from training.events import (
    BatchEnded,
    Continued,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Noticed,
    Paused,
    PhotoSkipped,
    Progressed,
    Saved,
    Started,
    Stopped,
    ValidationEnded,
)
from training.metrics import wilson_interval
from training.recipes import RECIPES

COLUMN_WIDTH = 42 * GRID


class TrainPage(DropTarget):
    """Left the steps of the work, right the curves."""

    activity_began = Signal(object)
    """Something long began; carries an `Activity`."""
    model_saved = Signal(str)
    """A model is in the library, new or better; carries its name."""

    def __init__(
        self,
        theme: Theme,
        folders: AppFolders,
        messages: Messages,
        settings: Settings,
        parent: QWidget | None = None,
    ) -> None:
        """Show that no dataset is chosen."""
        super().__init__(parent)
        self._theme = theme
        self._folders = folders
        self._messages = messages
        self._settings = settings
        self._tasks = TaskRunner(self)
        self._worker: TrainingWorker | None = None
        self._activity: Activity | None = None
        self._run_name = ""
        self._started: Started | None = None
        self._skipped = 0
        self._recipe = RECIPES["baseline"]
        self._build()
        self._curves.begin(self._recipe.defaults.epochs, self._recipe.defaults.steps_per_epoch)
        self.dropped.connect(self._open_dropped)
        self._dataset_card.path_chosen.connect(self.open_dataset)
        theme.changed.connect(self._colour)
        self._colour()
        self._refresh()

    @property
    def training(self) -> bool:
        """Whether a run is going on."""
        return self._worker is not None

    @Slot(object)
    def open_dataset(self, path: Path) -> None:
        """Open a folder or a zip of labelled photos."""
        self._settings.dataset = str(path)
        task = OpenDatasetTask(path)
        task.succeeded.connect(self._show_dataset)
        task.failed.connect(self._messages.problem)
        activity = Activity(self.tr("Opening the dataset"), parent=self)
        activity.stop_requested.connect(task.stop)
        task.finished.connect(activity.end)
        self.activity_began.emit(activity)
        self._tasks.start(task)

    @Slot()
    def train(self) -> None:
        """Start a run with what the cards say."""
        opened = self._dataset_card.opened
        if opened is None or self._worker is not None:
            return
        try:
            config = self._config(opened)
        except CatDogError as error:
            self._messages.problem(str(error))
            return
        self._run_name, self._skipped = config.run, 0
        self._started = None
        self._worker = TrainingWorker(config)
        self._worker.told.connect(self._heed)
        self._worker.failed.connect(self._say_failed)
        self._worker.finished.connect(self._end)
        self._activity = Activity(self.tr("Starting"), parent=self)
        self._activity.stop_requested.connect(self._worker.stop)
        self._worker.finished.connect(self._activity.end)
        numbers = config.hyperparameters
        self._curves.begin(numbers.epochs, numbers.steps_per_epoch)
        self._reading.setText(self.tr("The training process is starting."))
        self.activity_began.emit(self._activity)
        self._tasks.start(self._worker)
        self._refresh()

    @Slot()
    def stop(self) -> None:
        """Stop the run and keep its best model so far."""
        if self._activity is not None:
            self._activity.request_stop()

    def close_down(self) -> None:
        """Stop all that goes on and wait for it."""
        self._tasks.stop_all()

    def _build(self) -> None:
        self._dataset_card = DatasetCard(self._theme, self._settings)
        self._curves = CurvesView(self._theme)
        self._reading = QLabel(
            self.tr("Curves appear here once training runs: loss above, accuracy below.")
        )
        self._reading.setObjectName("reading")
        self._reading.setProperty("role", "muted")
        self._reading.setWordWrap(True)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2 * GRID)
        column.addWidget(self._dataset_card)
        column.addWidget(self._build_recipe_card())
        column.addStretch()
        steps = QWidget()
        steps.setObjectName("scrolled")
        steps.setLayout(column)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(steps)
        left = QVBoxLayout()
        left.setSpacing(2 * GRID)
        left.addWidget(scroll, 1)
        # Outside the scroll area, so that the button to press is always in sight.
        left.addWidget(self._build_run_card())
        work = QWidget()
        work.setFixedWidth(COLUMN_WIDTH)
        left.setContentsMargins(0, 0, 0, 0)
        work.setLayout(left)
        right = Card(self.tr("Curves"))
        right.body.addWidget(self._curves, 1)
        right.body.addWidget(self._reading)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(work)
        layout.addWidget(right, 1)

    def _build_recipe_card(self) -> Card:
        card = Card(self.tr("2 · Recipe: {0}").format(self._recipe.title))
        summary = QLabel(self._recipe.summary)
        summary.setProperty("role", "muted")
        summary.setWordWrap(True)
        self._form = HyperparameterForm(self._recipe.defaults)
        self._reset = QPushButton(self.tr("Reset to the study's numbers"))
        self._reset.clicked.connect(lambda: self._form.set_values(self._recipe.defaults))
        card.body.addWidget(summary)
        card.body.addWidget(self._form)
        card.body.addWidget(self._reset)
        return card

    def _build_run_card(self) -> Card:
        card = Card(self.tr("3 · Run"))
        self._name = QLineEdit()
        self._name.setObjectName("run_name")
        self._name.setMinimumHeight(4 * GRID)
        self._name.setPlaceholderText(self.tr("Name (chosen for you if empty)"))
        self._name.setAccessibleName(self.tr("Name of the run and its model"))
        self._train_button = QPushButton(self.tr("&Train"))
        self._train_button.setObjectName("train")
        self._train_button.setProperty("role", "primary")
        self._train_button.clicked.connect(self.train)
        self._stop_button = QPushButton(self.tr("Sto&p"))
        self._stop_button.setObjectName("stop_training")
        self._stop_button.clicked.connect(self.stop)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(self._train_button, 1)
        buttons.addWidget(self._stop_button)
        card.body.addWidget(self._name)
        card.body.addLayout(buttons)
        return card

    def _config(self, opened: OpenedDataset) -> TrainingConfig:
        numbers = self._form.values()
        choices = RunChoices(
            dataset=opened.dataset.path,
            recipe=self._recipe.name,
            hyperparameters=numbers,
            split=SplitChoice(method=self._dataset_card.split_method(), seed=numbers.seed),
            name=self._name.text().strip(),
        )
        return plan_run(choices, self._folders)

    @Slot(object)
    def _heed(self, event: Event) -> None:
        """Show what the training process told."""
        match event:
            case Progressed():
                self._show_progress(event.stage, event.done, event.total)
                self._reading.setText(f"{event.stage} …")
            case Started():
                self._begin_curves(event)
            case BatchEnded():
                self._curves.add_batch(event)
                self._show_batch(event)
            case EpochEnded():
                self._curves.add_epoch(event)
                self._reading.setText(self._read_curves(event))
            case Saved():
                self.model_saved.emit(self._run_name)
            case Noticed():
                self._messages.notice(event.text)
            case PhotoSkipped():
                self._skipped += 1
            case ValidationEnded() | Paused() | Continued():
                pass
            case Finished() | Stopped() | Failed():
                self._conclude(event)

    def _show_progress(self, title: str, done: int, total: int) -> None:
        if self._activity is not None:
            self._activity.show(title, done, total)

    def _begin_curves(self, started: Started) -> None:
        self._started = started
        self._curves.begin(started.epochs, started.steps_per_epoch)
        if self._activity is not None:
            self._activity.restart_clock()
        self._reading.setText(
            self.tr("{0:,} parameters learn from {1:,} photos on the {2}.").format(
                started.parameters, started.train_photos, started.device
            )
        )

    def _show_batch(self, batch: BatchEnded) -> None:
        started = self._started
        if started is None:
            return
        done = (batch.epoch - 1) * started.steps_per_epoch + batch.batch
        title = self.tr("Training {0}, epoch {1} of {2}").format(
            self._run_name, batch.epoch, started.epochs
        )
        self._show_progress(title, done, started.epochs * started.steps_per_epoch)

    def _read_curves(self, epoch: EpochEnded) -> str:
        best = self._curves.best() or epoch
        return self.tr(
            "Epoch {0}: {1:.1%} of the training photos right, {2:.1%} of the validation photos; "
            "best so far {3:.1%} in epoch {4}."
        ).format(epoch.epoch, epoch.accuracy, epoch.val_accuracy, best.val_accuracy, best.epoch)

    def _conclude(self, outcome: Finished | Stopped | Failed) -> None:
        """Say how the run ended; that its process still has to end is of no interest."""
        if self._activity is not None:
            self._activity.end()
        self._name.clear()
        if outcome.model is not None:
            self.model_saved.emit(self._run_name)
        match outcome:
            case Finished():
                interval = wilson_interval(round(outcome.accuracy * outcome.photos), outcome.photos)
                accuracy = accuracy_words(outcome.accuracy, interval.low, interval.high)
                words = self.tr(
                    "{0} is trained: {1} of {2:,} validation photos right, best in epoch {3}. "
                    "It is ready on the Photos page."
                ).format(self._run_name, accuracy, outcome.photos, outcome.best_epoch)
                self._messages.done(words + self._skipped_words())
            case Stopped(model=None):
                words = self.tr("Stopped before an epoch was complete, so there is no model.")
                self._messages.notice(words)
            case Stopped():
                words = self.tr("Stopped; the best model so far is kept as {0}.").format(
                    self._run_name
                )
                self._messages.notice(words + self._skipped_words())
            case Failed():
                words = outcome.reason
                if outcome.model is not None:
                    words += self.tr(" The best model so far is kept as {0}.").format(
                        self._run_name
                    )
                self._messages.problem(words)
        self._reading.setText(words)

    @Slot(str)
    def _say_failed(self, reason: str) -> None:
        self._messages.problem(reason)
        self._reading.setText(reason)

    def _skipped_words(self) -> str:
        if not self._skipped:
            return ""
        return self.tr(" {0:,} photos could not be read and were left out.").format(self._skipped)

    @Slot()
    def _end(self) -> None:
        self._worker = None
        self._activity = None
        self._refresh()

    @Slot(object)
    def _show_dataset(self, opened: OpenedDataset) -> None:
        self._dataset_card.show_dataset(opened)
        self._refresh()

    @Slot(object)
    def _open_dropped(self, paths: Sequence[Path]) -> None:
        if not self.training:
            self.open_dataset(paths[0])

    def _refresh(self) -> None:
        ready = self._dataset_card.opened is not None
        for widget in (self._dataset_card, self._form, self._reset, self._name):
            widget.setEnabled(not self.training)
        self._train_button.setEnabled(ready and not self.training)
        self._train_button.setToolTip(
            "" if ready else self.tr("Choose a dataset first: a zip or a folder of class folders.")
        )
        self._stop_button.setEnabled(self.training)

    @Slot()
    def _colour(self) -> None:
        set_button_icon(self._train_button, "play", self._theme.colours.on_accent)
        set_button_icon(self._stop_button, "square", self._theme.colours.text)
