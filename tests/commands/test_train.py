"""`catdog train`, with real training processes and with ones that only play their part."""

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from catdog_gui.commands.train import MOST_LEFT_OUT_TOLD
from tests.commands.programs import SECONDS, catdog, run_here, started
from tests.helpers.photos import write_dataset
from training import process as training_process
from training.process import GRACE_SECONDS
from training.runs import Run

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows interrupts otherwise")

NAME = "Größe und Übermut 1"
SMALL = (
    "--recipe=baseline",
    "--steps-per-epoch=2",
    "--batch-size=4",
    "--validation-steps=1",
    "--image-side=64",
)

PLAY = """
import json, os, signal, sys

def say(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)

def epoch(number):
    say("EpochEnded", epoch=number, loss=0.5, accuracy=0.75, val_loss=0.25, val_accuracy=1.0,
        seconds=1.5)

config = json.loads(sys.stdin.readline())
say("Progressed", stage="Starting", done=0, total=0)
say("Started", run=config["run"], parameters=1234, device="paper", precision="float32",
    train_photos=6,
    validation_photos=2, epochs=2, steps_per_epoch=2)
"""
"""How every training process that only plays its part begins."""

FINISHING = """
say("PhotoSkipped", photo="red/1.jpg", reason="the file is empty")
for number in (1, 2):
    say("BatchEnded", epoch=number, batch=1, loss=0.5, accuracy=0.5)
    say("ValidationEnded", epoch=number, loss=0.25, accuracy=1.0)
    epoch(number)
    say("Saved", epoch=number, model=config["model_file"])
say("Finished", model=config["model_file"], best_epoch=2, accuracy=0.75, photos=4)
"""
FAILING = """
say("Failed", reason="The loss became nan: use a lower learning rate.", model=None)
"""
CRASHING = """
print("last words", file=sys.stderr)
os._exit(3)
"""
KILLED = """
os.kill(os.getpid(), signal.SIGKILL)
"""
CHATTERING = """
print("this is no event", flush=True)
sys.stdin.read()
"""
OBEDIENT = """
epoch(1)
sys.stdin.readline()
say("Stopped", model=config["model_file"])
"""
STUBBORN = """
epoch(1)
sys.stdin.readline()
with open(os.environ["PIPE"], "w") as pipe:
    print(os.getpid(), file=pipe, flush=True)
    while True:
        signal.pause()
"""

STAGE = """
import sys
import training.process
training.process.training_command = lambda: [sys.executable, {script!r}]
from catdog_gui.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The program with another training process."""


def write_play(folder: Path, part: str) -> Path:
    script = folder / "play.py"
    script.write_text(PLAY + part, encoding="utf-8")
    return script


def train_here(dataset: Path, part: str, monkeypatch: pytest.MonkeyPatch) -> int:
    script = write_play(dataset.parent, part)
    command = [sys.executable, str(script)]
    monkeypatch.setattr(training_process, "training_command", lambda: command)
    return run_here("train", dataset, "--recipe", "baseline", "--name", "first")


