import ast
import json
import shlex
from concurrent import futures

import numpy as np
import pytest
import tensorflow as tf
from commands import run_python
from google.protobuf import text_format

from export.generated_files import marked
from export.input_rows import input_rows
from export.serve.batching import Batching, batching_parameters_class
from export.serve.status import ServingError
from export.served_form import ServedForm
from export.serving_configs import sample_requests, write_serving_configs
from export.serving_files import (
    ServedVersions,
    allowed_batch_sizes,
    batching_params,
    check_model_name,
    docker_command,
    docker_command_with_files,
    models_config,
    read_models_config,
    server_image,
)
from export.serving_guide import grpc_example
from zoo.errors import UserError
from zoo.tasks import Control, Signature

CONTROLS = {
    "max_new_tokens": Control("int32", 30, 1, 50, "most characters"),
    "length_penalty": Control("float32", 0.5, 0.0, 10.0, "weight of the length"),
}
SIGNATURES = {
    "serving_default": {
        "inputs": {"text": {"dtype": "string", "shape": [None]}},
        "outputs": {"score": {"dtype": "float32", "shape": [None, 4]}},
    }
}


def _declared(controls=None, **further_inputs):
    declared = {"serving_default": Signature(None, ("text",), {"score": "how good it is"})}
    if controls:
        declared["generate"] = Signature(None, ("text",), controls=controls)
    return declared | {name: Signature(None, inputs) for name, inputs in further_inputs.items()}


def _write(directory, serving_directory, **changes):
    options = dict(
        name="folder",
        declared=_declared(CONTROLS),
        rows=input_rows(("text",), ["  ", b"Gr\xc3\xbcn.", "Two.", "Three."]),
        servers=("2.19", "2.20"),
        signatures=SIGNATURES,
        max_batch_size=12,
    )
    write_serving_configs(directory, serving_directory, **{**options, **changes})


