"""`python -m export.ask SERVING_DIR TEXT ...`: starts the local server, asks it over REST and gRPC, stops it."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from export.serve import LocalServer
from zoo.errors import UserError, command_line


@dataclass(frozen=True)
class AskConfig:
    """Asks a served model over both protocols of TensorFlow Serving and checks that they agree."""

    serving_dir: Annotated[Path, tyro.conf.Positional]
    """Directory of all versions of the model, as `python -m export` wrote it."""
    texts: Annotated[tuple[str, ...], tyro.conf.Positional]
    """The texts to send."""
    timeout_seconds: float = 60.0
    """Longest wait for the model to load and for an answer."""


def ask_rest(server, name, texts, timeout_seconds):
    """Answers of `serving_default` by output name over REST, in column form."""
    request = urllib.request.Request(
        f"{server.rest_url}/v1/models/{name}:predict",
        data=json.dumps({"inputs": {"text": list(texts)}}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=timeout_seconds) as response:
        return json.load(response)["outputs"]


def ask_grpc(server, name, texts, timeout_seconds):
    """Answers of `serving_default` by output name over gRPC."""
    # Imported here so that a missing extra is reported by the server's own check first.
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.inputs["text"].CopyFrom(tf.make_tensor_proto(list(texts), dtype=tf.string))
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        outputs = stub.Predict(request, timeout=timeout_seconds).outputs
    return {name: _plain(tf.make_ndarray(value)) for name, value in outputs.items()}


def _plain(array):
    return [value.decode("utf-8") if isinstance(value, bytes) else value for value in array.tolist()]


def _agree(from_rest, from_grpc):
    """Whether two values are the same; JSON's digits name a float32, so numbers are compared as such."""
    if isinstance(from_grpc, float):
        return np.float32(from_rest) == np.float32(from_grpc)
    return from_rest == from_grpc


def _rows(outputs, count):
    return [{name: values[row] for name, values in sorted(outputs.items())} for row in range(count)]


@command_line
def main(argv=None):
    """Runs the command; exit status 1 if the protocols disagree."""
    config = tyro.cli(AskConfig, args=argv, prog="python -m export.ask")
    if not config.texts:
        raise UserError("give at least one TEXT to send")
    name = config.serving_dir.resolve().name
    with LocalServer(config.serving_dir) as server:
        if not server.wait_until_available(timeout_seconds=config.timeout_seconds):
            raise UserError(f"{config.serving_dir} holds no version that could be loaded in {config.timeout_seconds} s")
        print(f"REST {server.rest_url}   gRPC {server.grpc_address}   model {name}")
        rest = _rows(ask_rest(server, name, config.texts, config.timeout_seconds), len(config.texts))
        grpc = _rows(ask_grpc(server, name, config.texts, config.timeout_seconds), len(config.texts))
    agree = True
    for text, from_rest, from_grpc in zip(config.texts, rest, grpc, strict=True):
        same = from_rest.keys() == from_grpc.keys() and all(_agree(from_rest[key], from_grpc[key]) for key in from_rest)
        agree = agree and same
        print(f"\n  text  {text}\n  REST  {_shown(from_rest)}\n  gRPC  {_shown(from_grpc)}")
        if not same:
            print("  the two differ")
    print("\nserver stopped")
    if not agree:
        print("REST and gRPC answers differ", file=sys.stderr)
        sys.exit(1)


def _shown(row):
    return json.dumps(row, ensure_ascii=False)


if __name__ == "__main__":
    main()
