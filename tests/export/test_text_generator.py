"""Exports of text generators: a fresh process gives Python's continuations and scores, drawn ones too."""

import json
import urllib.error
import urllib.request

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tiny_generator import PROMPTS, drawn_with_wide_character, make_generator

from export.saved_model import export_saved_model
from export.serve import LocalServer
from export.signatures import ServedTask, build_signatures, in_form
from zoo.weights import PackedWeights
from zoo.weights.packed_matrix import PANEL_WIDTH


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    generator = make_generator(stop=["\n\n", "w"], seed=4)
    directory = tmp_path_factory.mktemp("serving") / "generator"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo.weights.packed_weights.MIN_DECODER_BYTES", 1)
        return generator, export_saved_model(generator, directory, parity_texts=PROMPTS, max_batch_size=8)


def test_every_signature_answers_as_python(exported):
    generator, version = exported
    report = json.loads((version / "assets.extra" / "parity.json").read_text())
    assert set(report["signatures"]) == {"serving_default", "generate", "score"}
    shapes = [shape for _, shape in tf.train.list_variables(str(version / "variables" / "variables"))]
    assert sum(len(shape) == 3 and shape[2] == PANEL_WIDTH for shape in shapes) == 1 + 4 * generator.model.num_layers
    assert report["rows"] > 5 * len(PROMPTS) and report["max_score_difference"] < 1e-5
    # Byte pairs need no operation that an old server lacks.
    assert report["servers"] == ["2.11", *(f"2.{minor}" for minor in range(12, 21))]
    signatures = tf.saved_model.load(str(version)).signatures
    served = signatures["serving_default"](text=tf.constant(PROMPTS))
    assert [text.decode() for text in served["text"].numpy()] == generator(PROMPTS)
    assert served["truncated"].numpy().tolist() == [prompt == "low " * 30 for prompt in PROMPTS]
    scored = signatures["score"](text=tf.constant(["the slow", ""]), continuation=tf.constant([" fox", "low"]))
    expected = generator.score(["the slow", ""], [" fox", "low"])
    assert scored["score"].numpy().tolist() == pytest.approx([each.log_prob for each in expected], abs=1e-5)


