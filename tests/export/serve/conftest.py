import json
import shutil
import urllib.error
import urllib.request

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from export.serve import LocalServer


class Toy(tf.Module):
    """Signatures of every kind; all that depends on the version is the `version` output."""

    def __init__(self, version, words):
        super().__init__()
        self.version = tf.Variable(version, dtype=tf.int64)
        self.weights = tf.Variable([[2.0], [3.0]])
        whole_line, line_number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        lines = tf.lookup.TextFileInitializer(str(words), tf.string, whole_line, tf.int64, line_number)
        self.table = tf.lookup.StaticHashTable(lines, -1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def text(self, text):
        return {"text": tf.strings.upper(text), "score": tf.cast(tf.strings.length(text), tf.float32) / 4.0}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def linear(self, x):
        return {"y": x @ self.weights}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "data")])
    def echo(self, data):
        return {"data_bytes": tf.strings.join([data, ""])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x"), tf.TensorSpec([], tf.float32, "factor")])
    def scaled(self, x, factor=tf.constant(2.0)):  # noqa: B008  the default becomes part of the signature
        return {"y": x * factor}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "word")])
    def lookup(self, word):
        return {"number": self.table.lookup(word), "version": tf.fill(tf.shape(word), self.version)}

    @tf.function(input_signature=[tf.TensorSpec([2], tf.string, "files")])
    def gate(self, files):
        # Writes the first file and runs until one matches the pattern. The round is part of the name, as an empty text,
        # and of the answer, times zero, or the optimiser would move the look out of the loop or drop the loop.
        tf.io.write_file(files[0], "")
        rounds = tf.constant(0, tf.int64)
        while tf.size(tf.io.matching_files(files[1] + tf.strings.substr(tf.strings.as_string(rounds), 0, 0))) == 0:
            rounds += 1
        return {"version": tf.fill([2], self.version + 0 * rounds)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.bool, "flag"),
            tf.TensorSpec([None], tf.int8, "small"),
            tf.TensorSpec([None], tf.uint64, "large"),
        ]
    )
    def kinds(self, flag, small, large):
        return {"flag": tf.logical_not(flag), "small": small + tf.constant(1, tf.int8), "large": tf.identity(large)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def parse(self, text):
        return {"value": tf.strings.to_number(text)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def half(self, x):
        return {"y": tf.cast(x, tf.float16)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def total(self, x):
        return {"sum": tf.reduce_sum(x)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def classifier(self, inputs):
        return {"scores": tf.zeros([tf.size(inputs), 2])}

    def save(self, directory):
        names = ("linear", "echo", "scaled", "lookup", "gate", "kinds", "parse", "half", "total", "classifier")
        signatures = {name: getattr(self, name) for name in names}
        tf.saved_model.save(self, str(directory), signatures={"serving_default": self.text, **signatures})


@pytest.fixture(scope="session")
def saved_toys(tmp_path_factory):
    """dict of version number to a SavedModel folder, to be copied into place."""
    root = tmp_path_factory.mktemp("toys")
    words = root / "words.txt"
    words.write_text("zero\none\ntwo\n")
    for version in (1, 2, 3):
        Toy(version, words).save(root / f"toy_{version}")
    return {version: root / f"toy_{version}" for version in (1, 2, 3)}


@pytest.fixture(scope="session")
def publish(saved_toys):
    """publish(base_path, version): puts a version in place as an exporter does, by renaming a finished folder."""

    def put(base_path, version, toy=None):
        base_path.mkdir(exist_ok=True)
        unfinished = base_path / f"{version}.tmp"
        shutil.copytree(saved_toys[toy or version], unfinished)
        return unfinished.rename(base_path / str(version))

    return put


@pytest.fixture(scope="session")
def server(tmp_path_factory, publish):
    """A server of version 1 of the model `toy`, which no test changes."""
    base_path = tmp_path_factory.mktemp("served") / "toy"
    publish(base_path, 1)
    with LocalServer(base_path, poll_seconds=0.2) as running:
        yield running


class Rest:
    """A REST client of one server: methods return (status, parsed body)."""

    def __init__(self, server, model="toy"):
        self.url = f"{server.rest_url}/v1/models/{model}"

    def get(self, path=""):
        return self.request("GET", self.url + path)

    def predict(self, body, path=":predict", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", self.url + path, data, headers)

    def request(self, method, url, data=None, headers=None):
        status, raw = self.raw(method, url, data, headers)
        return status, json.loads(raw)

    def raw(self, method, url, data=None, headers=None):
        request = urllib.request.Request(url, data, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@pytest.fixture(scope="session")
def rest_client():
    return Rest


@pytest.fixture(scope="session")
def rest(server):
    return Rest(server)


class Grpc:
    """The official stubs of one server."""

    def __init__(self, server):
        self.channel = grpc.insecure_channel(server.grpc_address)
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.model = model_service_pb2_grpc.ModelServiceStub(self.channel)


@pytest.fixture(scope="session")
def grpc_client():
    return Grpc


@pytest.fixture(scope="session")
def stubs(server):
    client = Grpc(server)
    yield client
    client.channel.close()
