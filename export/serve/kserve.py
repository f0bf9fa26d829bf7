"""The Open Inference Protocol, which KServe calls V2, over the models of a backend: JSON over HTTP."""

from importlib.metadata import PackageNotFoundError, version

from starlette.responses import JSONResponse
from starlette.routing import Route

from export.serve.json_body import json_body
from export.serve.kserve_tensors import read_tensor, tensor_metadata, written_tensor
from export.serve.model_target import ModelTarget
from export.serve.servable import DEFAULT_SIGNATURE
from export.serve.status import Code, ServingError, invalid_argument

_PACKAGE = "keras-transformer-zoo"
_BINARY_HEADER = "inference-header-content-length"


class KServe:
    """The routes under `/v2`.

    A request names its signature in `parameters`, `{"signature_name": "generate"}`; `serving_default` is asked
    otherwise. Inputs with a default may be left out.

    Args:
        backend: `ManagerBackend`, or another object with its methods.
    """

    def __init__(self, backend):
        self._backend = backend

    def routes(self):
        """list of `starlette.routing.Route`."""
        routes = [
            Route("/v2", self._server),
            Route("/v2/health/live", self._live),
            Route("/v2/health/ready", self._ready),
        ]
        for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version:int}"):
            routes += [
                Route(path, self._model),
                Route(f"{path}/ready", self._model_ready),
                Route(f"{path}/infer", self._infer, methods=["POST"]),
            ]
        return routes

    async def _server(self, request):
        return JSONResponse({"name": _PACKAGE, "version": _package_version(), "extensions": []})

    async def _live(self, request):
        return JSONResponse({"live": True})

    async def _ready(self, request):
        for name in self._backend.model_names:
            if not await self._is_available(ModelTarget(name)):
                return JSONResponse({"ready": False}, 503)
        return JSONResponse({"ready": True})

    async def _is_available(self, target):
        try:
            return bool(await self._backend.available(target))
        except ServingError as error:
            if error.code in (Code.NOT_FOUND, Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED):
                return False
            raise

    def _target(self, request):
        name = request.path_params["name"]
        if name not in self._backend.model_names:
            raise ServingError(Code.NOT_FOUND, f"no model {name!r}")
        request.scope["gateway.model"] = name
        return ModelTarget(name, request.path_params.get("version"))

    async def _model(self, request):
        target = self._target(request)
        version, signatures = await self._backend.signatures(target)
        signature = signatures.get(request.query_params.get("signature_name", DEFAULT_SIGNATURE))
        if signature is None:
            raise invalid_argument(f"model {target.name!r} has the signatures {', '.join(_names(signatures))}")
        versions = [version] if target.version else await self._backend.available(target)
        return JSONResponse(
            {
                "name": target.name,
                "versions": list(map(str, versions)),
                "platform": "tensorflow_savedmodel",
                "inputs": tensor_metadata(signature.inputs),
                "outputs": tensor_metadata(signature.outputs),
            }
        )

    async def _model_ready(self, request):
        target = self._target(request)
        ready = await self._is_available(target)
        return JSONResponse({"name": target.name, "ready": ready}, 200 if ready else 503)

    async def _infer(self, request):
        target = self._target(request)
        if _BINARY_HEADER in request.headers:
            raise invalid_argument("tensors as binary data are not taken; send them as JSON (binary_data=False)")
        body = await json_body(request)
        parameters = body.get("parameters", {})
        if not isinstance(parameters, dict):
            raise invalid_argument("parameters must be an object")
        name = parameters.get("signature_name", DEFAULT_SIGNATURE)
        version, signatures = await self._backend.signatures(target)
        if name not in _names(signatures):
            raise invalid_argument(f"model {target.name!r} has no signature {name!r}, but {_names(signatures)}")
        infos = signatures[name].inputs
        if not isinstance(body.get("inputs"), list):
            raise invalid_argument("inputs must be a list of tensors")
        inputs = dict(read_tensor(given, infos) for given in body["inputs"])
        missing = sorted(set(infos) - set(inputs) - set(signatures[name].defaults))
        if missing:
            raise invalid_argument(f"the signature {name!r} needs the input {missing[0]!r}")
        version, outputs = await self._backend.predict(target, name, inputs)
        wanted = _wanted(body.get("outputs"), outputs)
        answer = {"model_name": target.name, "model_version": str(version)}
        if isinstance(body.get("id"), str):
            answer["id"] = body["id"]
        return JSONResponse({**answer, "outputs": [written_tensor(name, outputs[name]) for name in wanted]})


def _names(signatures):
    """Those that can be asked; names that begin with two underscores are TensorFlow's own."""
    return sorted(name for name in signatures if not name.startswith("__"))


def _wanted(asked, outputs):
    if not asked:
        return sorted(outputs)
    names = [each.get("name") if isinstance(each, dict) else None for each in asked] if isinstance(asked, list) else []
    unknown = [name for name in names if name not in outputs]
    if unknown or not names:
        raise invalid_argument(f"outputs must name some of {', '.join(sorted(outputs))}")
    return names


def _package_version():
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:
        return "not installed"