def test_panels_hold_the_weights_at_hand(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.weights.packed_weights.MIN_DECODER_BYTES", 1)
    generator = make_generator()
    texts = []
    for number in range(2):
        texts.append(generator(PROMPTS))
        with in_form(generator, PackedWeights()) as task:
            tf.saved_model.save(ServedTask(task), str(tmp_path / str(number)), signatures=build_signatures(task))
        assert generator(PROMPTS) == texts[-1]
        generator.model.set_weights([1.5 * weight for weight in generator.model.get_weights()])
    assert texts[0] != texts[1]
    for number, expected in enumerate(texts):
        served = tf.saved_model.load(str(tmp_path / str(number))).signatures["serving_default"]
        assert [text.decode() for text in served(text=tf.constant(PROMPTS))["text"].numpy()] == expected


def test_the_same_request_gives_the_same_answer_on_every_load(exported):
    generator, version = exported
    controls = {name: tf.fill([4], tf.constant(c.default, c.dtype)) for name, c in generator.controls.items()}
    controls["seed"] = tf.constant([1, 2, 1, 3])
    prompts = tf.constant(["low", "low", "low", "the quick"])
    answers = []
    for _ in range(2):
        generate = tf.saved_model.load(str(version)).signatures["generate"]
        answers.append([text.decode() for text in generate(text=prompts, **controls)["text"].numpy()])
    assert (
        answers[0]
        == answers[1]
        == [
            *(generator("low", seed=seed) for seed in (1, 2, 1)),
            generator("the quick", seed=3),
        ]
    )
    assert answers[0][0] == answers[0][2] != answers[0][1]
    for name, value in (("top_p", 0.0), ("temperature", -0.5), ("temperature", float("nan"))):
        outputs = generate(text=prompts, **{**controls, name: tf.concat([controls[name][:3], [value]], axis=0)})
        assert [text.decode() for text in outputs["text"].numpy()] == [*answers[0][:3], ""]
        *errors, error = (error.decode() for error in outputs["error"].numpy())
        assert not any(errors) and error.startswith(f"{name} must be between")


@pytest.fixture(scope="module")
def server(exported):
    _, version = exported
    with pytest.MonkeyPatch.context() as patch:
        # Takes longer than all that is asked here.
        patch.setattr("export.serve.model_manager.warm_up", lambda servable, directory: None)
        with LocalServer(version.parent, poll_seconds=0) as server:
            yield server


@pytest.fixture
def over_rest(server):
    """Asks the signature `generate` over REST for instances; returns the status and the body."""
    url = f"{server.rest_url}/v1/models/generator:predict"

    def ask(instances):
        body = json.dumps({"signature_name": "generate", "instances": instances}).encode()
        try:
            with urllib.request.urlopen(url, body, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    return ask


def over_grpc(server, texts, **controls):
    """Asks the signature `generate` over gRPC, with lists of values; returns the texts."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "generator", "generate"
    texts = [text if isinstance(text, bytes) else text.encode() for text in texts]
    request.inputs["text"].CopyFrom(tf.make_tensor_proto(texts))
    for name, values in controls.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    with grpc.insecure_channel(server.grpc_address) as channel:
        outputs = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60).outputs
    return [text.decode() for text in tf.make_ndarray(outputs["text"])]


def with_controls(generator, text, **controls):
    """A row of a request, with the defaults of the controls that are not given."""
    return {"text": text, **{name: control.default for name, control in generator.controls.items()}, **controls}


def test_controls_over_rest_draw_what_python_draws(exported, over_rest):
    generator, _ = exported
    chosen = {"temperature": 0.7, "top_p": 0.9, "top_k": 20, "max_new_tokens": 5}
    asked = [("low", 1), ("the quick", 2), ("", 3), (" \n\t ", 4)]
    status, body = over_rest([with_controls(generator, prompt, seed=seed, **chosen) for prompt, seed in asked])
    assert status == 200
    found = [row["text"] for row in body["predictions"]]
    assert found == [generator(prompt, seed=seed, **chosen) for prompt, seed in asked]
    assert found != [generator(prompt, seed=seed + 1, **chosen) for prompt, seed in asked]


def test_controls_left_out_over_grpc_have_their_defaults(exported, server):
    generator, _ = exported
    assert over_grpc(server, PROMPTS) == generator(PROMPTS)
    # One value counts for all texts.
    assert over_grpc(server, PROMPTS, seed=[7], top_k=[20]) == generator(PROMPTS, seed=7, top_k=20)
    seeds = list(range(len(PROMPTS)))
    expected = [generator(prompt, seed=seed) for prompt, seed in zip(PROMPTS, seeds, strict=True)]
    assert over_grpc(server, PROMPTS, seed=seeds) == expected != generator(PROMPTS)
    with pytest.raises(grpc.RpcError, match="seed must hold one value per text or one for all"):
        over_grpc(server, PROMPTS, seed=[1, 2])


@pytest.mark.parametrize("prompt", ["", "   ", " \n\t "])
def test_a_prompt_without_words_alone_in_its_request(exported, over_rest, prompt):
    generator, _ = exported
    status, body = over_rest([with_controls(generator, prompt)])
    assert status == 200
    assert [row["text"] for row in body["predictions"]] == [generator(prompt)] == generator([prompt])


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", -1.0), ("top_p", 0.0), ("top_k", -1), ("repetition_penalty", 0.0)]
)
def test_a_row_with_an_impossible_control_says_so_over_rest(exported, over_rest, name, value):
    """The rows beside it are answered as ever."""
    generator, _ = exported
    rows = [with_controls(generator, "low"), with_controls(generator, "the quick", **{name: value})]
    status, body = over_rest(rows)
    assert status == 200
    good, bad = body["predictions"]
    assert (good["text"], good["error"]) == (generator("low"), "")
    assert bad.pop("error").startswith(f"{name} must be between")
    assert bad == {
        "text": "",
        "score": 0.0,
        "num_tokens": 0,
        "truncated": False,
        "token_ids": "",
        "finished": False,
        "settled_bytes": 0,
        "prompt_tokens": 0,
    }


def test_rows_of_one_request_have_stop_strings_of_their_own(exported):
    generator, version = exported
    prompt, seed, wide = drawn_with_wide_character(generator)
    controls = {name: tf.fill([5], tf.constant(c.default, c.dtype)) for name, c in generator.controls.items()}
    stops = ["", "\x1e", f"Zürich\x1e{wide}", wide + "never", "e\x1el"]
    controls.update(seed=tf.fill([5], seed), stop=tf.constant(stops))
    generate = tf.saved_model.load(str(version)).signatures["generate"]
    found = [text.decode() for text in generate(text=tf.fill([5], prompt), **controls)["text"].numpy()]
    own = [None, (), ("Zürich", wide), (wide + "never",), ("e", "l")]
    assert found == [generator(prompt, seed=seed, stop=stop) for stop in own]
    assert found[1] == found[3] and found[2] == found[1][: found[1].index(wide)]
    outputs = generate(text=tf.fill([5], prompt), **{**controls, "stop": tf.constant([*stops[:4], "é" * 513])})
    assert outputs["error"].numpy().tolist() == [b""] * 4 + [b"stop must have at most 1024 bytes"]
