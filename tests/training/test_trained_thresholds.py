"""The threshold in the model file of a real, tiny training."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.judging import JudgedPhotos, judge
from tests.helpers.training_configs import TINY, small_config
from training.configuration import SplitChoice, TrainingConfig
from training.dataset import open_dataset
from training.events import BatchEnded, Event, Finished, Stopped
from training.process import TrainingProcess
from training.splits import SplitMethod
from training.thresholds import FEWEST_MISTAKES, PARTS, own_threshold

pytestmark = pytest.mark.trains

NUMBERS = replace(TINY, epochs=3, validation_steps=0)
SPLIT = SplitChoice(method=SplitMethod.STRATIFIED, validation_share=0.5, test_share=0)
OnEvent = Callable[[TrainingProcess, Event], None]


def write_noise(root: Path, photos: int = 40) -> Path:
    """Write photos that no one can tell apart, in two folders; return the folder around them."""
    generator = np.random.default_rng(0)
    for name in ("one", "other"):
        (root / name).mkdir(parents=True)
        for number in range(photos):
            cells = Image.fromarray(generator.integers(0, 256, (8, 8, 3)).astype(np.uint8))
            cells.resize((64, 64)).save(root / name / f"{number}.png")
    return root


def train(config: TrainingConfig, on_event: OnEvent = lambda process, event: None) -> Event:
    """Train and return the outcome."""
    process = TrainingProcess(config)
    last: Event | None = None
    for last in process.events():
        on_event(process, last)
    assert last is not None
    return last


def judged_by_validation(config: TrainingConfig, classifier: Classifier) -> JudgedPhotos:
    dataset = open_dataset(Path(config.dataset))
    trained_on = classifier.description.trained_on
    assert trained_on is not None
    photos = trained_on.split.divide(dataset).validation
    return judge(classifier, dataset, photos, "validation")


def check_threshold(config: TrainingConfig) -> None:
    classifier = Classifier.open(Path(config.model_file))
    judged = judged_by_validation(config, classifier)
    mistakes = judged.confidence[~judged.correct]
    assert len(mistakes) >= FEWEST_MISTAKES
    below = classifier.description.unsure_below
    assert below > 0.5
    assert below == pytest.approx(own_threshold(mistakes), abs=1.01 / PARTS)


def config_of(root: Path, dataset: Path, epochs: int = NUMBERS.epochs) -> TrainingConfig:
    numbers = replace(NUMBERS, epochs=epochs)
    return replace(small_config(root, dataset=dataset, numbers=numbers), split=SPLIT)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_noise(tmp_path_factory.mktemp("noise"))


def test_a_trained_model_has_the_threshold_of_its_mistakes_on_validation_photos(
    tmp_path: Path, noise: Path
) -> None:
    config = config_of(tmp_path, noise)
    assert isinstance(train(config), Finished)
    check_threshold(config)


def test_a_model_kept_by_a_stop_has_the_threshold_of_the_epoch_that_it_is_of(
    tmp_path: Path, noise: Path
) -> None:
    def stop_in_sixth_epoch(process: TrainingProcess, event: Event) -> None:
        if isinstance(event, BatchEnded) and event.epoch == 6:
            process.stop()

    config = config_of(tmp_path, noise, epochs=500)
    assert train(config, stop_in_sixth_epoch) == Stopped(config.model_file)
    check_threshold(config)
