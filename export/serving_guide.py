"""`serving.md`, the guide that an export writes beside its versions."""

import json
import shlex

from export.served_form import ITEMS
from zoo.tasks.signature import SERVING_DEFAULT
from zoo.tasks.text_control import TextControl

REST_URL = "http://localhost:8501/v1/models"
_OFFSETS = """
- Offsets refer to the text with U+FFFD in place of what is not valid UTF-8, as Python's `decode(errors="replace")`
  gives it: each U+FFFD is one character to `start` and `end` and 3 bytes to `start_byte` and `end_byte`."""

_CONTROLS = """\
- A row over REST names every control. Over gRPC those left out have their defaults, and one value counts for all texts
  of a request; with batching both only in requests of one text, since the server then wants inputs of one length.
"""
_ROW_ERRORS = """\
- `error` of `{signature}` is empty for rows that are answered. A row with a control outside its bounds has an empty
  answer, and `error` says which control; the rows beside it are answered as ever. So look at `error` before the answer.
"""
_BLANK_ROWS = """\
- {names} must hold more than blanks. A row without has an empty answer, and `error` names what is missing; the rows
  beside it are answered as ever. So look at `error` before the answer.
"""
_BLANK_REQUESTS = """\
- {names} must hold more than blanks: a row without fails the whole request, and with batching the requests of other
  clients that run in the same batch. Check texts before sending.
"""
_REQUEST_ERRORS = """\
- A control outside its bounds fails the whole request, and with batching the requests of other clients that run in the
  same batch: check controls against their bounds before sending.
"""
_FIXED_WIDTH = """\
- A row has {width} places for {items}. `count` says how many of them are filled, `total` how many {items} the text has:
  where `total` is more than `count`, those after the first {width} are left out.
"""
_RAGGED = """\
- Rows are as long as the longest of their batch, which with batching may be somebody else's: take the first `count`
  places of a row, the others are empty.
"""
_SPLITTING = """\
  This model's answers can be split and joined: for larger requests put `max_batch_size {{ value: 1024 }}`,
  `enable_large_batch_splitting {{ value: true }}` and `max_execution_batch_size {{ value: {max_batch_size} }}` in place
  of `max_batch_size` and `allowed_batch_sizes`."""
_NO_SPLITTING = """\
  Never add `enable_large_batch_splitting`: this model's answers are as wide as their batch needs, and a server that
  joins answers of two widths ends. Exports with {option} have one width."""


def curl_command(name, request_file):
    """A request over REST with the sample rows."""
    return f"curl -d @{shlex.quote(str(request_file))} {REST_URL}/{name}:predict"


def grpc_example(name, sample, signature_name, signature):
    """A Python program that asks over gRPC; needs `pip install tensorflow-serving-api`.

    Args:
        name: the model's name.
        sample: list of dict of str by input name.
        signature_name: the signature to ask.
        signature: its `Signature`; the program sets its controls if there are any.
    """
    variables = {key: "texts" if len(signature.inputs) == 1 else key for key in signature.inputs}
    columns = {key: json.dumps([row[key] for row in sample], ensure_ascii=False) for key in variables}
    rows = f"len({variables[signature.inputs[0]]})"
    lines = [
        "import grpc",
        "import tensorflow as tf",
        "from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc",
        "",
        *(f"{variables[key]} = {column}" for key, column in columns.items()),
        "request = predict_pb2.PredictRequest()",
        f'request.model_spec.name = "{name}"',
    ]
    if signature_name != SERVING_DEFAULT:
        lines.append(f'request.model_spec.signature_name = "{signature_name}"')
    lines += [
        f'request.inputs["{key}"].CopyFrom(tf.make_tensor_proto({variable}))' for key, variable in variables.items()
    ]
    for control_name, control in signature.controls.items():
        value = f"tf.make_tensor_proto([{control.default!r}] * {rows}, tf.{control.dtype})"
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
    *,
    name,
    docker,
    docker_with_files,
    request_file,
    sample,
    declared,
    items,
    signatures,
    servers,
    form,
    max_batch_size,
):
    """The guide's text.

    Args:
        name: the model's name.
        docker: the command that starts a server.
        docker_with_files: the command of one that reads `models.config` and `batching_params.pbtxt`.
        request_file: Path of the sample REST body.
        sample: list of dict of str by input name, its rows.
        declared: the task's `Signature`s by name.
        items: what the task gives any number of, such as "entities"; "" for nothing.
        signatures: input and output types by signature, as in `ParityReport.signatures`.
        servers: server versions that can run the model, oldest first.
        form: `ServedForm` of the answers.
        max_batch_size: most rows in a batch.

    Returns:
        str, Markdown.
    """
    others = [each for each in declared if each != SERVING_DEFAULT]
    controlled = next((each for each in others if declared[each].controls), None)
    shown = controlled or SERVING_DEFAULT
    asking = {each: "sets the controls" if each == controlled else f"asks `{each}`" for each in others}
    asking = "".join(f", `request_{each}.json` {what}" for each, what in asking.items())
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

