"""TensorFlow Serving's REST API over a `ModelManager`, as an ASGI application."""

import json
import re
import urllib.parse
import zlib

from google.protobuf import json_format
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2

from export.serve.classify_regress import check_classify, check_regress
from export.serve.json_request import check_examples, read_inputs, signature_name
from export.serve.json_response import outputs_body, predictions_body
from export.serve.json_values import error_body, parse_object
from export.serve.model_api import model_metadata, model_status
from export.serve.servable import DEFAULT_SIGNATURE
from export.serve.status import Code, ServingError, invalid_argument

# Paths match in any case, but the verb counts only in small letters; other spellings of `metadata` give the status.
_POST_PATH = re.compile(
    r"(?i:/v1/models/)([^/:]+)(?:(?i:/versions/)([0-9]+)|(?i:/labels/)([^/:]+))?:(classify|regress|predict)"
)
_GET_PATH = re.compile(
    r"/v1/models(?:/([^/:]+))?(?:/versions/([0-9]+)|/labels/([^/:]+))?(?:/(metadata))?", re.IGNORECASE
)
_NOT_FOUND_PAGE = "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"


class RestApi:
    """An ASGI application.

    Args:
        manager: `ModelManager`.
        timeout_seconds: Predictions that take longer fail with 504.
    """

    def __init__(self, manager, timeout_seconds=30.0):
        self._manager = manager
        self._timeout_seconds = timeout_seconds

    async def __call__(self, scope, receive, send):
        """Answers one HTTP request; predictions run in worker threads."""
        request = Request(scope, receive)
        path = scope["raw_path"].decode("ascii", "replace")
        if scope["query_string"]:
            # The server matches paths together with their query, so that no request with one is well-formed.
            path += "?" + scope["query_string"].decode("ascii", "replace")
        body = await request.body()
        response = await run_in_threadpool(self._respond, request.method, path, request.headers, body)
        await response(scope, receive, send)

    def _respond(self, method, path, headers, body):
        if not path.lower().startswith("/v1/"):
            return Response(_NOT_FOUND_PAGE, 404, media_type="text/html")
        try:
            status, content = 200, self._answer(method, path, headers, body)
        except ServingError as error:
            status, content = error.http_status, error_body(error.message)
        return Response(content, status, headers={"Content-Type": "application/json"})

    def _answer(self, method, path, headers, body):
        if method == "OPTIONS":
            if not re.search("https?://", headers.get("origin", "")):
                raise ServingError(Code.FAILED_PRECONDITION, "Origin header is missing in CORS preflight")
            return b""
        if "gzip" in headers.get("content-encoding", ""):
            body = _gunzip(body)
        match = {"POST": _POST_PATH, "GET": _GET_PATH}.get(method, re.compile("(?!)")).fullmatch(path)
        if match is None:
            raise invalid_argument(f"Malformed request: {method} {path}")
        name, version, label, what = match.groups()
        if method == "GET" and not name:
            raise invalid_argument("Missing model name in request.")
        model_spec = _model_spec(name, version, label)
        if method == "GET":
            return self._metadata(model_spec) if what == "metadata" else self._status(model_spec)
        if what == "predict":
            return self._predict(model_spec, body)
        return self._classify_or_regress(model_spec, what, body)

    def _predict(self, model_spec, body):
        document = parse_object(body)
        signature = signature_name(document)
        with self._manager.servable(model_spec) as servable:
            if (signature or DEFAULT_SIGNATURE) not in servable.signatures:
                raise invalid_argument(
                    f'Serving signature name: "{signature or DEFAULT_SIGNATURE}" not found in signature def'
                )
            infos = dict(servable.signatures[signature or DEFAULT_SIGNATURE].inputs)
            if not infos:
                raise invalid_argument(f"Failed to get input map for signature: {signature or 'DEFAULT'}")
            inputs, is_row_form = read_inputs(document, infos)
            outputs = servable.predict(inputs, signature, timeout_seconds=self._timeout_seconds)
        return predictions_body(outputs) if is_row_form else outputs_body(outputs)

    def _classify_or_regress(self, model_spec, what, body):
        document = parse_object(body)
        signature = signature_name(document)
        check_examples(document)
        with self._manager.servable(model_spec) as servable:
            check = check_classify if what == "classify" else check_regress
            check(servable, signature)

    def _status(self, model_spec):
        return _indented(_as_dict(model_status(self._manager, model_spec)))

    def _metadata(self, model_spec):
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=model_spec, metadata_field=["signature_def"]
        )
        response = model_metadata(self._manager, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        model_spec, signatures = _indented(_as_dict(response.model_spec)), _indented(_as_dict(signatures))
        # The server joins two texts, each of which ends in a newline.
        return b'{\n"model_spec":%b,\n"metadata": {"signature_def": %b}\n}\n' % (model_spec, signatures)


def _model_spec(name, version, label):
    spec = model_pb2.ModelSpec(name=urllib.parse.unquote(name))
    if version:
        if int(version) >= 2**63:
            raise invalid_argument(f"Failed to convert version: {version} to numeric.")
        spec.version.value = int(version)
    if label:
        spec.version_label = urllib.parse.unquote(label)
    return spec


def _gunzip(body):
    try:
        return zlib.decompress(body, wbits=31)
    except zlib.error as error:
        raise invalid_argument("Failed to uncompress the gzipped body") from error


def _as_dict(message):
    return json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True, preserving_proto_field_name=True
    )


def _indented(value):
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"
