"""From what a user chose to the configuration of a run."""

from dataclasses import replace
from pathlib import Path

import pytest

from catdog_gui.classify.run_planning import RunChoices, plan_run
from catdog_gui.paths import AppFolders
from tests.helpers.training_configs import TINY
from training.configuration import SplitChoice, TrainingConfig
from training.errors import ConfigurationError, RunError
from training.runs import Run
from training.splits import SplitMethod

SPLIT = SplitChoice(method=SplitMethod.STRATIFIED, seed=5)


@pytest.fixture
def folders(home: Path) -> AppFolders:
    return AppFolders.of_this_user()


def choices(dataset: Path = Path("photos"), name: str = "") -> RunChoices:
    return RunChoices(
        dataset=dataset, recipe="dropout", hyperparameters=TINY, split=SPLIT, name=name
    )


def test_a_run_is_planned_in_the_users_folders(folders: AppFolders, home: Path) -> None:
    config = plan_run(choices(Path("/photos"), "My run"), folders)
    assert config == TrainingConfig(
        run="My run",
        dataset="/photos",
        recipe="dropout",
        hyperparameters=TINY,
        split=SPLIT,
        run_folder=str(home / "runs" / "My run"),
        model_file=str(home / "models" / "My run.catdog"),
        cache_folder=str(home / "caches"),
        weights_file=None,
    )


def test_planning_writes_nothing(folders: AppFolders, home: Path) -> None:
    plan_run(choices(), folders)
    assert not home.exists()


def test_all_paths_are_absolute_since_the_training_process_may_be_elsewhere(
    folders: AppFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    planned = replace(choices(Path("my photos.zip")), weights_file=Path("weights/vgg.h5"))
    config = plan_run(planned, folders)
    assert config.dataset == str(tmp_path / "my photos.zip")
    assert config.weights_file == str(tmp_path / "weights" / "vgg.h5")
    assert all(
        Path(path).is_absolute()
        for path in (config.run_folder, config.model_file, config.cache_folder)
    )


def test_a_run_without_a_name_is_numbered_by_its_recipe(folders: AppFolders) -> None:
    assert plan_run(choices(), folders).run == "dropout-1"
    (folders.runs / "dropout-1").mkdir(parents=True)
    folders.models.mkdir(parents=True)
    (folders.models / "dropout-2.catdog").touch()
    (folders.models / "baseline-3.catdog").touch()
    config = plan_run(choices(), folders)
    assert config.run == "dropout-3"
    assert Path(config.model_file).name == "dropout-3.catdog"


def test_a_name_that_a_model_bears_is_refused(folders: AppFolders) -> None:
    folders.models.mkdir(parents=True)
    (folders.models / "taken.catdog").touch()
    with pytest.raises(ConfigurationError, match="model named 'taken' already: choose another"):
        plan_run(choices(name="taken"), folders)


@pytest.mark.parametrize(
    "name", ["a/b", "../up", "/root", "a\\b", "..", ".hidden", "con", " ", "a\nb", "x" * 81]
)
def test_a_name_that_is_no_file_name_is_refused(folders: AppFolders, name: str) -> None:
    with pytest.raises(ConfigurationError):
        plan_run(choices(name=name), folders)


def test_a_name_that_a_run_bears_is_refused_when_its_folder_is_made(folders: AppFolders) -> None:
    (folders.runs / "taken").mkdir(parents=True)
    config = plan_run(choices(name="taken"), folders)
    with pytest.raises(RunError, match="taken"):
        Run(Path(config.run_folder)).create(config)


def test_a_planned_run_survives_its_way_to_the_training_process(folders: AppFolders) -> None:
    config = plan_run(replace(choices(name="Läufer 猫"), weights_file=Path("w ü.h5")), folders)
    assert TrainingConfig.from_json(config.to_json()) == config