def test_an_epoch_is_a_line_and_the_last_line_names_the_model(
    home: Path,
    dataset: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert train_here(dataset, FINISHING, monkeypatch) == 0
    output = capsys.readouterr()
    numbers = "loss 0.5000 accuracy 0.7500 val_loss 0.2500 val_accuracy 1.0000 (1.5 s)"
    assert output.out == (
        "first: 1,234 parameters, 6 photos to train on, 2 to validate with, on paper, in float32\n"
        f"epoch 1/2: {numbers}\n"
        f"epoch 2/2: {numbers}\n"
        "75.0% (30.1% to 95.4%) of 4 validation photos, best in epoch 2: "
        f"{home / 'models' / 'first.catdog'}\n"
    )
    assert output.err == "left out red/1.jpg: the file is empty\n"


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (FAILING, "use a lower learning rate"),
        (CRASHING, "exit code 3"),
        pytest.param(KILLED, "memory ran out", marks=on_posix),
        (CHATTERING, "training process"),
    ],
)
def test_a_training_process_that_fails_is_told_in_one_line(
    dataset: Path,
    part: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert train_here(dataset, part, monkeypatch) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("catdog: ")
    assert words in line


def test_what_a_crashed_training_process_said_is_in_its_log(
    home: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train_here(dataset, CRASHING, monkeypatch)
    log = home / "runs" / "first" / "training.log"
    assert str(log) in capsys.readouterr().err
    assert log.read_text(encoding="utf-8") == "last words\n"
    assert run_here("runs", "show", "first", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["state"], shown["model"]) == ("failed", None)


def test_a_name_that_a_run_bears_is_refused(
    home: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train_here(dataset, FINISHING, monkeypatch)
    before = (home / "runs" / "first" / "run.json").read_bytes()
    capsys.readouterr()
    assert train_here(dataset, FINISHING, monkeypatch) == 1
    assert "'first' already" in capsys.readouterr().err
    assert (home / "runs" / "first" / "run.json").read_bytes() == before


def test_a_name_that_a_model_bears_is_refused(
    home: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / "first.catdog").touch()
    assert train_here(dataset, FINISHING, monkeypatch) == 1
    assert "'first' already" in capsys.readouterr().err
    assert not (home / "runs").exists()


@on_posix
def test_an_interrupted_training_tells_where_its_best_model_is(home: Path, dataset: Path) -> None:
    program = STAGE.format(script=str(write_play(dataset.parent, OBEDIENT)))
    arguments = ("train", dataset, "--recipe=baseline", "--name=first")
    with started(*arguments, home=home, program=program) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("epoch 1/"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert err.strip() == "Interrupted; what was finished is kept."
    assert out == f"stopped; the best model so far is {home / 'models' / 'first.catdog'}\n"


@on_posix
@pytest.mark.timeout(60)
def test_a_second_interruption_ends_a_training_process_that_does_not_obey(
    home: Path, dataset: Path
) -> None:
    program = STAGE.format(script=str(write_play(dataset.parent, STUBBORN)))
    pipe = dataset.parent / "pipe"
    os.mkfifo(pipe)
    arguments = ("train", dataset, "--recipe=baseline", "--name=first")
    with started(*arguments, home=home, program=program, environment={"PIPE": str(pipe)}) as first:
        assert first.stdout is not None
        while not first.stdout.readline().startswith("epoch 1/"):
            assert first.poll() is None
        first.send_signal(signal.SIGINT)
        with pipe.open(encoding="utf-8") as told:
            stubborn = psutil.Process(int(told.readline()))
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=GRACE_SECONDS - 2)
    _, alive = psutil.wait_procs([stubborn], timeout=2)
    for process in alive:
        process.kill()
    assert first.returncode == 130
    assert alive == []
    ended = catdog("runs", "show", "first", "--json", home=home)
    assert json.loads(ended.stdout)["state"] == "stopped"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a dataset, and a home in which a model was trained on it."""
    studio = tmp_path_factory.mktemp("studio")
    dataset = write_dataset(studio / "photos", 10)
    arguments = ("train", dataset, *SMALL, "--epochs=1", "--name", NAME)
    ended = catdog(*arguments, home=studio / "home")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    (studio / "told.txt").write_text(ended.stdout, encoding="utf-8")
    return studio


@pytest.fixture
def trained(studio: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in the home in which a model was trained, and return its folder."""
    monkeypatch.setenv("CATDOG_HOME", str(studio / "home"))
    return studio


@pytest.mark.trains
def test_training_tells_a_line_for_its_epoch_and_where_the_model_is(trained: Path) -> None:
    begun, epoch, finished = (trained / "told.txt").read_text(encoding="utf-8").splitlines()
    assert begun.startswith(f"{NAME}: ")
    assert "8 photos to train on, 4 to validate with" in begun
    assert epoch.startswith("epoch 1/1: loss ")
    assert finished.endswith(
        f"of 4 validation photos, best in epoch 1: {trained / 'home' / 'models' / NAME}.catdog"
    )


@pytest.mark.trains
def test_a_trained_model_is_in_the_library(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = trained / "home" / "models" / f"{NAME}.catdog"
    assert run_here("models", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "models": [
            {
                "name": NAME,
                "classes": ["blue", "red"],
                "image_size": [64, 64],
                "recipe": "baseline",
                "file": str(path),
                "bytes": path.stat().st_size,
                "shipped": False,
            }
        ]
    }


@pytest.mark.trains
def test_a_finished_run_is_shown_as_agreed(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("runs", "show", NAME, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert {"name", "recipe", "state", "model", "epochs"} <= shown.keys()
    assert (shown["name"], shown["recipe"], shown["state"]) == (NAME, "baseline", "finished")
    assert shown["model"] == str(trained / "home" / "models" / f"{NAME}.catdog")
    (epoch,) = shown["epochs"]
    assert list(epoch) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert epoch["epoch"] == 1
    assert 0 <= epoch["val_accuracy"] <= 1


@pytest.mark.trains
def test_a_trained_model_is_judged_by_the_photos_that_training_left_out(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("evaluate", NAME, trained / "photos", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["split"], told["photos"], told["classes"]) == ("test", 4, ["blue", "red"])
    assert told["accuracy_low"] <= told["accuracy"] <= told["accuracy_high"]
    assert sum(map(sum, told["confusion"])) == 4


@pytest.mark.trains
def test_a_trained_model_classifies_as_it_is_judged(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("evaluate", NAME, trained / "photos", "--split", "all", "--json") == 0
    confusion = json.loads(capsys.readouterr().out)["confusion"]
    for row, name in zip(confusion, ("blue", "red"), strict=True):
        assert run_here("classify", trained / "photos" / name, "--model", NAME, "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert told["classes"] == ["blue", "red"]
        assert [told["counts"].get("blue", 0), told["counts"].get("red", 0)] == row


@pytest.mark.trains
def test_a_second_training_of_one_name_is_refused(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = trained / "home" / "models" / f"{NAME}.catdog"
    before = model.read_bytes()
    assert run_here("train", trained / "photos", *SMALL, "--name", NAME) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{NAME!r} already" in line
    assert model.read_bytes() == before


@on_posix
@pytest.mark.trains
def test_an_interrupted_training_keeps_its_best_model(
    studio: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("train", studio / "photos", *SMALL, "--epochs=5000", "--name=first")
    with started(*arguments, home=home) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("epoch 1/"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "Traceback" not in out + err
    assert run_here("runs", "show", "first", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["state"], shown["model"]) == ("stopped", str(home / "models" / "first.catdog"))
    assert shown["epochs"]
    assert run_here("evaluate", "first", studio / "photos", "--json") == 0


@pytest.mark.parametrize(
    "options",
    [
        ("--views", "3"),
        ("--weights", "nowhere.h5"),
        ("--head-epochs", "2"),
        ("--head-learning-rate", "0.1"),
        ("--validation-share", "0.3", "--split", "study"),
    ],
)
def test_an_option_that_would_do_nothing_is_wrong_usage(
    dataset: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here("train", dataset, "--recipe", "baseline", *options) == 2
    assert f"Error: {options[0]} " in capsys.readouterr().err


def test_a_share_of_training_photos_validates_where_there_is_no_folder_for_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("train", "test"):
        write_dataset(tmp_path / "parts" / part, 10)
    script = write_play(tmp_path, FINISHING)
    command = [sys.executable, str(script)]
    monkeypatch.setattr(training_process, "training_command", lambda: command)
    share = ("--validation-share", "0.3")
    assert run_here("train", tmp_path / "parts", "--recipe=baseline", "--name=a", *share) == 0
    assert Run(home / "runs" / "a").read().config.split.validation_share == 0.3
    options = ("--recipe=baseline", "--name=b", "--test-share", "0.3")
    assert run_here("train", tmp_path / "parts", *options) == 2


def test_of_many_photos_left_out_a_few_are_told_one_by_one(
    home: Path,
    dataset: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    many = 300
    skipping = f"""
config = json.loads(sys.stdin.readline())
for number in range({many}):
    say("PhotoSkipped", photo=f"red/{{number}}.jpg", reason="the file is empty")
say("Started", run=config["run"], parameters=1, device="paper", precision="float32",
    train_photos=6, validation_photos=2, epochs=2, steps_per_epoch=2)
"""
    play = PLAY.partition("config =")[0] + skipping
    monkeypatch.setattr("tests.commands.test_train.PLAY", play)
    assert train_here(dataset, FINISHING, monkeypatch) == 0
    told = capsys.readouterr().err.splitlines()
    assert len(told) <= MOST_LEFT_OUT_TOLD + 1
    assert f"left out {many} photos in all" in told
