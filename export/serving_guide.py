"""`serving.md`, the guide that an export writes beside its versions."""

import json
import shlex

from zoo.tasks.task import TextControl

REST_URL = "http://localhost:8501/v1/models"
_OFFSETS = """
- Offsets refer to the text with U+FFFD in place of what is not valid UTF-8, as Python's `decode(errors="replace")`
  gives it: each U+FFFD is one character to `start` and `end` and 3 bytes to `start_byte` and `end_byte`."""

_CONTROLS = """\
- A row over REST names every control. Over gRPC those left out have their defaults, and one value counts for all texts
  of a request; with batching both only in requests of one text, since the server then wants inputs of one length.
"""


def curl_command(name, request_file):
    """A request over REST with the sample rows."""
    return f"curl -d @{shlex.quote(str(request_file))} {REST_URL}/{name}:predict"


def grpc_example(name, texts, controls, controls_signature):
    """A Python program that asks over gRPC; needs `pip install tensorflow-serving-api`.

    Args:
        name: the model's name.
        texts: list of str.
        controls: the task's `Control`s by name; the program sets them if there are any.
        controls_signature: the signature that takes them.
    """
    lines = [
        "import grpc",
        "import tensorflow as tf",
        "from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc",
        "",
        f"texts = {json.dumps(texts, ensure_ascii=False)}",
        "request = predict_pb2.PredictRequest()",
        f'request.model_spec.name = "{name}"',
    ]
    if controls:
        lines.append(f'request.model_spec.signature_name = "{controls_signature}"')
    lines.append('request.inputs["text"].CopyFrom(tf.make_tensor_proto(texts))')
    for control_name, control in controls.items():
        value = f"tf.make_tensor_proto([{control.default!r}] * len(texts), tf.{control.dtype})"
        lines.append(f'request.inputs["{control_name}"].CopyFrom({value})')
    lines += [
        'with grpc.insecure_channel("localhost:8500") as channel:',
        "    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)",
        "    response = stub.Predict(request, timeout=30)",
        "for name, value in response.outputs.items():",
        "    print(name, tf.make_ndarray(value))",
    ]
    return "\n".join(lines)


def serving_guide(
    *, name, docker, request_file, sample, controls, controls_signature, further_signatures=(), signatures, servers
):
    """The guide's text.

    Args:
        name: the model's name.
        docker: the command that starts a server.
        request_file: Path of the sample REST body.
        sample: list of {"text": str}, its rows.
        controls: the task's `Control`s by name.
        controls_signature: the signature that takes them.
        further_signatures: names of signatures that take several texts.
        signatures: input and output types by signature, as in `ParityReport.signatures`.
        servers: server versions that can run the model, oldest first.

    Returns:
        str, Markdown.
    """
    texts = [row["text"] for row in sample]
    has_byte_offsets = any("start_byte" in signature["outputs"] for signature in signatures.values())
    return f"""\
# Serving `{name}`

Text in, results out: tokenisation and decoding are inside the model. Each version was published only after a fresh
process had given the same answers as Python; `<version>/assets.extra/parity.json` says what was compared.

It uses only operations that the stock binaries of TensorFlow Serving {servers[0]} to {servers[-1]} contain, and no XLA.

## Start a server

```sh
{docker}
```

or, with request batching and polling of `models.config`, in this directory:

```sh
docker compose up
```

The server picks up new versions of this directory by itself and keeps the newest one.

## Ask

```sh
{curl_command(name, request_file)}
```

`request.json` is the row form (`instances` gives `predictions`), `request_columns.json` the column form (`inputs` gives
`outputs`){f", `request_{controls_signature}.json` sets the controls" if controls else ""}{
        "".join(f", `request_{each}.json` asks `{each}`" for each in further_signatures)
    }. Text that is not valid UTF-8
travels as `{{"b64": "..."}}`; answers are always valid UTF-8.

Over gRPC, with `pip install tensorflow-serving-api`:

```python
{grpc_example(name, texts, controls, controls_signature)}
```

## Signatures

{_signature_tables(signatures, controls)}
## Good to know

- With batching, rows of different clients run together, and a batch fails as a whole: check controls against their
  bounds before sending. `batching_params.pbtxt` pads batches to `allowed_batch_sizes`, whose last entry must equal
  `max_batch_size`.
{
        _CONTROLS if controls else ""
    }- REST requests end after 30 s unless the server is started with `--rest_api_timeout_in_ms`; gRPC clients refuse
  answers above 4 MB unless told otherwise.
- To keep a version under a name, add `version_labels` to `models.config`.{_OFFSETS if has_byte_offsets else ""}
"""


def _signature_tables(signatures, controls):
    parts = []
    for name, signature in sorted(signatures.items(), reverse=True):
        rows = ["| | name | type | shape | |", "|---|---|---|---|---|"]
        for kind in ("inputs", "outputs"):
            # The runtime lists tensors in no fixed order; text comes first here, controls in the task's order.
            order = ["text", *controls, *sorted(signature[kind])]
            for tensor_name, spec in sorted(signature[kind].items(), key=lambda item: order.index(item[0])):
                control = controls.get(tensor_name) if kind == "inputs" else None
                note = ""
                if isinstance(control, TextControl):
                    note = f"{control.description}; at most {control.most_bytes} bytes"
                elif control is not None:
                    note = (
                        f"{control.description}; from {control.minimum} to {control.maximum}, usually {control.default}"
                    )
                shape = "unknown" if spec["shape"] is None else _shape(spec["shape"])
                rows.append(f"| {kind[:-1]} | `{tensor_name}` | {spec['dtype']} | {shape} | {note} |")
        parts.append(f"`{name}`\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _shape(dimensions):
    return "[" + ", ".join("batch" if size is None and i == 0 else str(size) for i, size in enumerate(dimensions)) + "]"