or, with request batching and with labels of versions, `docker compose up` in this directory, or without Compose:

```sh
{docker_with_files}
```

The server picks up new versions of this directory by itself and keeps the newest one; with labels, those that have one.

## Ask

```sh
{curl_command(name, request_file)}
```

`request.json` is the row form (`instances` gives `predictions`), `request_columns.json` the column form (`inputs` gives
`outputs`){asking}. Text that is not valid UTF-8
travels as `{{"b64": "..."}}`; answers are always valid UTF-8.

Over gRPC, with `pip install tensorflow-serving-api`:

```python
{grpc_example(name, sample, shown, declared[shown])}
```

## Signatures

{_signature_tables(signatures, declared)}
## Good to know

- With batching (`batching_params.pbtxt`), rows of different clients run together. A request of more than
  {max_batch_size} rows is refused (400, "Task size ... is larger than maximum input batch size"): send it in parts. One
  without rows must not be sent at all. The last of `allowed_batch_sizes` must equal `max_batch_size`.
{_about_width(signatures, items, form, max_batch_size)}{_about_errors(controlled, form)}{_about_blanks(declared, form)}{
        _CONTROLS if controlled else ""
    }- Tokens that were added to the vocabulary are single tokens wherever a text holds them. Control tokens, such as
  `[SEP]`, `</s>` and `<|endoftext|>`, stay text when a client writes them (but for the mask of a model that fills
  blanks), unless the model was exported or converted with `--special-tokens-in-text`.
- REST requests end after 30 s unless the server is started with `--rest_api_timeout_in_ms`; gRPC clients refuse
  answers above 4 MB unless told otherwise.
- A version under a name: `python -m export promote SERVING_DIR VERSION --label stable` writes label and policy into
  `models.config`, and requests go to `{REST_URL}/{name}/labels/stable:predict`. Without labels the newest version
  answers.{_OFFSETS if has_byte_offsets else ""}
"""


def _about_errors(controlled, form):
    if controlled is None:
        return ""
    return _ROW_ERRORS.format(signature=controlled) if form.row_errors else _REQUEST_ERRORS


def _about_blanks(declared, form):
    required = declared[SERVING_DEFAULT].required
    names = " and ".join(f"`{name}`" for name in required)
    return (_BLANK_ROWS if form.row_errors else _BLANK_REQUESTS).format(names=names) if required else ""


def _about_width(signatures, items, form, max_batch_size):
    outputs = {name: spec["shape"] for signature in signatures.values() for name, spec in signature["outputs"].items()}
    varying = any(shape is None or None in shape[1:] for shape in outputs.values())
    if not varying:
        text = _SPLITTING.format(max_batch_size=max_batch_size) + "\n"
        return text if form.width is None else text + _FIXED_WIDTH.format(width=form.width, items=items or ITEMS)
    option = f"`--max-{items if items in ('entities', 'blanks') else ITEMS}`"
    return f"{_NO_SPLITTING.format(option=option)}\n{_RAGGED}"


def _signature_tables(signatures, declared):
    parts = []
    for name, signature in sorted(signatures.items(), reverse=True):
        known = declared[name]
        rows = ["| | name | type | shape | |", "|---|---|---|---|---|"]
        for kind in ("inputs", "outputs"):
            # The runtime lists tensors in no fixed order; here they come as the task has them, texts before controls.
            order = [*known.inputs, *known.controls] if kind == "inputs" else list(known.outputs)
            order += sorted(signature[kind])
            for tensor_name, spec in sorted(signature[kind].items(), key=lambda item: order.index(item[0])):
                control = known.controls.get(tensor_name) if kind == "inputs" else None
                note = known.outputs.get(tensor_name, "") if kind == "outputs" else ""
                if isinstance(control, TextControl):
                    rule = f"; must {control.rule}" if control.rule else ""
                    note = f"{control.description}; at most {control.most_bytes} bytes{rule}"
                    if control.choices is not None:
                        note = f"{control.description}; one of {', '.join(map(repr, control.choices))}"
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
