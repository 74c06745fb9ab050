"""Exported networks, each loaded by its own runtime."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catdog_gui.classify.classifier import Classifier
from catdog_gui.classify.model_library import ModelLibrary
from tests.helpers.networks_made import CONVNET, MOBILE, make_networks
from training.errors import ModelFileError, TrainingError
from training.events import Progressed
from training.openvino_runtime import run_file
from training.request_kinds import EXPORT_FORMATS

pytestmark = pytest.mark.trains

TOLERANCE = 1e-4
PHOTOS = 5

# Runs in a process of its own, since tests stay free of TensorFlow.
LOAD_SAVED_MODELS = """
import sys
import numpy as np, tensorflow as tf
for name in sys.argv[1:]:
    serve = tf.saved_model.load(name).signatures["serving_default"]
    photos = tf.constant(np.load(name + ".photos.npy"))
    np.save(name + ".probabilities.npy", serve(photos=photos)["probabilities"].numpy())
"""


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of model files with all that was exported from them."""
    return make_networks(tmp_path_factory.mktemp("networks"))


def some_photos(classifier: Classifier) -> NDArray[np.uint8]:
    """Return photos of different colours; how many is not what any format was written with."""
    generator = np.random.default_rng(1)
    colours = generator.integers(0, 256, (PHOTOS, 1, 1, 3))
    grain = generator.integers(-20, 21, (PHOTOS, *classifier.description.image_size, 3))
    photos: NDArray[np.uint8] = np.clip(colours + grain, 0, 255).astype(np.uint8)
    return photos


def run_onnx(file: Path, photos: NDArray[np.float32]) -> NDArray[np.float32]:
    import onnxruntime

    network = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return network.run(["probabilities"], {"photos": photos})[0]


def run_litert(file: Path, photos: NDArray[np.float32]) -> NDArray[np.float32]:
    from ai_edge_litert.interpreter import Interpreter

    network = Interpreter(model_path=str(file)).get_signature_runner()
    return network(photos=photos)["probabilities"]


@pytest.fixture(scope="module")
def saved_models(networks: Path) -> Path:
    """Return the folder of exports, where every SavedModel has answered."""
    files = [networks / f"{name}.savedmodel" for name in (CONVNET, MOBILE)]
    for file in files:
        classifier = Classifier.open(file.with_suffix(".catdog"))
        np.save(f"{file}.photos.npy", some_photos(classifier).astype(np.float32))
    command = [sys.executable, "-c", LOAD_SAVED_MODELS, *map(str, files)]
    subprocess.run(command, check=True, capture_output=True)
    return networks


def difference(model: Path, outputs: NDArray[np.float32]) -> float:
    """Return how far another runtime's answers to `some_photos` are from the classifier's."""
    classifier = Classifier.open(model)
    expected = classifier.probabilities(some_photos(classifier))
    assert np.ptp(expected, axis=0).min() > 0.1  # or else any answer would do
    sigmoid = classifier.description.output == "sigmoid"
    found = np.hstack([1 - outputs, outputs]) if sigmoid else outputs
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max())


@pytest.mark.parametrize(("export_format", "run"), [("onnx", run_onnx), ("litert", run_litert)])
@pytest.mark.parametrize("name", [CONVNET, MOBILE])
def test_other_runtimes_answer_as_the_classifier_does(
    networks: Path,
    name: str,
    export_format: str,
    run: Callable[[Path, NDArray[np.float32]], NDArray[np.float32]],
) -> None:
    model = networks / f"{name}.catdog"
    photos = some_photos(Classifier.open(model)).astype(np.float32)
    assert difference(model, run(networks / f"{name}.{export_format}", photos)) < TOLERANCE


@pytest.mark.parametrize("name", [CONVNET, MOBILE])
def test_a_saved_model_answers_as_the_classifier_does(saved_models: Path, name: str) -> None:
    outputs = np.load(saved_models / f"{name}.savedmodel.probabilities.npy")
    assert difference(saved_models / f"{name}.catdog", outputs) < TOLERANCE


@pytest.mark.parametrize("name", [CONVNET, MOBILE])
def test_an_exported_openvino_network_answers_as_the_classifier_does(
    networks: Path, tmp_path: Path, name: str
) -> None:
    xml, _ = ModelLibrary(networks).export(name, "openvino", tmp_path / "net.xml")
    model = networks / f"{name}.catdog"
    photos = some_photos(Classifier.open(model)).astype(np.float32)
    assert difference(model, run_file(xml, photos)) < TOLERANCE


def test_an_onnx_file_carries_its_class_names(networks: Path) -> None:
    import onnxruntime

    file = networks / f"{MOBILE}.onnx"
    network = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    properties = network.get_modelmeta().custom_metadata_map
    assert properties["class_names"] == '["a", "b", "c"]'
    assert properties["output"] == "softmax"


def test_a_library_exports_by_a_process_and_leaves_nothing_else(
    networks: Path, tmp_path: Path
) -> None:
    stages: list[str] = []

    def note(event: Progressed) -> None:
        stages.append(event.stage)

    target = tmp_path / "out" / "größer 1"
    written = ModelLibrary(networks).export(CONVNET, "savedmodel", target, on_progress=note)
    assert written == [target]
    assert stages == ["Starting TensorFlow", "Converting", "Checking"]
    assert list(target.parent.iterdir()) == [target]
    names = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert {"saved_model.pb", "variables/variables.index"} <= names


def test_a_stopped_export_leaves_nothing(networks: Path, tmp_path: Path) -> None:
    stages: list[str] = []
    written = ModelLibrary(networks).export(
        CONVNET,
        "onnx",
        tmp_path / "out.onnx",
        on_progress=lambda event: stages.append(event.stage),
        should_stop=lambda: bool(stages),
    )
    assert written == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("export_format", EXPORT_FORMATS)
def test_what_is_there_is_left_as_it_is(networks: Path, tmp_path: Path, export_format: str) -> None:
    target = tmp_path / "mine"
    target.mkdir()
    with pytest.raises(ModelFileError, match="exists already"):
        ModelLibrary(networks).export(CONVNET, export_format, target)
    assert list(target.iterdir()) == []


def test_where_nothing_can_be_written_is_said_before_anything_starts(
    networks: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelFileError, match="cannot be written"):
        ModelLibrary(networks).export(CONVNET, "onnx", tmp_path / "file" / "out.onnx")


def test_a_model_without_a_keras_network_is_not_exported(tmp_path: Path) -> None:
    from tests.helpers.models import write_colour_model

    write_colour_model(tmp_path / "models" / "colours.catdog")
    with pytest.raises(TrainingError, match="Keras cannot load its network"):
        ModelLibrary(tmp_path / "models").export("colours", "onnx", tmp_path / "out.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["models"]
