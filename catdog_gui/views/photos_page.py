"""The page where a folder of photos is opened, classified, looked at and exported."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from PySide6.QtCore import QModelIndex, QSize, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from catdog_gui.classify.model_library import LibraryModel, ModelLibrary
from catdog_gui.classify.prediction import Prediction, PredictionTable
from catdog_gui.item_models.photo_list_model import LabelFilter, PhotoListModel, PhotoRole
from catdog_gui.messages import Messages
from catdog_gui.settings import Settings
from catdog_gui.views.activity import Activity
from catdog_gui.views.drop_target import DropTarget, EmptyState
from catdog_gui.views.elided_label import ElidedLabel
from catdog_gui.views.file_dialogs import choose_folder, choose_new_file
from catdog_gui.views.icons import set_button_icon
from catdog_gui.views.label_chips import LabelChips
from catdog_gui.views.model_picker import ModelPicker
from catdog_gui.views.photo_delegate import PhotoDelegate
from catdog_gui.views.photo_panel import PhotoPanel
from catdog_gui.views.theme import GRID, Theme
from catdog_gui.views.wording import rate_words
from catdog_gui.workers.background_task import BackgroundTask, TaskRunner
from catdog_gui.workers.classify_worker import ClassifyWorker
from catdog_gui.workers.photo_tasks import ExportTask, FoundPhotos, ListModelsTask, ScanTask
from catdog_gui.workers.thumbnail_loader import ThumbnailLoader
from training.model_file import ModelDescription

THUMBNAIL_PIXELS = 256
PICTURE_PIXELS = 768
REFRESH_MILLISECONDS = 150
"""Predictions are shown at most this often, however fast they come."""


class PhotosPage(DropTarget):
    """Opens photos, has them classified, shows and exports what was said."""

    activity_began = Signal(object)
    """Something long began; carries an `Activity`."""

    def __init__(
        self,
        theme: Theme,
        library: ModelLibrary,
        messages: Messages,
        settings: Settings,
        catalog: Path,
        parent: QWidget | None = None,
    ) -> None:
        """Show an empty page; what is found out goes into the catalog in a folder."""
        super().__init__(parent)
        self._theme = theme
        self._library = library
        self._messages = messages
        self._settings = settings
        self._catalog = catalog
        self._tasks = TaskRunner(self)
        self._classifying: ClassifyWorker | None = None
        self._activity: Activity | None = None
        self._begun = 0.0
        self._folder = Path()
        self._arrived: list[Prediction] = []
        self._refreshing = QTimer(self)
        self._refreshing.setInterval(REFRESH_MILLISECONDS)
        self._refreshing.timeout.connect(self._show_arrived)
        self._thumbnails = ThumbnailLoader(THUMBNAIL_PIXELS, self)
        self._pictures = ThumbnailLoader(PICTURE_PIXELS, self)
        self._photos = PhotoListModel(self._thumbnails, self)
        self._shown = LabelFilter(self)
        self._shown.setSourceModel(self._photos)
        self._build()
        self.dropped.connect(self.open_paths)
        self._photos.counts_changed.connect(self._refresh)
        theme.changed.connect(self._colour)
        self._colour()
        self._refresh()
        self.refresh_models()

    @Slot(object)
    def open_paths(self, paths: Sequence[Path]) -> None:
        """Show the photos of files and folders."""
        if self._classifying is not None:
            self._classifying.stopped.disconnect(self._say_stopped)  # of no interest any more
            self._classifying.stop()
        task = ScanTask(paths)
        task.succeeded.connect(self._show_photos)
        task.failed.connect(self._messages.problem)
        self._begin(task, self.tr("Looking for photos"))

    @Slot()
    def refresh_models(self) -> None:
        """Offer the models that the library holds now."""
        task = ListModelsTask(self._library)
        task.succeeded.connect(self._show_models)
        self._tasks.start(task)

    def select_model(self, name: str) -> None:
        """Select a model as soon as it is offered."""
        self._settings.model = name
        self.refresh_models()

    @Slot()
    def classify(self) -> None:
        """Have every photo classified by the selected model."""
        model = self._picker.selected_path()
        if model is None or self._classifying is not None:
            return
        worker = ClassifyWorker(model, self._photos.photos, self._catalog)
        worker.noticed.connect(self._messages.notice)
        worker.opened.connect(self._expect_predictions)
        worker.predicted.connect(self._add_predictions)
        worker.succeeded.connect(self._say_done)
        worker.failed.connect(self._messages.problem)
        worker.stopped.connect(self._say_stopped)
        worker.finished.connect(self._end_classifying)
        self._classifying = worker
        self._activity = self._begin(worker, self.tr("Classifying"), self.tr("photos"))
        self._refresh()

    def export_csv(self, target: Path, table: PredictionTable | None = None) -> None:
        """Write predictions to a CSV file; those that are shown, if no others are given."""
        task = ExportTask(target, table or self._photos.table())
        task.succeeded.connect(self._say_exported)
        task.failed.connect(self._messages.problem)
        self._tasks.start(task)

    def close_down(self) -> None:
        """Stop all that goes on and wait for it."""
        self._tasks.stop_all()
        self._thumbnails.close()
        self._pictures.close()

    def _build(self) -> None:
        self._open_button = QPushButton(self.tr("&Open folder…"))
        self._open_button.setObjectName("open_folder")
        self._open_button.clicked.connect(self._ask_for_folder)
        self._first_open = QPushButton(self.tr("&Open a folder…"))
        self._first_open.setObjectName("open_first_folder")
        self._first_open.setProperty("role", "primary")
        self._first_open.clicked.connect(self._ask_for_folder)
        self._picker = ModelPicker()
        self._picker.picked.connect(self._remember_model)
        self._classify_button = QPushButton(self.tr("&Classify"))
        self._classify_button.setObjectName("classify")
        self._classify_button.setProperty("role", "primary")
        self._classify_button.clicked.connect(self.classify)
        self._export_button = QPushButton(self.tr("&Export CSV…"))
        self._export_button.setObjectName("export")
        self._export_button.clicked.connect(self._ask_for_csv)
        self._title = ElidedLabel()
        self._title.setProperty("role", "title")
        self._subtitle = QLabel()
        self._subtitle.setProperty("role", "muted")
        self._chips = LabelChips(self._theme)
        self._chips.chosen.connect(self._shown.set_label)
        empty = EmptyState(
            self._theme,
            "images",
            self.tr("Drop photos or a folder here"),
            self.tr("Every photo in it is classified on this computer; no photo is changed."),
        )
        empty.add_button(self._first_open)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(empty)
        self._stack.addWidget(self._build_browser())

    def _build_browser(self) -> QWidget:
        header = QHBoxLayout()
        header.setSpacing(GRID)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self._title)
        names.addWidget(self._subtitle)
        header.addLayout(names, 1)
        for widget in (
            self._open_button,
            self._picker,
            self._classify_button,
            self._export_button,
        ):
            header.addWidget(widget)
        left = QVBoxLayout()
        left.setContentsMargins(2 * GRID, 2 * GRID, 0, 0)
        left.setSpacing(GRID)
        left.addWidget(self._chips)
        left.addWidget(self._build_grid(), 1)
        self._panel = PhotoPanel(self._theme, self._pictures)
        below = QHBoxLayout()
        below.setSpacing(0)
        below.addLayout(left, 1)
        below.addWidget(self._panel)
        browser = QWidget()
        layout = QVBoxLayout(browser)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        bar = QFrame()
        header.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 0)
        bar.setLayout(header)
        layout.addWidget(bar)
        layout.addLayout(below, 1)
        return browser

    def _build_grid(self) -> QListView:
        self._grid = QListView()
        self._grid.setObjectName("photo_grid")
        self._grid.setAccessibleName(self.tr("Photos"))
        self._grid.setViewMode(QListView.ViewMode.IconMode)
        self._grid.setResizeMode(QListView.ResizeMode.Adjust)
        self._grid.setMovement(QListView.Movement.Static)
        self._grid.setLayoutMode(QListView.LayoutMode.Batched)
        self._grid.setUniformItemSizes(True)
        self._grid.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self._grid.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self._grid.setMouseTracking(True)
        self._grid.setIconSize(QSize(THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
        delegate = PhotoDelegate(self._theme, self._grid)
        self._grid.setItemDelegate(delegate)
        self._grid.setModel(self._shown)
        self._grid.selectionModel().currentChanged.connect(self._show_current)
        return self._grid

    def _begin(self, task: BackgroundTask, title: str, unit: str = "") -> Activity:
        """Start a task and show it in the strip until its thread has ended."""
        activity = Activity(title, unit, self)
        activity.stop_requested.connect(task.stop)
        task.finished.connect(activity.end)
        self.activity_began.emit(activity)
        self._tasks.start(task)
        return activity

    @Slot(object)
    def _show_photos(self, found: FoundPhotos) -> None:
        if not found.photos:
            self._messages.problem(
                self.tr("There are no photos in {0}: open another folder.").format(found.folder)
            )
            return
        self._folder = found.folder
        self._settings.photo_folder = str(found.folder)
        self._photos.set_photos(found.photos)
        self._panel.clear()
        self._title.setText(self._folder.name or str(self._folder))
        self._stack.setCurrentIndex(1)
        self._grid.setFocus()

    @Slot(object)
    def _show_models(self, models: list[LibraryModel]) -> None:
        self._picker.show_models(models, self._settings.model)
        self._refresh()

    @Slot()
    def _remember_model(self) -> None:
        self._settings.model = self._picker.currentText()

    @Slot(object)
    def _expect_predictions(self, description: ModelDescription) -> None:
        self._arrived = []
        self._photos.begin_predictions(description.class_names, description.unsure_below)
        self._begun = monotonic()
        if self._activity is not None:
            self._activity.restart_clock()

    @Slot(object)
    def _add_predictions(self, batch: list[Prediction]) -> None:
        """Keep predictions until the next refresh: one redraw serves many batches."""
        self._arrived += batch
        if not self._refreshing.isActive():
            self._refreshing.start()

    @Slot()
    def _show_arrived(self) -> None:
        self._refreshing.stop()
        arrived, self._arrived = self._arrived, []
        if not arrived or not self._photos.awaits(arrived):
            return  # or of a folder that was left meanwhile
        self._photos.add_predictions(arrived)
        if self._activity is not None:
            done = len(self._photos.predictions)
            self._activity.show(self.tr("Classifying"), done, len(self._photos.photos))
        self._show_current(self._grid.currentIndex())

    @Slot(object)
    def _say_done(self, precision: str | None) -> None:
        self._show_arrived()
        done = len(self._photos.predictions)
        rate = rate_words(done, monotonic() - self._begun)
        words = (
            self.tr("{0:,} photos classified in {1}, {2} a second.")
            if precision
            else self.tr("{0:,} photos are known from before.")
        )
        self._messages.done(words.format(done, precision, rate))

    @Slot()
    def _say_stopped(self) -> None:
        self._show_arrived()
        self._messages.notice(
            self.tr("Stopped: {0:,} of {1:,} photos are classified.").format(
                len(self._photos.predictions), len(self._photos.photos)
            )
        )

    @Slot(object)
    def _say_exported(self, target: Path) -> None:
        self._messages.done(self.tr("Exported to {0}.").format(target))

    @Slot()
    def _end_classifying(self) -> None:
        self._classifying = None
        self._activity = None
        self._refresh()

    @Slot(QModelIndex)
    def _show_current(self, index: QModelIndex) -> None:
        if not index.isValid():
            return
        photo, prediction = index.data(PhotoRole.PATH), index.data(PhotoRole.PREDICTION)
        self._panel.show_photo(photo, prediction, self._photos.class_names)

    @Slot()
    def _ask_for_folder(self) -> None:
        title = self.tr("Open a folder of photos")
        choose_folder(
            self, title, self._settings.photo_folder, lambda path: self.open_paths([path])
        )

    @Slot()
    def _ask_for_csv(self) -> None:
        start = str(self._folder.parent / f"{self._folder.name or 'photos'}.csv")
        table = self._photos.table()  # as it is when asked for, whatever comes meanwhile
        choose_new_file(
            self,
            self.tr("Export as CSV"),
            start,
            self.tr("Tables (*.csv)"),
            lambda target: self.export_csv(target, table),
        )

    @Slot()
    def _refresh(self) -> None:
        """Show counts, and let only those buttons be pressed that have something to do."""
        photos, predictions = len(self._photos.photos), len(self._photos.predictions)
        self._subtitle.setText(self.tr("{0:,} photos").format(photos))
        self._chips.show_counts(photos, self._photos.counts(), self._photos.class_names)
        has_model = self._picker.selected() is not None
        self._classify_button.setEnabled(has_model and self._classifying is None and photos > 0)
        self._classify_button.setToolTip(self._why_not_classify(has_model))
        self._export_button.setEnabled(predictions > 0 and self._classifying is None)
        self._export_button.setToolTip(
            ""
            if predictions
            else self.tr("There is something to export once photos are classified.")
        )

    def _why_not_classify(self, has_model: bool) -> str:
        if not has_model:
            return self.tr("There is no model yet: train one on the Train page.")
        if self._classifying is not None:
            return self.tr("The photos are being classified.")
        return ""

    @Slot()
    def _colour(self) -> None:
        text, on_accent = self._theme.colours.text, self._theme.colours.on_accent
        set_button_icon(self._open_button, "folder-open", text)
        set_button_icon(self._first_open, "folder-open", on_accent)
        set_button_icon(self._export_button, "file-down", text)
        set_button_icon(self._classify_button, "play", on_accent)