def test_models_config_is_a_model_server_config(tmp_path):
    model_server_config_pb2 = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    _write(tmp_path, tmp_path)
    config = text_format.Parse((tmp_path / "models.config").read_text(), model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("folder", "/models/folder", "tensorflow")


@pytest.mark.parametrize(("largest", "sizes"), [(1, [1]), (8, [1, 2, 4, 8]), (12, [1, 2, 4, 8, 12])])
def test_batching_params_meet_the_servers_conditions(largest, sizes):
    parameters = text_format.Parse(batching_params(largest), batching_parameters_class()())
    assert parameters.max_batch_size.value == largest
    assert list(parameters.allowed_batch_sizes) == sizes == list(allowed_batch_sizes(largest))
    assert parameters.batch_timeout_micros.value > 0
    assert parameters.max_enqueued_batches.value > 0


def test_compose_file_mounts_the_directory_and_names_existing_files(tmp_path):
    yaml = pytest.importorskip("yaml")
    _write(tmp_path, tmp_path)
    service = yaml.safe_load((tmp_path / "compose.yaml").read_text())["services"]["serving"]
    assert service["image"] == "tensorflow/serving:2.20.0"
    assert service["volumes"] == [".:/models/folder:ro"]
    assert service["ports"] == ["8501:8501", "8500:8500"]
    flags = dict(flag.removeprefix("--").split("=") for flag in service["command"])
    for flag in ("model_config_file", "batching_parameters_file"):
        assert (tmp_path / flags[flag].removeprefix("/models/folder/")).is_file()


def test_sample_requests_are_the_first_texts_with_words(tmp_path):
    _write(tmp_path, tmp_path)
    rows = json.loads((tmp_path / "request.json").read_text())
    columns = json.loads((tmp_path / "request_columns.json").read_text())
    controlled = json.loads((tmp_path / "request_generate.json").read_text())
    assert rows == {"instances": [{"text": "Grün."}, {"text": "Two."}]}
    assert columns == {"inputs": {"text": ["Grün.", "Two."]}}
    assert controlled["signature_name"] == "generate"
    assert controlled["instances"][0] == {"text": "Grün.", "max_new_tokens": 30, "length_penalty": 0.5}
    assert "request_generate.json" not in sample_requests([{"text": b"a"}], _declared())


def test_sample_requests_of_further_signatures(tmp_path):
    _write(tmp_path, tmp_path, declared=_declared(score=("text", "continuation")))
    request = json.loads((tmp_path / "request_score.json").read_text())
    assert request == {
        "signature_name": "score",
        "instances": [{"text": "Grün.", "continuation": "Two."}, {"text": "Two.", "continuation": "Grün."}],
    }
    assert "`request_score.json` asks `score`" in (tmp_path / "serving.md").read_text()


def test_edited_files_are_kept_and_others_renewed(tmp_path):
    staging, serving = tmp_path / "staging", tmp_path / "serving"
    staging.mkdir()
    serving.mkdir()
    _write(serving, serving)
    config = serving / "batching_params.pbtxt"
    config.write_text(config.read_text().split("\n", 1)[1])
    _write(staging, serving, max_batch_size=64)
    assert not (staging / "batching_params.pbtxt").exists()
    assert {path.name for path in serving.iterdir()} - {path.name for path in staging.iterdir()} == {config.name}


def test_docker_command_quotes_the_directory():
    command = docker_command("folder", server_image(("2.12", "2.19")), "/srv/my models/folder")
    assert shlex.split(command) == [
        "docker", "run", "-p", "8501:8501", "-p", "8500:8500", "-v", "/srv/my models/folder:/models/folder",
        "-e", "MODEL_NAME=folder", "tensorflow/serving:2.19.1",
    ]  # fmt: skip


def test_guide_holds_commands_and_signatures(tmp_path):
    _write(tmp_path, tmp_path)
    guide = (tmp_path / "serving.md").read_text()
    assert f"curl -d @{tmp_path}/request.json http://localhost:8501/v1/models/folder:predict" in guide
    assert "TensorFlow Serving 2.19 to 2.20 contain" in guide
    assert "| output | `score` | float32 | [batch, 4] | how good it is |" in guide and "Offsets" not in guide
    (example,) = [block.split("```")[0] for block in guide.split("```python\n")[1:]]
    ast.parse(example)


def _guide(directory, **changes):
    _write(directory, directory, **changes)
    return " ".join((directory / "serving.md").read_text().split())


def test_guide_says_what_batching_refuses_and_splits(tmp_path):
    guide = _guide(tmp_path)
    assert "A request of more than 12 rows is refused (400" in guide
    assert "This model's answers can be split and joined" in guide
    assert "max_execution_batch_size { value: 12 }" in guide
    assert "fails the whole request" in guide and "`error`" not in guide
    guide = _guide(tmp_path, form=ServedForm(row_errors=True))
    assert "`error` of `generate` is empty for rows that are answered" in guide and "whole request" not in guide
    for name, items, option in (
        ("start", "entities", "--max-entities"),
        ("tokens", "blanks", "--max-blanks"),
        ("relation", "relations", "--max-items"),
    ):
        outputs = {name: {"dtype": "string", "shape": [None, None]}, "count": {"dtype": "int32", "shape": [None]}}
        signatures = {"serving_default": {"inputs": SIGNATURES["serving_default"]["inputs"], "outputs": outputs}}
        options = dict(signatures=signatures, declared=_declared(), items=items)
        guide = _guide(tmp_path, **options)
        assert "Never add `enable_large_batch_splitting`" in guide and f"`{option}`" in guide
        assert "take the first `count` places" in guide and "`error`" not in guide
        outputs[name]["shape"] = [None, 4]
        guide = _guide(tmp_path, **options, form=ServedForm(width=4))
        assert "answers can be split" in guide and f"A row has 4 places for {items}" in guide and "`total`" in guide


def test_splitting_as_the_guide_has_it_is_what_the_server_takes():
    """As checked by the local server; the size of a batch stays what it was."""
    text = "max_batch_size { value: 1024 } enable_large_batch_splitting { value: true }"
    parameters = text_format.Parse(f"{text} max_execution_batch_size {{ value: 12 }}", batching_parameters_class()())
    Batching(parameters).check_inputs([np.zeros(1000)])
    with pytest.raises(ServingError, match="larger than maximum input batch size 1024"):
        Batching(parameters).check_inputs([np.zeros(1025)])


def test_labels_outlast_exports(tmp_path):
    _write(tmp_path, tmp_path)
    assert read_models_config((tmp_path / "models.config").read_text()) == ServedVersions("folder")
    served = ServedVersions("folder", {"stable": 2}, (1,))
    (tmp_path / "models.config").write_text(marked("models.config", models_config(served)))
    _write(tmp_path, tmp_path, name="other")
    assert read_models_config((tmp_path / "models.config").read_text()) == ServedVersions("other", {"stable": 2}, (1,))


def test_servers_with_files_take_labels_and_batches(tmp_path):
    yaml = pytest.importorskip("yaml")
    _write(tmp_path, tmp_path)
    command = shlex.split(docker_command_with_files("folder", "tensorflow/serving:2.20.0", tmp_path))
    flags = yaml.safe_load((tmp_path / "compose.yaml").read_text())["services"]["serving"]["command"]
    assert command[command.index("tensorflow/serving:2.20.0") + 1 :] == flags
    assert "--allow_version_labels_for_unavailable_models=true" in flags and "--enable_batching=true" in flags
    assert shlex.join(command) in (tmp_path / "serving.md").read_text()


def test_labels_are_those_of_a_model_server_config():
    model_server_config_pb2 = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    text = models_config(ServedVersions("folder", {"stable": 2, "canary": 5}, (1,)))
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert dict(model.version_labels) == {"stable": 2, "canary": 5}
    # A label keeps no version loaded: the policy names them all.
    assert list(model.model_version_policy.specific.versions) == [1, 2, 5]


def test_guide_says_what_offsets_refer_to(tmp_path):
    offsets = {name: {"dtype": "int32", "shape": [None, None]} for name in ("start", "end", "start_byte", "end_byte")}
    signature = {"inputs": SIGNATURES["serving_default"]["inputs"], "outputs": offsets}
    _write(tmp_path, tmp_path, signatures={"serving_default": signature})
    guide = " ".join((tmp_path / "serving.md").read_text().split())
    assert "Offsets refer to the text with U+FFFD in place of what is not valid UTF-8" in guide
    assert "one character to `start` and `end` and 3 bytes to `start_byte` and `end_byte`." in guide


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", 'x"y'])
def test_names_that_do_not_fit_are_refused(tmp_path, name):
    with pytest.raises(UserError, match=r"^--name: "):
        check_model_name(name, tmp_path)


def test_name_defaults_to_the_directorys(tmp_path, monkeypatch):
    (tmp_path / "german").mkdir()
    monkeypatch.chdir(tmp_path / "german")
    assert check_model_name(None, ".") == "german"


def test_grpc_example_runs_against_the_official_service(tmp_path):
    grpc = pytest.importorskip("grpc")
    predict_pb2 = pytest.importorskip("tensorflow_serving.apis.predict_pb2")
    service = pytest.importorskip("tensorflow_serving.apis.prediction_service_pb2_grpc")
    received, sample = [], [{"text": "Grün"}, {"text": 'say "a"'}]

    class Servicer(service.PredictionServiceServicer):
        def Predict(self, request, context):
            received.append(request)
            response = predict_pb2.PredictResponse()
            response.outputs["text"].CopyFrom(tf.make_tensor_proto(["grün"]))
            return response

    server = grpc.server(futures.ThreadPoolExecutor(1))
    service.add_PredictionServiceServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        program = grpc_example("folder", sample, "generate", _declared(CONTROLS)["generate"]).replace(
            ":8500", f":{port}"
        )
        finished = run_python(["-c", program])
    finally:
        server.stop(None)
    assert finished.returncode == 0, finished.stderr
    assert "text [b'gr\\xc3\\xbcn']" in finished.stdout
    (request,) = received
    assert (request.model_spec.name, request.model_spec.signature_name) == ("folder", "generate")
    inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
    assert inputs["text"].tolist() == ["Grün".encode(), b'say "a"']
    assert inputs["max_new_tokens"].tolist() == [30, 30]
    assert inputs["length_penalty"].dtype.name == "float32"


def test_models_config_of_any_allowed_name_parses():
    assert 'name: "a.b-c_1"' in models_config(ServedVersions(check_model_name("a.b-c_1", ".")))
