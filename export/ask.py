"""`python -m export.ask SERVING_DIR TEXT ...`: starts the local server, asks it over REST and gRPC, stops it."""

import http.client
import json
import logging
import resource
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from export.asked_rows import asked_rows, read_file
from export.asked_signature import AskedSignature, find_signature
from export.errors import shorten_message
from export.serve.requirements import require_serving_extra
from zoo.assignments import parse_settings
from zoo.errors import UserError, command_line
from zoo.ranges import check_range


@dataclass(frozen=True)
class AskConfig:
    """Asks a served model over both protocols of TensorFlow Serving and checks that they agree."""

    serving_dir: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SERVING_DIR")]
    """Directory of all versions of the model, as `python -m export` wrote it."""
    texts: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="TEXTS ...")] = ()
    """The texts to send; of a signature that takes several, NAME=TEXT for each of its inputs, row after row."""
    input_file: Path | None = None
    """UTF-8 file of texts to send, one a line, or .jsonl for texts of several lines, also .gz; in place of TEXTS."""
    text_field: str | None = None
    """Field of a .jsonl file that holds the text; the input's name, "text" in most models, if not given. The texts of a
    signature that takes several are in fields with the names of its inputs."""
    output_dir: Path | None = None
    """Where to write `rest.txt` and `grpc.txt`, the answer to each text in a line; needs --input-file."""
    batch_size: int = 32
    """Texts in a request."""
    settings: Annotated[tuple[str, ...], tyro.conf.arg(name="set", metavar="NAME=VALUE ...")] = ()
    """Controls for all texts, as NAME=VALUE, such as temperature=0.7: asks the signature that has them."""
    signature: str | None = None
    """The signature to ask, such as score; by default `serving_default`, or the one that has the controls."""
    timeout_seconds: float = 60.0
    """Longest wait for an answer."""

    def __post_init__(self):
        if bool(self.texts) == (self.input_file is not None):
            raise UserError("give either TEXTS to send or --input-file")
        if (self.output_dir is None) != (self.input_file is None):
            raise UserError("--input-file and --output-dir belong together")
        check_range("--batch-size", self.batch_size, least=1)
        if not self.timeout_seconds > 0:
            raise UserError(f"--timeout-seconds must be more than 0, got {self.timeout_seconds:g}")


def check_loaded(server, directory):
    """Refuses to ask a server that has loaded no version of its only model.

    Raises:
        UserError: saying that there is none, or why the newest cannot be loaded.
    """
    from tensorflow_serving.apis.model_pb2 import ModelSpec

    from export.serve.status import ServingError

    (name,) = server.manager.model_names
    if server.manager.available_versions(name):
        return
    try:
        version, _, error = server.manager.version_states(ModelSpec(name=name))[0]
    except ServingError:
        raise UserError(
            f"{directory} holds no version of a model; write one with `python -m export PRESET_DIR {directory}`"
        ) from None
    raise UserError(
        f"{directory}: version {version} cannot be loaded ({shorten_message(error.message)}); export it again"
    )


