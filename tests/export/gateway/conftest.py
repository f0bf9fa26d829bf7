"""A gateway in front of a local server of a text generator and of models that do next to nothing."""

import json
import urllib.error
import urllib.request

import openai
import pytest
import tensorflow as tf
from served_generator import TEMPLATE, save_generator
from tiny_generator import make_generator

from export.gateway import Gateway
from export.gateway.gateway_options import GatewayOptions
from export.serve import LocalServer

POSITIONS, NEW = 120, 24


class Pairs(tf.Module):
    """Counts letters: the vector of a text, and how well two texts fit."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def embed(self, text):
        length = tf.cast(tf.strings.length(text), tf.float32)
        return {"embedding": tf.stack([length, length / 3.0, -length], axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name) for name in ("text", "text_pair")])
    def score(self, text, text_pair):
        difference = tf.abs(tf.strings.length(text) - tf.strings.length(text_pair))
        score = 1.0 / (1.0 + tf.cast(difference, tf.float32))
        return {"score": score, "value": score}


def texts(*names):
    return tf.function(input_signature=[tf.TensorSpec([None], tf.string, name) for name in names])


class Tasks(tf.Module):
    """Signatures with the outputs of other tasks, which say the same of every text."""

    @texts("text")
    def shout(self, text):
        return {"text": tf.strings.upper(text), "score": tf.zeros(tf.shape(text))}

    @texts("text")
    def entities(self, text):
        rows = tf.shape(text)[0]
        columns = {"text": ["Ann", "Rome", ""], "label": ["PER", "LOC", ""], "score": [0.9, 0.5, 0.0]}
        columns |= {"start": [2, 10, 0], "end": [5, 14, 0]}
        found = {name: tf.tile(tf.constant([value]), [rows, 1]) for name, value in columns.items()}
        return {**found, "count": tf.fill([rows], 2)}

    @texts("text")
    def classes(self, text):
        rows = tf.shape(text)[0]
        labels, scores = (tf.tile(tf.constant([value]), [rows, 1]) for value in (["good", "bad"], [0.75, 0.25]))
        return {"label": labels[:, 0], "score": scores[:, 0], "labels": labels, "scores": scores}

    @texts("text")
    def blanks(self, text):
        rows = tf.shape(text)[0]
        tokens, scores = (tf.tile(tf.constant([[value]]), [rows, 1, 1]) for value in (["cat", "dog"], [0.6, 0.3]))
        return {"tokens": tokens, "scores": scores, "count": tf.fill([rows], 1)}

    @texts("question", "context")
    def answers(self, question, context):
        return {"answer": tf.strings.substr(context, 0, 3), "score": tf.fill(tf.shape(context), 0.875)}


@pytest.fixture(scope="package")
def generator():
    return make_generator(positions=POSITIONS, chat_template=TEMPLATE, max_new_tokens=NEW, seed=3)


@pytest.fixture(scope="package")
def served(generator, tmp_path_factory):
    """The directory of all models."""
    directory = tmp_path_factory.mktemp("served")
    save_generator(generator, directory / "writer" / "1")
    pairs = Pairs()
    tf.saved_model.save(pairs, str(directory / "vectors" / "1"), signatures={"serving_default": pairs.embed})
    tf.saved_model.save(pairs, str(directory / "ranker" / "1"), signatures={"serving_default": pairs.score})
    tasks = Tasks()
    names = ("entities", "classes", "blanks", "answers")
    signatures = {"serving_default": tasks.shout, **{name: getattr(tasks, name) for name in names}}
    for version in (1, 2):
        tf.saved_model.save(tasks, str(directory / "tasks" / str(version)), signatures=signatures)
    return directory


@pytest.fixture(scope="package")
def server(served):
    config = served / "models.config"
    models = "".join(
        f'config {{ name: "{name}" base_path: "{served / name}" model_platform: "tensorflow" '
        "model_version_policy { all {} } }\n"
        for name in ("writer", "vectors", "ranker", "tasks")
    )
    config.write_text(f"model_config_list {{ {models} }}")
    with LocalServer(model_config_file=config, poll_seconds=0) as server:
        yield server


@pytest.fixture(scope="package")
def start(server):
    """A gateway of given options in front of the server, and the lines of its log."""

    def started(models=("writer", "vectors", "ranker", "tasks"), address=None, **options):
        lines = []
        log = lambda line: lines.append(json.loads(line))  # noqa: E731
        gateway = Gateway(address or server.grpc_address, models, options=GatewayOptions(**options), log=log)
        return gateway, lines

    return started


@pytest.fixture(scope="package")
def gateway(start):
    running, running.lines = start()
    with running:
        yield running


@pytest.fixture(scope="package")
def client(gateway):
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0)


@pytest.fixture(scope="session")
def ask():
    """Status, headers and parsed body of a request."""

    def asked(url, body=None, method=None, **headers):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                status, headers, raw = response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            status, headers, raw = error.code, error.headers, error.read()
        parsed = json.loads(raw) if headers.get_content_type() == "application/json" else raw.decode()
        return status, headers, parsed

    return asked