def ask_rest(server, name, rows, timeout_seconds, signature=AskedSignature()):  # noqa: B008  frozen
    """Answers of a signature by output name over REST, in column form.

    Args:
        server: A `LocalServer`.
        name: The model's name.
        rows: list of dict of str by input name.
        timeout_seconds: Longest wait for the answer.
        signature: `AskedSignature`.

    Raises:
        UserError: The server refuses the request or does not answer in time.
    """
    controls = {key: [value] * len(rows) for key, value in {**signature.defaults, **signature.controls}.items()}
    texts = {key: [row[key] for row in rows] for key in signature.inputs}
    body = {"signature_name": signature.name, "inputs": {**texts, **controls}}
    request = urllib.request.Request(
        f"{server.rest_url}/v1/models/{name}:predict",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as response:
            return signature.named(json.load(response)["outputs"])
    except urllib.error.HTTPError as error:
        body = error.read().decode("utf-8", "replace")
        if error.code == HTTPStatus.GATEWAY_TIMEOUT:
            raise _too_slow("REST", timeout_seconds) from error
        raise UserError(f"the server refused the request over REST: {_reason(body)}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise _too_slow("REST", timeout_seconds) from error
        raise UserError(f"no answer over REST from {server.rest_url}: {reason}") from error


def ask_grpc(server, name, rows, timeout_seconds, signature=AskedSignature()):  # noqa: B008  frozen
    """Answers of a signature by output name over gRPC, where controls that are not set are left out.

    Raises:
        UserError: As of `ask_rest`.
    """
    # Imported here so that a missing extra is reported by the check for it first.
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature.name
    for key in signature.inputs:
        request.inputs[key].CopyFrom(tf.make_tensor_proto([row[key] for row in rows], dtype=tf.string))
    for control, value in signature.controls.items():
        dtype = {int: tf.int32, float: tf.float32, str: tf.string}[type(value)]
        request.inputs[control].CopyFrom(tf.make_tensor_proto([value] * len(rows), dtype=dtype))
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        try:
            outputs = stub.Predict(request, timeout=timeout_seconds).outputs
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                raise _too_slow("gRPC", timeout_seconds) from error
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                reason = shorten_message(error.details())
                raise UserError(f"no answer over gRPC from {server.grpc_address}: {reason}") from error
            raise UserError(f"the server refused the request over gRPC: {shorten_message(error.details())}") from error
    return {name: _plain(tf.make_ndarray(value).tolist()) for name, value in outputs.items()}


def _too_slow(protocol, timeout_seconds):
    return UserError(
        f"no answer over {protocol} within {timeout_seconds:g} s; give a longer --timeout-seconds or a smaller "
        "--batch-size"
    )


def _reason(body):
    """What an error answer of REST says: its field `error`, or all of it where a program in between has answered."""
    try:
        return shorten_message(str(json.loads(body)["error"]))
    except (ValueError, TypeError, KeyError):
        return shorten_message(body)


def _plain(value):
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.decode("utf-8") if isinstance(value, bytes) else value


def _agree(from_rest, from_grpc):
    """Whether two values are the same; JSON's digits name a float32, so numbers are compared as such."""
    if isinstance(from_grpc, list):
        return len(from_rest) == len(from_grpc) and all(map(_agree, from_rest, from_grpc))
    if isinstance(from_grpc, float):
        return np.float32(from_rest) == np.float32(from_grpc)
    return from_rest == from_grpc


def ask_in_batches(ask, server, name, rows, config, signature=AskedSignature()):  # noqa: B008  frozen
    """Answers to rows by `ask_rest` or `ask_grpc`, a dict of outputs for each, and the seconds taken.

    No rows are answered without a request: servers refuse it or, with batching, do worse.
    """
    answers = []
    started = time.perf_counter()
    for start in range(0, len(rows), config.batch_size):
        batch = rows[start : start + config.batch_size]
        outputs = ask(server, name, batch, config.timeout_seconds, signature)
        answers += [{key: outputs[key][row] for key in sorted(outputs)} for row in range(len(batch))]
    return answers, time.perf_counter() - started


def unpadded(row):
    """A row without what fills it up to the longest row of its batch: lists end after `count` entries.

    What follows is told from answers by being empty or 0 in every list: a classifier of several labels counts those of
    a text as well, and gives the others after them.

    Args:
        row: dict of outputs as a server gives them.

    Example:
        >>> unpadded({"text": ["Rome", ""], "start": [3, 0], "count": 1})
        {'text': ['Rome'], 'start': [3], 'count': 1}
    """
    count = row.get("count")
    lists = {name: value for name, value in row.items() if isinstance(value, list)}
    if not isinstance(count, int) or not all(_is_filling(value[count:]) for value in lists.values()):
        return row
    return {name: value[:count] if name in lists else value for name, value in row.items()}


def _is_filling(value):
    return all(map(_is_filling, value)) if isinstance(value, list) else value in ("", 0)


def _write(path, rows):
    # Serving answers rows of any task; those with a text are kept in the form that scoring tools read.
    lines = [
        row["text"].replace("\n", " ") if isinstance(row.get("text"), str) else json.dumps(row, ensure_ascii=False)
        for row in rows
    ]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


@command_line
def main(argv=None):
    """Runs the command; exit status 1 if a row has an error or the protocols disagree."""
    config = tyro.cli(AskConfig, args=argv, prog="python -m export.ask")
    given = config.texts if config.input_file is None else read_file(config.input_file)
    name = config.serving_dir.resolve().name
    controls = parse_settings(config.settings)
    require_serving_extra()
    from export.serve.local_server import LocalServer

    # Without a handler a version that cannot be loaded would be reported by logging too.
    logging.getLogger("export.serve").addHandler(logging.NullHandler())
    with LocalServer(config.serving_dir, rest_timeout_seconds=config.timeout_seconds) as server:
        check_loaded(server, config.serving_dir)
        print(f"REST {server.rest_url}   gRPC {server.grpc_address}   model {name}")
        signature = find_signature(server, name, controls, config.signature)
        rows = asked_rows(given, signature.inputs, config.text_field)
        rest, rest_seconds = ask_in_batches(ask_rest, server, name, rows, config, signature)
        grpc, grpc_seconds = ask_in_batches(ask_grpc, server, name, rows, config, signature)
    different = [
        row
        for row, (one, other) in enumerate(zip(rest, grpc, strict=True))
        if one.keys() != other.keys() or not all(_agree(one[key], other[key]) for key in one)
    ]
    rest, grpc = ([unpadded(row) for row in answers] for answers in (rest, grpc))
    if config.output_dir is None:
        for row, from_rest, from_grpc in zip(rows, rest, grpc, strict=True):
            shown = " | ".join(row.values())
            print(f"\n  text  {shown}\n  REST  {_shown(from_rest)}\n  gRPC  {_shown(from_grpc)}")
    else:
        try:
            config.output_dir.mkdir(parents=True, exist_ok=True)
            _write(config.output_dir / "rest.txt", rest)
            _write(config.output_dir / "grpc.txt", grpc)
        except OSError as error:
            raise UserError(f"--output-dir {config.output_dir}: {error.strerror}") from error
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{len(rows)} texts in batches of {config.batch_size}: "
            f"REST {rest_seconds:.1f} s, gRPC {grpc_seconds:.1f} s; "
            f"peak memory of server and client {memory:.2f} GiB; answers in {config.output_dir}"
        )
    print("\nserver stopped")
    errors = [row["error"] for row in rest if row.get("error")]
    if errors:
        print(f"{len(errors)} of {len(rest)} rows have an error, the first: {errors[0]}", file=sys.stderr)
        sys.exit(1)
    if different:
        print(f"REST and gRPC answers differ in {len(different)} rows, first in row {different[0]}", file=sys.stderr)
        sys.exit(1)


def _shown(row):
    return json.dumps(row, ensure_ascii=False)


if __name__ == "__main__":
    main()
